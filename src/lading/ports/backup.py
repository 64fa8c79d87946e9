"""The port of backups: what a copy of the database knows, and why one cannot be put in place."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lading.core.digest import Digest


class UnusableBackup(Exception):
    """The file is not a database of this program, or is damaged; the message says which."""


class NotEmpty(Exception):
    """There is a database with something in it already."""


@dataclass(frozen=True, slots=True)
class CopiedBlobs:
    """Blobs that a copy of the database knows, other than those whose bytes were lost.

    Attributes:
        paths_of: the files of a blob, below the root of all data; or the keys of its objects.
    """

    count: int
    digests: Iterator[Digest]
    paths_of: Callable[[Digest], Sequence[str]]
