"""Every verb asks for the right it needs, before it does or says anything."""

from collections.abc import Awaitable, Callable

import pytest

from lading.core.access import ALL_ACTIONS, Action, Grant
from lading.core.digest import Digest
from lading.core.errors import DeleteDisabled, Denied, RegistryError
from lading.core.names import Tag, UploadId
from lading.services import delete, listing, pull, push_blob
from lading.services.chunks import Chunk
from lading.services.push_manifest import push_manifest
from lading.services.registry import Policy, Registry
from tests.support.contents import HELLO, OTHER
from tests.support.people import People, pieces

DIGEST = Digest.of(b"")
LATEST = Tag("latest")
UPLOAD = UploadId("00000000-0000-4000-8000-000000000000")

Verb = Callable[[Registry, Grant], Awaitable[object]]

VERBS: dict[str, tuple[Action, Verb]] = {
    "pull_manifest": (Action.PULL, lambda r, g: pull.pull_manifest(r, g, LATEST)),
    "stat_manifest": (Action.PULL, lambda r, g: pull.stat_manifest(r, g, LATEST)),
    "stat_blob": (Action.PULL, lambda r, g: pull.stat_blob(r, g, DIGEST)),
    "pull_blob": (Action.PULL, lambda r, g: pull.pull_blob(r, g, DIGEST)),
    "list_tags": (Action.PULL, lambda r, g: listing.list_tags(r, g, after="", limit=1)),
    "list_referrers": (
        Action.PULL,
        lambda r, g: listing.list_referrers(
            r, g, DIGEST, artifact_type=None, after="", limit=1, max_size=1
        ),
    ),
    "start": (Action.PUSH, push_blob.start),
    "mount": (
        Action.PUSH,
        lambda r, g: push_blob.mount(
            r, g, DIGEST, Grant(OTHER, ALL_ACTIONS), change=r.change_by(g.principal)
        ),
    ),
    "append": (Action.PUSH, lambda r, g: push_blob.append(r, g, UPLOAD, Chunk(pieces(b"")))),
    "commit": (
        Action.PUSH,
        lambda r, g: push_blob.commit(
            r, g, UPLOAD, DIGEST, Chunk(pieces(b"")), change=r.change_by(g.principal)
        ),
    ),
    "push_whole": (
        Action.PUSH,
        lambda r, g: push_blob.push_whole(
            r, g, DIGEST, Chunk(pieces(b"")), change=r.change_by(g.principal)
        ),
    ),
    "status": (Action.PULL, lambda r, g: push_blob.status(r, g, UPLOAD)),
    "cancel": (Action.PUSH, lambda r, g: push_blob.cancel(r, g, UPLOAD)),
    "push_manifest": (
        Action.PUSH,
        lambda r, g: push_manifest(
            r, g, LATEST, b"{}", content_type="", change=r.change_by(g.principal)
        ),
    ),
    "delete_manifest": (
        Action.DELETE,
        lambda r, g: delete.delete_manifest(r, g, LATEST, change=r.change_by(g.principal)),
    ),
    "delete_blob": (
        Action.DELETE,
        lambda r, g: delete.delete_blob(r, g, DIGEST, change=r.change_by(g.principal)),
    ),
}


@pytest.mark.parametrize("verb", VERBS)
async def test_without_its_right_a_verb_is_denied(people: People, verb: str) -> None:
    """All the other rights do not help, and nothing was begun."""
    needed, call = VERBS[verb]
    with pytest.raises(Denied) as refused:
        await call(people.registry, Grant(HELLO, ALL_ACTIONS - {needed}))

    assert list(refused.value.details) == [{"repository": HELLO, "action": needed.value}]
    assert await people.uploads.list_all() == []


@pytest.mark.parametrize("verb", VERBS)
async def test_with_its_right_alone_a_verb_goes_on(people: People, verb: str) -> None:
    """To whatever answer it has."""
    needed, call = VERBS[verb]
    answer = None
    try:
        await call(people.registry, Grant(HELLO, frozenset({needed})))
    except RegistryError as error:
        answer = error

    assert not isinstance(answer, Denied)


@pytest.mark.parametrize("verb", ["delete_manifest", "delete_blob"])
async def test_deleting_can_be_switched_off(people: People, verb: str) -> None:
    """For everybody; those without the right learn no more than that."""
    off = People(people.metadata, people.stores, policy=Policy(delete_enabled=False))
    _, call = VERBS[verb]
    with pytest.raises(DeleteDisabled):
        await call(off.registry, Grant(HELLO, ALL_ACTIONS))
    with pytest.raises(Denied):
        await call(off.registry, Grant(HELLO, frozenset({Action.PULL})))
