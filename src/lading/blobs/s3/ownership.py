"""Ownership of a folder in an object store: to which database what is there belongs.

A database takes what no row names for garbage, so that two in one folder would delete each other's
blobs. The folder has an object that names its owner, put there under the condition that there is
none, and read again. A store that ignores the condition lets two of them go on. Each of these puts
its badge among the objects and then looks at all of them, so that the later one at least sees the
other's; and whoever deletes what no row names reads the owner again first.
"""

import logging
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import NamedTuple

from lading.blobs.s3.object_room import ObjectRoom, new_key
from lading.blobs.s3.object_store import StoredObject
from lading.ports.objects import ForeignObjects

log = logging.getLogger(__name__)

FOLDER = "objects"
"""The folder of all objects; what else is in the bucket is somebody else's."""

OWNER = "lading/owner"
"""The key of the object that says whose badge counts."""

# Where Distribution has its repositories, below the same root.
_DISTRIBUTION = "docker/registry/v2/repositories"
BADGE = b"By this object, a database knows what belongs to it.\n"
"""What the object says by which a database knows the folder."""


class _Found(NamedTuple):
    """The content of the folder, as it was found.

    Attributes:
        known: whether rows name one of the objects.
        unknown: whether no row names one of them.
        badges: whether one of those is another database's badge.
    """

    known: bool
    unknown: bool
    badges: bool


@dataclass(frozen=True, slots=True)
class Ownership:
    """The ownership of a database in the folder of an object store."""

    room: ObjectRoom

    async def require(self) -> None:
        """Go on only if the folder is this database's, or nobody's, and then take it.

        A crash leaves a badge without an owner, or an owner without a badge: either goes on here.

        Raises:
            ForeignObjects: it is another one's, or that cannot be told.
            Unavailable: the store cannot be asked.
        """
        # In this order: a replica that begins meanwhile writes its badge down before it is named.
        owner = await self.room.store.content(OWNER)
        badge = await self.room.objects.badge()
        if owner is None:
            await self._take(badge)
        elif badge is None or owner != badge.encode():
            raise _foreign()

    async def _take(self, badge: str | None) -> None:
        before = await self._look()
        if before.badges or (before.unknown and not before.known):
            raise _foreign()
        if badge is None:
            await self._warn_of_distribution()
            badge = await self.room.objects.set_badge(new_key(), self.room.clock())
        await self.room.store.put_first(OWNER, badge.encode())
        if await self.room.store.content(OWNER) != badge.encode():
            raise _foreign()
        await self.room.store.put(badge, BADGE)
        after = await self._look()  # in which its own badge is known
        if after.badges or (after.unknown and not before.known):
            if not before.known:  # it has nothing here, and the other one may go on
                await self.room.store.delete([badge])
            raise ForeignObjects(
                "another registry has begun in this place of the bucket at the same time, and the"
                " store has let both: give one of them a place of its own"
                f" (storage.s3.rootdirectory), and delete the object `{OWNER}` before the other"
                " one starts"
            )

    async def _look(self) -> _Found:
        """Look at all objects, as what is another database's may be on any page.

        That takes a request for a thousand of them, and happens where there is no owner.
        """
        known = unknown = badges = False
        async with aclosing(self.room.store.pages(FOLDER)) as pages:
            async for page in pages:
                nobodys = await self.room.objects.unknown([stored.key for stored in page])
                strange = [stored for stored in page if stored.key in nobodys]
                known |= len(strange) < len(page)
                unknown |= bool(strange)
                badges = badges or await self._has_badge(strange)
        return _Found(known, unknown, badges)

    async def _has_badge(self, strange: Sequence[StoredObject]) -> bool:
        """Whether one of some objects is a badge, by which its database knows the folder."""
        for stored in strange:
            if stored.size == len(BADGE) and await self.room.store.content(stored.key) == BADGE:
                return True
        return False

    async def _warn_of_distribution(self) -> None:
        """Say, when a registry begins, that images of another one are beside it in the bucket."""
        async with aclosing(self.room.store.pages(_DISTRIBUTION)) as pages:
            async for _ in pages:
                log.warning(
                    "what CNCF Distribution has in this bucket (%s) stays as it is, and this"
                    " registry begins empty: copy its images from a server of Distribution with"
                    " `lading cp`, or take them over from files (docs/migrating.md)",
                    _DISTRIBUTION,
                )
                return


def _foreign() -> ForeignObjects:
    return ForeignObjects(
        "the bucket has objects that this database does not know, so that they could be"
        " taken for garbage: give this registry a place of its own"
        " (storage.s3.rootdirectory), or restore the database that knows them"
    )
