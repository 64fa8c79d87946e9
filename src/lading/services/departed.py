"""A registry that has departed: its rows stay behind, be it beside the bytes that it goes on with.

Where only the database went elsewhere, these rows know nothing of what is pushed there, or
restored: whatever they take for garbage may be needed.
"""

from lading.metadata.moving.migrations import WHY_BYTES_STAY
from lading.services.registry import Registry


async def why_bytes_stay(registry: Registry) -> str:
    """The reason why nothing is garbage here; empty if the registry has not departed."""
    if (await registry.metadata.migrations.find()).has_departed:
        return WHY_BYTES_STAY
    return ""
