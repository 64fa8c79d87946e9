"""Lists in pages: each says where the next one starts, the last one that it is the last."""

import pytest

from lading.core.access import Access, Action, Principal, Right
from lading.core.errors import RepositoryUnknown
from lading.core.globs import Glob
from lading.core.names import RepositoryName
from lading.services import listing
from lading.services.delete import delete_manifest
from tests.support.contents import HELLO, OTHER, image, index
from tests.support.people import People

NO_LIMIT = 10**9


async def test_pages_of_tags(people: People) -> None:
    """As many as fit, to the last one, also when that one is full."""
    names = [f"v{number}" for number in range(6)]
    await people.push(index([]), *names)

    async def pages(size: int) -> list[list[str]]:
        found, after = [], ""
        while True:
            page = await listing.list_tags(people.registry, people.may(), after=after, limit=size)
            found.append(list(page.items))
            if page.last is None:
                return found
            after = page.last

    assert await pages(4) == [names[:4], names[4:]]
    assert await pages(3) == [names[:3], names[3:]]
    assert await pages(100) == [names]


async def test_a_page_of_none(people: People) -> None:
    """ "n=0" asks for an empty list; there is no next one to follow."""
    await people.push(index([]), "latest")

    page = await listing.list_tags(people.registry, people.may(), after="", limit=0)

    assert (list(page.items), page.last) == ([], None)


async def test_a_repository_without_tags_has_an_empty_list(people: People) -> None:
    """One that nothing was pushed to is unknown."""
    digest = await people.push(index([]), "latest")
    await delete_manifest(people.registry, people.may(), digest, change=people.change())

    page = await listing.list_tags(people.registry, people.may(), after="", limit=10)
    assert list(page.items) == []
    with pytest.raises(RepositoryUnknown):
        await listing.list_tags(people.registry, people.may(OTHER), after="", limit=10)


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("patterns", "seen"),
    [
        (["**"], ["a", "a-b", "a/b", "a/c/d", "ab/c", "b/c"]),
        (["a/**"], ["a/b", "a/c/d"]),
        (["a"], ["a"]),
        (["*/c"], ["ab/c", "b/c"]),
        (["a*/[bc]"], ["a/b", "ab/c"]),
        (["b/c", "a", "a/*"], ["a", "a/b", "b/c"]),
        (["never/**"], []),
        ([], []),
    ],
)
async def test_repositories_are_those_that_the_caller_may_pull(
    people: People, limit: int, patterns: list[str], seen: list[str]
) -> None:
    """On pages as full as they can be, however much lies between."""
    for name in ("a", "a-b", "a/b", "a/c/d", "ab/c", "b/c"):
        await people.push(index([]), "latest", repository=RepositoryName(name))
    push_only = Right(Glob("**"), frozenset({Action.PUSH}))
    pulls = (Right(Glob(pattern), frozenset({Action.PULL})) for pattern in patterns)
    access = Access(Principal("alice"), (push_only, *pulls))

    found: list[str] = []
    after = ""
    while True:
        page = await listing.list_repositories(people.registry, access, after=after, limit=limit)
        found += page.items
        if page.last is None:
            break
        assert len(page.items) == limit
        after = page.last

    assert found == seen


async def test_referrers_of_what_was_never_pushed_are_an_empty_list(people: People) -> None:
    """Not an error: the subject may come later, and so may the repository."""
    page = await listing.list_referrers(
        people.registry,
        people.may(RepositoryName("never")),
        index([]).digest,
        artifact_type=None,
        after="",
        limit=10,
        max_size=NO_LIMIT,
    )

    assert (list(page.items), page.last) == ([], None)


@pytest.mark.parametrize(
    ("limit", "max_size", "expected"),
    [(10, NO_LIMIT, 5), (2, NO_LIMIT, 2), (10, 2500, 2), (10, 1, 1), (5, NO_LIMIT, 5)],
)
async def test_a_page_of_referrers_is_bounded_by_its_annotations(
    people: People, limit: int, max_size: int, expected: int
) -> None:
    """By their size as well as by their number; at least one, so that there is an end."""
    subject = index([])
    await people.push_blob(b"config")
    pushed = sorted(
        [
            await people.push(image(b"config", subject=subject, annotations={str(n): "x" * 1000}))
            for n in range(5)
        ]
    )

    page = await listing.list_referrers(
        people.registry,
        people.may(HELLO),
        subject.digest,
        artifact_type=None,
        after="",
        limit=limit,
        max_size=max_size,
    )

    assert [referrer.digest for referrer in page.items] == pushed[:expected]
    assert page.last == (None if expected == 5 else pushed[expected - 1])
