"""Authentication: who is let in, and how the others are told."""

import math
import time

import pytest

from lading.auth.authenticator import Login, VerifiedToken
from lading.auth.logins import Logins
from lading.core.access import ANYBODY, EVERY_ACCESS, Action, Principal, Right
from lading.core.errors import Denied, Unauthorized
from lading.core.globs import Glob
from lading.core.names import RepositoryName
from lading.core.permissions import CurrentPermissions, Permissions, Rule
from lading.edge.authentication import Authentication, admit_anybody
from lading.edge.callers import Callers
from lading.edge.challenge import Bearer
from lading.edge.endpoints import DELETE, PULL, PUSH, Need, Needs
from lading.edge.request import Request
from tests.edge.requests import basic, request

APP = RepositoryName("team/app")
OTHER = RepositoryName("other/app")

PERMISSIONS = Permissions(
    (
        Rule((Glob("public/*"),), PULL, anonymous=True),
        Rule((Glob("team/*"),), PUSH, users=frozenset({"alice"})),
    )
)


class Users:
    """Knows alice."""

    async def authenticate(self, name: str, password: str) -> Login | None:
        return await self.recall(name) if password == "secret" else None

    async def recall(self, name: str) -> Login | None:
        return Login(Principal("alice"), "1") if name == "alice" else None


class Tokens:
    """Knows one token, which is good for pulling, also where its bearer may not."""

    async def verify(self, token: str) -> VerifiedToken | None:
        if token != "good":
            return None
        everywhere = Glob("*/app")
        return VerifiedToken(
            Principal("alice"), (Right(everywhere, PULL),), catalog=False, until=math.inf
        )


def authentication(permissions: Permissions = PERMISSIONS) -> Authentication:
    """One with users and tokens."""
    callers = Callers(Logins(Users()), Tokens(), time.time)
    return Authentication(
        callers, CurrentPermissions(permissions), Bearer(lambda _: "https://r/token", "r")
    )


def asking(authorization: str | None, path: str = "/v2/") -> Request:
    """A request with an `Authorization` header."""
    headers = {} if authorization is None else {"Authorization": authorization}
    return request("GET", path, headers)


ALICE = basic("alice:secret")
GOOD = "Bearer good"


@pytest.mark.parametrize(
    ("authorization", "needs", "repository"),
    [
        (None, Need.NOTHING, None),
        ("nonsense", Need.NOTHING, None),
        (None, PULL, RepositoryName("public/app")),
        (None, Need.CATALOG, None),
        (ALICE, Need.LOGIN, None),
        (ALICE, Need.CATALOG, None),
        (ALICE, PULL, APP),
        (ALICE, PUSH, APP),
        (ALICE, PULL, RepositoryName("public/app")),
        (GOOD, Need.LOGIN, None),
        (GOOD, PULL, APP),
    ],
)
async def test_who_is_let_in(
    authorization: str | None, needs: Needs, repository: RepositoryName | None
) -> None:
    """Whoever may; the body is not read for it."""
    access, _ = await authentication().admit(asking(authorization), needs, repository)
    assert needs is Need.NOTHING or access.principal.name == ("alice" if authorization else "")


@pytest.mark.parametrize(
    ("authorization", "needs", "repository", "rest"),
    [
        (None, Need.LOGIN, None, ""),
        (None, PULL, APP, ',scope="repository:team/app:pull"'),
        (None, PUSH, RepositoryName("public/app"), ',scope="repository:public/app:pull,push"'),
        (basic("alice:wrong"), Need.LOGIN, None, ""),
        (
            basic("alice:wrong"),
            PULL,
            RepositoryName("public/app"),
            ',scope="repository:public/app:pull"',
        ),
        (basic("carol:secret"), Need.LOGIN, None, ""),
        (basic(":"), Need.LOGIN, None, ""),
        ("Digest x", Need.LOGIN, None, ""),
        ("", Need.CATALOG, None, ',scope="registry:catalog:*"'),
        ("Bearer bad", Need.LOGIN, None, ',error="invalid_token"'),
        ("Bearer bad", DELETE, APP, ',scope="repository:team/app:delete",error="invalid_token"'),
        (GOOD, PUSH, APP, ',scope="repository:team/app:pull,push",error="insufficient_scope"'),
        (GOOD, PULL, OTHER, ',scope="repository:other/app:pull",error="insufficient_scope"'),
        (GOOD, Need.CATALOG, None, ',scope="registry:catalog:*",error="insufficient_scope"'),
    ],
)
async def test_who_is_told_to_log_in(
    authorization: str | None, needs: Needs, repository: RepositoryName | None, rest: str
) -> None:
    """With what a token must be good for, and what is wrong with the one given."""
    with pytest.raises(Unauthorized) as refusal:
        await authentication().admit(asking(authorization), needs, repository)
    assert refusal.value.challenge == 'Bearer realm="https://r/token",service="r"' + rest


@pytest.mark.parametrize(("needs", "repository"), [(PULL, OTHER), (DELETE, APP)])
async def test_who_is_denied(needs: Needs, repository: RepositoryName) -> None:
    """Somebody known by a password: another login would be the only thing to change it."""
    with pytest.raises(Denied) as refusal:
        await authentication().admit(asking(ALICE), needs, repository)
    assert refusal.value.details[0]["name"] == repository


async def test_a_mount_asks_for_both_repositories() -> None:
    """One token then does for it."""
    asked = request("POST", f"/v2/{APP}/blobs/uploads/?mount=sha256:0&from={OTHER}")
    with pytest.raises(Unauthorized) as refusal:
        await authentication().admit(asked, PUSH, APP)
    assert 'scope="repository:team/app:pull,push repository:other/app:pull"' in (
        refusal.value.challenge
    )
    strange = request("POST", f"/v2/{APP}/blobs/uploads/?mount=sha256:0&from=%22,x=%22")
    with pytest.raises(Unauthorized) as refusal:
        await authentication().admit(strange, PUSH, APP)
    assert refusal.value.challenge.endswith('scope="repository:team/app:pull,push"')


async def test_permissions_are_those_of_now() -> None:
    """A reload counts at the next request, also for tokens issued before."""
    nothing = Permissions(())
    with pytest.raises(Denied):
        await authentication(nothing).admit(asking(ALICE), PULL, APP)
    with pytest.raises(Unauthorized):
        await authentication(nothing).admit(asking(GOOD), PULL, APP)


def test_without_authentication() -> None:
    """Everybody may do everything."""
    access, grant = admit_anybody(APP)
    assert access == EVERY_ACCESS
    assert access.principal == ANYBODY
    assert grant == access.grant(APP)
    assert Action.DELETE in grant.actions
