"""One torture: actors, a collector and a killer at once; then the registry against the model."""

import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.torture.actors import Actor
from tests.torture.model import Broken
from tests.torture.server import Collector, Killer, Tortured
from tests.torture.tasks import run_until

ACTORS = 8
# Seconds after which an upload that a kill interrupted is given up, and some more.
UPLOADS_EXPIRE = 4


@dataclass
class Figures:
    """What a run did.

    Attributes:
        own_collections: how often a server has collected something by itself.
        other_harm: what else was done to the registry, and how often.
        acknowledged: how often each operation was.
        manifests: how many there were in the end, each pulled whole.
    """

    seed: int
    seconds: float = 0
    kills: int = 0
    collections: int = 0
    collector_kills: int = 0
    manifests: int = 0
    own_collections: int = 0
    other_harm: Counter[str] = field(default_factory=Counter)
    acknowledged: Counter[str] = field(default_factory=Counter)


class Torture:
    """A registry, and those who torture it.

    Args:
        server: that does not run yet.
        seed: of every choice that is made.
    """

    def __init__(self, server: Tortured, seed: int) -> None:
        self.figures = Figures(seed)
        self._stop = threading.Event()
        self._server = server
        self._actors = [
            Actor(number, ACTORS, seed, self._server, self._stop) for number in range(ACTORS)
        ]
        self._killer = Killer(self._server, seed, self._stop)
        self._collector = Collector(self._server, seed, self._stop)

    def run(self, enough: Callable[[Figures], bool]) -> None:
        """Torture it until `enough`, asked every second, says so; then compare it with the model.

        Raises:
            Broken: the registry has broken a promise. Its data stays for those who look into it.
        """
        self._server.start()
        try:
            self._torture(enough)
            self._compare()
        finally:
            for actor in self._actors:
                actor.leave()
            self._server.stop()
        self._server.remove()

    def _torture(self, enough: Callable[[Figures], bool]) -> None:
        began = time.monotonic()
        work = [*(actor.run for actor in self._actors), self._killer.run, self._collector.run]

        def over() -> bool:
            self._count(time.monotonic() - began)
            return enough(self.figures)

        run_until(work, self._stop, over)

    def _count(self, seconds: float) -> None:
        figures = self.figures
        figures.seconds = seconds
        figures.kills, figures.other_harm = self._server.kills, self._server.other_harm
        figures.collections, figures.collector_kills = self._collector.runs, self._collector.kills
        figures.acknowledged = sum((actor.acknowledged for actor in self._actors), Counter())

    def _compare(self) -> None:
        """Everything acknowledged is there, nothing deleted is, and nothing is left over."""
        self._server.kill_and_restart()
        for actor in self._actors:
            actor.finish()
        time.sleep(UPLOADS_EXPIRE)
        self._succeed("garbage-collect", "--quiet")
        self.figures.manifests = sum(actor.pull_everything() for actor in self._actors)
        self.figures.own_collections = self._server.collections()
        self._verify()
        self._nothing_is_left_over()

    def _succeed(self, *words: str) -> None:
        done = self._server.lading(*words)
        if done.returncode:
            raise Broken(f"lading {' '.join(words)} exits with {done.returncode}:\n{_said(done)}")

    def _verify(self) -> None:
        done = self._server.lading("verify", "--checksums")
        findings = self._server.findings(done.stdout.decode())
        if done.returncode and (findings or done.returncode != 1):
            raise Broken(f"lading verify exits with {done.returncode}:\n{_said(done)}")

    def _nothing_is_left_over(self) -> None:
        needed = {blob for actor in self._actors for blob in actor.needed_blobs()}
        if wrong := self._server.left_over(needed):
            raise Broken("; ".join(wrong[:20]))


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    return (done.stdout + done.stderr).decode()
