"""One siege: guests alone, then beside attackers; then the registry against the model of it."""

import json
import os
import re
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.siege.attackers import FORGED, PROXY
from tests.siege.guests import Guest, Times, Watch
from tests.support.guarded import basic, write_users
from tests.torture.actors import Actor
from tests.torture.client import Client
from tests.torture.model import Broken
from tests.torture.server import Server
from tests.torture.tasks import run_until

GUESTS = 4
# What `make siege` wants: guests wait at most so many times as long (p99), and a worker takes at
# most so many MiB.
SLOWER = 3.0
MOST_MEMORY = 200.0
# Seconds in which each worker is there that is started.
STARTING = 2.0
# Files that the server may have open at first: what many systems allow.
DESCRIPTORS = 1024


@dataclass
class Figures:
    """What the guests saw.

    Attributes:
        seconds: of siege.
        memory_alone: MiB of the largest worker before the siege.
        memory: MiB of the largest worker during it.
        acknowledged: operations of guests.
        others: percent of the processors that neither the guests took, nor the registry, nor the
            attackers: of a machine that is not quiet, the times say little.
        refused: answers to guests that said the registry was too busy, or they not welcome.
        attacks: what the attackers were answered.
    """

    seed: int
    seconds: float = 0
    alone: Watch = field(default_factory=Watch)
    besieged: Watch = field(default_factory=Watch)
    memory_alone: float = 0
    memory: float = 0
    acknowledged: int = 0
    others: float = 0
    attacks: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def refused(self) -> int:
        """Answers to guests that said the registry was too busy, or they not welcome."""
        return self.besieged.refused

    def times(self) -> Mapping[str, tuple[Times, Times]]:
        """By what was asked for: alone, and besieged."""
        alone, besieged = self.alone.times(), self.besieged.times()
        return {kind: (alone[kind], besieged[kind]) for kind in alone if kind in besieged}


class Fortress(Server):
    """A registry that knows its guests, and an enemy who may push to repositories of his own.

    Attributes:
        watch: notes the times of the guests, until the siege is over.
    """

    watch: Watch | None

    def client(self, stop: threading.Event) -> Client:
        """A guest, known by name and password."""
        return Guest([self.port], stop, {"Authorization": basic("alice")}, lambda: self.watch)

    def settings(self) -> dict[str, Any]:
        """Its configuration: defaults, but for who may come and what is written down."""
        users = self.directory / "htpasswd"
        write_users(users, "alice", "mallory")
        settings = super().settings()
        settings["http"].update(workers=2, trustedproxies=[PROXY])
        settings["auth"] = {
            "htpasswd": {"path": str(users)},
            "permissions": {
                "rules": [
                    {"users": [user], "repositories": [repositories], "actions": ["push", "delete"]}
                    for user, repositories in (("alice", "torture/**"), ("mallory", "mallory/**"))
                ]
            },
        }
        settings["audit"] = {"file": str(self.audit)}
        return settings

    @property
    def audit(self) -> Path:
        """Its audit log."""
        return self.directory / "audit.log"

    def start(self) -> None:
        """Start it; returns when all workers are there, or the first would have all guests."""
        super().start()
        time.sleep(STARTING)

    def memory(self) -> float:
        """MiB that its largest worker has in memory."""
        states = [Path(f"/proc/{pid}/status").read_text() for pid in self.workers]
        return max(int(re.findall(r"VmRSS:\s+(\d+)", state)[0]) / 1024 for state in states)


@dataclass(frozen=True)
class Processors:
    """The seconds of the processors: of this program and its own, and all.

    Attributes:
        own: of this program, and of those that have ended.
        busy: of all programs of this machine.
        all: with those in which there was nothing to do.
    """

    own: float
    busy: float
    all: float

    @classmethod
    def now(cls, running: Sequence[int] = ()) -> "Processors":
        """Since each of them began; with some that this program has started, and that run."""
        words = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
        ticks = [int(word) / os.sysconf("SC_CLK_TCK") for word in words]
        times = [os.times()[:4], *map(_times, running)]
        idle = ticks[3] + ticks[4]  # and what waited for a disk (proc_stat(5))
        return cls(sum(map(sum, times)), sum(ticks) - idle, sum(ticks))

    def taken_by_others(self, before: "Processors") -> float:
        """Percent of the machine that others took since then."""
        others = self.busy - before.busy - (self.own - before.own)
        return 100 * others / (self.all - before.all)


def _times(pid: int) -> list[float]:
    """The seconds of a program, in its own code and in the kernel (proc_pid_stat(5))."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return [int(word) / os.sysconf("SC_CLK_TCK") for word in words[11:13]]


class Siege:
    """A registry in a directory, its guests and its enemies.

    Args:
        directory: for its data and its log.
        seed: of every choice of the guests.
        only: the attacks, if not all.
    """

    def __init__(self, directory: Path, seed: int, only: Sequence[str] = ()) -> None:
        self.figures = Figures(seed)
        self._only = only
        self._stop = threading.Event()
        self._server = Fortress(directory)
        self._server.watch = self.figures.alone
        self._guests = [
            Actor(number, GUESTS, seed, self._server, self._stop) for number in range(GUESTS)
        ]

    def run(self, *, alone: float, seconds: float) -> None:
        """Have the guests alone for a while, then besieged; then compare with what they know.

        Raises:
            Broken: the registry has broken a promise. Its data stays for those who look into it.
        """
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, limit[1]))
        before = Processors.now()
        self._server.start()
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)
        try:
            self._besiege(alone, seconds)
            self._server.watch = None
            now = Processors.now(self._server.workers)
            self.figures.others = now.taken_by_others(before)
            self._compare()
        finally:
            for guest in self._guests:
                guest.leave()
            self._server.stop()
        self._server.remove()

    def _besiege(self, alone: float, seconds: float) -> None:
        began = time.monotonic()
        attackers: list[subprocess.Popen[bytes]] = []

        def over() -> bool:
            past = time.monotonic() - began
            if past < alone:
                self.figures.memory_alone = max(self.figures.memory_alone, self._server.memory())
                return False
            if not attackers:
                self._server.watch = self.figures.besieged
                attackers.append(self._attack())
            self.figures.memory = max(self.figures.memory, self._server.memory())
            self.figures.seconds = past - alone
            return self.figures.seconds >= seconds

        try:
            run_until([guest.run for guest in self._guests], self._stop, over)
        finally:
            for process in attackers:
                said, _ = process.communicate()
                self.figures.attacks = json.loads(said or b"{}")
        self.figures.acknowledged = sum(guest.acknowledged.total() for guest in self._guests)

    def _attack(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.siege.attackers", str(self._server.port), *self._only],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def _compare(self) -> None:
        """Everything acknowledged is there, and nothing deleted is."""
        self._server.kill_and_restart()
        for guest in self._guests:
            guest.finish()
            guest.pull_everything()
        done = self._server.lading("verify", "--checksums")
        if done.returncode:
            raise Broken(f"`lading verify` says:\n{(done.stdout + done.stderr).decode()}")
        if FORGED in self._server.audit.read_text():
            raise Broken("the audit log believes a trailer")
        if self.figures.refused:
            raise Broken(f"{self.figures.refused} requests of guests were refused")

    def judge(self) -> None:
        """Go on only if the guests hardly noticed.

        Raises:
            Broken: they had to wait for long, or a worker took much memory.
        """
        figures = self.figures
        if figures.memory > MOST_MEMORY:
            raise Broken(f"a worker took {figures.memory:.0f} MiB")
        for kind, (alone, besieged) in figures.times().items():
            if besieged.p99 > SLOWER * alone.p99:
                raise Broken(f"{kind}: p99 {alone.p99:.1f} ms alone, {besieged.p99:.1f} besieged")
