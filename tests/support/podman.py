"""podman with a storage of its own for a test."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.commands import require, require_root, run


@dataclass(frozen=True)
class Podman:
    """The podman command, for one storage; `command` is how it begins."""

    command: Sequence[str]

    def run(self, *words: str, stdin: bytes = b"") -> str:
        """Run a podman command; return what it printed."""
        return run([*self.command, *words], stdin=stdin).stdout.decode().strip()

    def push_and_pull_back(self, built: str, image: str, *options: str) -> None:
        """Push an image, remove all that there are, and pull it: it is the same."""
        self.run("push", *options, built, image)
        self.run("rmi", "--all", "--force")
        assert self.run("pull", *options, image) == built


@contextmanager
def private_podman(storage: Path) -> Iterator[Podman]:
    """Give podman with a directory of its own for its images, for the length of the block."""
    require("podman")
    require_root()
    # It takes no path of more than 50 characters.
    with tempfile.TemporaryDirectory(prefix="podman-") as running:
        yield Podman(
            ["podman", f"--root={storage}", f"--runroot={running}", "--storage-driver=vfs"]
        )
