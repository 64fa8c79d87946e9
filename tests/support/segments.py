"""Objects in memory, as blobs in an object store are made of them."""

import os
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

from lading.core.digest import Bytes
from lading.ports.object_sources import Chunks, Piped, Segment, Segments


class MemorySegments(Segments):
    """Objects in memory, of which some cannot be read.

    Attributes:
        broken: what happens to who reads an object, `o/0`, `o/1`, …
        closed: how many streams of pieces were begun and are closed.
    """

    def __init__(self, data: bytes, sizes: Sequence[int]) -> None:
        self.broken: Mapping[str, Exception] = {}
        self.closed = 0
        self._data = data
        starts = [sum(sizes[:number]) for number in range(len(sizes))]
        self._objects = {
            f"o/{number}": data[start : start + size]
            for number, (start, size) in enumerate(zip(starts, sizes, strict=True))
        }

    @property
    def chunks(self) -> Chunks:
        """All bytes in as many objects as there are sizes."""
        return Chunks(self, [Segment(key, len(data)) for key, data in self._objects.items()])

    @property
    def one(self) -> Chunks:
        """All bytes in one object."""
        self._objects["all"] = self._data
        return Chunks(self, [Segment("all", len(self._data))])

    async def read(self, key: str, start: int, size: int) -> Bytes:
        if key in self.broken:
            raise self.broken[key]
        data = self._objects[key][start : start + size]
        assert len(data) == size > 0
        return data

    async def pieces(self, key: str, start: int, size: int) -> AsyncGenerator[Bytes, None]:
        try:
            for position in range(start, start + size, 7000):
                yield await self.read(key, position, min(7000, start + size - position))
        finally:
            self.closed += 1

    async def piped(self, key: str, start: int, size: int) -> AsyncGenerator[Bytes | Piped, None]:
        out, into = os.pipe()
        try:
            async with aclosing(self.pieces(key, start, size)) as pieces:
                async for piece in pieces:
                    yield Piped(out, os.write(into, piece))
        finally:
            os.close(out)
            os.close(into)

    async def sign(self, key: str, seconds: float) -> str | None:
        return f"https://store.example.com/{key}?seconds={seconds:.0f}"


def taken(part: Bytes | Piped) -> bytes:
    """The bytes of a part, out of the pipe if they are there."""
    if not isinstance(part, Piped):
        return bytes(part)
    data = bytearray()
    while len(data) < part.size:
        data += os.read(part.descriptor, part.size - len(data))
    return bytes(data)
