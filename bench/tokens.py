"""Bearer tokens for the measurements with authentication: an issuer that both registries trust.

lading has a token service of its own, Distribution has none. So that both do the same work, a
signature to check and a list of repositories to look through for every request, the tokens come
from outside, signed as a token server would: one for all repositories that a client works with.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ISSUER, SERVICE = "bench", "registry.bench"
# Seconds; longer than any run.
LIFETIME = 24 * 3600


class Issuer:
    """Signs tokens, and has a certificate that registries know its key by."""

    def __init__(self, directory: Path) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.bundle = directory / "issuer.pem"
        self._certificate = self._certify()
        self.bundle.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def token(self, repositories: Sequence[str]) -> str:
        """A token for pulls from, and pushes to, these repositories, and for the catalog."""
        now = int(time.time())
        access = [
            {"type": "repository", "name": name, "actions": ["pull", "push"]}
            for name in repositories
        ]
        access.append({"type": "registry", "name": "catalog", "actions": ["*"]})
        claims = {
            "iss": ISSUER,
            "sub": "bench",
            "aud": SERVICE,
            "iat": now,
            "nbf": now - 60,
            "exp": now + LIFETIME,
            "jti": str(now),
            "access": access,
        }
        return jwt.encode(claims, self._key, algorithm="ES256", headers={"x5c": [self._x5c()]})

    def _x5c(self) -> str:
        pem = self.bundle.read_text().splitlines()
        return "".join(line for line in pem if "-----" not in line)

    def _certify(self) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ISSUER)])
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=1))
            .not_valid_after(now + timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )
