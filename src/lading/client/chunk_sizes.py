"""Sizes of the requests by which blobs go to one registry, as far as it is known what it takes."""

# What is smaller is sent with the first request, which costs less than to ask whether it is there.
SMALL = 256 * 1024
# What is known not to be there goes so up to this size, to a registry that is known to take it.
_MOST_AT_ONCE = 8 * 1024 * 1024
_CHUNK = 64 * 1024 * 1024
LEAST_CHUNK = 1024 * 1024
_MOST_CHUNK = 1024 * 1024 * 1024


class ChunkSizes:
    """How much a request to one registry carries; of all uploads to it.

    Attributes:
        size: of a chunk in bytes; 0 sends blobs as a whole.
        one_request: whether a blob may come with the request that begins its upload, as the
            specification has it ("Single POST") and not every registry; `None` until it is known.
    """

    def __init__(self) -> None:
        self.size = 0
        self.one_request: bool | None = None

    def shrink(self, refused: bool) -> None:
        """Send less at once, after 413 or a cut."""
        if self.size == 0:
            self.size = _CHUNK
        elif refused:
            self.size = max(LEAST_CHUNK, self.size // 2)

    def grow(self) -> None:
        """Send fewer and larger requests, after 429."""
        if self.size:
            self.size = min(_MOST_CHUNK, self.size * 2)

    def takes_at_once(self, size: int) -> bool:
        """Whether a blob of so many bytes may come with the request that begins its upload."""
        most = _MOST_AT_ONCE if self.one_request else SMALL
        return self.one_request is not False and 0 < size <= min(most, self.size or most)
