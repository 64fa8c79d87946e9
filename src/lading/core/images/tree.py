"""Trees: the files of a layer, as values. A name of a file is only ever shown, never opened.

Names become text that is unlike for unlike names and can be shown: what is not UTF-8, or cannot be
seen, stands there as `\\xNN` or `\\uNNNN`, and a backslash is doubled.
"""

from enum import StrEnum
from typing import NamedTuple

from lading.core.images.tar import Member

DEEPEST = 100
"""Directories that may be in each other."""
LONGEST = 4096
"""Bytes that a path may have: Linux opens no longer one."""

# Signs of a path as text: at most so many for each byte of it.
_LONGEST_SHOWN = 4 * LONGEST

_HIDES = b".wh."
_OPAQUE = b".wh..wh..opq"
_NOTES_OF_AUFS = b".wh..wh."


class EntryKind(StrEnum):
    """The kinds of entries, by the letters that are kept of them."""

    FILE = "f"
    DIRECTORY = "d"
    SYMLINK = "l"
    HARD_LINK = "h"
    DEVICE = "c"
    PIPE = "p"
    SPARSE = "s"
    WHITEOUT = "w"
    OPAQUE = "o"


_KINDS = {
    b"1": EntryKind.HARD_LINK,
    b"2": EntryKind.SYMLINK,
    b"3": EntryKind.DEVICE,
    b"4": EntryKind.DEVICE,
    b"5": EntryKind.DIRECTORY,
    b"6": EntryKind.PIPE,
    b"D": EntryKind.DIRECTORY,
    b"S": EntryKind.SPARSE,
}
# A name of a volume, and parts of files on several: nothing that would be unpacked.
_NO_ENTRIES = frozenset((b"V", b"M", b"N"))


class Entry(NamedTuple):
    """An entry of a tree: a file, or a mark that hides files of the layers below.

    Attributes:
        parent: the path of its directory, without `/` around it; empty for the root.
        name: of it there; a whiteout has the one of what it hides, behind `.wh.`.
        size: in bytes; of a link, 0: what it leads to has the bytes.
        mode: its permissions; 0 if they are not known.
        link: where a link leads to, as it stands there.
        offset: of its bytes in the archive, once that is decompressed; -1 for a directory of which
            only files are in the archive.
    """

    parent: str
    name: str
    kind: EntryKind
    size: int
    mode: int
    link: str
    offset: int

    @property
    def path(self) -> str:
        """The path of the entry, from the root."""
        return join(self.parent, self.name)

    @property
    def is_implied(self) -> bool:
        """Whether the directory is known only by what is in it."""
        return self.offset < 0

    @property
    def is_mark(self) -> bool:
        """Whether the entry only hides what is in layers below."""
        return self.kind in {EntryKind.WHITEOUT, EntryKind.OPAQUE}

    @property
    def hidden(self) -> str:
        """The path that a whiteout hides; of an opaque directory: the directory's."""
        return self.parent if self.kind is EntryKind.OPAQUE else join(self.parent, self.name[4:])


def join(parent: str, name: str) -> str:
    """The path of what has the name in a directory."""
    return f"{parent}/{name}" if parent else name


def split(path: str) -> tuple[str, str]:
    """The parent and the name of a path."""
    parent, _, name = path.rpartition("/")
    return parent, name


def directories(path: str) -> list[str]:
    """A path and all directories it is in, the outermost first, without the root."""
    parts = path.split("/") if path else []
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]


def is_possible(path: str) -> bool:
    """Whether an entry can have a path: what is asked for may be deeper, or longer, than any is."""
    return path.count("/") < DEEPEST and len(path) <= _LONGEST_SHOWN


def implied(path: str) -> Entry:
    """A directory that is there, as something is in it."""
    return Entry(*split(path), EntryKind.DIRECTORY, 0, 0, "", -1)


def entry_of(member: Member) -> Entry | None:
    """The entry of a member; `None` if it is the root, a note, or too deep or long to be a file."""
    parts = [part for part in member.name.split(b"/") if part not in {b"", b"."}]
    if not parts or len(parts) > DEEPEST or len(member.name) > LONGEST:
        return None
    kind = _kind_of(member.type, parts[-1])
    if kind is None or any(part.startswith(_NOTES_OF_AUFS) for part in parts[:-1]):
        return None
    *above, name = (shown(part) for part in parts)
    size = 0 if kind in {EntryKind.WHITEOUT, EntryKind.OPAQUE} else member.size
    link = shown(member.link[:LONGEST])
    return Entry("/".join(above), name, kind, size, member.mode & 0o7777, link, member.offset)


def _kind_of(type_: bytes, name: bytes) -> EntryKind | None:
    if name == _OPAQUE:
        return EntryKind.OPAQUE
    if type_ in _NO_ENTRIES or name.startswith(_NOTES_OF_AUFS):
        return None
    if name.startswith(_HIDES) and name != _HIDES:
        return EntryKind.WHITEOUT
    # "If other values are used, the file … shall be extracted … as if it were a regular file".
    return _KINDS.get(type_, EntryKind.FILE)


def shown(raw: bytes) -> str:
    """A name as text; see the head of this file."""
    text = raw.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    code = ord(letter)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
