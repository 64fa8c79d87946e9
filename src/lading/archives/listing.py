"""Listing what is in an archive, and reading one file of it: in one pass, without a table of it."""

from collections.abc import Iterable, Iterator

from lading.archives.decompress import decompress
from lading.archives.limits import CutOff, Limits
from lading.core.images.tar import TarReader
from lading.core.images.tar_header import TarInvalid
from lading.core.images.tree import Entry, EntryKind, directories, entry_of, implied


def entries(pieces: Iterable[bytes], limits: Limits | None = None) -> Iterator[Entry]:
    """The entries of a layer in the order of its archive; of those with one path, the last counts.

    A directory that the archive leaves out comes as an implied entry before what is in it, perhaps
    more than once; one that is in the archive counts more than that, wherever it comes.

    Args:
        pieces: of the layer as it was pushed, compressed or not.
        limits: those of an archive of unknown size if they are not given.

    Raises:
        TarInvalid: it is no archive, or a damaged one; what came before that is in it.
        CutOff: a limit was reached.
    """
    limits = limits or Limits()
    reader, count, known = TarReader(), 0, ""
    for piece in decompress(pieces, limits):
        for member in reader.feed(piece):
            entry = entry_of(member)
            if entry is None:
                continue
            for found in (*_implied(known, entry.parent), entry):
                count += 1
                if count > limits.entries:
                    raise CutOff(f"it has more than {limits.entries} entries")
                yield found
            known = entry.path if entry.kind is EntryKind.DIRECTORY else entry.parent
        if reader.is_finished:
            return
    reader.close()


def content(
    pieces: Iterable[bytes], offset: int, size: int, limits: Limits | None = None
) -> Iterator[bytes]:
    """The bytes of a file of a layer, as `Entry.offset` and `Entry.size` say where they are.

    All that comes before them is decompressed, too.

    Raises:
        TarInvalid: the archive is damaged, or ends before.
        CutOff: a limit was reached.
    """
    if not size:
        return
    start, stop, position = offset, offset + size, 0
    for piece in decompress(pieces, limits or Limits()):
        first, last = max(start - position, 0), min(stop - position, len(piece))
        if first < last:
            yield piece[first:last]
        position += len(piece)
        if position >= stop:
            return
    raise TarInvalid("the archive ends before the file does")


def _implied(known: str, path: str) -> list[Entry]:
    """A directory and those it is in, but for one that was seen last and those that one is in."""
    if known == path:
        return []
    inside = f"{known}/"
    return [implied(above) for above in directories(path) if not inside.startswith(f"{above}/")]
