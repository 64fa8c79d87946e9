"""Finding out what is in layers, in the background, once somebody has asked.

One layer at a time, in turns of those who ask, in a child process (`archives/process`), by
whichever worker has the lease. A worker that dies leaves a tree that is running, which the next one
begins again.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, suppress
from heapq import heapify, heappop, heapreplace

import msgspec

from lading.archives.limits import ListingEnd
from lading.archives.process import ReadingFailed, list_entries
from lading.core.digest import Digest
from lading.core.errors import BlobDamaged, BlobUnknown
from lading.core.images.overlay import Adder, Sums, TooManyMarks
from lading.core.images.tree import Entry
from lading.core.typing import T
from lading.metadata import batches
from lading.metadata.layers.askings import Askings, Wanted
from lading.metadata.layers.trees import TreeRow, TreeState
from lading.services import damage, lease
from lading.services.jobs import tried_again
from lading.services.lease import Lease
from lading.services.registry import Registry

log = logging.getLogger(__name__)

FIND = "finding what is in layers"
REMOVE = "removing what was found in layers"
# Seconds between looks for what was asked of other workers.
LOOK = 30.0
# Seconds for which what was found is kept without anybody asking for it.
KEPT = 30 * 24 * 3600.0
# Seconds within which a lease is renewed while a child gives nothing.
PATIENCE = 15.0


async def keep(registry: Registry, holder: str) -> None:
    """Find whatever is asked for, as a worker of a name, until cancelled."""
    while True:
        registry.asked.clear()
        with tried_again(FIND):
            await find_asked(registry, holder)
        with suppress(TimeoutError):
            await asyncio.wait_for(registry.asked.wait(), LOOK)


class _Turns:
    """The turns of those who ask for a kind of things, one after the other.

    What one of them has asked for last has every second of its turns. So nobody waits for all that
    somebody else has asked for, perhaps in one go, and of which each may take minutes; nor for all
    that was asked for before by the same name, or from the same address.
    """

    def __init__(self, askings: Askings, kind: Wanted) -> None:
        self._askings = askings
        self._kind = kind
        self._last = ""
        self._newest = False

    async def next(self) -> str | None:
        """What is to be found out now; `None` if nothing is asked for."""
        find = self._askings.find_next
        asking = await find(self._kind, after=self._last, newest=self._newest)
        if asking is None and self._last:  # each of them has had a turn
            self._newest = not self._newest
            asking = await find(self._kind, after="", newest=self._newest)
        self._last = "" if asking is None else asking.asker
        return None if asking is None else asking.wanted


async def find_asked(registry: Registry, holder: str) -> None:
    """Find all that was asked for, unless another worker does."""
    metadata = registry.metadata
    while any([await metadata.askings.find_next(kind) for kind in Wanted]):
        if await metadata.read_only.find() is not None:
            return
        async with lease.claim(registry, FIND, holder) as held:
            if held is None:
                return
            turns = {kind: _Turns(metadata.askings, kind) for kind in Wanted}
            while await _find_next(registry, held, turns):
                pass


async def _find_next(registry: Registry, held: Lease, turns: Mapping[Wanted, _Turns]) -> bool:
    """Find a tree and the sums of an overlay; false if none of either were asked for."""
    digest = await turns[Wanted.TREE].next()
    if digest is not None:
        [*trees] = (await registry.metadata.trees.of([Digest(digest)])).values()
        if trees and not trees[0].is_settled:
            await _find_tree(registry, held, trees[0])
        else:  # the layer is gone, or was given up
            await registry.metadata.askings.remove(Wanted.TREE, digest)
    key = await turns[Wanted.SUMS].next()
    if key is not None:
        layers = await registry.metadata.overlays.layers_of(key)
        if layers:
            await _find_sums(registry, held, key, layers)
        else:
            await registry.metadata.askings.remove(Wanted.SUMS, key)
    return digest is not None or key is not None


async def remove_old(registry: Registry, held: Lease) -> None:
    """Remove, in steps, what is of layers that are gone, or was not looked at for a long time."""
    before = registry.clock() - KEPT
    while await registry.metadata.trees.remove_some(asked_before=before):
        await held.renew()
    most = batches.MOST_ROWS
    while await registry.metadata.overlays.remove_old(asked_before=before, most=most) == most:
        await held.renew()


async def _find_tree(registry: Registry, held: Lease, tree: TreeRow) -> None:
    trees = registry.metadata.trees
    [*known] = await registry.metadata.inspection.known_blobs([tree.digest])
    source = await registry.blobs.find(tree.digest)
    if not known or known[0].lost:
        source = None
    elif source is None or source.size != known[0].size:
        await _is_damaged(registry, tree)
        source = None
    if source is None:
        await trees.leave(tree.id)
        return
    await trees.settle(tree, TreeState.RUNNING, now=registry.clock())
    state, reason = TreeState.WAITING, ""
    try:
        async with aclosing(list_entries(source, known[0].size)) as found:
            async for batch in _renewing(held, found):
                if isinstance(batch, ListingEnd):
                    state, reason = _state_of(batch)
                else:
                    await trees.add(tree.id, batch)
        if state is not TreeState.DONE and await _is_damaged(registry, tree):
            await trees.leave(tree.id)
    except ReadingFailed as error:
        state, reason = TreeState.CUT_OFF, str(error)
        log.warning("not all of layer %s could be looked into: %s", tree.digest, error)
    except OSError:  # the file or the object has changed since it was found
        if not await _is_damaged(registry, tree):
            raise
        await trees.leave(tree.id)
    finally:
        await trees.settle(tree, state, reason, now=registry.clock())


async def _is_damaged(registry: Registry, tree: TreeRow) -> bool:
    """Whether the bytes of a layer are other ones than were pushed; then they count as not there.

    What is found is kept for good, and the push that heals the layer brings other bytes.
    """
    return isinstance(
        await damage.look_again(registry, tree.digest, hashed=True), BlobDamaged | BlobUnknown
    )


def _state_of(ending: ListingEnd) -> tuple[TreeState, str]:
    if ending.failed:
        return TreeState.FAILED, ending.failed
    if ending.cut_off:
        return TreeState.CUT_OFF, ending.cut_off
    return TreeState.DONE, ""


async def _renewing(held: Lease, found: AsyncGenerator[T, None]) -> AsyncIterator[T]:
    """The items as they are found; the lease is renewed however long the next one takes."""
    while True:
        coming = asyncio.ensure_future(anext(found, None))
        try:
            while not coming.done():
                await asyncio.wait([coming], timeout=PATIENCE)
                await held.renew()
        finally:
            if not coming.done():
                coming.cancel()
                await asyncio.wait([coming])
        batch = await coming
        if batch is None:
            return
        yield batch


async def _find_sums(registry: Registry, held: Lease, key: str, layers: Sequence[Digest]) -> None:
    known = await registry.metadata.trees.of(layers)
    # One of them is gone, or came again and waits: then whoever looks at the image asks once more.
    if len(known) < len(set(layers)) or not all(tree.is_settled for tree in known.values()):
        await registry.metadata.overlays.remove(key)
        return
    ids = [known[layer].id for layer in layers]
    try:
        sums = await _sums(registry, held, ids)
    except TooManyMarks as error:
        sums = Sums(failed=str(error))
    await registry.metadata.overlays.settle(key, msgspec.json.encode(sums))


async def _sums(registry: Registry, held: Lease, ids: Sequence[int]) -> Sums:
    adder = Adder(len(ids))
    for layer, id_ in enumerate(ids):
        async for entry in _paged(registry, held, id_, marks=True):
            adder.mark(layer, entry)
    group: list[tuple[int, Entry]] = []
    async for layer, entry in _merged([_paged(registry, held, id_) for id_ in ids]):
        if group and group[0][1].path != entry.path:
            adder.add(group)
            group = []
        group.append((layer, entry))
    if group:
        adder.add(group)
    return adder.sums()


async def _paged(
    registry: Registry, held: Lease, tree: int, *, marks: bool = False
) -> AsyncIterator[Entry]:
    """The entries of a tree by parent and name, of which some hundred are in memory."""
    read, after = registry.metadata.trees.page, ("", "")
    while page := await read(tree, after, batches.MOST_ROWS, marks=marks):
        for entry in page:
            yield entry
        after = (page[-1].parent, page[-1].name)
        await held.renew()


async def _merged(trees: Sequence[AsyncIterator[Entry]]) -> AsyncIterator[tuple[int, Entry]]:
    """Entries of all layers by parent, name and layer."""
    first = [(layer, await anext(tree, None)) for layer, tree in enumerate(trees)]
    heap = [(entry.parent, entry.name, layer, entry) for layer, entry in first if entry is not None]
    heapify(heap)
    while heap:
        _, _, layer, entry = heap[0]
        yield layer, entry
        following = await anext(trees[layer], None)
        if following is None:
            heappop(heap)
        else:
            heapreplace(heap, (following.parent, following.name, layer, following))
