"""A certificate authority of one's own, for a network that no public one issues certificates for.

Everything is in one directory: `ca.crt`, which clients have to trust, `ca.key`, and pairs that were
issued. The authority is made once; issuing again renews a certificate, and clients need not know.

Keys are readable by their owner alone from the moment they exist. A pair is replaced key first,
file by file: a server that looks in between finds a key that does not fit, and waits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509 import Certificate, CertificateBuilder, DNSName, GeneralName, IPAddress
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lading.system import durable

CA_VALIDITY = timedelta(days=3650)
# Clocks of clients may be slow.
_SLACK = timedelta(hours=1)


class UnusableAuthority(Exception):
    """The directory holds something else than an authority; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The files of a certificate and of its key."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Issued:
    """A new certificate, and until when it is valid."""

    files: Pair
    until: datetime


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority: who issues certificates.

    Attributes:
        files: what clients trust, and what nobody else may have.
        is_new: whether it was made just now.
    """

    files: Pair
    is_new: bool
    _certificate: Certificate
    _key: ec.EllipticCurvePrivateKey

    @classmethod
    def open(cls, directory: Path, now: datetime) -> "Authority":
        """The authority of a directory, made if there is none.

        Raises:
            UnusableAuthority: there are files of these names, and they are something else.
            OSError: the directory cannot be written.
        """
        files = _pair(directory, "ca")
        is_new = not (files.certificate.exists() or files.key.exists())
        if is_new:
            directory.mkdir(parents=True, exist_ok=True)
            key = ec.generate_private_key(ec.SECP256R1())
            _write_pair(files, _ca_certificate(key, now), key)
        try:
            certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
            loaded = load_pem_private_key(files.key.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise UnusableAuthority(
                f"{files.certificate} and {files.key} are not both there, or not readable;"
                " choose another directory (--directory), or remove both to start anew"
            ) from error
        if (
            not isinstance(loaded, ec.EllipticCurvePrivateKey)
            or loaded.public_key() != certificate.public_key()
        ):
            raise UnusableAuthority(
                f"{files.key} is not the key of {files.certificate};"
                " choose another directory (--directory)"
            )
        return cls(files, is_new, certificate, loaded)

    @property
    def until(self) -> datetime:
        """The time at which its certificate ends."""
        return self._certificate.not_valid_after_utc

    def issue_to_server(
        self, hosts: Sequence[str], *, now: datetime, validity: timedelta
    ) -> Issued:
        """A certificate for a server that is reached by these names and addresses."""
        names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
        return self._issue(
            "server",
            _leaf(hosts[0], ExtendedKeyUsageOID.SERVER_AUTH, now, validity).add_extension(
                names, critical=False
            ),
        )

    def issue_to_client(self, name: str, *, now: datetime, validity: timedelta) -> Issued:
        """A certificate by which a client of that name is let in."""
        return self._issue(name, _leaf(name, ExtendedKeyUsageOID.CLIENT_AUTH, now, validity))

    def _issue(self, file_name: str, builder: CertificateBuilder) -> Issued:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = self._key.public_key()
        certificate = (
            builder.issuer_name(self._certificate.subject)
            .public_key(key.public_key())
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        files = _pair(self.files.certificate.parent, file_name)
        _write_pair(files, certificate, key)
        return Issued(files, certificate.not_valid_after_utc)


def _ca_certificate(key: ec.EllipticCurvePrivateKey, now: datetime) -> Certificate:
    subject = _name(f"lading CA {now:%Y-%m-%d}")
    return (
        _builder(subject, now, CA_VALIDITY)
        .issuer_name(subject)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    name: str, purpose: x509.ObjectIdentifier, now: datetime, validity: timedelta
) -> CertificateBuilder:
    # "ub-common-name INTEGER ::= 64" (RFC 5280, appendix A); clients look at the other names.
    return (
        _builder(_name(name[:64]), now, validity)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    )


def _builder(subject: x509.Name, now: datetime, validity: timedelta) -> CertificateBuilder:
    return (
        CertificateBuilder()
        .subject_name(subject)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SLACK)
        .not_valid_after(now + validity)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> GeneralName:
    try:
        return IPAddress(ip_address(host))
    except ValueError:
        return DNSName(host)


def _pair(directory: Path, name: str) -> Pair:
    return Pair(directory / f"{name}.crt", directory / f"{name}.key")


def _write_pair(files: Pair, certificate: Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    """Write both files, the key for its owner alone.

    Who owned them before owns them again: a registry must be able to read a renewed key.
    """
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    durable.replace(files.key, pem, mode=0o600)
    durable.replace(files.certificate, certificate.public_bytes(Encoding.PEM), mode=0o644)
