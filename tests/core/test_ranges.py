"""Ranges: what a reader asks for, and what an uploader says it sends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.core.errors import RangeNotSatisfiable, UploadInvalid
from lading.core.ranges import ByteRange, parse_chunk, parse_range


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
        (f"bytes=0-{'9' * 19}", (0, 10)),
    ],
)
def test_a_range_of_ten_bytes(header: str, expected: tuple[int, int]) -> None:
    """As RFC 9110, section 14.1.2, has it: both ends included, or the last so many."""
    assert parse_range(header, 10) == ByteRange(*expected)


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
        "bytes=0-1,3-4",
        "lines=0-1",
        f"bytes={'9' * 20}-",
    ],
)
def test_a_header_that_is_not_a_single_range_is_ignored(header: str) -> None:
    """ "A server … MAY ignore the Range header field" (RFC 9110, 14.2)."""
    assert parse_range(header, 10) is None


@pytest.mark.parametrize(
    ("header", "size"),
    [("bytes=10-", 10), ("bytes=10-20", 10), ("bytes=-0", 10), ("bytes=5-4", 10)],
)
def test_a_range_outside_is_refused(header: str, size: int) -> None:
    """And the size is told, so that the client can ask again."""
    with pytest.raises(RangeNotSatisfiable) as refused:
        parse_range(header, size)
    assert refused.value.size == size


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=0-0", "bytes=-5", "bytes=7-9"])
def test_nothing_has_no_parts(header: str) -> None:
    """An empty blob is sent whole, as by Go's servers."""
    assert parse_range(header, 0) is None


@given(header=st.text(alphabet="bytes=0123456789-, ", max_size=30), size=st.integers(0, 2**50))
def test_any_range_lies_within(header: str, size: int) -> None:
    """Whatever a client sends: at least a byte, and none that is not there."""
    for text in (header, f"bytes={header}"):
        try:
            found = parse_range(text, size)
        except RangeNotSatisfiable:
            continue
        if found is not None:
            assert 0 <= found.start < found.stop <= size
            assert found.length == found.stop - found.start


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
