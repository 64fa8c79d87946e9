"""The registry's own tokens: what verifies, and everything that does not."""

import uuid
from dataclasses import replace
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.auth.authenticator import Login, VerifiedToken
from lading.auth.keys import KeyRing, SigningKey
from lading.auth.logins import Logins
from lading.auth.secrets import SecretInMemory
from lading.auth.tokens import RegistryTokens
from lading.core.access import ANYBODY, Action, Principal, Right
from lading.core.globs import Glob
from lading.core.scopes import CATALOG, Scope
from tests.auth.forge import Clock, new_key, public_pem, signed_with_secret, unsigned

PULL = Scope("repository", "team/app", ("pull",))
ALICE = Login(Principal("alice"), "0123456789abcdef0123")


class Users:
    """Knows alice, until she is removed or her password changes."""

    login: Login | None = ALICE

    async def authenticate(self, name: str, password: str) -> Login | None:
        return await self.recall(name)

    async def recall(self, name: str) -> Login | None:
        return self.login if name == "alice" else None


class Place:
    """A registry's tokens, with everything they rest on."""

    def __init__(self, service: str = "registry", ring: KeyRing | None = None) -> None:
        self.clock = Clock()
        self.users = Users()
        self.ring = ring or KeyRing(SecretInMemory(), 1e9, self.clock)
        self.tokens = RegistryTokens(
            self.ring,
            Logins(self.users),
            service=service,
            lifetime=600,
            clock=self.clock,
            new_uuid=uuid.uuid4,
        )

    async def token(self, *scopes: Scope) -> str:
        """A token of alice's."""
        return (await self.tokens.issue(ALICE, scopes)).token

    async def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """Any claims, signed with the registry's own key."""
        key: SigningKey = await self.ring.current()
        return jwt.encode(claims, key.private, "ES256", {"kid": key.id, **header})

    async def claims(self) -> dict[str, Any]:
        """The claims of a good token."""
        claims: dict[str, Any] = jwt.decode(
            await self.token(PULL), options={"verify_signature": False}
        )
        return claims


async def test_a_good_token() -> None:
    """Its bearer is who it was issued to, for what it was issued for."""
    place = Place()
    bearer = await place.tokens.verify(await place.token(PULL, CATALOG))
    assert bearer is not None
    assert bearer.principal == ALICE.principal
    assert bearer.scopes == (Right(Glob("team/app"), frozenset({Action.PULL})),)
    assert bearer.catalog
    plain = await place.tokens.verify(await place.token())
    assert plain is not None
    assert (plain.scopes, plain.catalog) == ((), False)


async def test_what_a_client_reads_in_it() -> None:
    """Docker's claims; nobody's password, nor its hash."""
    place = Place()
    token = await place.token(PULL)
    claims = await place.claims()
    assert claims["access"] == [{"type": "repository", "name": "team/app", "actions": ["pull"]}]
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("lading", "alice", "registry")
    assert claims["exp"] - claims["iat"] == 600
    assert claims["nbf"] <= claims["iat"]
    assert str(uuid.UUID(claims["jti"])) == claims["jti"]
    assert jwt.get_unverified_header(token)["alg"] == "ES256"
    assert jwt.get_unverified_header(token)["typ"] == "JWT"


async def test_anybody_s_token() -> None:
    """For pulls without a login."""
    place = Place()
    issued = await place.tokens.issue(None, [PULL])
    bearer = await place.tokens.verify(issued.token)
    assert bearer is not None
    assert bearer.principal == ANYBODY


async def test_rights_that_cannot_be_looked_up() -> None:
    """They are in the token, as long as whoever vouched for them is believed."""
    place = Place()
    rights = (Right(Glob("ci/**"), frozenset({Action.PULL, Action.PUSH})),)
    workload = replace(ALICE, principal=Principal("alice", rights=rights), borrowed=True)
    place.users.login = replace(workload, principal=Principal("alice", rights=()))
    token = (await place.tokens.issue(workload, [PULL])).token
    bearer = await place.tokens.verify(token)
    assert bearer is not None
    assert bearer.principal == workload.principal
    place.users.login = replace(place.users.login, stamp="another rule")
    assert await place.tokens.verify(token) is None


async def test_rights_that_can_be_looked_up_are_not_taken_from_a_token() -> None:
    """Whatever it says."""
    place = Place()
    claims = {**await place.claims(), "rights": [["**", ["admin"]]]}
    bearer = await place.tokens.verify(await place.sign(claims))
    assert bearer is not None
    assert bearer.principal == ALICE.principal


async def test_it_ends() -> None:
    """To the second, remembered or not."""
    place = Place()
    token = await place.token(PULL)
    place.clock.now += 599
    assert await place.tokens.verify(token) is not None
    place.clock.now += 1
    assert await place.tokens.verify(token) is None


async def test_it_ends_with_the_login() -> None:
    """At once, though the token itself was found good a moment before."""
    place = Place()
    token = await place.token(PULL)
    assert await place.tokens.verify(token) is not None
    place.users.login = Login(ALICE.principal, "another stamp, another password")
    assert await place.tokens.verify(token) is None
    place.users.login = None
    assert await place.tokens.verify(token) is None
    place.users.login = ALICE
    assert await place.tokens.verify(token) is not None


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "another"},
        {"aud": ["another", "service"]},
        {"aud": None},
        {"iss": "another"},
        {"iss": None},
        {"exp": None},
        {"exp": 0},
        {"exp": "never"},
        {"exp": True},
        {"exp": 1e300},
        {"nbf": 1_900_000_061},
        {"nbf": "soon"},
        {"sub": 5},
        {"sub": "bob"},
        {"stamp": "another"},
        {"stamp": 5},
        {"access": "all"},
        {"access": [5]},
        {"access": [{"type": "repository", "name": "a", "actions": "pull"}]},
        {"access": [{"type": "repository", "name": "a", "actions": [5]}]},
        {"access": [{"type": "repository", "name": ["a"], "actions": []}]},
        {"access": [{}] * 257},
    ],
)
async def test_claims_that_do_not_count(change: dict[str, Any]) -> None:
    """Even with the right signature: of another service or issuer, of another time, or nonsense."""
    place = Place()
    claims = {**await place.claims(), **change}
    claims = {name: value for name, value in claims.items() if value is not None}
    assert await place.tokens.verify(await place.sign(claims)) is None


async def test_another_registry_s_token() -> None:
    """Of the same name and the same keys' place: another key signed it."""
    place, other = Place(), Place()
    assert await place.tokens.verify(await other.token(PULL)) is None


async def test_another_service_with_the_same_keys() -> None:
    """A token is for one service; to replay it at another does not work."""
    place = Place()
    other = Place("other", place.ring)
    assert await other.tokens.verify(await place.token(PULL)) is None
    assert await other.tokens.verify(await other.token(PULL)) is not None


async def test_forgeries() -> None:
    """Whatever a token says of its algorithm or its key, only ES256 with the registry's counts."""
    place = Place()
    key = await place.ring.current()
    claims = await place.claims()
    header = {"typ": "JWT", "kid": key.id}
    mine = new_key()
    _, body, signature = (await place.token(PULL)).split(".")
    stolen = unsigned({**header, "alg": "ES256"}, {**claims, "sub": "bob"}).rpartition(".")[0]
    forgeries = [
        unsigned({**header, "alg": "none"}, claims),
        unsigned({**header, "alg": "None"}, claims),
        unsigned({**header, "alg": "ES256"}, claims),
        unsigned({**header, "alg": "ES256"}, claims, b"\0" * 64),
        unsigned({"alg": "ES256"}, claims, b"\0" * 64),
        signed_with_secret({**header, "alg": "HS256"}, claims, public_pem(key.private)),
        signed_with_secret({**header, "alg": "HS256"}, claims, b""),
        signed_with_secret({**header, "alg": "ES256"}, claims, public_pem(key.private)),
        jwt.encode(claims, mine, "ES256", {"kid": key.id}),
        jwt.encode(claims, mine, "ES256", {"kid": "mine"}),
        jwt.encode(claims, mine, "ES256"),
        f"{stolen}.{signature}",
        f"{(await place.token(PULL)).split('.')[0]}.{body}.",
        (await place.token(PULL))[:-4],
        (await place.token(PULL)) + ".",
        (await place.token(PULL)) + "A" * 4,
        await place.sign(claims, crit=["exp"]),
        await place.sign(claims, b64=False, crit=["b64"]),
    ]
    for forgery in forgeries:
        assert await place.tokens.verify(forgery) is None, forgery


@given(token=st.text(max_size=80) | st.from_regex(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[\w-]*"))
async def test_any_text(token: str) -> None:
    """Whatever is sent is no token."""
    assert await Place().tokens.verify(token) is None


@given(
    header=st.dictionaries(
        st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk"]),
        st.none() | st.integers() | st.text(max_size=8) | st.lists(st.text(max_size=3)),
    ),
    claims=st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        ),
    ),
)
async def test_any_header_and_claims(header: dict[str, Any], claims: Any) -> None:
    """JSON of any shape is refused, not stumbled over."""
    place = Place()
    assert await place.tokens.verify(unsigned(header, claims, b"x" * 64)) is None


entries = st.lists(
    st.dictionaries(
        st.sampled_from(["type", "name", "actions"]),
        st.none() | st.text(max_size=3) | st.lists(st.text(max_size=3) | st.integers()),
    )
)


@given(
    changes=st.dictionaries(
        st.sampled_from(["iss", "aud", "exp", "nbf", "iat", "sub", "jti", "access", "stamp"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | entries,
    )
)
async def test_any_claims_with_the_right_signature(changes: dict[str, Any]) -> None:
    """What could only be a mistake of the registry's own is no trap, either."""
    place = Place()
    key = await place.ring.current()
    header = {"alg": "ES256", "kid": key.id}
    claims = {**await place.claims(), **changes}
    algorithm = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256)
    start = unsigned(header, claims).rpartition(".")[0].encode()
    token = unsigned(header, claims, algorithm.sign(start, key.private))
    assert isinstance(await place.tokens.verify(token), VerifiedToken | None)


async def test_deep_nesting_is_no_trap() -> None:
    """A reader of JSON that recurses is not brought down by it."""
    deep = b"[" * 20_000 + b"]" * 20_000
    for header in (deep, b'{"alg":"ES256","kid":"x","a":' + deep + b"}"):
        assert await Place().tokens.verify(unsigned_bytes(header)) is None


def unsigned_bytes(header: bytes) -> str:
    """A token whose header is these bytes."""
    return unsigned(header, {}, b"x")
