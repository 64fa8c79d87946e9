"""Batches: what the child process says of an archive, some entries at a time."""

import msgspec

MOST_ENTRIES = 500
MOST_BYTES = 256 * 1024
LONGEST_LINE = 2 * MOST_BYTES
"""Bytes that a line of it has at most: no entry has half of that."""


class ListingEnd(msgspec.Struct):
    """The end of a listing: whether it has all that the archive has, or why not.

    Attributes:
        cut_off: why there may be more than was listed; empty if that is all.
        failed: why nothing could be listed; empty if something was.
    """

    cut_off: str = ""
    failed: str = ""
