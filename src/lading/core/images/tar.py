"""The reader of tar archives: bytes in, members out, as they come. It does no I/O.

It reads the formats of v7, ustar, GNU, star and pax, far enough to say what an archive holds and
where in it; it never unpacks. Where programs differ it follows Go's `archive/tar`, with which
clients unpack layers: members of links, directories and devices have no data, global pax headers
count for nothing, and GNU's long names come before those of pax.

An archive is hostile until it was read: what describes one member may have 1 MiB, and what is kept
between two pieces is no more than that.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from lading.core.images.tar_header import BLOCK, LARGEST, RawHeader, TarInvalid, read

MOST_ABOUT_A_MEMBER = 2**20
"""Bytes of headers that one member may have."""

_ZEROS = bytes(BLOCK)
_WITHOUT_DATA = frozenset(b"123456")
_OLD_FILE = b"\x00"
_LONG_NAME, _LONG_LINK, _GLOBAL = b"L", b"K", b"g"
_PAX = frozenset((b"x", b"X"))
_EXTENSIONS = frozenset((_LONG_NAME, _LONG_LINK, _GLOBAL)) | _PAX
_SPARSE_BYTE_EXTENDED = 504
_SPARSE_NAMES = (b"GNU.sparse.major", b"GNU.sparse.map", b"GNU.sparse.size")
_WANTED = frozenset((b"path", b"linkpath", b"size")) | frozenset(
    (*_SPARSE_NAMES, b"GNU.sparse.name", b"GNU.sparse.realsize")
)


class Member(NamedTuple):
    """A member of an archive, as its headers say it.

    Attributes:
        name: as it stands there: perhaps absolute, with `..`, or not UTF-8.
        type: one byte, as `b"0"` for a file; `b"S"` for a sparse one, whoever wrote it.
        mode: its permissions.
        size: of the file once unpacked, in bytes.
        link: the name that a link leads to.
        offset: of its data from the start of the archive, in bytes.
    """

    name: bytes
    type: bytes
    mode: int
    size: int
    link: bytes
    offset: int


class TarReader:
    """A reader that is fed an archive piece by piece, until the end was seen (`is_finished`)."""

    def __init__(self) -> None:
        self.is_finished = False
        self._position = 0
        self._skip = 0
        self._held = bytearray()
        self._need = BLOCK
        self._handle: Callable[[bytes], Member | None] = self._header
        self._raw: RawHeader | None = None
        self._start_member()

    def feed(self, piece: bytes) -> Iterator[Member]:
        """The members whose headers end in the next piece; `TarInvalid` if it is of no archive."""
        at = 0
        while not self.is_finished:
            if self._skip:
                step = min(self._skip, len(piece) - at)
                at, self._skip, self._position = at + step, self._skip - step, self._position + step
                if self._skip:
                    return
            block = piece[at : at + self._need - len(self._held)]
            at, self._position = at + len(block), self._position + len(block)
            if self._held or len(block) < self._need:
                self._held += block
                if len(self._held) < self._need:
                    return
                block = bytes(self._held)
                self._held.clear()
            member = self._handle(block)
            if member is not None:
                yield member

    def close(self) -> None:
        """Say that there are no more pieces. An archive may end without a mark of its end.

        Raises:
            TarInvalid: it ends within a member, or there was none.
        """
        is_between = self._handle == self._header and not self._about
        if not self.is_finished and (
            self._held or self._skip or not is_between or not self._position
        ):
            raise TarInvalid(f"the archive ends early, after {self._position} bytes")

    def _start_member(self) -> None:
        self._about = 0
        self._long_name = b""
        self._long_link = b""
        self._pax: dict[bytes, bytes] = {}

    def _header(self, block: bytes) -> Member | None:
        if block == _ZEROS:
            self.is_finished = True
            return None
        raw = read(block)
        if raw.type in _EXTENSIONS:
            self._note_size(raw.size)
            self._expect(self._extension, _padded(raw.size))
            self._raw = raw
            return None
        if raw.is_extended:
            self._expect(self._sparse_map, BLOCK)
            self._raw = raw
            return None
        return self._member(raw)

    def _expect(self, handle: Callable[[bytes], Member | None], size: int) -> None:
        self._handle, self._need = handle, size

    def _note_size(self, size: int) -> None:
        self._about += size + BLOCK
        if self._about > MOST_ABOUT_A_MEMBER:
            raise TarInvalid(f"the headers of a member have more than {MOST_ABOUT_A_MEMBER} bytes")

    def _extension(self, block: bytes) -> None:
        assert self._raw is not None
        body, type_ = block[: self._raw.size], self._raw.type
        if type_ == _LONG_NAME:
            self._long_name = body.partition(b"\x00")[0]
        elif type_ == _LONG_LINK:
            self._long_link = body.partition(b"\x00")[0]
        elif type_ in _PAX:
            self._pax = pax_records(body)
        self._expect(self._header, BLOCK)

    def _sparse_map(self, block: bytes) -> Member | None:
        assert self._raw is not None
        self._note_size(0)
        if block[_SPARSE_BYTE_EXTENDED]:
            return None
        self._expect(self._header, BLOCK)
        return self._member(self._raw)

    def _member(self, raw: RawHeader) -> Member:
        stored = _decimal(self._pax, b"size", raw.size)
        name = self._long_name or self._pax.get(b"path") or raw.name
        link = self._long_link or self._pax.get(b"linkpath") or raw.link
        type_, size = raw.type, stored
        if type_ == _OLD_FILE:
            type_ = b"5" if name.endswith(b"/") else b"0"
        if type_ == b"S":
            size = raw.real_size
        elif any(key in self._pax for key in _SPARSE_NAMES):
            name, type_ = self._pax.get(b"GNU.sparse.name") or name, b"S"
            size = _decimal(self._pax, b"GNU.sparse.size", size)
            size = _decimal(self._pax, b"GNU.sparse.realsize", size)
        if type_[0] in _WITHOUT_DATA:
            stored = size = 0
        self._skip = _padded(stored)
        self._start_member()
        return Member(name, type_, raw.mode, size, link, self._position)


def pax_records(body: bytes) -> dict[bytes, bytes]:
    """The records of a pax header that matter here; of several with one name, the last.

    "%d %s=%s\\n", <length>, <keyword>, <value> (POSIX.1-2001, pax Extended Header).

    Raises:
        TarInvalid: it is no such header.
    """
    found: dict[bytes, bytes] = {}
    at = 0
    while at < len(body):
        space = body.find(b" ", at, at + 20)
        digits = body[at:space] if space > 0 else b""
        end = at + int(digits) if digits.isdigit() else at
        key, equals, value = body[space + 1 : end - 1].partition(b"=")
        if (
            space < at
            or end <= space + 1
            or end > len(body)
            or not equals
            or body[end - 1 : end] != b"\n"
        ):
            raise TarInvalid("a pax header is damaged")
        if key in _WANTED:
            found[key] = value
        at = end
    return found


def _decimal(records: dict[bytes, bytes], key: bytes, otherwise: int) -> int:
    text = records.get(key)
    if not text:
        return otherwise
    if not text.isdigit() or len(text) > 19 or int(text) > LARGEST:
        raise TarInvalid("a size in a pax header is negative, too large, or no number")
    return int(text)


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK
