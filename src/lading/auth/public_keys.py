"""Public keys by which tokens are verified, and the names that they are known by (`kid`)."""

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from lading.auth.claims import OPTIONS, Claims

PublicKey = (
    ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey
)

# Without a key that is a shared secret nobody needs HS256, and the confusion it can cause.
ALGORITHMS = (
    "EdDSA", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512",
)  # fmt: skip
# The members that make a key what it is (RFC 7638, section 3.2; RFC 8037, appendix A.3).
_REQUIRED = ("crv", "e", "kty", "n", "x", "y")
_LIBTRUST_BYTES = 30


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A key that tokens may be signed with.

    Attributes:
        key: a public key, or the bytes of a shared one.
        algorithm: the only one it is for, if it says.
    """

    key: PublicKey | bytes
    algorithm: str | None = None

    def verify(
        self, token: str, *, audience: str, issuer: str, allowed: Sequence[str] = ALGORITHMS
    ) -> Claims:
        """The claims of a token that this key has signed.

        Args:
            allowed: algorithms, of which any other is refused.

        Raises:
            PyJWTError, ValueError, TypeError, RecursionError: it is no such token.
        """
        algorithms = [self.algorithm] if self.algorithm else allowed
        claims: Claims = jwt.decode(
            token,
            self.key,
            algorithms=[name for name in algorithms if name in allowed],
            audience=audience,
            issuer=issuer,
            options=OPTIONS,
        )
        return claims


def parse_key(entry: object) -> TrustedKey | None:
    """Read one JSON Web Key; `None` if it cannot be used to verify."""
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    try:
        key = jwt.PyJWK(entry).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError):
        return None
    if hasattr(key, "public_key"):
        key = key.public_key()
    if not isinstance(key, PublicKey | bytes):
        return None
    algorithm = entry.get("alg")
    return TrustedKey(key, algorithm if isinstance(algorithm, str) else None)


def names_of(key: PublicKey) -> Iterable[str]:
    """The names that a token may know a public key by without having been told one."""
    return thumbprint(key), libtrust_id(key)


def thumbprint(key: PublicKey) -> str:
    """RFC 7638: SHA-256 of the key as canonical JSON; CNCF Distribution 3 and most others."""
    members = _to_jwk(key)
    canonical = json.dumps(
        {name: members[name] for name in _REQUIRED if name in members}, separators=(",", ":")
    )
    digest = hashlib.sha256(canonical.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def libtrust_id(key: PublicKey) -> str:
    """`ABCD:EFGH:…`, twelve groups: Docker's libtrust, for token servers of Distribution 2."""
    der = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    text = base64.b32encode(hashlib.sha256(der).digest()[:_LIBTRUST_BYTES]).decode()
    return ":".join(text[start : start + 4] for start in range(0, len(text), 4))


def _to_jwk(key: PublicKey) -> dict[str, object]:
    match key:
        case ec.EllipticCurvePublicKey():
            return dict(ECAlgorithm.to_jwk(key, as_dict=True))
        case rsa.RSAPublicKey():
            return dict(RSAAlgorithm.to_jwk(key, as_dict=True))
        case _:
            return dict(OKPAlgorithm.to_jwk(key, as_dict=True))
