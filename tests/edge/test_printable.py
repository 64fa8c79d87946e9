"""Text of strangers in lines that people and programs read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.edge.accesslog import printable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain, ünd mit Umlaut 鯨", "plain, ünd mit Umlaut 鯨"),
        ("a\nb\tc", "a\\x0ab\\x09c"),
        ("a\x85b\u2028c\u2029d", "a\\x85b\\u2028c\\u2029d"),
        ("a\u202eb\u2066c", "a\\u202eb\\u2066c"),
        ("a\u200bb\ufeffc", "a\\u200bb\\ufeffc"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_what_does_not_print_is_escaped(text: str, expected: str) -> None:
    """Ends of lines, controls, and signs for the direction of writing."""
    assert printable(text) == expected


def test_more_signs_can_be_escaped() -> None:
    """Those that mean something where the text goes."""
    assert printable('say "a\\b"', '"\\') == "say \\x22a\\x5cb\\x22"


@given(st.text())
def test_any_text(text: str) -> None:
    """Is one line, whoever splits it, and prints."""
    assert len(printable(text).splitlines()) <= 1
    assert printable(text).isprintable()
