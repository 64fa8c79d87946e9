"""TLS of a deployment: whether it is spoken where it should be, and its certificate."""

import ssl
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus

from lading.client.doctor.address import DeploymentAddress
from lading.client.doctor.findings import DeploymentFinding, ok, warn, wrong
from lading.client.kept_connections import asked_once
from lading.client.references import is_local
from lading.client.wire import any_certificate, connect, encrypt, speaks_tls

_DAY = 86400
# A certificate that is renewed by itself is so a month before; this is late.
_LEAST_DAYS = 10
# X509_V_ERR_… of OpenSSL, x509_vfy.h
_NOT_YET_VALID, _EXPIRED = 9, 10
_SELF_SIGNED, _SELF_SIGNED_IN_CHAIN = 18, 19
_NO_ISSUER, _NO_FIRST_ISSUER = 20, 21
_OTHER_NAME, _OTHER_ADDRESS = 62, 64
_UNKNOWN = "what cannot be read"
_MOST_NAMES = 5


def settle_scheme(address: DeploymentAddress, seconds: float) -> DeploymentAddress:
    """The address with a scheme, as Docker has it: on this machine HTTP if that is spoken."""
    if address.scheme:
        return address
    plain = is_local(address.netloc) and _speaks_http(address, seconds)
    return DeploymentAddress("http" if plain else "https", address.host, address.port)


def check_encryption(
    address: DeploymentAddress, context: ssl.SSLContext, seconds: float
) -> DeploymentFinding:
    """Whether TLS is spoken as the address says, with a certificate that the context takes."""
    if address.scheme == "http":
        return _check_plain(address, seconds)
    try:
        with _connect(address, context, seconds) as connection:
            certificate = connection.getpeercert()
    except ssl.SSLCertVerificationError as error:
        shown = _shown(address, seconds)
        return wrong(*_explain(address, error, _ShownCertificate.read(shown)))
    except OSError as error:  # ssl.SSLError is one
        return _no_tls(address, error, seconds)
    if not certificate:
        return warn("any certificate was taken, as told", "leave `--insecure` out")
    days = (ssl.cert_time_to_seconds(str(certificate["notAfter"])) - time.time()) / _DAY
    if days < _LEAST_DAYS:
        return warn(
            f"the certificate ends soon, at {certificate['notAfter']}",
            "renew it, and look at why that did not happen by itself",
        )
    return ok(f"the certificate is right, for {days:.0f} more days")


def wants_certificate(address: DeploymentAddress, context: ssl.SSLContext, seconds: float) -> bool:
    """Whether the client has to show a certificate, and its own is none that is taken.

    With TLS 1.3 it is told so after the handshake, when it first reads (RFC 8446, 4.4.2.4).
    """
    try:
        with _connect(address, context, seconds) as connection:
            connection.recv(1)
    except ssl.SSLError as error:
        return "CERTIFICATE" in str(error.reason) and "VERIFY_FAILED" not in str(error.reason)
    except OSError:
        return False
    return False


def _check_plain(address: DeploymentAddress, seconds: float) -> DeploymentFinding:
    with_port = replace(address, port=address.usual_port)
    if not _speaks_http(address, seconds) and speaks_tls(with_port.netloc, seconds):
        return wrong(
            f"port {address.usual_port} speaks HTTPS, and the address says HTTP",
            f"write https://{address.netloc}; a client has none of its `insecure-registries`",
        )
    if is_local(address.netloc):
        return ok("HTTP without TLS, which is usual on this machine")
    return warn(
        "HTTP without TLS: passwords and images can be read and changed on their way",
        "give it a certificate (`http.tls.certificate`, `http.tls.key`, or a proxy's); until then"
        f' each Docker needs `"insecure-registries": ["{address.netloc}"]`',
    )


def _no_tls(address: DeploymentAddress, error: OSError, seconds: float) -> DeploymentFinding:
    if _speaks_http(address, seconds):
        return wrong(
            f"port {address.usual_port} speaks HTTP without TLS",
            "give it a certificate: `http.tls.certificate` and `http.tls.key` here, or `listen"
            f" {address.usual_port} ssl` in nginx; or ask for http://{address.netloc}",
        )
    reason = getattr(error, "reason", None) or error
    if "UNRECOGNIZED_NAME" in str(reason):
        return wrong(
            f"what listens there has no certificate for {address.host}",
            f"have one server there for this name: `server_name {address.host};`",
        )
    return wrong(
        f"TLS cannot be agreed on: {reason}",
        "look at the log of what listens there; it has to speak TLS 1.2 or newer, and may ask for a"
        f" certificate of the client (/etc/docker/certs.d/{address.netloc}/client.cert)",
    )


def _shown(address: DeploymentAddress, seconds: float) -> bytes:
    """The certificate that is shown, whatever it is; empty if there is none now."""
    try:
        with _connect(address, any_certificate(), seconds) as connection:
            return connection.getpeercert(binary_form=True) or b""
    except OSError:
        return b""


def _connect(address: DeploymentAddress, context: ssl.SSLContext, seconds: float) -> ssl.SSLSocket:
    connection = connect(address.host, address.usual_port, seconds)
    return encrypt(connection, address.host, context)


def _speaks_http(address: DeploymentAddress, seconds: float) -> bool:
    """Whether HTTP is answered, otherwise than by the word that this is the port of HTTPS."""
    url = f"http://{replace(address, port=address.usual_port).netloc}/v2/"
    try:
        with asked_once("GET", url, {}, seconds=seconds) as answer:
            return answer.status != HTTPStatus.BAD_REQUEST or b"HTTPS" not in answer.read1(4096)
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class _ShownCertificate:
    """A certificate that a server shows, in words."""

    names: str = _UNKNOWN
    dates: str = _UNKNOWN
    issuer: str = _UNKNOWN
    is_in_time: bool = False

    @classmethod
    def read(cls, data: bytes) -> "_ShownCertificate":
        """Read its DER; what cannot be read is said so."""
        from cryptography import x509  # noqa: PLC0415 - only for what is refused

        try:
            shown = x509.load_der_x509_certificate(data)
            issuer = shown.issuer.rfc4514_string()
        except ValueError:
            return cls()
        first, last = shown.not_valid_before_utc, shown.not_valid_after_utc
        dates = f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC"
        is_in_time = first <= datetime.now(UTC) <= last
        try:
            found = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (x509.ExtensionNotFound, ValueError):
            return cls("no name at all (no subjectAltName)", dates, issuer, is_in_time)
        names = [str(one.value) for one in found]
        return cls(", ".join(names[:_MOST_NAMES]), dates, issuer, is_in_time)


def _explain(
    address: DeploymentAddress, error: ssl.SSLCertVerificationError, shown: _ShownCertificate
) -> tuple[str, str]:
    """What is wrong with a certificate, and what to do."""
    code = error.verify_code
    place = f"/etc/docker/certs.d/{address.netloc}/ca.crt"
    trust = f"put its authority's certificate into {place} on each client"
    if code in {_EXPIRED, _NOT_YET_VALID}:
        return _explain_times(code, shown)
    if code == _SELF_SIGNED:
        return "the certificate is self-signed, and not trusted here", trust
    if code == _SELF_SIGNED_IN_CHAIN:
        return f"the certificate's authority is not trusted here ({shown.issuer})", trust
    if code in {_OTHER_NAME, _OTHER_ADDRESS}:
        what = f"the certificate is for {shown.names}, not for {address.host}"
        return what, f"ask for a name that it has, or have one issued for {address.host}"
    if code in {_NO_ISSUER, _NO_FIRST_ISSUER}:
        what = f"the certificate's issuer is neither sent nor trusted here ({shown.issuer})"
    else:
        what = f"the certificate is refused: {error.verify_message}"
    return what, f"{_CHAIN}; of an authority of one's own: {trust}"


def _explain_times(code: int, shown: _ShownCertificate) -> tuple[str, str]:
    how = "has expired" if code == _EXPIRED else "is not valid yet"
    if shown.is_in_time:
        what = f"the server's own certificate is in its time, and one that it leads to {how}"
        return f"{what} ({shown.issuer}, or an issuer of that)", _RENEW_CHAIN
    advice = _RENEW if code == _EXPIRED else _CLOCKS
    return f"a certificate {how} ({shown.dates})", advice


_RENEW = (
    "renew it, and have the server load it (`nginx -s reload`); if it is valid, set the clock of"
    " this machine (`timedatectl set-ntp true`)"
)
_RENEW_CHAIN = (
    "have the server send the chain that its issuer gives out now (`ssl_certificate fullchain.pem;`"
    " made anew); if it does, renew the authorities of this machine (`update-ca-certificates`)"
)
_CLOCKS = (
    "set the clock of this machine, or of the one that made the certificate (`timedatectl set-ntp"
    " true`)"
)
_CHAIN = "have the server send the whole chain (`ssl_certificate fullchain.pem;`)"
