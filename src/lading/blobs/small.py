"""Small blobs, kept in memory: configurations, and the layers of little programs.

Half of all layers are small, and for them opening a file costs more than sending it. What a digest
names never changes, so what is kept cannot be out of date; whether it may be pulled, a row says.
"""

from collections import OrderedDict

from lading.core.digest import Digest

# Bytes up to which a blob is small.
LARGEST = 64 * 1024
# Bytes that are kept, by each worker, with what Python takes beside each blob: the smallest are not
# to be kept by the million.
CAPACITY = 16 * 1024 * 1024
BESIDE = 512


class SmallBlobs:
    """Keeps what was asked for last."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._size = 0
        self._blobs: OrderedDict[Digest, bytes] = OrderedDict()

    def get(self, digest: Digest) -> bytes | None:
        """The bytes of a blob, if they are kept."""
        data = self._blobs.get(digest)
        if data is not None:
            self._blobs.move_to_end(digest)
        return data

    def put(self, digest: Digest, data: bytes) -> bool:
        """Keep a blob; false if these are not its bytes, for what is damaged can be mended."""
        if not digest.names(data):
            return False
        self.drop(digest)
        self._blobs[digest] = data
        self._size += len(data) + BESIDE
        while self._size > self._capacity:
            self.drop(next(iter(self._blobs)))
        return True

    def drop(self, digest: Digest) -> None:
        """Keep it no longer."""
        data = self._blobs.pop(digest, None)
        if data is not None:
            self._size -= len(data) + BESIDE
