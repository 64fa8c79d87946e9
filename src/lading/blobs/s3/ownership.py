"""Ownership of a folder in an object store: to which database what is there belongs.

A database takes what no row names for garbage, so that two in one folder would delete each other's
blobs. The folder has an object that names its owner, put there under the condition that there is
none, and read again. A store that ignores the condition lets two of them go on. Each of these puts
its badge among the objects and then looks at all of them, so that the later one at least sees the
other's; and whoever deletes what no row names reads the owner again first.

A registry that was migrated with its rows alone, or restored from a backup, is in two databases
that have the same badge. Who goes on takes another one: the other database is no owner any more.
"""

import logging
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import NamedTuple

from lading.blobs.s3.object_room import ObjectRoom, new_key
from lading.core.errors import Unavailable
from lading.ports.objects import ForeignObjects, StoredObject

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
        badges: keys of those that are another database's badges.
    """

    known: bool
    unknown: bool
    badges: Sequence[str]


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
        badges = await self.room.objects.badges()
        if owner is None:
            await self._take(badges[0] if badges else None)
        elif (named := owner.decode(errors="replace")) not in badges:
            raise _foreign(
                f"The object `{OWNER}` names the badge of another database, `{named}`: if this"
                " registry was migrated, it is served from there, and `lading migrate` brings it"
                " back; if a backup of it was restored, that is served in its place; if that"
                f" database is gone for good, delete `{OWNER}` and that badge"
            )
        elif len(badges) > 1:
            await self.room.objects.keep_badge(named, self.room.clock())

    async def require_still(self) -> None:
        """Require that what no row needs is garbage: no other database keeps its objects here.

        Raises:
            Unavailable: that is not so, or cannot be told.
        """
        try:
            await self.require()
        except ForeignObjects as error:
            raise Unavailable(f"nothing was removed: {error}") from error

    async def take_alone(self) -> None:
        """Take the folder, which is this database's, from others that have the same badge.

        A crash leaves it with two badges, of which the owner names the one that counts.
        """
        badge = await self.room.objects.begin_taking(new_key(), self.room.clock())
        if badge is not None:
            await self.room.store.put(badge, BADGE)
            await self.room.store.put(OWNER, badge.encode())
            await self.room.objects.end_taking(badge, self.room.clock())

    async def _take(self, badge: str | None) -> None:
        before = await self._look()
        if before.badges or (before.unknown and not before.known):
            raise _foreign(_words_of_badges(before.badges))
        if badge is None:
            await self._warn_of_distribution()
            badge = await self.room.objects.set_badge(new_key(), self.room.clock())
        await self.room.store.put_first(OWNER, badge.encode())
        if await self.room.store.content(OWNER) != badge.encode():
            raise _foreign("It has begun there at the same time as this one")
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
        known = unknown = False
        badges: list[str] = []
        async with aclosing(self.room.store.pages(FOLDER)) as pages:
            async for page in pages:
                nobodys = await self.room.objects.unknown([stored.key for stored in page])
                strange = [stored for stored in page if stored.key in nobodys]
                known |= len(strange) < len(page)
                unknown |= bool(strange)
                badges += await self._badges_among(strange)
        return _Found(known, unknown, badges)

    async def _badges_among(self, strange: Sequence[StoredObject]) -> Sequence[str]:
        """The keys of those objects that are badges, by which their databases know the folder."""
        content = self.room.store.content
        alike = [stored.key for stored in strange if stored.size == len(BADGE)]
        return [key for key in alike if await content(key) == BADGE]

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


def _foreign(more: str) -> ForeignObjects:
    return ForeignObjects(
        "the bucket has objects that this database does not know, so that they could be"
        " taken for garbage: give this registry a place of its own"
        " (storage.s3.rootdirectory), or name or restore the database that knows them"
        f" (`database`).{more and f' {more}'}"
    )


def _words_of_badges(badges: Sequence[str]) -> str:
    if not badges:
        return ""
    return (
        f"These objects are badges of other databases: {', '.join(badges)}. Delete those whose"
        " database is gone for good"
    )
