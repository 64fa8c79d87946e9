"""Registries, run by `lading serve` as an operator does: a configuration file, a directory."""

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.support.client import Client
from tests.support.commands import run
from tests.support.curl import Response, curl
from tests.support.network import MACHINE, Network
from tests.support.processes import background, wait_until
from tests.support.workers import takes_connections


@dataclass(frozen=True)
class Lading:
    """A running registry.

    Attributes:
        host: as in the name of an image, `127.0.0.1:12345`.
        config: its configuration file.
        root: where it keeps its data.
        network: where it listens.
        pid: the process that was started.
        log: what it has said.
    """

    host: str
    config: Path
    root: Path
    network: Network
    pid: int
    log: Path

    @property
    def client(self) -> Client:
        """Ask it without any other program, and see every byte of the answers."""
        return Client(self.host)

    def curl(self, path: str, *options: str, stdin: bytes = b"") -> Response:
        """Ask it for a path."""
        return curl(f"http://{self.host}{path}", *options, stdin=stdin, network=self.network)

    def run(
        self, *words: str | Path, check: bool = True, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command on its configuration, as an operator does beside it."""
        return run([program(), *words, self.config], check=check, env=env)

    def has_said(self, text: str) -> bool:
        """Wait until its log has some text: a thread writes it, after whoever asked is answered."""
        wait_until(
            lambda: text in self.log.read_text(), f"{text!r} in the log", log=self.log.read_text
        )
        return True

    def blob_path(self, data: bytes) -> Path:
        """The file of a blob."""
        name = hashlib.sha256(data).hexdigest()
        return self.root / "docker/registry/v2/blobs/sha256" / name[:2] / name / "data"

    def digest(self, name: str, reference: str) -> str:
        """Return the digest of the manifest that a tag leads to."""
        response = self.curl(f"/v2/{name}/manifests/{reference}", "--head", *ACCEPT_ALL)
        assert response.status == 200, response
        return response.headers["Docker-Content-Digest"]


# Every kind of manifest that a client may ask for.
ACCEPT_ALL = tuple(
    f"-HAccept: application/vnd.{kind}+json"
    for kind in (
        "oci.image.manifest.v1",
        "oci.image.index.v1",
        "docker.distribution.manifest.v2",
        "docker.distribution.manifest.list.v2",
    )
)


@contextmanager
def lading_serve(
    directory: Path,
    *,
    settings: Mapping[str, object] | None = None,
    env: Mapping[str, str] | None = None,
    network: Network = MACHINE,
    files: int | None = None,
    config: Path | None = None,
) -> Iterator[Lading]:
    """Run a registry with two workers for the length of the block.

    Args:
        directory: for its configuration, log and data.
        settings: whole sections of the configuration, beside storage and http.
        env: variables that override the configuration.
        network: where it listens.
        files: how many each process may have open, if the machine is not to decide.
        config: its configuration, if there is one already.
    """
    root = directory / "data"
    if config is None:
        config = _write_configuration(directory, root, settings or {})
    log = directory / "lading.log"
    log.write_text("")
    limited = ["sh", "-c", f'ulimit -n {files}; exec "$@"', "sh"] if files else []
    command = network.command(*limited, program(), "serve", config)
    with background(command, log=log, env=env) as process:
        # It listens before it says so; until a worker is there, the kernel keeps who calls.
        wait_until(lambda: _address(log) != "", "lading serve", log=log.read_text)
        yield Lading(_address(log), config, root, network, process.pid, log)


def _write_configuration(directory: Path, root: Path, settings: Mapping[str, object]) -> Path:
    config = directory / "config.yml"
    config.write_text(
        yaml.safe_dump(
            {
                "version": 0.1,
                "storage": {
                    "filesystem": {"rootdirectory": str(root)},
                    "delete": {"enabled": True},
                },
                "http": {"addr": "127.0.0.1:0", "workers": 2},
                **settings,
            }
        )
    )
    return config


def started_workers(registry: Lading) -> set[int]:
    """The worker processes, once both of them take connections, and one has answered.

    Until then, one may still make what it needs below the root, though the other one answers.
    """
    port = int(registry.host.rpartition(":")[2])

    def have_started() -> bool:
        workers = workers_of(registry)
        return len(workers) == 2 and all(takes_connections(each, port) for each in workers)

    wait_until(have_started, "two workers", log=registry.log.read_text)
    assert registry.client.ask("GET", "/v2/").status in {200, 401}
    return workers_of(registry)


def workers_of(registry: Lading) -> set[int]:
    """The worker processes."""
    children = Path(f"/proc/{registry.pid}/task/{registry.pid}/children").read_text().split()
    return {int(child) for child in children}


def lading(*words: str | Path, status: int = 0) -> str:
    """Run a command; what it said, to whichever place."""
    done = run([program(), *words], check=False)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == status, said
    assert "Traceback" not in said
    return said


def program() -> str:
    """Return the path of `lading`, installed beside the Python that runs the tests."""
    beside = Path(sys.executable).with_name("lading")
    found = str(beside) if beside.exists() else shutil.which("lading")
    if found is None:
        pytest.fail("lading is not installed: run the tests with `make e2e`")
    return found


def _address(log: Path) -> str:
    """Read where it listens off what it prints when it starts."""
    said = re.search(r"^Listening on +https?://(\S+)\n", log.read_text(), re.MULTILINE)
    return said[1] if said else ""
