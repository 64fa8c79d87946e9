"""What every `Metadata` promises of the lists that people look through."""

from collections.abc import Sequence

import pytest

from lading.core.digest import Digest
from lading.core.names import Reference, RepositoryName, Tag
from lading.metadata.logins.kept_logins import MOST_SESSIONS, KeptLogin
from lading.metadata.metadata import Metadata
from lading.metadata.shown import manifest_lists, tag_lists
from lading.metadata.shown.repository_lists import ListedRepository, ListOrder
from lading.metadata.shown.tag_lists import Trace
from tests.support.contents import HELLO, image, index
from tests.support.rows import add, delete, push

CONFIG, LAYER = b"config", b"a layer"
IMAGE = image(CONFIG, LAYER)
NAMES = ("a", "a-b/c", "a.b", "a/b", "a/b/c", "a/b/d", "a0/b", "ab", "b/c")


async def push_to(metadata: Metadata, *names: str, layer: bytes = LAYER, at: float = 1.0) -> None:
    """Push an image into each repository."""
    for name in map(RepositoryName, names):
        await add(metadata, CONFIG, layer, to=name)
        await push(metadata, image(CONFIG, layer), "v1", to=name, at=at)


async def count(metadata: Metadata) -> None:
    """Have all figures counted."""
    ids = await metadata.figures.begin(after=0, limit=100)
    await metadata.figures.store({id_: await metadata.figures.count(id_, now=9.0) for id_ in ids})


async def listed(
    metadata: Metadata,
    order: ListOrder = ListOrder.NAME,
    *,
    within: Sequence[str] = ("",),
    words: str = "",
    after: str = "",
    limit: int = 100,
) -> list[ListedRepository]:
    """A part of the list."""
    found = await metadata.repositories.listed(
        order=order, within=within, words=words, after=after, limit=limit
    )
    return list(found)


async def test_repositories_are_listed_by_name(metadata: Metadata) -> None:
    await push_to(metadata, *reversed(NAMES))
    assert [item.name for item in await listed(metadata)] == list(NAMES)
    below = await listed(metadata, within=["a/"], after="a/b", limit=1)
    assert [item.name for item in below] == ["a/b/c"]


@pytest.mark.parametrize("order", list(ListOrder))
async def test_names_begin_with_one_of_several_prefixes(
    metadata: Metadata, order: ListOrder
) -> None:
    """Part by part, too, whatever lies between."""
    await push_to(metadata, *NAMES)
    await count(metadata)
    await push_to(metadata, "a/new", "b/new", "a-b/new")
    wanted = ["a/b", "a/b/c", "a/b/d", "a/new", "b/c", "b/new"]
    found, after = list[ListedRepository](), ""
    while part := await listed(metadata, order, within=["a/", "b"], after=after, limit=2):
        found += part
        after = part[-1].place(order)
        assert len(found) <= len(wanted)
    assert sorted(item.name for item in found) == wanted
    whole = await listed(metadata, order, within=["a/", "b"])
    assert sorted(item.name for item in whole) == wanted


async def test_words_are_what_a_name_holds_and_no_pattern(metadata: Metadata) -> None:
    await push_to(metadata, *NAMES, "x_y")
    expected = {"b/c": ["a-b/c", "a/b/c", "b/c"], "_": ["x_y"], "%": [], "!": []}
    for words, names in expected.items():
        assert [item.name for item in await listed(metadata, words=words)] == names


@pytest.mark.parametrize("order", [ListOrder.SIZE, ListOrder.PUSHED])
async def test_repositories_are_listed_by_figures(metadata: Metadata, order: ListOrder) -> None:
    """The largest and the last ones first; what was not counted comes before all."""
    for number, name in enumerate(NAMES):
        await push_to(metadata, name, layer=b"x" * (100 + number % 4), at=float(number % 4))
    await count(metadata)
    await push_to(metadata, "new")
    first = await listed(metadata, order, limit=4)
    assert first[0].name == "new"
    assert first[0].size is None
    found, after = first, first[-1].place(order)
    while after:
        part = await listed(metadata, order, after=after, limit=3)
        found += part
        after = part[-1].place(order) if part else ""
    assert sorted(item.name for item in found) == sorted([*NAMES, "new"])
    figures = [item.size if order is ListOrder.SIZE else item.pushed_at for item in found[1:]]
    assert figures == sorted(figures, key=lambda figure: -(figure or 0))
    assert await listed(metadata, order, after="nonsense") == await listed(
        metadata, order, after="4611686018427387904:4611686018427387904"
    )


@pytest.mark.parametrize(
    ("prefix", "folders"),
    [("", ["a-b", "a", "a0", "b"]), ("a/", ["b"]), ("a/b/", []), ("nowhere/", [])],
)
async def test_folders_are_the_next_parts_of_names(
    metadata: Metadata, prefix: str, folders: list[str]
) -> None:
    await push_to(metadata, *NAMES)
    assert list(await metadata.repositories.folders(prefix=prefix, limit=100)) == folders


async def test_tags_are_listed_with_what_people_did(metadata: Metadata) -> None:
    await push_to(metadata, HELLO, at=5.0)
    [tag] = await metadata.tags.of_repository(HELLO, limit=5)
    assert (tag.name, tag.digest, tag.updated_at) == ("v1", IMAGE.digest, 5.0)
    assert await metadata.tags.of_manifest(HELLO, IMAGE.digest) == ["v1"]
    traces = await metadata.tags.traces(HELLO, ["v1", IMAGE.digest])
    assert traces == {
        "v1": Trace("alice", None),
        IMAGE.digest: Trace(None, None),
    }


async def test_tags_come_by_what_they_point_to_the_one_moved_last_first(
    metadata: Metadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    await push_to(metadata, HELLO, at=5.0)
    await push(metadata, IMAGE, "v10", "V_2", at=7.0)
    await push(metadata, index([IMAGE]), "all", at=6.0)

    async def latest(words: str = "", start: int = 0, limit: int = 9) -> tuple[object, ...]:
        found = await metadata.tags.latest(HELLO, words=words, start=start, limit=limit)
        groups = [([tag.name for tag in tags], count) for tags, count in found.groups]
        return groups, found.total, found.tags, found.is_whole

    ours, all_ = (["v10", "V_2", "v1"], 3), (["all"], 1)
    assert await latest() == ([ours, all_], 2, 4, True)
    assert await latest(limit=1) == ([ours], 2, 4, True)
    assert await latest(start=1) == ([all_], 2, 4, True)
    assert await latest("v_") == ([(["V_2"], 1)], 1, 1, True)
    assert await latest("%") == ([], 0, 0, True)
    monkeypatch.setattr(tag_lists, "MOST_NAMED", 2)
    assert (await latest())[0] == [(["v10", "V_2"], 3), all_]
    monkeypatch.setattr(tag_lists, "MOST_TAGS", 4)
    assert (await latest())[3] is False


async def test_tags_come_in_the_order_of_bytes_the_last_one_first(metadata: Metadata) -> None:
    await push_to(metadata, HELLO)
    await push(metadata, IMAGE, "v10", "V2", "all")
    tags = metadata.tags
    found = await tags.of_repository(HELLO, limit=9)
    assert [tag.name for tag in found] == ["v10", "v1", "all", "V2"]
    found = await tags.of_repository(HELLO, words="v", after="v10", limit=1)
    assert [tag.name for tag in found] == ["v1"]


async def test_a_family_is_found_by_tags_and_digests(metadata: Metadata) -> None:
    await push_to(metadata, HELLO)
    wanted: list[Reference] = [Tag("v1"), IMAGE.digest, Tag("none")]
    family = await metadata.manifests.family(HELLO, wanted)
    assert {(each.reference, each.digest) for each in family} == {
        ("v1", IMAGE.digest),
        (IMAGE.digest, IMAGE.digest),
    }


async def test_sizes_are_of_what_is_in_the_repository(metadata: Metadata) -> None:
    await push_to(metadata, HELLO)
    wanted = [Digest.of(LAYER), Digest.of(b"elsewhere")]
    assert await metadata.links.sizes_here(HELLO, wanted) == {wanted[0]: len(LAYER)}


async def test_tags_are_found_by_their_beginning(metadata: Metadata) -> None:
    await push_to(metadata, "a", "b")
    await push(metadata, IMAGE, "v10", "w1", to=RepositoryName("b"))
    found = await metadata.tags.search("v1", within=[""], limit=10)
    assert found == [("a", "v1"), ("b", "v1"), ("b", "v10")]
    assert await metadata.tags.search("V", within=[""], limit=10) == []
    await push_to(metadata, "a/b/c", "bb")
    found = await metadata.tags.search("v1", within=["a/", "bb"], limit=10)
    assert found == [("a/b/c", "v1"), ("bb", "v1")]


async def test_a_family_is_what_is_held_and_what_is_about_it(metadata: Metadata) -> None:
    await push_to(metadata, HELLO)
    held = index([IMAGE])
    about, gone = image(CONFIG, subject=held), image(CONFIG, LAYER, subject=held)
    for manifest in (held, about, gone):
        await push(metadata, manifest)
    await delete(metadata, gone.digest)
    family = await metadata.manifests.family(HELLO, [held.digest])
    assert {found.digest: found.body for found in family} == {
        held.digest: held.body,
        IMAGE.digest: IMAGE.body,
        about.digest: None,
    }
    assert [found.subject for found in family if found.digest == about.digest] == [held.digest]


async def test_a_large_family_is_bounded_by_number_and_by_size(
    metadata: Metadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list may show a hundred indexes of ten thousand manifests each."""
    monkeypatch.setattr(manifest_lists, "MOST_HELD", 2)
    large = {"fill": "x" * manifest_lists.SMALL_CHILD}
    children = [index([], annotations={"of": str(number)} | large) for number in range(3)]
    for child in children:
        await push(metadata, child)
    held = index(children, annotations=large)
    await push(metadata, held)

    family = await metadata.manifests.family(HELLO, [held.digest])

    bodies = {found.digest: found.body for found in family}
    assert bodies.pop(held.digest) == held.body
    assert list(bodies.values()) == [None, None]


async def test_what_nothing_leads_to_is_untagged(metadata: Metadata) -> None:
    await push_to(metadata, HELLO)
    assert await metadata.manifests.untagged(HELLO, after="", limit=5) == []
    held = index([IMAGE])
    await push(metadata, held)
    [found] = await metadata.manifests.untagged(HELLO, after="", limit=5)
    assert found.digest == held.digest
    assert await metadata.manifests.untagged(HELLO, after=found.digest, limit=5) == []


async def test_a_session_is_found_until_it_ends(metadata: Metadata) -> None:
    sessions = metadata.page_sessions
    session = KeptLogin("hash", "ann", "stamp", 10.0)
    await sessions.add(session, now=1.0)
    assert await sessions.find("hash", now=9.0) == session
    assert await sessions.find("hash", now=10.0) is None
    await sessions.end("hash")
    assert await sessions.find("hash", now=9.0) is None


async def test_who_signs_in_too_often_pushes_out_their_own(metadata: Metadata) -> None:
    sessions = metadata.page_sessions
    await sessions.add(KeptLogin("other", "bob", "stamp", 5.0), now=1.0)
    for number in range(MOST_SESSIONS + 1):
        await sessions.add(KeptLogin(f"{number}", "ann", "stamp", 10.0 + number), now=1.0)
    assert await sessions.find("0", now=2.0) is None
    assert await sessions.find("1", now=2.0) is not None
    assert await sessions.find("other", now=2.0) is not None
