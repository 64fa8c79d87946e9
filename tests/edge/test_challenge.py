"""Challenges, by whose words Docker's clients find out how to log in, and what answers them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.core.scopes import CATALOG, Scope
from lading.edge.challenge import Basic, Bearer, Fault, Password, Token, parse_authorization
from lading.edge.request import Request
from tests.edge.requests import basic, request

SCOPE = Scope("repository", "a/b", ("pull", "push"))


def test_basic() -> None:
    """A realm, with whatever an operator writes into it."""
    asked: Request = request("GET", "/v2/")
    assert Basic("The registry").header(asked) == 'Basic realm="The registry"'
    assert Basic('a "b" \\').header(asked) == 'Basic realm="a \\"b\\" \\\\"'


def test_bearer() -> None:
    """As CNCF Distribution writes it: no spaces after commas, several scopes in one parameter."""
    asked = request("GET", "/v2/")
    bearer = Bearer(lambda _: "https://r/token", "r")
    start = 'Bearer realm="https://r/token",service="r"'
    assert bearer.header(asked) == start
    assert bearer.header(asked, [SCOPE], Fault.INSUFFICIENT) == (
        start + ',scope="repository:a/b:pull,push",error="insufficient_scope"'
    )
    assert bearer.header(asked, [SCOPE, CATALOG], Fault.INVALID) == (
        start + ',scope="repository:a/b:pull,push registry:catalog:*",error="invalid_token"'
    )


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
