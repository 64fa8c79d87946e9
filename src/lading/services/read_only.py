"""Read-only mode: an operator has pushes and deletes refused for a while, in all processes."""

from lading.core.access import Principal
from lading.core.errors import Unavailable
from lading.core.history import Change
from lading.ports.objects import ForeignObjects
from lading.services.registry import Registry


async def switch_on(registry: Registry, principal: Principal) -> None:
    """Refuse pushes and deletes from now on."""
    await registry.metadata.read_only.set(registry.change_by(principal))
    registry.note("read-only.on")


async def switch_off(registry: Registry) -> None:
    """Accept pushes and deletes again, unless the configuration refuses them.

    Raises:
        Unavailable: the registry was migrated, and has its objects elsewhere by now.
    """
    await _take_back(registry)
    await registry.metadata.read_only.set(None)
    registry.note("read-only.off")


async def _take_back(registry: Registry) -> None:
    """Take the objects of a registry that has departed, for those who go on here."""
    if registry.upkeep is None or not (await registry.metadata.migrations.find()).has_departed:
        return
    try:
        await registry.upkeep.take_own()
    except ForeignObjects as error:
        raise Unavailable(f"the registry stays read-only: {error}") from error


async def find(registry: Registry) -> Change | None:
    """Who switched read-only mode on, and when; `None` if it is off."""
    return await registry.metadata.read_only.find()
