"""What every `Metadata` promises of figures, samples, last pulls, events and what would be free."""

from dataclasses import replace

import pytest

from lading.core.digest import Digest
from lading.core.figures import DAY, HOUR, LastPull, RepositoryFigures, Sample
from lading.core.history import NotedRefusal
from lading.core.names import Tag
from lading.metadata.collecting.freeing import Freed
from lading.metadata.metadata import Metadata
from lading.metadata.shown import events, figures, past_figures
from lading.metadata.shown.repository_lists import ListOrder
from tests.support.contents import HELLO, OTHER, image, index
from tests.support.rows import add, delete, push

CONFIG, LAYER, BASE = b"config", b"a layer", b"the base of all"
IMAGE = image(CONFIG, LAYER, BASE)
SAMPLE = Sample(1000.0, 1, 2, 30, 20, 5, 5, 0, 0, 7)


async def counted(metadata: Metadata, at: float = 100.0) -> list[RepositoryFigures]:
    """Count what has changed, and return the new figures."""
    ids = await metadata.figures.begin(after=0, limit=10)
    found = {id_: await metadata.figures.count(id_, now=at) for id_ in ids}
    await metadata.figures.store(found)
    return list(found.values())


async def test_a_repository_is_counted_once_for_all_that_has_changed(metadata: Metadata) -> None:
    await add(metadata, CONFIG, LAYER, BASE)
    await push(metadata, IMAGE, "latest", "v1", at=5.0)
    size = len(CONFIG + LAYER + BASE)

    assert await counted(metadata) == [RepositoryFigures(size, size, 0, 2, 1, 5.0, 100.0)]
    assert await counted(metadata) == []
    await push(metadata, IMAGE, "v2", at=6.0)
    (known,) = await counted(metadata, at=200.0)
    assert (known.tags, known.pushed_at, known.counted_at) == (3, 6.0, 200.0)
    assert await metadata.figures.of([HELLO, OTHER]) == {HELLO: known}


async def test_bytes_are_tagged_in_the_trash_or_neither(metadata: Metadata) -> None:
    await add(metadata, CONFIG, LAYER, BASE)
    digest = await push(metadata, IMAGE, "latest")
    other = image(CONFIG, BASE)
    await push(metadata, other, "small")
    about = image(CONFIG, b"sbom!", subject=other)
    await add(metadata, b"sbom!")
    await push(metadata, about)
    await counted(metadata)

    await delete(metadata, digest, at=1.0)
    (known,) = await counted(metadata)
    assert known.trash_size == len(LAYER)
    assert known.tagged_size == len(CONFIG + BASE + b"sbom!")
    await delete(metadata, "small")
    (known,) = await counted(metadata)
    assert known.trash_size == len(CONFIG + LAYER + BASE)
    assert known.tagged_size == 0
    assert known.untagged_size == len(b"sbom!")


async def test_what_changes_during_a_count_is_counted_once_more(metadata: Metadata) -> None:
    """As is what was being counted when a crash came."""
    await add(metadata, CONFIG, LAYER, BASE)
    await push(metadata, IMAGE, "latest")
    (id_,) = await metadata.figures.begin(after=0, limit=10)
    assert list(await metadata.figures.begin(after=0, limit=10)) == [id_]
    known = await metadata.figures.count(id_, now=1.0)
    await delete(metadata, "latest")
    await metadata.figures.store({id_: known})

    (again,) = await counted(metadata)
    assert (known.tags, again.tags) == (1, 0)


async def test_repositories_are_listed_by_size(metadata: Metadata) -> None:
    for repository, at in ((HELLO, 2.0), (OTHER, 1.0)):
        await add(metadata, CONFIG, LAYER, BASE, to=repository)
        await push(metadata, IMAGE, to=repository, at=at)
    await add(metadata, b"more", to=OTHER)
    await counted(metadata)

    assert [name for name, _ in await metadata.figures.largest(within=[""], limit=9)] == [
        OTHER,
        HELLO,
    ]
    assert len(await metadata.figures.largest(within=[""], limit=1)) == 1
    for within in (["nowhere/"], [str(OTHER), "nowhere/"]):
        [*found] = await metadata.figures.largest(within=within, limit=9)
        assert [name for name, _ in found] == [OTHER][: len(within) - 1]


async def test_a_sample_adds_up(metadata: Metadata) -> None:
    """What repositories have, less what several of them have."""
    for repository in (HELLO, OTHER):
        await add(metadata, CONFIG, LAYER, BASE, to=repository)
        await push(metadata, IMAGE, "latest", to=repository)
    await add(metadata, b"more")
    await delete(metadata, "latest")
    await counted(metadata)
    sample = await metadata.samples.take(uploads=3, now=9.0)
    every = len(CONFIG + LAYER + BASE)

    assert sample == Sample(9.0, 2, 1, every + 4, every, every + 4, 0, every, 0, 3)


async def test_samples_are_further_apart_the_older_they_are(metadata: Metadata) -> None:
    for hour in range(24 * 5):
        await metadata.samples.add(replace(SAMPLE, at=hour * HOUR))
    kept = [sample.at for sample in await metadata.samples.all()]

    assert kept[-1] == (24 * 5 - 1) * HOUR
    assert len([at for at in kept if at >= 3 * DAY]) == 48
    assert len(kept) <= 48 + 4
    last = await metadata.samples.last()
    assert last is not None
    assert last.at == kept[-1]


async def test_the_last_pull_is_the_latest_that_any_worker_saw(
    metadata: Metadata, other_metadata: Metadata
) -> None:
    one, two = metadata, other_metadata
    await add(one, CONFIG, LAYER, BASE)
    await push(one, IMAGE, "latest")
    await one.pulls.note({(HELLO, "latest"): LastPull(5.0, "ann"), ("no", "x"): LastPull(9, "")})
    await two.pulls.note({(HELLO, "latest"): LastPull(4.0, "bob")})

    assert await one.pulls.last(HELLO, ["latest", "v1"]) == {"latest": LastPull(5.0, "ann")}
    (noted,) = await two.pulls.page(until=9.0, limit=10)
    assert (noted.repository, noted.reference, noted.pull.actor) == (HELLO, "latest", "ann")
    assert await one.pulls.page(until=4.9, limit=10) == []
    assert await one.pulls.page(until=5.0, skipped=1, limit=10) == []


async def test_pulls_of_what_is_gone_are_removed(metadata: Metadata) -> None:
    await add(metadata, CONFIG, LAYER, BASE)
    await push(metadata, IMAGE, "latest")
    gone: dict[tuple[str, str], LastPull] = {
        (HELLO, f"gone-{number}"): LastPull(1.0, "") for number in range(5)
    }
    kept: dict[tuple[str, str], LastPull] = {
        (HELLO, "latest"): LastPull(1.0, ""),
        (HELLO, IMAGE.digest): LastPull(1.0, ""),
    }
    await metadata.pulls.note({**gone, **kept})
    after: tuple[int, str] | None = (0, "")
    while after is not None:
        after = await metadata.pulls.remove_gone(after, limit=2)

    left = await metadata.pulls.page(until=9.0, limit=10)
    assert {noted.reference for noted in left} == {"latest", IMAGE.digest}


async def test_events_are_read_page_by_page(metadata: Metadata) -> None:
    await add(metadata, CONFIG, LAYER, BASE)
    digest = await push(metadata, IMAGE, "latest", "v1", at=1.0)
    await delete(metadata, digest, at=2.0)
    first = await metadata.events.moves(before=2**62, limit=3)
    second = await metadata.events.moves(before=first[-1].number, limit=3)

    assert [moved.move.at for moved in (*first, *second)] == [2.0, 2.0, 1.0, 1.0]
    assert (first[0].repository, first[0].move.digest, first[0].move.previous) == (
        *(HELLO, None),
        digest,
    )
    (deleted,) = await metadata.events.deletions(before=3.0, limit=3)
    assert (deleted.digest, deleted.actor) == (digest, "alice")
    assert await metadata.events.deletions(before=2.0, limit=3) == []


async def test_a_deletion_frees_what_nothing_else_needs(metadata: Metadata) -> None:
    await add(metadata, CONFIG, LAYER, BASE)
    await push(metadata, IMAGE, "latest", "v1")
    small = image(CONFIG, BASE)
    await push(metadata, small, "small")

    assert await metadata.freeing.find(HELLO, [Tag("latest")]) == Freed(0, 0, 0, 0)
    both = [Tag("latest"), Tag("v1")]
    assert await metadata.freeing.find(HELLO, both) == Freed(len(LAYER), 0, 1, 1)
    assert await metadata.freeing.find(HELLO, [IMAGE.digest]) == Freed(len(LAYER), 0, 1, 1)
    every = await metadata.freeing.find(HELLO, [*both, Tag("small")])
    assert every == Freed(len(CONFIG + LAYER + BASE), 0, 2, 3)
    assert await metadata.freeing.find(OTHER, [Tag("latest")]) == Freed(0, 0, 0, 0)


async def test_what_another_repository_has_is_not_freed(metadata: Metadata) -> None:
    for repository in (HELLO, OTHER):
        await add(metadata, CONFIG, LAYER, to=repository)
    await add(metadata, BASE)
    await push(metadata, IMAGE, "latest")

    freed = await metadata.freeing.find(HELLO, [Tag("latest")])
    assert freed == Freed(len(BASE), len(CONFIG + LAYER), 1, 3)


async def test_an_index_takes_its_images_and_what_is_about_it_along(metadata: Metadata) -> None:
    """An image in another index as well stays; so does one in an index, if it alone is deleted."""
    await add(metadata, CONFIG, LAYER, BASE, b"other", b"sbom!")
    other = image(CONFIG, b"other")
    for manifest in (IMAGE, other):
        await push(metadata, manifest)
    both, one = index([IMAGE, other]), index([IMAGE])
    await push(metadata, both, "both")
    await push(metadata, one, "one")
    await push(metadata, image(CONFIG, b"sbom!", subject=both))

    assert await metadata.freeing.find(HELLO, [other.digest]) == Freed(0, 0, 0, 0)
    freed = await metadata.freeing.find(HELLO, [Tag("both")])
    assert freed == Freed(len(b"other" + b"sbom!"), 0, 3, 2)
    freed = await metadata.freeing.find(HELLO, [Tag("both"), Tag("one")])
    assert freed.size == len(CONFIG + LAYER + BASE + b"other" + b"sbom!")
    assert freed.is_whole


async def test_a_digest_that_is_not_there_frees_nothing(metadata: Metadata) -> None:
    await add(metadata, CONFIG)
    assert await metadata.freeing.find(HELLO, [Digest.of(b"no")]) == Freed(0, 0, 0, 0)


async def test_a_sample_of_a_clock_that_was_ahead_is_not_the_last_for_years(
    metadata: Metadata,
) -> None:
    late, early = replace(SAMPLE, at=1e9), replace(SAMPLE, at=2e6)
    for sample in (SAMPLE, late, early):
        await metadata.samples.add(sample)
    assert await metadata.samples.last() == early
    assert await metadata.samples.all() == [SAMPLE, early]


async def test_few_rows_are_counted_at_once_and_nothing_is_kept(
    metadata: Metadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(metadata, CONFIG, LAYER, BASE)
    await push(metadata, IMAGE, "latest", at=5.0)
    (item,) = await metadata.repositories.listed(
        order=ListOrder.NAME, within=[""], words="", after="", limit=5
    )
    size = len(CONFIG + LAYER + BASE)
    assert item.recount == 1
    found = await metadata.figures.count_few([item.id], now=7.0)
    assert found == {item.id: RepositoryFigures(size, size, 0, 1, 1, 5.0, 7.0)}
    assert await metadata.figures.of([HELLO]) == {}
    monkeypatch.setattr(figures, "MOST_OF_FEW", 3)
    assert await metadata.figures.count_few([item.id], now=7.0) == {}


async def test_the_last_sample_comes_with_the_bytes_of_few_blobs(
    metadata: Metadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await metadata.samples.now() == (None, 0)
    await add(metadata, CONFIG, LAYER)
    await metadata.samples.add(SAMPLE)
    assert await metadata.samples.now() == (SAMPLE, len(CONFIG + LAYER))
    monkeypatch.setattr(past_figures, "MOST_SUMMED", 2)
    assert await metadata.samples.now() == (SAMPLE, None)


async def test_growth_is_kept_once_a_day_and_then_once_in_four_weeks(metadata: Metadata) -> None:
    await add(metadata, CONFIG, LAYER, BASE)
    days = [0.0, 0.1, 1.2, 200.0, 200.5, 229.0, 229.1]
    for number, day in enumerate(days):
        await push(metadata, IMAGE, f"v{number}", at=5.0)
        await counted(metadata, at=day * DAY)
    found = await metadata.growth.of(HELLO)
    assert [(round(each.at / DAY, 1), each.tags) for each in found] == [
        (1.2, 3),
        (200.5, 5),
        (229.1, 7),
    ]
    assert await metadata.growth.of(OTHER) == []


async def test_growth_of_the_future_goes_with_the_next_that_is_counted(metadata: Metadata) -> None:
    """The clock was ahead; a plot would go on for years."""
    await add(metadata, CONFIG, LAYER, BASE)
    for day in (1.0, 3650.0, 2.0):
        await push(metadata, IMAGE, f"v{day:.0f}", at=5.0)
        await counted(metadata, at=day * DAY)
    assert [each.at / DAY for each in await metadata.growth.of(HELLO)] == [1.0, 2.0]


async def test_the_last_refusals_are_kept(
    metadata: Metadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = (
        NotedRefusal(at, "page.users", "", "ann", "a/b", "v1", "192.0.2.1", 403, 2)
        for at in (1.0, 2.0, 3.0)
    )
    monkeypatch.setattr(events, "MOST_REFUSALS", 2)
    await metadata.refusals.add([first, second])
    await metadata.refusals.add([third])
    found = await metadata.refusals.page(before=2**62, limit=5)
    assert [refusal for _, refusal in found] == [third, second]
    number = found[0][0]
    assert [refusal for _, refusal in await metadata.refusals.page(before=number, limit=5)] == [
        second
    ]
