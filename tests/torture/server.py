"""The registry under torture: started, killed without warning, started again."""

import http.client
import os
import random
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, Protocol

import yaml

from tests.support.lading import program
from tests.support.processes import free_port
from tests.torture.client import Client
from tests.torture.model import Refused

WORKERS = 3


class Tortured(Protocol):
    """A registry under torture: one server, or several.

    Attributes:
        config: the configuration file of one of them.
        refusal: what it means if a command fails.
        kills: how often a server or one of its workers was killed.
        other_harm: what else was done to it, and how often.
        patience: seconds for which a collection by hand may go on.
    """

    config: Path
    patience: float
    refusal: type[Exception]
    kills: int
    other_harm: Counter[str]

    def client(self, stop: threading.Event) -> Client:
        """A client of it, until the run is over."""

    def start(self) -> None:
        """Start it; returns when it answers."""

    def disturb(self, chance: random.Random) -> None:
        """Do it some harm that it must survive."""

    def kill_and_restart(self) -> None:
        """Kill every process of it at once, as a power switch would, and start it again."""

    def lading(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        """Run another command on the same data."""

    def collections(self) -> int:
        """How often it has collected garbage by itself, as its log says."""

    def findings(self, said: str) -> list[str]:
        """What `lading verify` has said that ought not to be."""

    def left_over(self, needed: set[str]) -> list[str]:
        """What is too much, or too little, if manifests need these blobs; in words."""

    def stop(self) -> None:
        """End it as an operator does."""

    def remove(self) -> None:
        """Delete all of it."""


class Server(Tortured):
    """`lading serve` on a directory, with settings that make every collection collide.

    Attributes:
        port: where it listens, over all restarts.
    """

    refusal = Refused
    patience = 12.0

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.other_harm = Counter()
        self.config = directory / "config.yml"
        self.port = free_port()
        self.kills = 0
        self._process: subprocess.Popen[bytes] | None = None
        directory.mkdir(parents=True, exist_ok=True)
        self.config.write_text(yaml.safe_dump(self.settings()))

    @property
    def data(self) -> Path:
        """Where the data is."""
        return self.directory / "data"

    def client(self, stop: threading.Event) -> Client:
        """A client of it, until the run is over."""
        return Client([self.port], stop)

    @property
    def workers(self) -> list[int]:
        """The processes that answer."""
        assert self._process is not None
        return _children(self._process.pid)

    def start(self) -> None:
        """Start it; returns when it answers.

        Raises:
            RuntimeError: it does not.
        """
        with (self.directory / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [program(), "serve", str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 60
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server does not start; see {self.directory}/server.log")
            time.sleep(0.02)

    def kill_and_restart(self) -> None:
        """Kill every process of it at once, as a power switch would, and start it again."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self.kills += 1
        self.start()

    def disturb(self, chance: random.Random) -> None:
        """Do it some harm that it must survive."""
        if chance.random() < 0.3:
            self.kill_worker(chance)
        else:
            self.kill_and_restart()

    def kill_worker(self, chance: random.Random) -> None:
        """Kill one worker; its parent starts another."""
        if workers := self.workers:
            os.kill(chance.choice(workers), signal.SIGKILL)
            self.kills += 1

    def stop(self) -> None:
        """End it as an operator does."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)
            self._process = None

    def collections(self) -> int:
        """How often it has collected garbage by itself, as its log says."""
        return (self.directory / "server.log").read_text().count("garbage collected: ")

    def findings(self, said: str) -> list[str]:
        """What `lading verify` has said that ought not to be: anything."""
        return said.splitlines()

    def left_over(self, needed: set[str]) -> list[str]:
        """What is too much, or too little, if manifests need these blobs; in words."""
        blobs = self.data / "docker" / "registry" / "v2" / "blobs"
        stored = {f"sha256:{path.parent.name}" for path in blobs.rglob("data")}
        uploads = [str(path) for path in (self.data / "lading" / "uploads").glob("*/*")]
        return [
            *(f"left over: {digest}" for digest in stored - needed),
            *(f"lost: {digest}" for digest in needed - stored),
            *(f"left over: {upload}" for upload in uploads),
        ]

    def lading(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        """Run another command on the same data."""
        return subprocess.run(
            [program(), *words, str(self.config)], capture_output=True, check=False, timeout=300
        )

    def remove(self) -> None:
        """Delete all of it."""
        shutil.rmtree(self.directory)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/v2/")
            return connection.getresponse().status in {200, 401}
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def settings(self) -> dict[str, Any]:
        """Its configuration."""
        return {
            "version": "0.1",
            "log": {"accesslog": {"disabled": True}},
            "http": {"addr": f"127.0.0.1:{self.port}", "workers": WORKERS},
            "storage": {
                "filesystem": {"rootdirectory": str(self.data)},
                # No grace, and a collection all the time: whatever can be collected is.
                "garbagecollect": {"grace": "0s", "interval": "500ms", "trash": "2s"},
                "maintenance": {"uploadpurging": {"age": "3s", "interval": "1s"}},
            },
        }


class Killer:
    """Does harm at random moments."""

    def __init__(self, server: Tortured, seed: int, stop: threading.Event) -> None:
        self._server = server
        self._random = random.Random(f"{seed}/killer")
        self._stop = stop

    def run(self) -> None:
        """Go on until told to stop."""
        while not self._stop.wait(self._random.uniform(0.1, 3.0)):
            self._server.disturb(self._random)


class Collector:
    """Collects by hand, beside the server's own collections, and is killed at times too.

    Attributes:
        runs: how many collections came to their end.
        kills: how many did not.
    """

    def __init__(self, server: Tortured, seed: int, stop: threading.Event) -> None:
        self._server = server
        self._random = random.Random(f"{seed}/collector")
        self._stop = stop
        self.runs = 0
        self.kills = 0

    def run(self) -> None:
        """Collect until told to stop."""
        while not self._stop.wait(self._random.uniform(0, 1)):
            options = ["--quiet"]
            if self._random.random() < 0.5:
                options.append("--delete-untagged")
            process = subprocess.Popen(
                [program(), "garbage-collect", *options, str(self._server.config)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            if self._has_ended(process, self._random.uniform(0.3, self._server.patience)):
                self.runs += process.returncode == 0
            else:
                process.kill()
                process.wait()
                self.kills += 1

    def _has_ended(self, process: "subprocess.Popen[bytes]", seconds: float) -> bool:
        """Whether it ends by itself within some time, and before the run is over."""
        deadline = time.monotonic() + seconds
        while process.poll() is None:
            if time.monotonic() > deadline or self._stop.wait(0.05):
                return False
        return True


def _children(pid: int) -> list[int]:
    return [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]
