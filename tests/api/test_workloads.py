"""Builds log in with the tokens of their own system, as real clients would send them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.support.client import Answer, Client
from tests.support.guarded import SERVICE, basic, write_users
from tests.support.issuer import AUDIENCE, OidcIssuer, oidc_issuer
from tests.support.lading import lading_serve

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT = "urn:ietf:params:oauth:token-type:jwt"
SCOPES = "repository:org/app/web:pull,push repository:org/other:pull,push"


@dataclass(frozen=True)
class Builds:
    """A registry, and a build system whose projects push below their own names."""

    client: Client
    issuer: OidcIssuer

    def post(self, **form: str) -> Answer:
        """Ask for a token with a form."""
        return self.client.send_form("/token", form)

    def exchange(self, token: str, **more: str) -> Answer:
        """Give a token for one of the registry's."""
        form = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": JWT}
        return self.post(**{**form, "scope": SCOPES, **more})

    def may_push(self, authorization: str) -> set[str]:
        """Where a push may begin."""
        return {
            name
            for name in ("org/app/web", "org/other", "public/x")
            if self.client.ask(
                "POST", f"/v2/{name}/blobs/uploads/", authorization=authorization
            ).status
            == 202
        }


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builds]:
    """Both, running."""
    directory: Path = tmp_path_factory.mktemp("workloads")
    with oidc_issuer(directory) as issuer, believing(directory, issuer) as builds:
        yield builds


@contextmanager
def believing(directory: Path, issuer: OidcIssuer, project: str = "org/*") -> Iterator[Builds]:
    """A registry that believes what an issuer says of some projects."""
    write_users(directory / "users", "alice")
    rule = {
        "claims": {"project": project, "protected": "true"},
        "repositories": ["{project}/**"],
        "actions": ["push"],
    }
    workload = {"name": "builds", "issuer": issuer.url, "audience": AUDIENCE, "rules": [rule]}
    auth = {
        "htpasswd": {"path": str(directory / "users")},
        "tokens": {"service": SERVICE},
        "workloads": [workload],
    }
    with lading_serve(directory, settings={"auth": auth}) as registry:
        yield Builds(registry.client, issuer)


@pytest.fixture
def token(builds: Builds) -> str:
    """Of a build of a protected branch."""
    return builds.issuer.token(project="org/app", protected="true")


def test_a_token_is_exchanged(builds: Builds, token: str) -> None:
    """As RFC 8693 has it; what it gets is good for its own project."""
    answer = builds.exchange(token)
    assert answer.status == 200
    body = answer.json
    assert body["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] > 0
    assert "refresh_token" not in body
    assert builds.may_push(f"Bearer {body['access_token']}") == {"org/app/web"}


def test_a_token_is_a_password(builds: Builds, token: str) -> None:
    """For `docker login`, in both of its ways, and with each request."""
    form = {"grant_type": "password", "username": "build", "password": token}
    answer = builds.post(**form, access_type="offline", scope=SCOPES)
    assert answer.status == 200
    assert "refresh_token" not in answer.json
    assert builds.may_push(f"Bearer {answer.json['access_token']}") == {"org/app/web"}
    login = basic("build", token)
    query = urlencode([("service", SERVICE), ("scope", SCOPES)])
    answer = builds.client.ask("GET", f"/token?{query}&offline_token=true", authorization=login)
    assert builds.may_push(f"Bearer {answer.json['token']}") == {"org/app/web"}
    assert builds.may_push(login) == {"org/app/web"}


@pytest.mark.parametrize(
    "claims",
    [
        {"project": "org/app"},
        {"project": "org/app", "protected": "false"},
        {"project": "evil/app", "protected": "true"},
        {"project": "org/app", "protected": "true", "aud": "another"},
        {"project": "org/app", "protected": "true", "exp": 1},
    ],
)
def test_what_does_not_fit_gets_nothing(builds: Builds, claims: dict[str, object]) -> None:
    token = builds.issuer.token(**claims)
    answer = builds.exchange(token)
    assert (answer.status, answer.codes) == (401, ["UNAUTHORIZED"])
    assert builds.may_push(basic("build", token)) == set()


@pytest.mark.parametrize(
    "more",
    [
        {"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"},
        {"subject_token_type": ""},
        {"grant_type": "authorization_code"},
    ],
)
def test_other_exchanges_are_not_made(builds: Builds, token: str, more: dict[str, str]) -> None:
    assert builds.exchange(token, **more).status == 400


def test_what_was_issued_ends_when_the_rules_are_others(tmp_path: Path) -> None:
    """The registry's own tokens, too; without a change they outlive a restart."""
    with oidc_issuer(tmp_path) as issuer:
        token = issuer.token(project="org/app", protected="true")
        with believing(tmp_path, issuer) as builds:
            bearer = f"Bearer {builds.exchange(token).json['access_token']}"
        with believing(tmp_path, issuer) as builds:
            assert builds.may_push(bearer) == {"org/app/web"}
        with believing(tmp_path, issuer, project="org/other") as builds:
            assert builds.may_push(bearer) == set()
            assert builds.may_push(basic("build", token)) == set()


def test_users_log_in_beside_them(builds: Builds) -> None:
    assert builds.may_push(basic("alice")) == {"org/app/web", "org/other", "public/x"}
    assert builds.may_push(basic("alice", "a.b.c")) == set()
