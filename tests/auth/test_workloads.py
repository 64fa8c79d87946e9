"""Workload identity: whose tokens log in, and whose do not."""

import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest

from lading.auth.keysets import RemoteKeys, fetch_of_issuer
from lading.auth.workloads import Issuer, WorkloadLogins
from lading.core.access import Action
from lading.core.claims import ClaimPattern, ClaimRule, RepositoryTemplate
from lading.core.errors import Unavailable
from tests.auth.forge import new_key, public_pem, signed_with_secret, unsigned
from tests.support.issuer import AUDIENCE, OidcIssuer, oidc_issuer

RULE = ClaimRule(
    {"project": [ClaimPattern("org/*")]},
    [RepositoryTemplate("{project}/**")],
    frozenset({Action.PUSH}),
)
GOOD = {"project": "org/app"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OidcIssuer]:
    with oidc_issuer(tmp_path_factory.mktemp("issuer")) as issuer:
        yield issuer


@pytest.fixture
def issuer(running: OidcIssuer) -> OidcIssuer:
    """An issuer with a new key."""
    fresh = replace(running, key=new_key())
    fresh.publish()
    return fresh


def trusted(issuer: OidcIssuer, name: str = "builds") -> Issuer:
    """What the operator says of it."""
    keys = RemoteKeys(issuer.url, time.time, fetch_of_issuer)
    return Issuer(name, issuer.url, AUDIENCE, f"stamp of {name}", keys, [RULE])


@pytest.fixture
async def logins(issuer: OidcIssuer) -> WorkloadLogins:
    return WorkloadLogins([trusted(issuer)], time.time)


async def test_a_token_logs_in(issuer: OidcIssuer, logins: WorkloadLogins) -> None:
    """By any name; it may do what the rules say, and has no more than that."""
    token = issuer.token(**GOOD)
    for _ in range(2):
        login = await logins.authenticate("anything", token)
        assert login is not None
        assert login.principal.name == "builds:build"
        (right,) = login.principal.rights or ()
        assert right.pattern == "org/app/**"
        assert right.actions == frozenset({Action.PULL, Action.PUSH})
        assert login.borrowed


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another registry"},
        {"aud": None},
        {"aud": []},
        {"iss": "http://127.0.0.1:1"},
        {"iss": None},
        {"iss": ["a"]},
        {"iss": {}},
        {"exp": None},
        {"exp": 1},
        {"exp": "soon"},
        {"nbf": 10**11},
        {"project": "evil/app"},
        {"project": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 5},
        {"sub": "a\nb"},
        {"sub": "\ud800"},
        {"sub": "a" * 256},
    ],
)
async def test_claims_that_do_not_log_in(
    issuer: OidcIssuer, logins: WorkloadLogins, claims: dict[str, Any]
) -> None:
    """For somebody else, from somebody else, over, or of no rule."""
    assert await logins.authenticate("", _token(issuer, {**GOOD, **claims})) is None
    assert await logins.authenticate("", issuer.token(**GOOD)) is not None


def _token(issuer: OidcIssuer, claims: dict[str, Any]) -> str:
    """Signed as it is: PyJWT would refuse to make some of these."""
    try:
        return issuer.token(**claims)
    except TypeError:
        return unsigned({"alg": "ES256", "kid": issuer.key_id}, issuer.claims(**claims))


async def test_forged_tokens_do_not_log_in(issuer: OidcIssuer, logins: WorkloadLogins) -> None:
    """Unsigned, signed with the public key as a secret, with another key, or changed."""
    claims, header = issuer.claims(**GOOD), {"kid": issuer.key_id}
    head, body, signature = issuer.token(**GOOD).split(".")
    other = issuer.token(project="org/other").split(".")
    for forged in (
        unsigned({"alg": "none", **header}, claims),
        signed_with_secret({"alg": "HS256", **header}, claims, public_pem(issuer.key)),
        jwt.encode(claims, new_key(), "ES256", header),
        jwt.encode(claims, issuer.key, "ES256", {"kid": "unknown"}),
        jwt.encode(claims, issuer.key, "ES256"),
        f"{head}.{other[1]}.{signature}",
        f"{head}.{body}.",
        f"{head}.{body}",
        "..",
        "a.b.c",
        "ä.ä.ä",
        f"{head}.{body}.{signature}{'A' * 20_000}",
    ):
        assert await logins.authenticate("", forged) is None


async def test_a_token_of_nobody_that_is_named_is_said_to_be_one(
    issuer: OidcIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    """It is no login of a workload's; a password may look like anything."""
    caplog.set_level(logging.INFO)
    logins = WorkloadLogins([], time.time)
    assert not logins.owns("", issuer.token(**GOOD))
    assert "its issuer is not one of `auth.workloads`" in caplog.text
    assert not logins.owns("", "a.pass.word")


async def test_an_issuer_speaks_for_itself_only(tmp_path: Path, issuer: OidcIssuer) -> None:
    """The key of one that is trusted does not make another's tokens."""
    with oidc_issuer(tmp_path) as other:
        logins = WorkloadLogins([trusted(issuer), trusted(other, "other")], time.time)
        forged = jwt.encode(issuer.claims(**GOOD), other.key, "ES256", {"kid": other.key_id})
        assert await logins.authenticate("", forged) is None
        login = await logins.authenticate("", other.token(**GOOD))
        assert login is not None
        assert login.principal.name == "other:build"


async def test_a_workload_is_recalled_without_its_rights(
    issuer: OidcIssuer, logins: WorkloadLogins
) -> None:
    """What was issued to it is good as long as its issuer is believed, and by the same rules."""
    login = await logins.authenticate("", issuer.token(**GOOD))
    assert login is not None
    recalled = await logins.recall("builds:build")
    assert recalled is not None
    assert recalled.stamp == login.stamp
    assert recalled.borrowed
    assert recalled.principal.rights == ()
    changed = WorkloadLogins([replace(trusted(issuer), stamp="another")], time.time)
    now = await changed.recall("builds:build")
    assert now is not None
    assert now.stamp != login.stamp
    for nobody in ("alice", "builds", "other:build", ":build", ""):
        assert await logins.recall(nobody) is None


async def test_a_token_ends_though_it_is_remembered(issuer: OidcIssuer) -> None:
    now = time.time()
    logins = WorkloadLogins([trusted(issuer)], lambda: now)
    token = issuer.token(**GOOD, exp=now + 10)
    assert await logins.authenticate("", token)
    now += 71
    assert await logins.authenticate("", token) is None


async def test_a_new_key_is_asked_for(issuer: OidcIssuer) -> None:
    """When a token names one that is not known, but not all the time."""
    now = time.time()
    keys = RemoteKeys(issuer.url, lambda: now, fetch_of_issuer)
    trusting = replace(trusted(issuer), keys=keys)
    logins = WorkloadLogins([trusting], lambda: now)
    assert await logins.authenticate("", issuer.token(**GOOD))
    renewed = replace(issuer, key=new_key(), key_id="second")
    renewed.publish()
    assert await logins.authenticate("", renewed.token(**GOOD)) is None
    now += 31
    assert await logins.authenticate("", renewed.token(**GOOD))


@pytest.mark.parametrize(
    "configuration",
    [
        {"issuer": "http://127.0.0.1:1"},
        {"jwks_uri": "http://example.com/keys.json"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": None},
        {"jwks_uri": "http://[::1"},
    ],
)
async def test_an_issuer_that_points_elsewhere_is_not_followed(
    issuer: OidcIssuer, configuration: dict[str, object]
) -> None:
    """Whoever answers for it must be it, and keys must come protected."""
    issuer.publish(**configuration)
    logins = WorkloadLogins([trusted(issuer)], time.time)
    with pytest.raises(Unavailable):
        await logins.authenticate("", issuer.token(**GOOD))
