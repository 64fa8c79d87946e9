"""Looking into images: the files of a layer, and of all layers of an image together.

Nothing is looked for while somebody waits: what is not known yet is asked for, and found in the
background (`services/shown/tree_jobs`). What is in a directory is put together in `directories`.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from lading.archives.process import read_content
from lading.core.access import Grant
from lading.core.errors import BlobUnknown, StorageFull, Unavailable
from lading.core.images.contents import ImageLayer, layers_of
from lading.core.images.overlay import Sums
from lading.core.images.tree import Entry, EntryKind
from lading.core.names import Owner, Reference
from lading.metadata.layers.trees import StoredLayer, TreeRow, TreeState
from lading.services import read_only
from lading.services.pull import PulledBlob, pull_blob, pull_manifest
from lading.services.registry import Registry
from lading.system.threads import off_loop

# Seconds within which it is not noted again that somebody has looked.
_DAY = 24 * 3600.0
# Layers that are looked at together: image tools take no more (overlayfs takes 128 or 500).
MOST_LAYERS = 500
# Entries of layers that one search looks at: about half a second.
MOST_LOOKED_AT = 500_000
# Seconds to wait until files that others read are read.
PATIENCE = 10.0


class Effect(StrEnum):
    """The effect of a layer on a path of those below."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"
    SAME = ""


@dataclass(frozen=True, slots=True)
class LookedAt:
    """A layer of an image that is looked at.

    Attributes:
        is_here: whether the repository has its bytes.
        tree: `None` if there is none, nor will be.
    """

    layer: ImageLayer
    is_here: bool
    tree: TreeRow | None

    @property
    def is_waiting(self) -> bool:
        """Whether it is still to be found out what is in the layer."""
        return self.is_here and (self.tree is None or not self.tree.is_settled)

    @property
    def has_files(self) -> bool:
        """Whether files of the layer are known."""
        return self.tree is not None and self.tree.state in {TreeState.DONE, TreeState.CUT_OFF}


@dataclass(frozen=True, slots=True)
class Inside:
    """The inside of an image, as far as it is known: its layers, the lowest first.

    Attributes:
        asker: who looks, and has a turn in which what is not known is found out.
    """

    layers: Sequence[LookedAt]
    asker: Owner

    @property
    def is_waiting(self) -> bool:
        """Whether some of the image is still to be found out."""
        return any(looked.is_waiting for looked in self.layers)

    @property
    def trees(self) -> Sequence[int]:
        """The trees that are known, by their ids; -1 stands for one that is not."""
        return [
            looked.tree.id if looked.tree is not None and looked.has_files else -1
            for looked in self.layers
        ]


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry as it is shown, from a layer of that number, 0 for the lowest."""

    entry: Entry
    layer: int
    effect: Effect = Effect.SAME


async def look(
    registry: Registry,
    grant: Grant,
    reference: Reference,
    *,
    client: str = "",
    asking: bool = True,
) -> Inside:
    """Look at an image: what is not known of it is asked for.

    Args:
        client: the address of a caller that has no name.
        asking: whether it is asked for; if not, nothing is written down.

    Raises:
        RepositoryUnknown, ManifestUnknown: there is none.
    """
    manifest = await pull_manifest(registry, grant, reference)
    body, kind = manifest.body, manifest.media_type
    found = await off_loop(len(body), lambda: layers_of(body, kind))
    layers = found[:MOST_LAYERS]
    digests = [layer.digest for layer in layers]
    asker = Owner.known_by(grant.principal.name, client)
    stored = await registry.metadata.trees.find(grant.repository, digests, asker)
    now = registry.clock()
    asked = [digest for digest, known in stored.items() if _is_to_be_asked_for(known, now)]
    if asked and asking and await read_only.find(registry) is None:
        with suppress(StorageFull, Unavailable):  # who looks again asks again
            await registry.metadata.trees.ask(asked, asker, now)
        stored = await registry.metadata.trees.find(grant.repository, digests, asker)
    inside = Inside(
        [
            LookedAt(layer, layer.digest in stored, known.tree if known else None)
            for layer in layers
            for known in [stored.get(layer.digest)]
        ],
        asker,
    )
    if inside.is_waiting:
        registry.asked.set()
    return inside


def _is_to_be_asked_for(known: StoredLayer, now: float) -> bool:
    tree = known.tree
    if tree is None or tree.asked_at < now - _DAY:
        return True
    return not (tree.is_settled or known.is_asked_for)


async def sums(registry: Registry, inside: Inside, *, asking: bool = True) -> Sums | None:
    """The sums of the layers together; `None` if they are still to be found out.

    Args:
        asking: as in `look`.
    """
    layers = [looked.layer.digest for looked in inside.layers if looked.has_files]
    if inside.is_waiting or not layers:
        return None
    key = hashlib.sha256(" ".join(layers).encode()).hexdigest()
    found = await registry.metadata.overlays.find(key, inside.asker)
    if found:
        return msgspec.json.decode(found, type=Sums)
    if found is None and asking and await read_only.find(registry) is None:
        with suppress(StorageFull, Unavailable):
            await registry.metadata.overlays.ask(key, layers, inside.asker, registry.clock())
    registry.asked.set()
    return None


async def search(
    registry: Registry, inside: Inside, words: str, number: int | None = None, *, most: int
) -> Sequence[Shown]:
    """Files of one layer, or of all, in whose names words are, be they seen by a container or not.

    They are looked for in the uppermost layer first, until enough has been looked at.

    Args:
        number: of the layer, from 0 for the lowest.
    """
    layers = range(len(inside.layers)) if number is None else [number]
    known = [layer for layer in layers if inside.layers[layer].has_files]
    ids = [inside.trees[layer] for layer in known]
    found = await registry.metadata.trees.search(
        ids[::-1], words, most=most, looked_at=MOST_LOOKED_AT
    )
    # An image can have one layer several times.
    every = [
        Shown(entry, layer)
        for tree_id, entry in found
        for layer, id_ in zip(known, ids, strict=True)
        if id_ == tree_id
    ]
    return sorted(every, key=lambda shown: (shown.entry.path, shown.layer))[:most]


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads a file of a layer, and how much of it.

    Attributes:
        client: whose turn it takes.
        most: bytes that are wanted.
        waits: whether the pieces leave as the reader takes them, and so take as long as it likes.
    """

    client: str
    most: int
    waits: bool = False


async def read_file(
    registry: Registry, grant: Grant, inside: Inside, shown: Shown, reader: Reader
) -> AsyncGenerator[bytes, None]:
    """The first bytes of a file, piece by piece; all that is before them is decompressed.

    Raises:
        BlobUnknown: it is no file whose bytes are in the layer.
        Unavailable: others are reading files for too long.

    The pieces raise `ReadingFailed`, `OSError` or `Unavailable` if not all of them can be read.
    """
    entry, layer = shown.entry, inside.layers[shown.layer].layer
    if entry.kind is not EntryKind.FILE:
        raise BlobUnknown("what this path is has no bytes of its own", {"path": entry.path})
    blob = await pull_blob(registry, grant, layer.digest)
    async with _turn(registry, reader):
        pass  # it is taken once somebody wants the pieces
    return _pieces(registry, blob, entry, reader)


@asynccontextmanager
async def _turn(registry: Registry, reader: Reader) -> AsyncIterator[None]:
    turns = registry.sending if reader.waits else registry.reading
    async with AsyncExitStack() as stack:
        try:
            async with asyncio.timeout(PATIENCE):
                await stack.enter_async_context(turns.take(reader.client))
        except TimeoutError as error:
            raise Unavailable("other files of layers are being read; try again later") from error
        yield


async def _pieces(
    registry: Registry, blob: PulledBlob, entry: Entry, reader: Reader
) -> AsyncGenerator[bytes, None]:
    length = min(entry.size, reader.most)
    async with (
        _turn(registry, reader),
        aclosing(read_content(blob.source, blob.size, entry.offset, length)) as pieces,
    ):
        async for piece in pieces:
            yield piece
