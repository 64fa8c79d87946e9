"""Certificates that vouch for the keys of tokens (`x5c`, RFC 7515, section 4.1.6)."""

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509 import verification
from cryptography.x509.verification import Criticality, ExtensionPolicy

from lading.auth.claims import TokenInvalid
from lading.auth.public_keys import PublicKey
from lading.ports.logins import AuthUnusable

MAX_CHAIN = 10


def read_bundle(path: Path) -> Sequence[x509.Certificate]:
    """The certificates of a PEM file.

    Raises:
        AuthUnusable: it cannot be read, or holds none.
    """
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise AuthUnusable(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise AuthUnusable(f"{path}: does not hold certificates in PEM") from error


def public_key_of(certificate: x509.Certificate) -> PublicKey | None:
    """The key of a certificate, if tokens can be signed with it."""
    try:
        key = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        return None
    return key if isinstance(key, PublicKey) else None


def verify_chain(encoded: object, roots: Sequence[x509.Certificate], now: float) -> PublicKey:
    """The key of the first certificate of a chain that ends at one of the roots.

    Raises:
        TokenInvalid: it does not end there, or is no chain.
    """
    leaf, *others = _decode(encoded)
    time = datetime.fromtimestamp(now, UTC)
    if leaf in roots:
        if not leaf.not_valid_before_utc <= time <= leaf.not_valid_after_utc:
            raise TokenInvalid("its certificate has ended, or has not begun")
    else:
        _verify(leaf, others, roots, time)
    key = public_key_of(leaf)
    if key is None:
        raise TokenInvalid("its certificate has a key of a kind that is not supported")
    return key


def _verify(
    leaf: x509.Certificate,
    others: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    time: datetime,
) -> None:
    """Verify a chain: that it ends at a root, and that all but the first may issue.

    What else they were issued for does not matter.
    """
    if not roots:
        raise TokenInvalid("no certificates are trusted")
    issuers = ExtensionPolicy.permit_all().require_present(
        x509.BasicConstraints, Criticality.AGNOSTIC, None
    )
    verifier = (
        verification.PolicyBuilder()
        .store(verification.Store(list(roots)))
        .time(time)
        .extension_policies(ca_policy=issuers, ee_policy=ExtensionPolicy.permit_all())
        .build_client_verifier()
    )
    try:
        verifier.verify(leaf, list(others))
    except (verification.VerificationError, ValueError) as error:
        raise TokenInvalid("its certificate does not come from a trusted one") from error


def _decode(encoded: object) -> Sequence[x509.Certificate]:
    if not isinstance(encoded, list) or not 0 < len(encoded) <= MAX_CHAIN:
        raise TokenInvalid("its `x5c` is not a chain of certificates")
    try:
        return [
            x509.load_der_x509_certificate(base64.b64decode(text, validate=True))
            for text in encoded
        ]
    except (binascii.Error, ValueError, TypeError) as error:
        raise TokenInvalid("its `x5c` is not a chain of certificates") from error
