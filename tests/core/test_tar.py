"""The reader of tar archives, beside what tarfile and libarchive find in the same bytes."""

import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lading.core.images.tar import MOST_ABOUT_A_MEMBER, Member, TarReader
from lading.core.images.tar_header import TarInvalid
from tests.support.tars import (
    Found,
    archive,
    by_libarchive,
    by_tarfile,
    header,
    libarchive,
    padded,
    pax,
    pieces,
)

FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
END = bytes(1024)


def members(data: bytes, size: int = 1 << 20) -> list[Member]:
    reader = TarReader()
    found: list[Member] = []
    for piece in pieces(data, size):
        found += reader.feed(piece)
    reader.close()
    return found


def ours(data: bytes) -> list[Found]:
    """As `tarfile` says it: names of directories without their slash."""
    return [
        Found(member.name.rstrip(b"/"), member.type, member.size, member.link)
        for member in members(data)
    ]


@st.composite
def archives(draw: st.DrawFn) -> bytes:
    """Archives of all formats, with names of all kinds."""
    part = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1)
    name = st.lists(part, min_size=1, max_size=4).map("/".join)
    long = st.integers(90, 300).map(lambda length: "d/" + "n" * length)
    output = io.BytesIO()
    style = draw(st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
    with tarfile.open(fileobj=output, mode="w", format=style) as tar:
        for _ in range(draw(st.integers(0, 5))):
            info = tarfile.TarInfo(draw(name | long))
            info.type = draw(st.sampled_from([b"0", b"1", b"2", b"3", b"5", b"6"]))
            info.mode = draw(st.integers(0, 0o7777))
            if info.type in {b"1", b"2"}:
                info.linkname = draw(name | long)
            content = draw(st.binary(max_size=1100)) if info.type == b"0" else b""
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return output.getvalue()


@settings(max_examples=150, deadline=None)
@given(archives(), st.integers(1, 1500))
def test_what_tarfile_writes_is_read_as_it_reads_it_whatever_the_pieces(
    data: bytes, size: int
) -> None:
    expected = [
        (found.name.rstrip(b"/"), found.type, found.size, found.link) for found in by_tarfile(data)
    ]
    assert [tuple(found) for found in ours(data)] == expected
    assert members(data, size) == members(data)


@pytest.mark.skipif(libarchive() is None, reason="install libarchive13 (apt)")
@settings(max_examples=150, deadline=None)
@given(archives())
def test_libarchive_finds_the_same(data: bytes) -> None:
    found = by_libarchive(data)
    if found is None:  # it warns of names that its locale cannot tell
        return
    expected = [(item.name.rstrip(b"/"), item.type, item.size, item.link) for item in found]
    assert [tuple(item) for item in ours(data)] == expected


@pytest.mark.parametrize("style", FORMATS.values(), ids=FORMATS)
def test_each_format_says_where_the_bytes_of_a_file_are(style: int) -> None:
    data = archive({"a": b"first", "d": None, "d/b": b"x" * 1000}, style=style)
    content = {m.name: data[m.offset : m.offset + m.size] for m in members(data) if m.type == b"0"}
    assert content == {b"a": b"first", b"d/b": b"x" * 1000}


def test_a_name_of_ustar_has_two_fields() -> None:
    (found,) = members(header(b"name", prefix=b"some/where") + END)
    assert found.name == b"some/where/name"


def test_what_stands_after_the_end_is_not_looked_at() -> None:
    assert len(members(header() + END + b"rubbish" * 1000)) == 1


def test_an_archive_may_end_without_saying_so() -> None:
    assert len(members(header())) == 1


def test_a_size_to_the_base_256_is_read() -> None:
    block = header(size=b"\x80" + (12345).to_bytes(11, "big"))
    assert members(block + bytes(12800) + END)[0].size == 12345


@pytest.mark.parametrize(
    "size",
    [
        b"\xff" * 12,  # -1
        b"\x80\xff" + bytes(10),  # beyond 2**63
        b"-0000000001\x00",
        b"00000000zz9\x00",
    ],
)
def test_a_size_that_no_file_has_is_refused(size: bytes) -> None:
    with pytest.raises(TarInvalid, match=r"size|number"):
        members(header(size=size) + END)


@pytest.mark.parametrize("size", [b"-5", b"99999999999999999999", b"9223372036854775808", b"1.5"])
def test_a_size_in_a_pax_header_that_no_file_has_is_refused(size: bytes) -> None:
    with pytest.raises(TarInvalid, match="size"):
        members(pax(size=size) + header() + END)


def test_headers_about_one_member_are_bounded() -> None:
    said = header(b"long", MOST_ABOUT_A_MEMBER, b"L")
    with pytest.raises(TarInvalid, match="more than"):
        members(said + bytes(MOST_ABOUT_A_MEMBER) + header() + END)
    chain = (header(b"long", 1000, b"L") + bytes(1024)) * 1100
    with pytest.raises(TarInvalid, match="more than"):
        members(chain + header() + END)
    name = b"n" * (MOST_ABOUT_A_MEMBER - 2000)
    (found,) = members(pax(path=name) + header() + END)
    assert found.name == name


def test_a_sparse_file_has_the_size_it_is_unpacked_to() -> None:
    old = bytearray(header(b"old", 512, b"S", magic=b"ustar  \x00"))
    old[483:495] = b"%011o\x00" % (1 << 30)
    old[482] = 1
    old[148:156] = b" " * 8
    old[148:156] = b"%06o\x00 " % sum(old)
    new = pax(GNU__sparse__major=b"1", GNU__sparse__name=b"real", GNU__sparse__realsize=b"7000")
    data = bytes(old) + bytes(512) + padded(b"x" * 512)
    data += new + header(b"GNUSparseFile.0/real", 512) + bytes(512) + header(b"after") + END
    found = [(member.name, member.type, member.size) for member in members(data)]
    assert found == [(b"old", b"S", 1 << 30), (b"real", b"S", 7000), (b"after", b"0", 0)]


def test_links_and_directories_have_no_data_whatever_size_they_claim() -> None:
    data = header(b"l", 4096, b"1", link=b"x") + header(b"d/", 512, b"5") + header(b"f") + END
    assert [(member.name, member.size) for member in members(data)] == [
        (b"l", 0),
        (b"d/", 0),
        (b"f", 0),
    ]


def test_a_checksum_may_be_of_signed_octets() -> None:
    block = bytearray(header("é".encode()))
    unsigned = int(bytes(block[148:154]), 8)
    block[148:156] = b"%06o\x00 " % (unsigned - 2 * 256)
    assert members(bytes(block) + END)[0].name == "é".encode()
    block[148:156] = b"%06o\x00 " % (unsigned - 1)
    with pytest.raises(TarInvalid, match="checksum"):
        members(bytes(block) + END)


@pytest.mark.parametrize("cut", [1, 100, 512, 700, 1023])
def test_an_archive_that_ends_early_says_so(cut: int) -> None:
    with pytest.raises(TarInvalid, match="ends early"):
        members((header(size=1024) + bytes(1024))[: 512 + 1024 - cut])
    with pytest.raises(TarInvalid, match="ends early"):
        members(b"")


@pytest.mark.parametrize(
    "body",
    [
        b"5 a=b\n",
        b"99 path=a\n",
        b"x path=a\n",
        b"7 path\n",
        b"8 x=yz\n\x00",
        b"7 x=yz\nz" * 3,
        b"-1 a=\n",
        b"0 =\n",
        b"6 a=bc",
    ],
)
def test_a_damaged_pax_header_is_refused(body: bytes) -> None:
    with pytest.raises(TarInvalid, match="pax"):
        members(header(b"pax", len(body), b"x") + padded(body) + header() + END)
