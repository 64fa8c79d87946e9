"""Limits of what is read of an archive and said of it at once, and how reading it has ended."""

from dataclasses import dataclass

import msgspec

PIECE = 128 * 1024
"""Bytes that are decompressed at once."""
# What the child process says of an archive at once.
MOST_ENTRIES = 500
MOST_BYTES = 256 * 1024
LONGEST_LINE = 2 * MOST_BYTES
"""Bytes that a line of it has at most: no entry has half of that."""


class CutOff(Exception):
    """An archive of which no more is read; the message says why."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one archive.

    Attributes:
        entries: those that are listed of it.
        output: bytes that come out of it.
        window: bytes that a decompressor may have to look back.
    """

    entries: int = 1_000_000
    output: int = 64 * 2**30
    window: int = 128 * 2**20

    @classmethod
    def of_layer(cls, size: int) -> "Limits":
        """The limits of a layer of so many bytes.

        It may become 200 times as large; a small one 64 MiB, as it may be one file of zeros.
        """
        return cls(output=min(64 * 2**30, max(200 * size, 64 * 2**20)))


class ListingEnd(msgspec.Struct):
    """The end of a listing: whether it has all that the archive has, or why not.

    Attributes:
        cut_off: why there may be more than was listed; empty if that is all.
        failed: why nothing could be listed; empty if something was.
    """

    cut_off: str = ""
    failed: str = ""
