"""The last step of a migration: the registry is read-only until all of it is there.

If it is not, as something has failed or somebody has had enough, the registry is given back: it is
writable again, or who migrates it is told what makes it so.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lading.core.access import Principal
from lading.core.errors import RegistryError
from lading.core.history import Change
from lading.core.timestamps import utc
from lading.metadata.moving.migrations import MIGRATES
from lading.services.registry import Registry

_WAY_OUT = (
    "when no migration runs any more, `lading read-only off` with the old configuration makes it"
    " writable again"
)


class CannotMigrate(Exception):
    """A registry cannot be migrated; the message says why and what to do."""


@asynccontextmanager
async def read_only(registry: Registry, principal: Principal, place: str) -> AsyncIterator[Change]:
    """Make a registry read-only, unless it is; for good if the block comes to its end.

    A process that is killed within leaves it read-only: the switch says why, and so does the next
    migration if that fails.

    Args:
        registry: that is migrated.
        principal: who migrates it.
        place: where it goes, for people.

    Yields:
        The change, to be noted.

    Raises:
        CannotMigrate: the block has failed, and the registry stays read-only.
    """
    change = registry.change_by(Principal(f"{principal.name}{MIGRATES}{place}"))
    try:
        await registry.metadata.read_only.set(change)
        yield change
    except BaseException as error:  # cancelled, too
        left = await _give_back(registry, change)
        if left and isinstance(error, CannotMigrate | RegistryError):
            raise CannotMigrate(f"{error}. {left}") from error
        if left:
            error.add_note(left)
        raise


async def _give_back(registry: Registry, change: Change) -> str:
    """Undo what was done here; what is left to do for a person, in words."""
    try:
        found = await registry.metadata.read_only.find()
        if found == change:
            await registry.metadata.read_only.set(None)
            return ""
        departed = (await registry.metadata.migrations.find()).has_departed
    except BaseException as error:  # noqa: BLE001 - cancelled once more, too
        why = str(error) or type(error).__name__
        return f"The registry could not be made writable again ({why}): {_WAY_OUT}"
    if found is None or departed or MIGRATES not in found.actor:
        return ""
    return f"The registry is read-only since {utc(found.at)}, by {found.actor}: {_WAY_OUT}"
