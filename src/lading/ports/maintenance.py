"""The part of `Metadata` for those who look after the registry."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lading.core.history import Change

# Seconds that a hold may last; one that ends later was placed by a clock that was ahead.
LONGEST_HOLD = 31 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Hold:
    """Somebody copies the blobs that there are, so none is to be collected.

    Attributes:
        name: what for, for a person.
        until: when it ends by itself.
    """

    name: str
    until: float


class Maintenance(Protocol):
    """Switches for those who look after the registry, and copies of what is known."""

    async def find_read_only(self) -> Change | None:
        """Who made the registry read-only, and when; `None` if it is not."""

    async def set_read_only(self, change: Change | None) -> None:
        """Make the registry read-only, for all processes at once, or (`None`) not so any more."""

    async def note_strangers(self, change: Change | None) -> None:
        """There may be bytes that are unknown and no garbage; or (`None`) there are none any more.

        A database that is restored says so by itself.
        """

    async def find_strangers(self) -> Change | None:
        """Who said that there may be such bytes, and when; `None` if nobody did."""

    async def hold_blobs(self, hold: Hold) -> None:
        """Let no blob be collected until then; a hold of the same name is replaced."""

    async def release_blobs(self, name: str) -> bool:
        """End a hold; false if there is none of that name."""

    async def find_hold(self, *, now: float) -> Hold | None:
        """The hold that lasts longest, if there is any."""

    async def copy_to(self, target: Path) -> None:
        """Write a consistent copy, of one moment, into a new file; on disk when this returns."""
