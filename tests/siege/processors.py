"""Whose the processors are while guests are served: where others take much, times say little."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


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
