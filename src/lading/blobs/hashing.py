"""Hashes that run while bytes arrive.

An upload may come in many requests, and each may reach another worker. A worker that has seen all
bytes so far goes on hashing; one that has not does not try, and the commit reads what is missing:
at most once, and never for a client that stays on its connection.
"""

from collections import OrderedDict
from dataclasses import dataclass

from lading.core.digest import SHA256, Bytes, Digest, Hasher, new_hasher
from lading.core.names import UploadKey

# Hashes of uploads that may go on; one takes about 200 bytes.
MAX_KEPT = 4096


@dataclass(slots=True)
class RunningHash:
    """The hash of the first `size` bytes of something."""

    algorithm: str
    hasher: Hasher
    size: int = 0

    @classmethod
    def start(cls, algorithm: str) -> "RunningHash":
        """Of no bytes yet."""
        return cls(algorithm, new_hasher(algorithm))

    def update(self, data: Bytes) -> None:
        """Take the next bytes."""
        self.hasher.update(data)
        self.size += len(data)

    def digest(self) -> Digest:
        """The digest of the bytes so far."""
        return Digest(f"{self.algorithm}:{self.hasher.hexdigest()}")


class HashesInProgress:
    """Keeps the hashes of uploads between their requests; forgets the oldest when full."""

    def __init__(self) -> None:
        self._hashes: OrderedDict[UploadKey, RunningHash] = OrderedDict()

    def take(self, upload: UploadKey, size: int) -> RunningHash | None:
        """The hash of the first `size` bytes of the upload, if it is known here."""
        running = self._hashes.pop(upload, None)
        if running is not None and running.size == size:
            return running
        return RunningHash.start(SHA256) if size == 0 else None

    def keep(self, upload: UploadKey, running: RunningHash) -> None:
        """Remember a hash for the upload's next request."""
        self._hashes[upload] = running
        while len(self._hashes) > MAX_KEPT:
            self._hashes.popitem(last=False)

    def forget(self, upload: UploadKey) -> None:
        """The upload is over."""
        self._hashes.pop(upload, None)
