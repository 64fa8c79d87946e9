"""Trees of layers, and sums over them, in every database."""

from functools import partial
from typing import Any

from lading.core.digest import Digest
from lading.core.images.tree import Entry, EntryKind, implied
from lading.core.names import Owner
from lading.metadata import batches
from lading.metadata.layers.askings import Wanted
from lading.metadata.layers.trees import TreeRow, TreeState
from lading.metadata.metadata import Metadata

LAYER = Digest.of(b"layer")
ANN, BOB = sorted([Owner.of("user ann"), Owner.of("user bob")])


def entry(path: str, size: int = 1, kind: EntryKind = EntryKind.FILE) -> Entry:
    parent, _, name = path.rpartition("/")
    return Entry(parent, name, kind, size, 0o644, "", 512)


async def tree_of(metadata: Metadata, digest: Digest = LAYER) -> int:
    return (await asked_for(metadata, digest)).id


async def asked_for(metadata: Metadata, digest: Digest, at: float = 1.0) -> TreeRow:
    await metadata.trees.ask([digest], ANN, at)
    return (await metadata.trees.of([digest]))[digest]


async def waiting(metadata: Metadata, **words: Any) -> str | None:
    asking = await metadata.askings.find_next(Wanted.TREE, **words)
    return None if asking is None else asking.wanted


async def test_a_tree_waits_until_it_is_settled(metadata: Metadata) -> None:
    assert await waiting(metadata) is None
    tree = await asked_for(metadata, LAYER, 1.0)
    other = await asked_for(metadata, Digest.of(b"other"), 1.5)
    assert await waiting(metadata) == LAYER
    assert await waiting(metadata, newest=True) == other.digest
    assert (tree.state, tree.is_settled) == (TreeState.WAITING, False)
    await metadata.trees.settle(tree, TreeState.WAITING, now=2.0)  # it goes to the end
    assert await waiting(metadata) == other.digest
    await metadata.trees.settle(tree, TreeState.DONE, now=3.0)
    await metadata.trees.settle(other, TreeState.FAILED, "why", now=3.0)
    assert await waiting(metadata) is None
    await metadata.trees.ask([LAYER], ANN, 9.0)
    assert (await metadata.trees.of([LAYER]))[LAYER].state is TreeState.DONE
    assert await waiting(metadata) is None


async def test_each_who_asks_for_a_tree_has_a_turn_until_it_is_found(metadata: Metadata) -> None:
    tree = await asked_for(metadata, LAYER)
    await metadata.trees.ask([LAYER], ANN, 5.0)
    await metadata.trees.ask([LAYER], BOB, 2.0)
    find = partial(metadata.askings.find_next, Wanted.TREE)
    assert await find() == (ANN, LAYER)
    assert await find(after=ANN) == (BOB, LAYER)
    assert await find(after=BOB) is None
    await metadata.trees.settle(tree, TreeState.RUNNING, now=6.0)
    assert await find(after=ANN) == (BOB, LAYER)
    await metadata.trees.settle(tree, TreeState.DONE, now=6.0)
    assert await find() is None


async def test_askings_for_what_is_gone_go_when_their_turn_comes(metadata: Metadata) -> None:
    tree = await asked_for(metadata, LAYER)
    await metadata.overlays.ask("key", [LAYER], ANN, 1.0)
    await metadata.trees.leave(tree.id)
    assert await waiting(metadata) == LAYER
    await metadata.askings.remove(Wanted.TREE, LAYER)
    assert await waiting(metadata) is None
    assert await metadata.askings.find_next(Wanted.SUMS) == (ANN, "key")


async def test_the_last_of_one_path_counts_and_an_implied_one_never_more(
    metadata: Metadata,
) -> None:
    tree = await tree_of(metadata)
    await metadata.trees.add(tree, [entry("a", 1), entry("a", 2), implied("d"), implied("d")])
    await metadata.trees.add(
        tree, [implied("a"), entry("a", 3), entry("d", 0, EntryKind.DIRECTORY)]
    )
    await metadata.trees.add(tree, [implied("a"), implied("d"), implied("d")])
    [found] = await metadata.trees.children([tree], [""], most=10)
    assert [(item.name, item.size, item.is_implied) for item in found] == [
        ("a", 3, False),
        ("d", 0, False),
    ]


async def test_entries_come_in_the_order_of_bytes_whatever_the_language(metadata: Metadata) -> None:
    tree = await tree_of(metadata)
    names = ["B", "a", "z", "é", "\U0001f600", ".wh.x", "a b", "a\\xe9", "a%", "_"]
    await metadata.trees.add(tree, [entry(name) for name in names])
    [found] = await metadata.trees.children([tree], [""], most=100)
    assert [item.name for item in found] == sorted(names)
    [rest] = await metadata.trees.children([tree], [""], after="a", most=2)
    assert [item.name for item in rest] == ["a b", "a%"]
    [some] = await metadata.trees.named([tree], {"": ["é", "nothing"], "elsewhere": ["a"]})
    assert [item.name for item in some] == ["é"]


async def test_entries_are_found_by_a_part_of_their_names(metadata: Metadata) -> None:
    tree = await tree_of(metadata)
    await metadata.trees.add(tree, [entry(name) for name in ("d/Read%Me", "d/other", "e/read_me")])

    async def found(words: str, *, looked_at: int = 10) -> list[str]:
        entries = await metadata.trees.search([tree], words, most=9, looked_at=looked_at)
        return [item.name for _, item in entries]

    assert await found("read") == ["Read%Me", "read_me"]
    assert await found("D%m") == ["Read%Me"]
    assert await found("d_m") == ["read_me"]
    assert await found("!") == []
    assert await found("read", looked_at=2) == ["Read%Me"]


async def test_several_trees_are_searched_together(metadata: Metadata) -> None:
    """One after the other, as they are named, until enough has been looked at."""
    lower, upper, empty = [
        await tree_of(metadata, Digest.of(bytes([number]))) for number in range(3)
    ]
    await metadata.trees.add(lower, [entry(path) for path in ("a/other", "b/read", "c/read")])
    await metadata.trees.add(upper, [entry(path) for path in ("b/read", "d/read")])
    others = await tree_of(metadata, Digest.of(b"of another image"))
    await metadata.trees.add(others, [entry("b/read")])

    async def found(*, most: int = 10, looked_at: int = 10) -> list[tuple[int, str]]:
        trees = [upper, lower, empty]
        rows = await metadata.trees.search(trees, "read", most=most, looked_at=looked_at)
        return [(tree, item.path) for tree, item in rows]

    every = [(lower, "b/read"), (upper, "b/read"), (lower, "c/read"), (upper, "d/read")]
    assert await found() == every
    assert await found(most=2) == every[:2]
    assert await found(looked_at=4) == [*every[:2], every[3]]
    assert await found(looked_at=3) == [every[1], every[3]]
    assert await found(looked_at=1) == [every[1]]


async def test_all_entries_and_all_marks_are_found_in_pages(metadata: Metadata) -> None:
    tree = await tree_of(metadata)
    paths = [f"d{number % 3}/{number}" for number in range(10)]
    await metadata.trees.add(tree, [entry(path) for path in paths])
    await metadata.trees.add(tree, [entry("d1/.wh.x", 0, EntryKind.WHITEOUT)])
    found: list[str] = []
    after = ("", "")
    while page := await metadata.trees.page(tree, after, 4):
        found += [item.path for item in page]
        after = (page[-1].parent, page[-1].name)
    assert found == sorted([*paths, "d1/.wh.x"])
    assert [item.hidden for item in await metadata.trees.page(tree, ("", ""), 4, marks=True)] == [
        "d1/x"
    ]


async def test_a_tree_is_removed_in_steps(metadata: Metadata) -> None:
    tree = await tree_of(metadata)
    count = 2 * batches.MOST_ROWS + 1
    await metadata.trees.add(tree, [entry(str(number)) for number in range(count)])
    assert not await metadata.trees.remove_some(asked_before=1.0)
    steps = 0
    while await metadata.trees.remove_some(asked_before=2.0):
        steps += 1
        assert await metadata.trees.of([LAYER]) == {}
    assert steps == 3
    assert (
        await tree_of(metadata) != tree
        or not (await metadata.trees.children([tree], [""], most=1))[0]
    )


async def test_sums_wait_until_they_are_known(metadata: Metadata) -> None:
    overlays = metadata.overlays
    find_next = partial(metadata.askings.find_next, Wanted.SUMS)
    assert await overlays.find("key", ANN) is None
    await overlays.ask("key", [LAYER, LAYER], ANN, 1.0)
    assert await overlays.find("key", ANN) == b""
    assert await overlays.find("key", BOB) is None
    assert await find_next() == (ANN, "key")
    assert await overlays.layers_of("key") == [LAYER, LAYER]
    await overlays.settle("key", b"{}")
    assert await find_next() is None
    assert await overlays.layers_of("key") == []
    assert await overlays.find("key", ANN) == await overlays.find("key", BOB) == b"{}"
    assert await overlays.remove_old(asked_before=1.0, most=5) == 0
    assert await overlays.remove_old(asked_before=2.0, most=5) == 1
    await overlays.ask("other", [LAYER], ANN, 1.0)
    await overlays.remove("other")
    assert await overlays.find("other", ANN) is None
    assert await find_next() is None
