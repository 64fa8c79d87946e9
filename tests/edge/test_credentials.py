"""The `Authorization` header: what is read, and that anything else is nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.edge.challenge import Password, Token, parse_authorization
from tests.edge.requests import basic


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (basic("alice:secret"), Password("alice", "secret")),
        (basic("alice:se:cret"), Password("alice", "se:cret")),
        (basic(":"), Password("", "")),
        (basic("ålice:ß"), Password("ålice", "ß")),
        ("bAsIc " + basic("a:b")[6:], Password("a", "b")),
        ("Bearer abc.def.ghi", Token("abc.def.ghi")),
        ("bearer  abc", Token("abc")),
        ("", None),
        ("Basic", None),
        ("Basic !!!", None),
        ("Basic YWxpY2U=", None),
        ("Basic /////w==", None),
        ("Bearer", None),
        ("Bearer  ", None),
        ("Digest username=a", None),
        ("Basic YTpi, Basic YTpi", None),
    ],
)
def test_headers(header: str, expected: object) -> None:
    """Basic and Bearer, in any case; nothing is made of the rest."""
    assert parse_authorization(header) == expected


@given(st.text(max_size=60), st.sampled_from(["", "Basic ", "Bearer ", "bearer", "Basic Og"]))
def test_any_header(text: str, start: str) -> None:
    """Whatever is sent, it is read or it is nothing."""
    assert isinstance(parse_authorization(start + text), Password | Token | None)


def test_secrets_are_not_shown() -> None:
    """A password that ends up in a traceback is still one."""
    assert "secret" not in repr(Password("alice", "secret"))
    assert "secret" not in repr(Token("secret"))
