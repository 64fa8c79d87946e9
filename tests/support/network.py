"""A network of its own for a test: nothing in it can collide with what the machine runs.

Port 80 is free in it, Docker's firewall rules stay in it, and `localhost` is its own. Programs get
out through slirp4netns as any user's program does, so an image build reaches the package index.
"""

import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.commands import require, require_root, run
from tests.support.processes import background, wait_until


@dataclass(frozen=True)
class Network:
    """A network where programs run: in the namespaces of a process, or on the machine itself."""

    holder: int | None = None

    def command(self, *words: str | Path) -> list[str]:
        """Return the command that runs `words` in this network."""
        enter = ["nsenter", f"--target={self.holder}", "--net", "--mount"] if self.holder else []
        return [*enter, *map(str, words)]

    def run(
        self,
        *words: str | Path,
        check: bool = True,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a program in this network to its end."""
        return run(self.command(*words), check=check, stdin=stdin, env=env)

    @property
    def address(self) -> str:
        """One of its own that is not the loopback's, which some clients treat in another way."""
        said = self.run("ip", "-4", "-o", "addr", "show", "tap0").stdout.decode()
        found = re.search(r"inet ([0-9.]+)/", said)
        assert found is not None, said
        return found[1]


MACHINE = Network()


@contextmanager
def private_network(directory: Path) -> Iterator[Network]:
    """Make a network that ends with the block; its daemons' mounts end with it too."""
    require_root()
    require("unshare", "nsenter", "ip", "slirp4netns")
    holding = ["unshare", "--net", "--mount", "sleep", "infinity"]
    with background(holding, log=directory / "network.log") as holder:
        network = Network(holder.pid)
        wait_until(lambda: _has_own_network(holder.pid), "the network namespace")
        network.run("ip", "link", "set", "lo", "up")
        outward = ["slirp4netns", "--configure", str(holder.pid), "tap0"]
        with background(outward, log=directory / "slirp4netns.log"):
            wait_until(lambda: _has_a_way_out(network), "slirp4netns")
            yield network


def _has_own_network(pid: int) -> bool:
    namespace = Path(f"/proc/{pid}/ns/net")
    return namespace.readlink() != Path("/proc/self/ns/net").readlink()


def _has_a_way_out(network: Network) -> bool:
    routes = network.run("ip", "route", "show", "default").stdout
    return b"tap0" in routes
