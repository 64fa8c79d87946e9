"""Tar archives for tests, and what the programs of others find in them."""

import ctypes
import ctypes.util
import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import NamedTuple


class Found(NamedTuple):
    """A member as an oracle names it: the type is tarfile's letter, a file's size is whole."""

    name: bytes
    type: bytes
    size: int
    link: bytes


def archive(
    files: Mapping[str, bytes | None],
    *,
    style: int = tarfile.PAX_FORMAT,
    mode: int = 0o644,
    mtime: int = 0,
    symlinks: Mapping[str, str] | None = None,
) -> bytes:
    """An archive of files and, where there is no content, directories; always of the same bytes."""
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=style) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.mode, info.mtime, info.size = mode, mtime, len(content or b"")
            if content is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(info, io.BytesIO(content or b""))
        for name, target in (symlinks or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
    return output.getvalue()


def header(
    name: bytes = b"file",
    size: int | bytes = 0,
    type_: bytes = b"0",
    *,
    link: bytes = b"",
    mode: bytes = b"0000644\x00",
    magic: bytes = b"ustar\x0000",
    prefix: bytes = b"",
) -> bytes:
    """A header with a right checksum, whatever is in it."""
    length = size if isinstance(size, bytes) else b"%011o\x00" % size
    block = bytearray(512)
    for start, field in (
        (0, name[:100]),
        (100, mode),
        (124, length),
        (148, b" " * 8),
        (156, type_),
        (157, link[:100]),
        (257, magic),
        (345, prefix),
    ):
        block[start : start + len(field)] = field
    block[148:156] = b"%06o\x00 " % sum(block)
    return bytes(block)


def padded(data: bytes) -> bytes:
    """Data as it stands behind a header."""
    return data + bytes(-len(data) % 512)


def pax(**records: bytes) -> bytes:
    """A pax header of records, with what is in them."""
    body = b"".join(
        _record(key.replace("__", ".").encode(), value) for key, value in records.items()
    )
    return header(b"pax", len(body), b"x") + padded(body)


def _record(key: bytes, value: bytes) -> bytes:
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest) + 1
    while len(str(length)) + len(rest) != length:
        length = len(str(length)) + len(rest)
    return str(length).encode() + rest


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    """Data in pieces of a size."""
    return (data[at : at + size] for at in range(0, len(data), size))


def by_tarfile(data: bytes) -> list[Found]:
    """What Python's tarfile finds.

    Raises:
        tarfile.TarError: it is no archive to it.
    """
    return [found_by(info) for info in infos(data)]


def infos(data: bytes) -> list[tarfile.TarInfo]:
    """The members that Python's tarfile finds, as it says them.

    Raises:
        tarfile.TarError: it is no archive to it.
    """
    with tarfile.open(
        fileobj=io.BytesIO(data), mode="r:", encoding="utf-8", errors="surrogateescape"
    ) as tar:
        return list(tar)


def found_by(info: tarfile.TarInfo) -> Found:
    """A member that tarfile has found."""
    name = info.name.encode("utf-8", "surrogateescape")
    link = info.linkname.encode("utf-8", "surrogateescape")
    return Found(name, info.type, info.size if info.isreg() else 0, link)


@cache
def libarchive() -> ctypes.CDLL | None:
    """The library of libarchive, if the machine has it."""
    path = ctypes.util.find_library("archive") or "libarchive.so.13"
    try:
        library = ctypes.CDLL(path)
    except OSError:
        return None
    pointer = ctypes.c_void_p
    library.archive_read_new.restype = pointer
    for name in ("support_format_tar", "free"):
        getattr(library, f"archive_read_{name}").argtypes = [pointer]
    library.archive_read_open_memory.argtypes = [pointer, ctypes.c_char_p, ctypes.c_size_t]
    library.archive_read_next_header.argtypes = [pointer, ctypes.POINTER(pointer)]
    for name in ("pathname", "hardlink", "symlink"):
        getattr(library, f"archive_entry_{name}").argtypes = [pointer]
        getattr(library, f"archive_entry_{name}").restype = ctypes.c_char_p
    library.archive_entry_size.argtypes = [pointer]
    library.archive_entry_size.restype = ctypes.c_int64
    library.archive_entry_filetype.argtypes = [pointer]
    return library


_TYPES = {
    0o100000: b"0",
    0o120000: b"2",
    0o040000: b"5",
    0o020000: b"3",
    0o060000: b"4",
    0o010000: b"6",
}


def by_libarchive(data: bytes) -> list[Found] | None:
    """What libarchive finds; `None` if it is no archive to it, or one that it warns of."""
    library = libarchive()
    assert library is not None
    reader = library.archive_read_new()
    try:
        library.archive_read_support_format_tar(reader)
        if library.archive_read_open_memory(reader, data, len(data)) != 0:
            return None
        return _members(library, reader)
    finally:
        library.archive_read_free(reader)


def _members(library: ctypes.CDLL, reader: int) -> list[Found] | None:
    found: list[Found] = []
    entry = ctypes.c_void_p()
    while (status := library.archive_read_next_header(reader, ctypes.byref(entry))) == 0:
        name = library.archive_entry_pathname(entry) or b""
        hard, soft = library.archive_entry_hardlink(entry), library.archive_entry_symlink(entry)
        type_ = (
            b"1" if hard is not None else _TYPES.get(library.archive_entry_filetype(entry), b"0")
        )
        size = library.archive_entry_size(entry) if type_ == b"0" else 0
        found.append(Found(name, type_, size, hard or soft or b""))
    return found if status == 1 else None


def sample_layers(count: int) -> Iterable[tuple[str, bytes]]:
    """Files as layers have them, so many."""
    return (
        (f"usr/lib/package-{at % 97}/module_{at}.py", b"x = 1\n" * (at % 7)) for at in range(count)
    )
