"""Challenges: the words by which Docker's clients find out how to log in."""

from lading.core.scopes import CATALOG, Scope
from lading.edge.challenge import Basic, Bearer, Fault
from lading.edge.request import Request
from tests.edge.requests import request

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
