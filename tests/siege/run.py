"""One siege: guests alone, beside attackers of something else, then besieged.

In the end the registry is compared with the model of it.
"""

import json
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.siege.attackers import FORGED
from tests.siege.fortress import Fortress
from tests.siege.guests import Times, Watch
from tests.siege.processors import Processors
from tests.torture.actors import Actor
from tests.torture.model import Broken
from tests.torture.tasks import run_until

GUESTS = 4
# What `make siege` wants: guests wait at most so many times as long (p99) as beside attackers of a
# sink, and a worker takes at most so many MiB.
SLOWER = 3.0
MOST_MEMORY = 200.0
# Files that the server may have open at first: what many systems allow.
DESCRIPTORS = 1024


@dataclass
class Phase:
    """A part of a siege.

    Attributes:
        watch: what the guests waited.
        seconds: that it lasted.
        memory: MiB of the largest worker.
        attacks: what the attackers were answered, by attack, and how often.
    """

    watch: Watch = field(default_factory=Watch)
    seconds: float = 0
    memory: float = 0
    attacks: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def pace(self, attack: str) -> float:
        """Answers to an attacker per second: how hard it could try."""
        return sum(self.attacks.get(attack, {}).values()) / max(self.seconds, 1)


@dataclass(frozen=True)
class Compared:
    """What guests waited for one kind of answer in the three phases."""

    alone: Times
    beside: Times
    besieged: Times

    @property
    def raw(self) -> float:
        """How many times as long as alone they waited (p99)."""
        return self.besieged.p99 / self.alone.p99

    @property
    def ratio(self) -> float:
        """How many times as long as beside attackers of a sink they waited (p99)."""
        return self.besieged.p99 / self.beside.p99


@dataclass
class Figures:
    """What the guests saw.

    Attributes:
        alone: nobody else was there.
        beside: the attackers attacked a sink: what guests wait then is the machine's doing.
        besieged: they attacked the registry.
        acknowledged: operations of guests.
        others: percent of the processors that neither the guests took, nor the registry, nor the
            attackers: of a machine that is not quiet, the times say little.
    """

    seed: int
    alone: Phase = field(default_factory=Phase)
    beside: Phase = field(default_factory=Phase)
    besieged: Phase = field(default_factory=Phase)
    acknowledged: int = 0
    others: float = 0

    @property
    def refused(self) -> int:
        """Answers to guests that said the registry was too busy, or they not welcome."""
        return self.besieged.watch.refused

    def times(self) -> Mapping[str, Compared]:
        """By what was asked for in all three phases."""
        phases = self.alone, self.beside, self.besieged
        alone, beside, besieged = (phase.watch.times() for phase in phases)
        kinds = alone.keys() & beside.keys() & besieged.keys()
        return {kind: Compared(alone[kind], beside[kind], besieged[kind]) for kind in sorted(kinds)}


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
        self._server.watch = self.figures.alone.watch
        self._guests = [
            Actor(number, GUESTS, seed, self._server, self._stop) for number in range(GUESTS)
        ]

    def run(self, *, alone: float, seconds: float) -> None:
        """Have the guests alone for a while, beside attackers for as long, then besieged.

        Raises:
            Broken: the registry has broken a promise. Its data stays for those who look into it.
        """
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, limit[1]))
        before = Processors.now()
        self._server.start()
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)
        figures = self.figures
        try:
            self._go_on(figures.alone, alone)
            with _sink() as port, self._attacked(port, figures.beside):
                self._go_on(figures.beside, alone)
            with self._attacked(self._server.port, figures.besieged):
                self._go_on(figures.besieged, seconds)
            figures.acknowledged = sum(guest.acknowledged.total() for guest in self._guests)
            self._server.watch = None
            figures.others = Processors.now(self._server.workers).taken_by_others(before)
            self._compare()
        finally:
            for guest in self._guests:
                guest.leave()
            self._server.stop()
        self._server.remove()

    def _go_on(self, phase: Phase, seconds: float) -> None:
        """Have the guests go on for a phase."""
        began = time.monotonic()

        def over() -> bool:
            phase.memory = max(phase.memory, self._server.memory())
            phase.seconds = time.monotonic() - began
            return phase.seconds >= seconds

        self._server.watch = phase.watch
        self._stop.clear()
        run_until([guest.run for guest in self._guests], self._stop, over)

    @contextmanager
    def _attacked(self, port: int, phase: Phase) -> Iterator[None]:
        """Have attackers for the length of the block."""
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.siege.attackers", str(port), *self._only],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            yield
        finally:
            said, _ = process.communicate()
            phase.attacks = json.loads(said or b"{}")

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
        if figures.besieged.memory > MOST_MEMORY:
            raise Broken(f"a worker took {figures.besieged.memory:.0f} MiB")
        for kind, times in figures.times().items():
            if times.ratio > SLOWER:
                raise Broken(
                    f"{kind}: p99 {times.beside.p99:.1f} ms beside attackers of a sink,"
                    f" {times.besieged.p99:.1f} besieged"
                )


@contextmanager
def _sink() -> Iterator[int]:
    """The port of a sink, for the length of the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.siege.sink"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.communicate()
