"""Readiness: whether what a server rests on answers, asked whenever somebody wants to know."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial

from lading.core.digest import Digest
from lading.core.errors import RegistryError, Unavailable
from lading.databases.schema import STEPS
from lading.services.jobs import COLLECT
from lading.services.registry import Registry
from lading.system.gathering import SingleFlight

# Seconds that each has for its answer: less than probes wait, so that they hear which it is.
PATIENCE = 4.0

Look = Callable[[], Awaitable[object]]


class Readiness:
    """Readiness of this server.

    Args:
        looks: at each thing that it rests on, by name; a look raises an error if it is not well.
    """

    def __init__(self, looks: Mapping[str, Look]) -> None:
        self._looks = looks
        # A look that hangs is not begun again beside itself.
        self._looking: SingleFlight[str, str] = SingleFlight()

    async def look(self, without: Collection[str] = ()) -> Mapping[str, str]:
        """The failure of each part that was looked at, by its name; empty if it is well.

        Args:
            without: names that are left out.
        """
        names = [name for name in self._looks if name not in without]
        found = await asyncio.gather(*map(self._look_at, names))
        return dict(zip(names, found, strict=True))

    async def _look_at(self, name: str) -> str:
        looking = self._looking.join(name, partial(_complaint, self._looks[name]))
        await asyncio.wait([looking], timeout=PATIENCE)
        return looking.result() if looking.done() else f"no answer within {PATIENCE:.0f} s"


async def _complaint(look: Look) -> str:
    try:
        await look()
    except (RegistryError, OSError) as error:
        return str(error) or type(error).__name__
    return ""


def looks_at(registry: Registry) -> Mapping[str, Look]:
    """The looks at what every registry rests on."""
    metadata, upkeep, nothing = registry.metadata, registry.upkeep, Digest.of(b"")

    async def look_for_changes() -> None:
        if not await metadata.census.takes_changes():
            raise Unavailable("the database takes none: it is a copy, or was told to be read-only")

    async def look_at_tables() -> None:
        # Tables that are ahead do: a newer server is about to take the place of this one.
        if await metadata.census.schema_version() < len(STEPS):
            raise Unavailable("the tables are older than this program: restart it to migrate them")

    return {
        "database": lambda: metadata.jobs.find(COLLECT),
        "migrations": look_at_tables,
        "changes": look_for_changes,
        "store": lambda: registry.blobs.stat(nothing) if upkeep is None else upkeep.check(),
        "room": lambda: registry.uploads.require_space(0),
    }
