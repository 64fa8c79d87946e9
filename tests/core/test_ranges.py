"""Ranges: what a reader asks for, and what an uploader says it sends."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.core.errors import RangeNotSatisfiable, UploadInvalid
from lading.core.ranges import MAX_RANGES, ByteRange, parse_chunk, parse_ranges


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-9", (0, 10)),
        ("bytes=3-", (3, 10)),
        ("bytes=9-9", (9, 10)),
        ("bytes=3-99", (3, 10)),
        ("bytes=-4", (6, 10)),
        ("bytes=-99", (0, 10)),
        ("  bytes=1-2  ", (1, 3)),
        ("Bytes=1-2", (1, 3)),
        ("bytes= ,1-2,\t,", (1, 3)),
        (f"bytes=0-{'9' * 19}", (0, 10)),
    ],
)
def test_a_range_of_ten_bytes(header: str, expected: tuple[int, int]) -> None:
    """As RFC 9110, section 14.1.2, has it: both ends included, or the last so many."""
    assert parse_ranges(header, 10) == [ByteRange(*expected)]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("0-1,8-9", [(0, 2), (8, 10)]),
        ("8-9, 0-1", [(8, 10), (0, 2)]),
        ("0-0,-1", [(0, 1), (9, 10)]),
        ("0-4,5-9", [(0, 5), (5, 10)]),
        ("0-5,3-9", [(0, 10)]),
        ("8-9,0-3,2-5", [(8, 10), (0, 6)]),
        ("5-6,0-9,8-9", [(0, 10)]),
        ("4-5,4-5,4-5", [(4, 6)]),
        ("0-1,20-30", [(0, 2)]),
        ("0-1,-0", [(0, 2)]),
        ("7-,-2,0-0", [(7, 10), (0, 1)]),
        (",".join(["0-0"] * MAX_RANGES), [(0, 1)]),
    ],
)
def test_several_ranges_of_ten_bytes(header: str, expected: list[tuple[int, int]]) -> None:
    """In the order in which they were asked for; "any of the ranges that overlap" become one
    (RFC 9110, 15.3.7.2), and those that lie outside are left out."""
    assert list(parse_ranges(f"bytes={header}", 10)) == [ByteRange(*each) for each in expected]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=--1",
        "bytes=+1-2",
        "bytes=1 -2",
        "bytes=٣-٤",
        "bytes=0-1x",
        "bytes=,",
        "bytes=0-1,x",
        "bytes=0-1,-",
        "bytes=0-1;3-4",
        "bytes=0-1 3-4",
        "bytes=" + ",".join(["0-0"] * (MAX_RANGES + 1)),
        "lines=0-1",
        f"bytes={'9' * 20}-",
    ],
)
def test_a_header_that_is_no_set_of_ranges_or_too_large_a_one_is_ignored(header: str) -> None:
    """ "A server … MAY ignore the Range header field" (RFC 9110, 14.2)."""
    assert parse_ranges(header, 10) == ()


@pytest.mark.parametrize(
    ("header", "size"),
    [
        ("bytes=10-", 10),
        ("bytes=10-20", 10),
        ("bytes=-0", 10),
        ("bytes=5-4", 10),
        ("bytes=0-1,5-4", 10),
        ("bytes=10-,20-30,-0", 10),
    ],
)
def test_a_range_outside_is_refused(header: str, size: int) -> None:
    """And the size is told, so that the client can ask again."""
    with pytest.raises(RangeNotSatisfiable) as refused:
        parse_ranges(header, size)
    assert refused.value.size == size


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=0-0", "bytes=-5", "bytes=7-9"])
def test_nothing_has_no_parts(header: str) -> None:
    """An empty blob is sent whole, as by Go's servers."""
    assert parse_ranges(header, 0) == ()


@given(header=st.text(alphabet="bytes=0123456789-, ", max_size=40), size=st.integers(0, 2**50))
def test_any_ranges_lie_within_and_apart(header: str, size: int) -> None:
    """Whatever a client sends: at least a byte each, none that is not there, and none twice."""
    for text in (header, f"bytes={header}"):
        try:
            found = parse_ranges(text, size)
        except RangeNotSatisfiable:
            continue
        for part in found:
            assert 0 <= part.start < part.stop <= size
            assert part.length == part.stop - part.start
        in_order = sorted(found, key=lambda part: part.start)
        assert all(one.stop <= two.start for one, two in pairwise(in_order))


@pytest.mark.parametrize(
    ("header", "expected"),
    [("0-0", (0, 1)), ("5-9", (5, 10)), ("bytes 5-9/10", (5, 10)), ("bytes 5-9/*", (5, 10))],
)
def test_a_chunk(header: str, expected: tuple[int, int]) -> None:
    """ "`Content-Range` … MUST match `^[0-9]+-[0-9]+$`"; HTTP's own form is understood too."""
    assert parse_chunk(header) == ByteRange(*expected)


@given(header=st.text(alphabet="bytes 0123456789-/*,", max_size=30))
def test_any_chunk_has_a_byte(header: str) -> None:
    """Whatever a client says that it sends, or it is refused."""
    for text in (header, f"bytes {header}"):
        try:
            assert parse_chunk(text).length > 0
        except UploadInvalid:
            continue


@pytest.mark.parametrize(
    "header", ["", "-", "5", "5-", "-5", "9-5", "a-b", "0-1,2-3", "٣-٤", f"0-{'9' * 20}"]
)
def test_what_is_no_chunk(header: str) -> None:
    """It is refused: a guess would put bytes in the wrong place."""
    with pytest.raises(UploadInvalid):
        parse_chunk(header)
