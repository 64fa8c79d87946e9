"""Tokens of another token server: every way in which CNCF Distribution trusts one, and no other."""

import json
from collections.abc import Sequence
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from lading.auth.external import ExternalTokens
from lading.auth.keysets import FixedKeys, parse_keys
from lading.auth.public_keys import PublicKey, TrustedKey, libtrust_id, names_of, thumbprint
from lading.core.access import ALL_RIGHTS, Action, Principal, Right
from lading.core.globs import Glob
from tests.auth.forge import (
    NOW,
    Clock,
    certificate,
    new_key,
    public_jwk,
    public_pem,
    signed_with_secret,
    unsigned,
    x5c,
)

ACCESS = [
    {"type": "repository", "name": "team/app", "actions": ["pull", "push"]},
    {"type": "registry", "name": "catalog", "actions": ["*"]},
]
CLAIMS: dict[str, Any] = {
    "iss": "issuer",
    "aud": "registry",
    "sub": "alice",
    "exp": int(NOW) + 300,
    "nbf": int(NOW) - 10,
    "iat": int(NOW) - 10,
    "jti": "1",
    "access": ACCESS,
}


def verifier(
    *keys: PublicKey,
    roots: Sequence[x509.Certificate] = (),
    algorithms: Sequence[str] = (),
    clock: Clock | None = None,
    key_set: FixedKeys | None = None,
) -> ExternalTokens:
    """Trusts these keys, by all the names that they have."""
    named = {name: TrustedKey(key) for key in keys for name in names_of(key)}
    return ExternalTokens(
        service="registry",
        issuer="issuer",
        keys=[key_set or FixedKeys(named)],
        roots=roots,
        algorithms=algorithms,
        clock=clock or Clock(),
    )


KEY = new_key()
ROOT_KEY = new_key()
ROOT = certificate("root", ROOT_KEY, authority=True)


def token(key: Any = KEY, algorithm: str = "ES256", header: Any = None, **claims: Any) -> str:
    """A token, good unless something is changed."""
    changed = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not None}
    return jwt.encode(
        changed, key, algorithm, {"kid": thumbprint(KEY.public_key())} if header is None else header
    )


async def test_what_it_allows_is_the_issuer_s_to_say() -> None:
    """The registry adds nothing and takes nothing away."""
    bearer = await verifier(KEY.public_key()).verify(token())
    assert bearer is not None
    assert bearer.principal == Principal("alice", rights=ALL_RIGHTS)
    assert bearer.scopes == (Right(Glob("team/app"), frozenset({Action.PULL, Action.PUSH})),)
    assert bearer.catalog
    nothing = await verifier(KEY.public_key()).verify(token(access=None, sub=""))
    assert nothing is not None
    assert (nothing.scopes, nothing.catalog) == ((), False)


@pytest.mark.parametrize("name", [thumbprint, libtrust_id])
async def test_a_key_by_its_names(name: Any) -> None:
    """Distribution 3's thumbprint, and the fingerprint that servers for 2.x send."""
    signed = token(header={"kid": name(KEY.public_key())})
    assert await verifier(KEY.public_key()).verify(signed) is not None


def test_the_names_of_known_keys() -> None:
    """RFC 7638's own example, and the shape of libtrust's."""
    example = {
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSo"
        "c_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW"
        "2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh"
        "6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        "e": "AQAB",
    }
    key = jwt.PyJWK(example).key
    assert thumbprint(key) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    groups = libtrust_id(key).split(":")
    assert [len(group) for group in groups] == [4] * 12


async def test_a_key_of_a_key_set() -> None:
    """By the name that the set gives it; only for the algorithm that it names."""
    keys = parse_keys(
        b'{"keys":['
        + b",".join(
            json.dumps(entry).encode()
            for entry in (
                public_jwk(KEY, kid="mine", alg="ES256"),
                {"kty": "unknown"},
                {"kty": "EC"},
                5,
            )
        )
        + b"]}"
    )
    known = verifier(key_set=FixedKeys(keys))
    assert await known.verify(token(header={"kid": "mine"})) is not None
    assert await known.verify(token(header={"kid": "other"})) is None
    assert (
        await verifier(algorithms=["ES384"], key_set=FixedKeys(keys)).verify(
            token(header={"kid": "mine"})
        )
        is None
    )


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (rsa.generate_private_key(65537, 2048), "RS256"),
        (rsa.generate_private_key(65537, 2048), "PS384"),
        (ec.generate_private_key(ec.SECP384R1()), "ES384"),
        (ed25519.Ed25519PrivateKey.generate(), "EdDSA"),
    ],
)
async def test_algorithms(key: Any, algorithm: str) -> None:
    """All the asymmetric ones by default, or those that are listed."""
    signed = token(key, algorithm, {"kid": thumbprint(key.public_key())})
    assert await verifier(key.public_key()).verify(signed) is not None
    assert await verifier(key.public_key(), algorithms=[algorithm]).verify(signed) is not None
    assert await verifier(key.public_key(), algorithms=["ES512"]).verify(signed) is None


async def test_short_keys_do_not_count() -> None:
    """1024 bits of RSA can be broken."""
    key = rsa.generate_private_key(65537, 1024)
    signed = unsigned({"alg": "RS256", "kid": thumbprint(key.public_key())}, CLAIMS, b"x" * 128)
    assert await verifier(key.public_key()).verify(signed) is None


INTERMEDIATE_KEY = new_key()
INTERMEDIATE = certificate("middle", INTERMEDIATE_KEY, "root", ROOT_KEY, authority=True)
LEAF = certificate("leaf", KEY, "middle", INTERMEDIATE_KEY)


@pytest.mark.parametrize(
    "chain",
    [
        x5c(LEAF, INTERMEDIATE),
        x5c(certificate("leaf", KEY, "root", ROOT_KEY)),
        x5c(LEAF, INTERMEDIATE, ROOT),
        x5c(LEAF, certificate("unrelated", new_key(), authority=True), INTERMEDIATE),
    ],
)
async def test_chains(chain: list[str]) -> None:
    """A key whose certificate comes from a trusted one, in the token or in its `jwk`."""
    trusting = verifier(roots=[ROOT])
    assert await trusting.verify(token(header={"x5c": chain})) is not None
    embedded = {"jwk": {**public_jwk(KEY), "x5c": chain}}
    assert await trusting.verify(token(header=embedded)) is not None


async def test_a_certificate_that_is_itself_trusted() -> None:
    """The usual set-up of a token server: one self-signed certificate."""
    own = certificate("auth", KEY)
    assert await verifier(roots=[own]).verify(token(header={"x5c": x5c(own)})) is not None
    late = Clock()
    late.now += 400 * 24 * 3600
    expired = token(header={"x5c": x5c(own)}, exp=int(late.now) + 300)
    assert await verifier(roots=[own], clock=late).verify(expired) is None


@pytest.mark.parametrize(
    "chain",
    [
        x5c(LEAF),
        x5c(certificate("leaf", KEY)),
        x5c(certificate("leaf", KEY, "root", new_key())),
        x5c(
            certificate("leaf", KEY, "no authority", INTERMEDIATE_KEY),
            certificate("no authority", INTERMEDIATE_KEY, "root", ROOT_KEY),
        ),
        x5c(certificate("leaf", KEY, "root", ROOT_KEY, days=0)),
        x5c(certificate("leaf", new_key(), "root", ROOT_KEY)),
        x5c(LEAF, *[INTERMEDIATE] * 10),
        [],
        ["!"],
        ["AAAA"],
        [5],
        "text",
        None,
        {},
    ],
)
async def test_chains_that_do_not_count(chain: Any) -> None:
    """Ending elsewhere, through a certificate that may not issue, expired, of another key."""
    trusting = verifier(KEY.public_key(), roots=[ROOT])
    assert await trusting.verify(token(header={"x5c": chain})) is None
    embedded = {"jwk": {**public_jwk(KEY), "x5c": chain}}
    assert await trusting.verify(token(header=embedded)) is None


async def test_chains_without_roots() -> None:
    """A key set alone trusts no certificate."""
    assert await verifier(KEY.public_key()).verify(token(header={"x5c": x5c(ROOT)})) is None


async def test_a_key_in_the_token() -> None:
    """Counts only if it is trusted anyway: anybody can put one there."""
    assert await verifier(KEY.public_key()).verify(token(header={"jwk": public_jwk(KEY)}))
    mine = new_key()
    claimed = {
        "jwk": public_jwk(mine, kid=thumbprint(KEY.public_key())),
        "kid": thumbprint(KEY.public_key()),
    }
    headers: list[dict[str, Any]] = [
        {"jwk": public_jwk(mine)},
        claimed,
        {"jwk": {"kty": "oct", "k": "AAAA"}},
        {"jwk": 5},
        {"jwk": {}},
        {"jku": "https://evil.example.com/keys"},
        {"x5u": "https://evil.example.com/cert"},
        {},
        {"kid": "unknown"},
    ]
    for header in headers:
        signed = jwt.encode(CLAIMS, mine, "ES256", header)
        assert await verifier(KEY.public_key(), roots=[ROOT]).verify(signed) is None, header


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "another"},
        {"iss": None},
        {"aud": "another"},
        {"aud": []},
        {"aud": None},
        {"exp": int(NOW) - 60},
        {"exp": None},
        {"nbf": int(NOW) + 61},
        {"sub": 5},
        {"sub": "a\nb"},
        {"sub": "\ud800"},  # as which JSON has it, and which no file and no database takes
        {"sub": "a\0b"},
        {"sub": "a" * 256},
        {"access": {}, "sub": 5},
        {"access": [5]},
    ],
)
async def test_claims_that_do_not_count(change: dict[str, Any]) -> None:
    """Of another issuer, for another service, of another time."""
    assert await verifier(KEY.public_key()).verify(token(**change)) is None


@pytest.mark.parametrize(
    "change",
    [
        {"aud": ["another", "registry"]},
        {"exp": int(NOW) - 59},
        {"nbf": int(NOW) + 60},
        {"nbf": None},
        {"iat": int(NOW) + 1000},
        {"access": [{"type": "repository", "name": "a", "actions": None}]},
        {"access": []},
    ],
)
async def test_claims_that_count(change: dict[str, Any]) -> None:
    """Clocks may differ by a minute, as in Distribution."""
    assert await verifier(KEY.public_key()).verify(token(**change)) is not None


async def test_confusion_of_keys() -> None:
    """A public key is nobody's shared secret, even where shared secrets are allowed."""
    header = {"kid": thumbprint(KEY.public_key())}
    for algorithms in ((), ["HS256", "ES256"], ["HS256"]):
        trusting = verifier(KEY.public_key(), algorithms=algorithms)
        for secret in (public_pem(KEY), b""):
            forged = signed_with_secret({"alg": "HS256", **header}, CLAIMS, secret)
            assert await trusting.verify(forged) is None
        for algorithm in ("none", "None", "NONE", ""):
            assert await trusting.verify(unsigned({"alg": algorithm, **header}, CLAIMS)) is None


async def test_shared_secrets() -> None:
    """Only where the operator lists them."""
    secret = b"0123456789abcdef0123456789abcdef"
    keys = parse_keys(
        b'{"keys":[{"kty":"oct","kid":"s","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}]}'
    )
    signed = token(secret, "HS256", {"kid": "s"})
    assert await verifier(key_set=FixedKeys(keys)).verify(signed) is None
    listed = verifier(key_set=FixedKeys(keys), algorithms=["HS256"])
    assert await listed.verify(signed) is not None
