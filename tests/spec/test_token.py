"""The token service, as Docker's clients and those of OAuth2 ask it."""

from datetime import UTC, datetime
from typing import Any

import jwt
import pytest

from tests.support.client import FORM, Answer
from tests.support.guarded import SERVICE, Guarded, basic, write_users


def access(token: str) -> list[dict[str, Any]]:
    """What a token says that it is good for."""
    claims = jwt.decode(token, options={"verify_signature": False})
    granted: list[dict[str, Any]] = claims["access"]
    return granted


def post(guarded: Guarded, **form: str) -> Answer:
    """Send OAuth2's form."""
    return guarded.client.send_form("/token", form)


@pytest.mark.endpoint("token", "GET", "HEAD")
def test_head_tells_what_get_would_send(guarded: Guarded) -> None:
    """Without a token, and with the same answer to a wrong password."""
    for login, status in ((basic("reader"), 200), (basic("reader", "wrong"), 401)):
        get = guarded.client.ask("GET", "/token", authorization=login)
        head = guarded.client.ask("HEAD", "/token", authorization=login)
        assert (get.status, head.status, head.body) == (status, status, b"")
        for name in ("Content-Type", "Content-Length", "Cache-Control", "WWW-Authenticate"):
            assert head.headers[name] == get.headers[name]


@pytest.mark.endpoint("token", "HEAD")
def test_head_begins_no_refresh_token(guarded: Guarded) -> None:
    """Nobody would have it. RFC 9110, 9.2.1: HEAD is a safe method, which asks for no change."""
    before = guarded.everything()["refresh_tokens"]
    answer = guarded.client.ask("HEAD", "/token?offline_token=true", authorization=basic("reader"))
    assert answer.status == 200
    assert guarded.everything()["refresh_tokens"] == before


@pytest.mark.endpoint("token", "GET")
def test_a_token_for_a_password(guarded: Guarded) -> None:
    """Under both names, with the time that it is good for; no one in between may keep it."""
    answer = guarded.client.ask(
        "GET",
        f"/token?service={SERVICE}&scope=repository:team/app:pull,push&account=writer"
        "&client_id=docker",
        authorization=basic("writer"),
    )
    assert answer.status == 200
    body = answer.json
    assert body["token"] == body["access_token"]
    assert body["expires_in"] == 1800
    issued = datetime.strptime(body["issued_at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert abs((datetime.now(UTC) - issued).total_seconds()) < 60
    assert "refresh_token" not in body
    assert answer.headers["Cache-Control"] == "no-store"
    assert access(body["token"]) == [
        {"type": "repository", "name": "team/app", "actions": ["pull", "push"]}
    ]


@pytest.mark.parametrize(
    ("user", "scopes", "granted"),
    [
        ("reader", ["repository:team/app:pull,push"], [("team/app", ["pull"])]),
        ("reader", ["repository:other/app:pull"], [("other/app", [])]),
        ("reader", ["repository:team/app:frobnicate"], [("team/app", [])]),
        ("admin", ["repository:x:*"], [("x", ["pull", "push", "delete"])]),
        ("admin", ["repository:x:admin"], [("x", ["admin"])]),
        (
            "writer",
            ["repository:team/a:pull", "repository:other/b:pull", "repository:team/a:push"],
            [("team/a", ["pull", "push"]), ("other/b", [])],
        ),
        ("writer", ["repository:team/a:pull+repository:team/b:push"],
         [("team/a", ["pull"]), ("team/b", ["push"])]),
        ("writer", ["nonsense", "repository:BAD:pull", "repository(plugin):a:pull"], []),
        ("writer", ["registry:catalog:*"], [("catalog", ["*"])]),
        ("", ["repository:public/a:pull,push"], [("public/a", ["pull"])]),
        ("", ["repository:team/app:pull"], [("team/app", [])]),
        ("", ["registry:catalog:*"], [("catalog", ["*"])]),
        ("", [], []),
    ],
)  # fmt: skip
def test_who_asks_for_more_gets_what_may_be(
    guarded: Guarded, user: str, scopes: list[str], granted: list[tuple[str, list[str]]]
) -> None:
    """No error: the client then says that access is denied, and of what."""
    token = guarded.token(user, *scopes)
    assert [(entry["name"], entry["actions"]) for entry in access(token)] == granted


@pytest.mark.parametrize(
    "header",
    [basic("writer", "wrong"), basic("nobody"), basic("", ""), "Bearer x", "Basic !", "", "x"],
)
def test_who_cannot_log_in_gets_nothing(guarded: Guarded, header: str) -> None:
    """Not even what anybody gets: a wrong password should not go unnoticed."""
    answer = guarded.client.ask(
        "GET", "/token?scope=repository:public/a:pull", authorization=header
    )
    assert answer.status == 401
    assert answer.codes == ["UNAUTHORIZED"]
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")


@pytest.mark.endpoint("token", "POST")
def test_oauth2(guarded: Guarded) -> None:
    """containerd's way: a password first, and then a refresh token, any number of times."""
    first = post(
        guarded,
        grant_type="password",
        service=SERVICE,
        client_id="containerd-client",
        username="writer",
        password="writer-password",
        scope="repository:team/a:pull repository:team/b:pull,push",
        access_type="offline",
    )
    assert first.status == 200
    assert first.json["scope"] == "repository:team/a:pull repository:team/b:pull,push"
    refresh = first.json["refresh_token"]
    for _ in range(2):
        again = post(guarded, grant_type="refresh_token", refresh_token=refresh, scope="")
        assert again.status == 200
        assert "refresh_token" not in again.json
        token = again.json["access_token"]
        assert guarded.client.ask("GET", "/v2/", authorization=f"Bearer {token}").status == 200


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"grant_type": "password", "username": "writer", "password": "wrong"}, 401),
        ({"grant_type": "password", "username": "nobody", "password": "x"}, 401),
        ({"grant_type": "password"}, 401),
        ({"grant_type": "refresh_token", "refresh_token": "made-up"}, 401),
        ({"grant_type": "refresh_token"}, 401),
        ({"grant_type": "client_credentials"}, 400),
        ({}, 400),
        ({f"field{n}": "" for n in range(100)}, 400),
        ({"grant_type": "password", "username": "a" * 70_000}, 400),
    ],
)
def test_forms_that_get_nothing(guarded: Guarded, form: dict[str, str], status: int) -> None:
    """Clients tell a wrong login (401) from a form that is not understood (400)."""
    answer = post(guarded, **form)
    assert answer.status == status
    assert answer.codes == ["UNAUTHORIZED" if status == 401 else "UNSUPPORTED"]


@pytest.mark.parametrize(
    ("kind", "body"),
    [("application/json", b"{}"), ("", b"grant_type=password"), (FORM, b"\xff=%ff")],
)
def test_bodies_that_are_no_form(guarded: Guarded, kind: str, body: bytes) -> None:
    """They are refused in the registry's words."""
    answer = guarded.client.ask("POST", "/token", body, content_type=kind)
    assert answer.status == 400
    assert answer.codes == ["UNSUPPORTED"]


def test_tokens_end_with_the_user(guarded: Guarded) -> None:
    """`docker login` keeps a refresh token; whoever is removed loses it, at once."""
    directory = guarded.lading.config.parent
    users, extra = directory / "htpasswd", directory / "extra"
    before = users.read_text()
    write_users(extra, "passing")
    users.write_text(before + extra.read_text())

    def ask(header: str) -> Answer:
        return guarded.client.ask("GET", "/token?offline_token=true", authorization=header)

    answer = ask(basic("passing"))
    refresh, bearer = answer.json["refresh_token"], f"Bearer {answer.json['token']}"

    def statuses() -> set[int]:
        """Of several connections, so that each worker has its turn."""
        return {
            answer.status
            for _ in range(10)
            for answer in (
                guarded.client.ask("GET", "/v2/", authorization=bearer),
                post(guarded, grant_type="refresh_token", refresh_token=refresh),
            )
        }

    assert statuses() == {200}
    users.write_text(before)
    assert statuses() == {401}


def test_what_is_kept_of_a_refresh_token(guarded: Guarded) -> None:
    """Not the token: who steals the database cannot log in with it."""
    answer = guarded.client.ask("GET", "/token?offline_token=1", authorization=basic("reader"))
    refresh = answer.json["refresh_token"]
    kept = guarded.everything()["refresh_tokens"]
    assert kept
    assert refresh not in str(kept)
    log = guarded.lading.config.parent / "lading.log"
    assert refresh not in log.read_text()
    assert "reader-password" not in log.read_text()


@pytest.mark.parametrize(
    ("headers", "realm"),
    [
        ({"host": "registry.lan:8080"}, "http://registry.lan:8080/token"),
        ({"host": "[::1]:5000"}, "http://[::1]:5000/token"),
        ({"host": "a,x=b"}, "http://localhost/token"),
        ({"host": "a;b"}, "http://localhost/token"),
        ({"host": "r", "x_forwarded_proto": "https", "x_forwarded_host": "x"}, "http://r/token"),
    ],
)
def test_where_clients_are_sent(guarded: Guarded, headers: dict[str, str], realm: str) -> None:
    """To the host that they asked for; a stranger's `X-Forwarded-…` changes nothing."""
    answer = guarded.client.ask("GET", "/v2/", b"", **headers)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == f'Bearer realm="{realm}",service="{SERVICE}"'


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_without_authentication_there_is_no_token_service(client: Any, method: str) -> None:
    """A client that asks for a token nevertheless hears so, whatever the method."""
    assert client.ask("OPTIONS", "/token").headers["Allow"] == "OPTIONS"
    answer = client.ask(method, "/token")
    assert answer.status == 404
    assert "Allow" not in answer.headers
    assert answer.codes == ["UNSUPPORTED"]


@pytest.mark.endpoint("token", "GET", "POST")
@pytest.mark.parametrize("count", [100, 101])
def test_a_token_is_asked_for_so_many_scopes(guarded: Guarded, count: int) -> None:
    """Each is looked at by all rules, so what more would cost is not asked for at once."""
    scopes = [f"repository:team/{number}:pull" for number in range(count)]
    query = "&".join(f"scope={scope}" for scope in scopes)
    got = guarded.client.ask("GET", f"/token?{query}", authorization=basic("reader"))
    posted = post(
        guarded,
        grant_type="password",
        username="reader",
        password="reader-password",
        scope=" ".join(scopes),
    )
    for answer in (got, posted):
        assert answer.status == (200 if count == 100 else 400)
        if answer.status == 200:
            assert len(access(answer.json["token"])) == count
        else:
            assert answer.codes == ["UNSUPPORTED"]
            assert "at most 100 scopes" in answer.json["errors"][0]["message"]
