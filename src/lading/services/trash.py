"""The trash, and the history of tags: looking at them, and restoring."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from lading.core.access import EVERY_ACCESS, Access, Action, Grant
from lading.core.digest import Digest
from lading.core.errors import ManifestUnknown
from lading.core.expected import Expected
from lading.core.history import Change, Restored, TagMove, TrashedManifest, TrashedTag
from lading.core.names import Reference, RepositoryName, Tag
from lading.metadata.trash import FIRST, Place
from lading.services.registry import Registry

# What is read at once of a list that is shown as a whole.
PAGE = 500

Trashed = TrashedManifest | TrashedTag


async def history(registry: Registry, grant: Grant, tag: Tag, *, limit: int) -> Sequence[TagMove]:
    """The moves of a tag, the last one first; `ManifestUnknown` if there never was such a tag."""
    grant.require(Action.PULL)
    moves = await registry.metadata.tags.history(grant.repository, tag, limit=limit)
    if not moves:
        raise ManifestUnknown(f"{grant.repository} never had a tag {tag}")
    return moves


async def list_trash(
    registry: Registry, repository: RepositoryName | None
) -> AsyncIterator[Trashed]:
    """Manifests and tags in the trash of one repository or of all, the one deleted last first."""
    place: TrashPlace | None = TrashPlace()
    while place is not None:
        found, place = await list_some(registry, EVERY_ACCESS, repository, place, limit=PAGE)
        for trashed in found:
            yield trashed


@dataclass(frozen=True, slots=True)
class TrashPlace:
    """A place in the list of all that is in the trash: in those of manifests and of tags."""

    manifest: Place = FIRST
    tag: Place = FIRST


async def list_some(
    registry: Registry,
    access: Access,
    repository: RepositoryName | None,
    place: TrashPlace,
    *,
    limit: int,
) -> tuple[Sequence[Trashed], TrashPlace | None]:
    """A part of the trash of the repositories that the caller sees.

    Args:
        place: from which on it is wanted.
        limit: of what was deleted, so much is looked at, whoever sees it.

    Returns:
        What was found, and the place behind it; `None` if there is no more.
    """
    if repository is not None and not access.sees(repository):
        return [], None  # not even that, or when, something was deleted there
    rows = registry.metadata.trash
    manifests = await rows.manifests(repository, place.manifest, limit)
    tags = await rows.tags(repository, place.tag, limit, _window(registry))
    found: list[tuple[Place, Trashed]] = [*manifests, *tags]
    found = sorted(found, key=lambda each: -each[1].deleted_at)[:limit]
    if len(found) < limit:
        behind = None
    else:
        behind = TrashPlace(
            _last_of(TrashedManifest, found, place.manifest), _last_of(TrashedTag, found, place.tag)
        )
    return [trashed for _, trashed in found if access.sees(trashed.repository)], behind


def _last_of(
    kind: type[Trashed], found: Sequence[tuple[Place, Trashed]], otherwise: Place
) -> Place:
    places = [place for place, trashed in found if isinstance(trashed, kind)]
    return places[-1] if places else otherwise


async def moves_back(
    registry: Registry, grant: Grant, moves: Sequence[TagMove]
) -> Sequence[Digest | None]:
    """For each move of a tag, what the tag can be brought back to: where it led after that.

    `None` where it leads there now, led nowhere, or that is gone for good.
    """
    grant.require(Action.PULL)
    wanted = {move.digest for move in moves if move.digest is not None}
    stored = await registry.metadata.trash.stored(grant.repository, wanted)
    current = moves[0].digest if moves else None
    return [
        move.digest if move.digest in stored and move.digest != current else None for move in moves
    ]


def kept_until(registry: Registry, trashed: Trashed) -> float:
    """The time until which the server keeps what was deleted; by hand it is collected before."""
    return trashed.deleted_at + registry.policy.trash


async def restore(
    registry: Registry,
    grant: Grant,
    reference: Reference,
    *,
    change: Change,
    at: float | None = None,
    expected: Expected | None = None,
) -> Restored:
    """Restore a manifest with the tags that went with it, or a tag.

    Args:
        at: for a tag: point it at what it pointed to then, be it deleted or moved since.
        expected: for a tag, if that matters: what it points to now; without `at`, what it pointed
            to before it was deleted.

    Raises:
        NotRestorable: there is nothing to bring back, or it is gone for good.
        NotAsExpected: the tag is not what is expected.
        TagImmutable: the tag points to something else now, and cannot be moved.
    """
    grant.require(Action.PUSH)
    if isinstance(reference, Digest):
        restored = await registry.metadata.trash.restore_manifest(
            grant.repository, reference, change=change
        )
    else:
        restored = await registry.metadata.trash.restore_tag(
            grant.repository,
            reference,
            at=at,
            immutable=registry.policy.immutable,
            expected=expected,
            change=change,
        )
    _note(registry, grant.repository, restored)
    return restored


async def restore_all(registry: Registry, grant: Grant, *, change: Change) -> Restored:
    """Restore all that can be in a repository; `NotRestorable` if nothing can."""
    grant.require(Action.PUSH)
    restored = await registry.metadata.trash.restore_all(
        grant.repository, deleted_since=_window(registry), change=change
    )
    _note(registry, grant.repository, restored)
    return restored


def _note(registry: Registry, repository: RepositoryName, restored: Restored) -> None:
    for digest in restored.manifests:
        registry.note("manifest.restore", repository=repository, digest=digest)
    for tag, digest in restored.tags:
        registry.note("tag.restore", repository=repository, reference=tag, digest=digest)


def _window(registry: Registry) -> float:
    return registry.clock() - registry.policy.trash
