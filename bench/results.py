"""What was measured, as a file: so that a report can be made again without measuring again."""

import statistics
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from bench.disk import Disk
from bench.growth import Growth
from bench.nginx import Ceilings
from bench.works.base import Result

FILE = Path("build/bench/results.json")


@dataclass
class WorkResults:
    """One work, measured in every registry.

    Attributes:
        unit: of `Result.rate`.
        per: what `Result.processor` is for.
        rounds: by registry, one result for each round.
        refused: registries that failed at it, and what they said; `rounds` has those before.
    """

    unit: str
    per: str
    rounds: dict[str, list[Result]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def median(self, registry: str, figure: str) -> float | None:
        """The median of the rounds of a figure of `Result`; `None` if there is none."""
        values = [getattr(result, figure) for result in self.rounds.get(registry, [])]
        if not values or None in values:
            return None
        return float(statistics.median(values))


@dataclass
class Results:
    """Everything that was measured.

    Attributes:
        machine: what it was measured on.
        durability: of each registry, in words.
        with_tokens: the same, where every request brings a bearer token.
        memory: bytes of each registry's largest process, at the end.
        syncs: calls of `fsync` and `fdatasync` for the push of one small image.
        missing: registries that this machine does not have, and why.
        ceilings: of nginx.
        disk: what it does alone, in the same rounds.
        growth: of lading, by size.
        endurance: bytes of lading's largest process before a very large blob is pushed, after each
            GiB of it, and after it was pulled.
    """

    machine: str
    durability: dict[str, str] = field(default_factory=dict)
    works: dict[str, WorkResults] = field(default_factory=dict)
    with_tokens: dict[str, WorkResults] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)
    syncs: dict[str, float] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    ceilings: Ceilings = field(default_factory=Ceilings)
    disk: Disk = field(default_factory=Disk)
    growth: list[Growth] = field(default_factory=list)
    endurance: list[int] = field(default_factory=list)


def save(results: Results) -> None:
    """Write the file."""
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_bytes(msgspec.json.format(msgspec.json.encode(results)))


def load() -> Results:
    """Read the file."""
    return msgspec.json.decode(FILE.read_bytes(), type=Results)
