"""Layers whose author means harm, given to the process that reads them: what it takes, and says."""

import gzip
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import msgspec
import pytest
import zstandard

from lading.archives.limits import Limits, ListingEnd
from lading.archives.listing import entries
from lading.core.images.tar import MOST_ABOUT_A_MEMBER
from lading.core.images.tar_header import TarInvalid
from lading.core.images.tree import Entry, EntryKind
from tests.support.tars import archive, header, padded, pax, pieces

END = bytes(1024)
MIB = 2**20
REPEATED = 128 * 1024
_decoder = msgspec.json.Decoder(list[Entry] | ListingEnd)


class Ran(NamedTuple):
    """What a child has said, and what it took.

    Attributes:
        seconds: of the processor.
        memory: the most that it had, in bytes.
    """

    entries: list[Entry]
    ending: ListingEnd
    seconds: float
    memory: int


# The kernel counts for a program what was there before it in its process, such as this one's tests.
_MEASURED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss, file=sys.stderr)
"""


def run(layer: Iterable[bytes], size: int) -> Ran:
    """List a layer in a child, as a server does."""
    command = [sys.executable, "-m", "lading.archives.child", "list", str(size)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [sys.executable, "-c", _MEASURED, *command], stdin=pipe, stdout=pipe, stderr=pipe
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    feeding = threading.Thread(target=_feed, args=(process, layer))
    feeding.start()
    said = [_decoder.decode(line) for line in process.stdout]
    feeding.join()
    *_, last = process.stderr.read().splitlines()
    assert process.wait() == 0
    process.stdout.close()
    process.stderr.close()
    seconds, memory = last.split()
    assert isinstance(said[-1], ListingEnd)
    found = [entry for batch in said[:-1] if not isinstance(batch, ListingEnd) for entry in batch]
    return Ran(found, said[-1], float(seconds), int(memory) * 1024)


def _feed(process: "subprocess.Popen[bytes]", layer: Iterable[bytes]) -> None:
    assert process.stdin is not None
    try:
        for piece in layer:
            process.stdin.write(piece)
        process.stdin.close()
    except BrokenPipeError:  # it has seen enough
        pass


def by_gzip() -> bytes:
    """A file of zeros, a thousand times as large as this."""
    packer = zlib.compressobj(wbits=31)
    packed = [packer.compress(header(b"zeros", 2**33))]
    packed += [packer.compress(bytes(MIB)) for _ in range(80)]
    return b"".join([*packed, packer.flush()])


def block(size: int, kind: int) -> bytes:
    """The head of a block of zstd that is not the last (RFC 8878, 3.1.1.2)."""
    return (size << 3 | kind << 1).to_bytes(3, "little")


def by_zstd() -> bytes:
    """The same, thirty thousand times: its blocks say which byte to repeat how often."""
    head = header(b"zeros", 2**33)
    frame = b"\x28\xb5\x2f\xfd\x00\x38" + block(len(head), 0) + head
    return frame + (block(REPEATED, 1) + b"\x00") * 600


def by_zstd_with_its_largest_window() -> bytes:
    """Zeros by a compressor that may look back as far as is allowed."""
    parameters = zstandard.ZstdCompressionParameters(window_log=27, compression_level=1)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    packed = [packer.compress(header(b"zeros", 2**33))]
    packed += [packer.compress(bytes(MIB)) for _ in range(80)]
    return b"".join([*packed, packer.flush()])


@pytest.mark.parametrize(
    ("make", "ratio", "window"),
    [
        (by_gzip, 900, 0),
        (by_zstd, 25_000, 0),
        (by_zstd_with_its_largest_window, 5_000, 128 * MIB),
    ],
)
def test_a_bomb_costs_as_much_as_its_limits_allow(
    make: Callable[[], bytes], ratio: int, window: int
) -> None:
    bomb = make()
    limits = Limits.of_layer(len(bomb))
    assert 64 * MIB / len(bomb) > ratio * 0.8
    ran = run(pieces(bomb, 65536), len(bomb))
    assert [entry.path for entry in ran.entries] == ["zeros"]
    assert f"more than {limits.output} bytes" in ran.ending.cut_off
    assert ran.seconds < 10
    assert ran.memory < 100 * MIB + window


def test_headers_of_the_largest_size_are_read_one_after_the_other() -> None:
    """What is kept of one is gone with the next."""
    body = b"5 a=\n" * (MOST_ABOUT_A_MEMBER // 5 - 300)
    member = header(b"pax", len(body), b"x") + padded(body) + header(b"f")
    packed = gzip.compress(member * 5 + END)
    ran = run([packed], len(packed))
    assert (len(ran.entries), ran.ending) == (5, ListingEnd())
    assert ran.memory < 100 * MIB


@pytest.mark.parametrize(
    "empty", [gzip.compress(b""), zstandard.ZstdCompressor().compress(b"")], ids=["gzip", "zstd"]
)
def test_members_with_nothing_in_them_take_no_memory(empty: bytes) -> None:
    start = gzip.compress(header(b"f"), mtime=0)
    if empty.startswith(b"\x28"):
        start = zstandard.ZstdCompressor().compress(header(b"f"))
    layer = start + empty * 20_000
    ran = run(pieces(layer, 65536), len(layer))
    assert [entry.path for entry in ran.entries] == ["f"]
    assert ran.memory < 100 * MIB
    assert ran.seconds < 10


def listed(data: bytes) -> list[Entry]:
    """The entries of a layer, read here."""
    return list(entries(pieces(data, 1000)))


def test_an_archive_in_an_archive_is_a_file() -> None:
    inner = gzip.compress(archive({"inner": b"1"}))
    assert [entry.path for entry in listed(gzip.compress(archive({"a.tgz": inner})))] == ["a.tgz"]
    with pytest.raises(TarInvalid):  # what was compressed twice is no archive
        listed(gzip.compress(inner))


def test_a_member_of_gzip_that_is_damaged_ends_what_was_found_before() -> None:
    """It may be the second one of them, and a bomb, or anything."""
    first = gzip.compress(header(b"first"))
    second = bytearray(gzip.compress(header(b"second") * 50))
    second[30:40] = b"\xff" * 10
    found: list[Entry] = []
    with pytest.raises(TarInvalid):
        found.extend(entries([first + bytes(second)]))
    assert [entry.path for entry in found] == ["first"]


def test_a_size_of_pax_counts_more_than_that_of_the_header() -> None:
    longer = pax(size=b"1500") + header(b"longer", 3) + padded(bytes(1500)) + header(b"next")
    shorter = pax(size=b"0") + header(b"shorter", 1500) + header(b"next")
    for data in (longer, shorter):
        found = listed(data + END)
        assert [entry.path for entry in found][1:] == ["next"]
        assert found[0].size in {0, 1500}
    with pytest.raises(TarInvalid, match="ends early"):
        listed(pax(size=b"4611686018427387904") + header(b"f", 1) + padded(b"1") + END)


def sparse(extended: int) -> bytes:
    """A sparse file of GNU's kind, with so many more blocks about its holes."""
    head = bytearray(header(b"holes", 0, b"S", magic=b"ustar  \x00"))
    head[483:495] = b"%011o\x00" % 2**32
    head[482] = 1 if extended else 0
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\x00 " % sum(head)
    more, last = bytes(504) + b"\x01" + bytes(7), bytes(512)
    return bytes(head) + more * (extended - 1) + last * bool(extended)


def test_what_is_said_of_holes_is_bounded() -> None:
    (found,) = listed(sparse(100) + END)
    assert (found.path, found.kind, found.size) == ("holes", EntryKind.SPARSE, 2**32)
    with pytest.raises(TarInvalid, match="more than"):
        listed(sparse(MOST_ABOUT_A_MEMBER // 512 + 1) + END)


@pytest.mark.parametrize("record", [b"GNU.sparse.map", b"GNU.sparse.major", b"GNU.sparse.size"])
def test_holes_that_pax_tells_of_are_no_bytes_of_a_file(record: bytes) -> None:
    said = {record.decode().replace(".", "__"): b"1", "GNU__sparse__realsize": b"4294967296"}
    found = listed(pax(**said) + header(b"holes", 512) + bytes(512) + header(b"next") + END)
    assert [(entry.path, entry.kind) for entry in found] == [
        ("holes", EntryKind.SPARSE),
        ("next", EntryKind.FILE),
    ]


def links_and_marks() -> Iterator[tuple[bytes, str, EntryKind, str]]:
    """Headers, and what an entry is by its name, whatever its type says."""
    yield header(b".wh.gone", 0, b"1", link=b"etc/passwd"), ".wh.gone", EntryKind.WHITEOUT, "gone"
    yield header(b"../.wh.up", 0), "../.wh.up", EntryKind.WHITEOUT, "../up"
    yield header(b"/.wh..", 0), ".wh..", EntryKind.WHITEOUT, "."
    yield header(b"d/.wh..wh..opq", 0, b"2", link=b"/"), "d/.wh..wh..opq", EntryKind.OPAQUE, "d"
    yield header(b".wh.dev", 0, b"3"), ".wh.dev", EntryKind.WHITEOUT, "dev"


@pytest.mark.parametrize(("raw", "path", "kind", "hidden"), list(links_and_marks()))
def test_a_mark_is_one_by_its_name_and_hides_what_that_says(
    raw: bytes, path: str, kind: EntryKind, hidden: str
) -> None:
    found = listed(raw + END)[-1]
    assert (found.path, found.kind, found.hidden) == (path, kind, hidden)


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        (b"1", EntryKind.HARD_LINK),
        (b"2", EntryKind.SYMLINK),
        (b"3", EntryKind.DEVICE),
        (b"4", EntryKind.DEVICE),
        (b"6", EntryKind.PIPE),
    ],
)
def test_what_has_no_bytes_has_none_whatever_it_says(type_: bytes, kind: EntryKind) -> None:
    raw = header(b"odd", 2**30, type_, link=b"../../.wh.\xff\n")
    first, second = listed(raw + header(b"next") + END)
    assert (first.kind, first.size, second.path) == (kind, 0, "next")
    assert first.link == "../../.wh.\\xff\\x0a"
