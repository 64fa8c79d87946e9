"""A registry with `auth.token`: who has a token of the server that it names does what that says."""

from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest

from tests.auth.forge import new_key, public_pem, signed_with_secret, unsigned
from tests.support.client import Answer
from tests.support.guarded import SERVICE, basic
from tests.support.token_server import Served, served_by_a_token_server

SCOPE = "repository:team/app:pull,push"
TAGS = "/v2/team/app/tags/list"
UPLOADS = "/v2/team/app/blobs/uploads/"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served_by_a_token_server(tmp_path_factory.mktemp("served")) as served:
        yield served


def ask(served: Served, method: str, path: str, token: str) -> Answer:
    """Ask the registry."""
    return served.registry.client.ask(method, path, b"", authorization=f"Bearer {token}")


def test_clients_are_sent_to_the_server(served: Served) -> None:
    """With what they need a token for."""
    client, challenge = served.registry.client, f'Bearer realm="{served.realm}",service="{SERVICE}"'
    for path, scope in (("/v2/", ""), (TAGS, ',scope="repository:team/app:pull"')):
        answer = client.ask("GET", path)
        assert (answer.status, answer.codes) == (401, ["UNAUTHORIZED"])
        assert answer.headers["WWW-Authenticate"] == challenge + scope
    assert client.ask("GET", "/token").status == 404


def test_a_token_is_good_for_what_it_says(served: Served) -> None:
    """The server has decided on it; nobody here knows its users."""
    writer, reader = (served.server.token(user, SCOPE) for user in ("writer", "reader"))
    assert ask(served, "GET", "/v2/", reader).status == 200
    assert ask(served, "POST", UPLOADS, writer).status == 202
    assert ask(served, "GET", TAGS, reader).codes == ["NAME_UNKNOWN"]
    for method, path in (("POST", UPLOADS), ("GET", "/v2/other/app/tags/list")):
        answer = ask(served, method, path, reader)
        assert (answer.status, answer.codes) == (401, ["UNAUTHORIZED"])
        assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


def test_the_catalog_needs_a_scope_of_its_own(served: Served) -> None:
    catalog = served.server.token("admin", "registry:catalog:*")
    assert ask(served, "GET", "/v2/_catalog", catalog).status == 200
    assert ask(served, "GET", "/v2/_catalog", served.server.token("admin", SCOPE)).status == 401


def test_what_is_no_token_of_the_server(served: Served) -> None:
    """Of other times, services and issuers, forged, or a password that is good there."""
    key_id, key = served.server.key
    claims = served.server.claims("admin", SCOPE)
    header = {"kid": key_id}
    for change in ({"aud": "another"}, {"iss": "another"}, {"exp": 1}, {"nbf": 10**11}):
        token = jwt.encode({**claims, **change}, key, "ES256", header)
        assert ask(served, "GET", TAGS, token).status == 401
    for token in (
        unsigned({"alg": "none", **header}, claims),
        signed_with_secret({"alg": "HS256", **header}, claims, public_pem(key)),
        jwt.encode(claims, new_key(), "ES256", header),
    ):
        answer = ask(served, "GET", TAGS, token)
        assert answer.status == 401
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    client = served.registry.client
    assert client.ask("GET", TAGS, authorization=basic("admin")).status == 401


def test_clients_may_be_sent_to_where_they_came_from(tmp_path: Path) -> None:
    """`autoredirect`: a proxy in front has both below one name."""
    with served_by_a_token_server(
        tmp_path, autoredirect=True, autoredirectpath="/tokens"
    ) as served:
        answer = served.registry.client.ask("GET", "/v2/", host="registry.lan:8080")
        assert answer.headers["WWW-Authenticate"] == (
            f'Bearer realm="http://registry.lan:8080/tokens",service="{SERVICE}"'
        )
