"""A containerd of its own for a test, and `ctr`, which asks registries as containerd does."""

import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.commands import require, run
from tests.support.layouts import Layout
from tests.support.network import Network
from tests.support.processes import background, wait_until

# What is not for pulling and pushing is left out, and nothing lies outside the directory.
_CONFIGURATION = """\
version = 2
root = "{directory}/root"
state = "{directory}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
  address = "{directory}/sock"
"""


@dataclass(frozen=True)
class Containerd:
    """`ctr`, for one daemon.

    Attributes:
        directory: that holds all it has.
        network: where it runs.
    """

    directory: Path
    network: Network

    def ctr(self, *words: str | Path) -> str:
        """Run it; return what it printed."""
        return self.network.run(*self._command(*words)).stdout.decode()

    def fails(self, *words: str | Path) -> str:
        """Run it; it must fail, and what it complained of is returned."""
        done = self.network.run(*self._command(*words), check=False)
        assert done.returncode != 0, done
        return done.stderr.decode()

    def add(self, layout: Layout, image: str) -> None:
        """Give it the image of a layout, under a name that ends in `:latest`."""
        archive = self.directory / "image.tar"
        with tarfile.open(archive, "w") as tar:
            tar.add(layout.path, ".")
        name = image.removesuffix(":latest")
        options = ("--all-platforms", "--no-unpack", f"--base-name={name}")
        self.ctr("images", "import", *options, archive)

    def has(self, layout: Layout, image: str) -> bool:
        """Whether an image of it is that of a layout, byte for byte."""
        exported, folder = self.directory / "exported.tar", self.directory / "exported"
        self.ctr("images", "export", "--all-platforms", exported, image)
        run(["rm", "-rf", folder])
        with tarfile.open(fileobj=io.BytesIO(exported.read_bytes())) as tar:
            tar.extractall(folder, filter="data")
        return layout.is_in(folder)

    def forget(self, image: str) -> None:
        """Remove an image, and every byte of it."""
        self.ctr("images", "rm", "--sync", image)
        assert not self.ctr("content", "ls", "--quiet").split()

    def _command(self, *words: str | Path) -> list[str | Path]:
        return ["ctr", f"--address={self.directory / 'sock'}", *words]


@contextmanager
def private_containerd(directory: Path, network: Network) -> Iterator[Containerd]:
    """Run one for the length of the block."""
    require("containerd", "ctr")
    directory.mkdir()
    configuration, log = directory / "config.toml", directory / "containerd.log"
    configuration.write_text(_CONFIGURATION.format(directory=directory))
    containerd = Containerd(directory, network)
    with background(network.command("containerd", "--config", configuration), log=log):
        wait_until(lambda: _answers(containerd), "containerd", log=log.read_text)
        yield containerd


def _answers(containerd: Containerd) -> bool:
    command = containerd.network.command(*containerd._command("version"))
    return run(command, check=False).returncode == 0
