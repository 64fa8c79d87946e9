"""Every route, with every method, for every kind of caller: who gets in, and who changes nothing.

The rows come from the table of routes, so that a new one is tested from the day it is there. What
each needs does not come from there: it is written down here a second time, by method, as clients
expect it of a registry.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jwt
import pytest

from lading.api.routes import ROUTES
from tests.auth.forge import new_key, public_pem, signed_with_secret, unsigned
from tests.support.client import Answer
from tests.support.guarded import SERVICE, Guarded, basic
from tests.support.pushes import digest_of, encode, image
from tests.support.routes import DIGEST, UPLOAD, path_of

NAME = "team/app"

SCOPE = f"repository:{NAME}:"
EVERYTHING = f"{SCOPE}pull,push,delete"
CATALOG = "registry:catalog:*"

# What a path outside of all repositories needs; a new one has to be added.
OUTSIDE = {"/": "nothing", "/token": "nothing", "/v2/": "login", "/v2/_catalog": "catalog"}
# What a method needs inside of one.
INSIDE = {
    "GET": {"pull"},
    "HEAD": {"pull"},
    "POST": {"pull", "push"},
    "PUT": {"pull", "push"},
    "PATCH": {"pull", "push"},
    "DELETE": {"delete"},
}


@dataclass(frozen=True)
class Row:
    """A method of a route."""

    method: str
    path: str
    needs: frozenset[str]
    scope: str

    def __str__(self) -> str:
        return f"{self.method} {self.path.replace(DIGEST, 'DIGEST').replace(UPLOAD, 'UPLOAD')}"


def rows() -> Iterator[Row]:
    """Every row of the table of routes, with a path that it matches."""
    for route in ROUTES:
        path = path_of(route).replace("/a/b/", f"/{NAME}/")
        for method in route.endpoints:
            yield row(method, path)


def row(method: str, path: str) -> Row:
    """What a method of a path needs."""
    if NAME in path:
        is_upload = path.endswith(f"/uploads/{UPLOAD}")
        # Who may push may also give up pushing.
        needs = {"pull", "push"} if is_upload and method == "DELETE" else INSIDE[method]
        ordered = [action for action in ("pull", "push", "delete") if action in needs]
        return Row(method, path, frozenset(needs), SCOPE + ",".join(ordered))
    need = OUTSIDE[path]
    return Row(method, path, frozenset({need}), CATALOG if need == "catalog" else "")


@dataclass(frozen=True)
class Caller:
    """Somebody who comes with an `Authorization` header, or without one.

    Attributes:
        header: makes the header.
        may: what they may do there.
        refused: how they are refused otherwise: with a challenge and this error in it, or `denied`.
    """

    name: str
    header: Callable[[Guarded], str | None]
    may: frozenset[str] = frozenset()
    refused: str = ""


INVALID, INSUFFICIENT, DENIED = "invalid_token", "insufficient_scope", "denied"


def known(name: str, *may: str) -> Caller:
    """A user with the right password."""
    return Caller(
        name, lambda _: basic(name), frozenset({"login", "catalog", *may}), refused=DENIED
    )


def bearer(name: str, user: str, *scopes: str, may: tuple[str, ...] = ()) -> Caller:
    """Somebody with a good token of the token service."""
    return Caller(
        name,
        lambda guarded: f"Bearer {guarded.token(user, *scopes)}",
        frozenset({"login", *may}),
        refused=INSUFFICIENT,
    )


def bad(name: str, token: Callable[[Guarded], str]) -> Caller:
    """Somebody with a token that is not valid."""
    return Caller(name, lambda guarded: f"Bearer {token(guarded)}", refused=INVALID)


def changed(**changes: Any) -> Callable[[Guarded], str]:
    """Signed with the registry's own key, and still not good: with other claims."""
    return lambda guarded: guarded.sign({**guarded.claims("admin", EVERYTHING), **changes})


def of_another_user(guarded: Guarded) -> str:
    """The body of one token with the signature of another."""
    head, body, _ = guarded.token("admin", EVERYTHING).split(".")
    return f"{head}.{body}.{guarded.token('reader', EVERYTHING).split('.')[2]}"


def without_algorithm(guarded: Guarded) -> str:
    """`alg: none`, under the name of the registry's key."""
    return unsigned({"alg": "none", "kid": guarded.key[0]}, guarded.claims("admin", EVERYTHING))


def confused(guarded: Guarded) -> str:
    """HS256 with the registry's public key as the secret."""
    key_id, key = guarded.key
    claims = guarded.claims("admin", EVERYTHING)
    return signed_with_secret({"alg": "HS256", "kid": key_id}, claims, public_pem(key))


def with_a_key_of_its_own(guarded: Guarded) -> str:
    """Signed with a key that the token brings along, under the name of the registry's."""
    claims = guarded.claims("admin", EVERYTHING)
    mine = new_key()
    header = {
        "kid": guarded.key[0],
        "jwk": jwt.algorithms.ECAlgorithm.to_jwk(mine.public_key(), as_dict=True),
    }
    return jwt.encode(claims, mine, "ES256", header)


CALLERS = (
    Caller("nobody", lambda _: None, frozenset({"catalog"})),
    Caller("wrong password", lambda _: basic("admin", "wrong")),
    Caller("empty password", lambda _: basic("admin", "")),
    Caller("unknown user", lambda _: basic("stranger")),
    Caller("no name", lambda _: basic("", "")),
    Caller("nonsense", lambda _: "Basic !!!"),
    Caller("another scheme", lambda _: "Digest username=admin"),
    Caller("empty header", lambda _: ""),
    known("reader", "pull"),
    known("writer", "pull", "push"),
    known("deleter", "pull", "delete"),
    known("admin", "pull", "push", "delete"),
    known("outsider"),
    bearer("token to pull", "reader", EVERYTHING, may=("pull",)),
    bearer("token to push", "writer", EVERYTHING, may=("pull", "push")),
    bearer("token to delete", "deleter", EVERYTHING, may=("pull", "delete")),
    bearer("token to do everything", "admin", EVERYTHING, may=("pull", "push", "delete")),
    bearer("token for less than the user may", "admin", f"{SCOPE}pull", may=("pull",)),
    bearer("token for another repository", "admin", "repository:team/other:pull,push,delete"),
    bearer("token for a part of the name", "admin", "repository:team:pull,push,delete"),
    bearer("token for nothing", "admin"),
    bearer("token for the catalog", "admin", CATALOG, may=("catalog",)),
    bearer("token of somebody else's rights", "outsider", EVERYTHING),
    bearer("token of nobody", "", EVERYTHING),
    Caller(
        "token whose scopes were made larger than the user may",
        lambda guarded: "Bearer " + changed(sub="reader", stamp=guarded.claims("reader")["stamp"])(
            guarded
        ),
        frozenset({"login", "pull"}),
        refused=INSUFFICIENT,
    ),
    bad("no token", lambda _: "x"),
    bad("expired", changed(exp=int(time.time()) - 1)),
    bad("expired for ever", changed(exp=0)),
    bad("without an end", lambda g: g.sign({**g.claims("admin"), "exp": None})),
    bad("not yet valid", changed(nbf=int(time.time()) + 3600)),
    bad("of another service", changed(aud="another")),
    bad("of another issuer", changed(iss="another")),
    bad("of a user who is gone", changed(sub="gone")),
    bad("of before the password changed", changed(stamp="0" * 16)),
    bad("of another user's signature", of_another_user),
    bad("without a signature", lambda g: g.token("admin", EVERYTHING).rpartition(".")[0] + "."),
    bad("with alg none", without_algorithm),
    bad("with the public key as a secret", confused),
    bad("with a key of its own", with_a_key_of_its_own),
    bad("of another registry", lambda g: jwt.encode(g.claims("admin"), new_key(), "ES256")),
)  # fmt: skip

ROWS = tuple(rows())


@pytest.fixture(scope="module")
def app(guarded: Guarded) -> Guarded:
    """The registry, with an image in the repository."""
    admin = basic("admin")
    for blob in (b"{}", b"anything"):
        answer = guarded.client.ask(
            "POST", f"/v2/{NAME}/blobs/uploads/?digest={digest_of(blob)}", blob, authorization=admin
        )
        assert answer.status == 201, answer
    push_image(guarded)
    return guarded


def push_image(guarded: Guarded) -> None:
    """Push the image, again if somebody who may has deleted it."""
    document = image(b"anything")
    answer = guarded.client.ask(
        "PUT",
        f"/v2/{NAME}/manifests/latest",
        encode(document),
        content_type=document["mediaType"],
        authorization=basic("admin"),
    )
    assert answer.status == 201, answer


def ask(guarded: Guarded, row: Row, header: str | None) -> Answer:
    """Send the request, but keep its body back until the registry asks for it."""
    headers = {} if header is None else {"authorization": header}
    has_body = row.method in {"POST", "PUT", "PATCH"}
    if has_body:
        headers |= {"expect": "100-continue", "content_length": "2"}
    with guarded.client.connection() as connection:
        connection.request(row.method, row.path, b"", **headers)
        answer = connection.receive(head=row.method == "HEAD")
        if answer.status == 100:
            connection.send(b"{}")
            answer = connection.receive()
            assert answer.status not in {401, 403}, "the body was read for nothing"
        return answer


@pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: caller.name)
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_who_gets_in(app: Guarded, row: Row, caller: Caller) -> None:
    """Those who may; the others are told how to, before they send a body, and change nothing."""
    header = caller.header(app)
    before = app.everything()
    answer = ask(app, row, header)
    if row.needs <= caller.may | {"nothing"}:
        # The token service answers 401 to a password that is wrong, whatever it is asked for.
        if row.path != "/token":
            assert answer.status not in {401, 403}, answer
        assert answer.status < 500, answer
        if row.method == "DELETE" and answer.status == 202:
            push_image(app)
        return
    challenge = answer.headers["WWW-Authenticate"]
    if caller.refused == DENIED:
        assert (answer.status, challenge) == (403, None)
    else:
        expected = f'Bearer realm="http://{app.lading.host}/token",service="{SERVICE}"'
        expected += f',scope="{row.scope}"' if row.scope else ""
        expected += f',error="{caller.refused}"' if caller.refused else ""
        assert (answer.status, challenge) == (401, expected)
    if row.method != "HEAD":
        assert answer.codes == ["DENIED" if answer.status == 403 else "UNAUTHORIZED"]
    assert app.everything() == before


def test_the_count_of_cases() -> None:
    """So that a change of the table, or of this test, that loses cases does not go unnoticed."""
    assert len({str(row) for row in ROWS}) == len(ROWS)
    assert len({caller.name for caller in CALLERS}) == len(CALLERS)
    assert (len(ROWS), len(CALLERS)) == (26, 40)


@pytest.mark.parametrize("row", ROWS, ids=str)
@pytest.mark.parametrize("header", [None, basic("admin", "wrong"), "Bearer x"])
def test_options_need_no_login(app: Guarded, row: Row, header: str | None) -> None:
    """A browser asks so before it asks, and never with a login."""
    headers = {} if header is None else {"authorization": header}
    assert app.client.ask("OPTIONS", row.path, b"", **headers).status == 204


@pytest.mark.parametrize("row", [row for row in ROWS if NAME in row.path], ids=str)
@pytest.mark.parametrize("header", [None, basic("outsider")])
def test_nobody_learns_what_exists(app: Guarded, row: Row, header: str | None) -> None:
    """A repository that one may not see looks like one that is not there."""
    missing = Row(row.method, row.path.replace(NAME, "team/nil"), row.needs, row.scope)
    here, nowhere = ask(app, row, header), ask(app, missing, header)
    assert here.status == nowhere.status
    assert here.body.replace(NAME.encode(), b"team/nil") == nowhere.body
    ours, theirs = ({**answer.headers} for answer in (here, nowhere))
    for headers in (ours, theirs):
        del headers["Date"], headers["X-Request-ID"]
    challenge = ours.get("WWW-Authenticate")
    if challenge is not None:
        ours["WWW-Authenticate"] = challenge.replace(NAME, "team/nil")
    assert ours == theirs
