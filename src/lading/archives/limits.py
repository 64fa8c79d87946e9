"""Limits of what is read of an archive, and what is said once one is reached."""

from dataclasses import dataclass

PIECE = 128 * 1024
"""Bytes that are decompressed at once."""


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
