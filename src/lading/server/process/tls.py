"""TLS: what connections are secured with, and how a renewed certificate is taken up.

A context that is in use is never changed: half of a new certificate would break every handshake. A
new one is made of the new files, and only if that succeeds do new connections get it. Those that
are open keep theirs.
"""

import logging
import ssl
import time
from contextlib import suppress
from pathlib import Path
from ssl import SSLContext, TLSVersion

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509 import Certificate

from lading.config.http import OPENSSL_NAMES, TlsSection
from lading.core.command_lines import command_line
from lading.system.watching import WatchedFiles

log = logging.getLogger(__name__)

# Seconds for which clients with certificates go on with a session of TLS 1.2, at most. OpenSSL
# would keep them for hours, and asks no more whether an authority has ended meanwhile.
SESSIONS = 60.0

_VERSIONS = {"tls1.2": TLSVersion.TLSv1_2, "tls1.3": TLSVersion.TLSv1_3}
_VERIFICATION = {
    "verify-client-cert-if-given": ssl.CERT_OPTIONAL,
    "require-and-verify-client-cert": ssl.CERT_REQUIRED,
}


class UnusableTls(Exception):
    """The files that `http.tls` names cannot be used; the message says which, and why."""


class Certificates:
    """The certificate in use, and its successors.

    Raises:
        UnusableTls: there is none to begin with.
    """

    def __init__(self, settings: TlsSection) -> None:
        self._settings = settings
        paths = settings.certificate, settings.key, *settings.clientcas
        self._files = WatchedFiles(*filter(None, paths))
        self._files.have_changed()  # and from here on they count
        self._take_up()

    def newest(self) -> SSLContext:
        """The context of the newest files that were good, for a connection that begins now.

        No session that was begun with other files can go on in it: whoever it would let in by one
        may have a certificate of an authority that is not trusted any more.
        """
        return self._newest

    def refresh(self) -> None:
        """Take up the files if they have changed; if they are no good, go on with what is."""
        if self._files.have_changed():
            try:
                self._take_up()
            except UnusableTls as error:
                log.warning("the new certificate is not used, the old one stays: %s", error)
            else:
                log.info("the new certificate is in use")
        elif self._settings.clientcas and time.monotonic() > self._taken_up_at + SESSIONS:
            with suppress(UnusableTls):  # which was said when they became so
                self._take_up()

    def _take_up(self) -> None:
        if pipe := self._files.pipe():
            raise UnusableTls(f"http.tls.…: {pipe} is a pipe; it must be a file, to be read again")
        self._newest, self._taken_up_at = load_context(self._settings), time.monotonic()


def load_context(settings: TlsSection) -> SSLContext:
    """A context of the files as they are now.

    Raises:
        UnusableTls: they are missing, unreadable, or do not belong together.
    """
    assert settings.certificate is not None
    assert settings.key is not None
    _check_pair(settings.certificate, settings.key)
    context = SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[settings.minimumtls]
    context.set_alpn_protocols(["http/1.1"])
    if settings.ciphersuites:
        _set_ciphers(context, settings)
    try:
        context.load_cert_chain(settings.certificate, settings.key)
    except (OSError, ssl.SSLError) as error:
        raise UnusableTls(f"http.tls.certificate: {settings.certificate}: {error}") from error
    for path in settings.clientcas:
        _trust(context, path)
        context.verify_mode = _VERIFICATION[settings.clientauth]
        # Who goes on with a session shows no certificate, and one of before may have ended.
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
    return context


def _check_pair(certificate: Path, key: Path) -> None:
    """Check a pair: OpenSSL would say less of what is wrong, and ask for a key's password."""
    leaf = _read_certificates(certificate, "certificate")[0]
    try:
        public = leaf.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnusableTls(
            f"http.tls.certificate: {certificate} has a key that nobody can use: {error}"
        ) from error
    try:
        private = load_pem_private_key(_read(key, "key"), password=None)
    except TypeError as error:
        raise UnusableTls(
            f"http.tls.key: {key} has a password; write it without:"
            f" `{command_line('openssl', 'pkey', '-in', key)}`"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnusableTls(f"http.tls.key: {key} is not a private key in PEM") from error
    if private.public_key() != public:
        raise UnusableTls(f"http.tls.key: {key} is not the key of {certificate}")


def _trust(context: SSLContext, path: Path) -> None:
    certificates = _read_certificates(path, "clientcas")
    try:
        context.load_verify_locations(
            cadata=b"".join(certificate.public_bytes(Encoding.DER) for certificate in certificates)
        )
    except ssl.SSLError as error:
        raise UnusableTls(f"http.tls.clientcas: {path}: {error}") from error


def _read_certificates(path: Path, key: str) -> list[Certificate]:
    """The certificates of a file, at least one."""
    try:
        return x509.load_pem_x509_certificates(_read(path, key))
    except ValueError as error:
        raise UnusableTls(f"http.tls.{key}: {path} holds no certificate in PEM") from error


def _read(path: Path, key: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnusableTls(f"http.tls.{key}: {path}: {error.strerror}") from error


def _set_ciphers(context: SSLContext, settings: TlsSection) -> None:
    """Set the suites of TLS 1.2; a list without any of these leaves TLS 1.3 only."""
    older = [OPENSSL_NAMES[name] for name in settings.ciphersuites if name in OPENSSL_NAMES]
    if older:
        context.set_ciphers(":".join(older))
    else:
        context.minimum_version = TLSVersion.TLSv1_3
