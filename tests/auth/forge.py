"""Makes tokens: good ones of another issuer, and all kinds of bad ones."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = 1_900_000_000.0


class Clock:
    """A time that tests set."""

    now = NOW

    def __call__(self) -> float:
        return self.now


def new_key() -> ec.EllipticCurvePrivateKey:
    """A key for ES256."""
    return ec.generate_private_key(ec.SECP256R1())


def public_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """What everybody may know of a key."""
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def public_jwk(key: ec.EllipticCurvePrivateKey, **more: str) -> dict[str, Any]:
    """The same as a JSON Web Key."""
    return {**jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True), **more}


def encode_part(part: Mapping[str, Any] | bytes) -> str:
    """One of the three parts of a token."""
    data = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned(
    header: Mapping[str, Any] | bytes, claims: Mapping[str, Any], signature: bytes = b""
) -> str:
    """A token whose signature is whatever is given."""
    return ".".join((encode_part(header), encode_part(claims), encode_part(signature)))


def signed_with_secret(header: Mapping[str, Any], claims: Mapping[str, Any], secret: bytes) -> str:
    """HS256 with any secret at all, which libraries refuse to do with a public key."""
    start = f"{encode_part(header)}.{encode_part(claims)}"
    return f"{start}.{encode_part(hmac.digest(secret, start.encode(), hashlib.sha256))}"


def certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str = "",
    issuer_key: ec.EllipticCurvePrivateKey | None = None,
    *,
    authority: bool = False,
    days: int = 365,
) -> x509.Certificate:
    """A certificate, self-signed unless an issuer is given; it begins the day before `NOW`."""
    begin = datetime.fromtimestamp(NOW, UTC) - timedelta(days=1)

    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    return (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer or name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .sign(issuer_key or key, hashes.SHA256())
    )


def x5c(*certificates: x509.Certificate) -> list[str]:
    """A chain, as a token holds it."""
    return [
        base64.b64encode(one.public_bytes(serialization.Encoding.DER)).decode()
        for one in certificates
    ]
