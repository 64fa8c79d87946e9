"""Thumbprints: the names that public keys are known by in the `kid` of a token."""

import base64
import hashlib
import json

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

PublicKey = (
    ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey
)

# The members that make a key what it is (RFC 7638, section 3.2; RFC 8037, appendix A.3).
_REQUIRED = ("crv", "e", "kty", "n", "x", "y")
_LIBTRUST_BYTES = 30


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
