"""TLS of a deployment: whether it is spoken where it should be, and its certificate."""

import ssl
import time
from contextlib import closing
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import urlsplit

from lading.client.doctor.address import DeploymentAddress
from lading.client.doctor.findings import DeploymentFinding, ok, warn, wrong
from lading.client.doctor.refusals import ShownCertificate, explain
from lading.client.kept_connections import OriginConnections
from lading.client.opening import any_certificate, connect, encrypt, speaks_tls
from lading.client.options import SessionOptions
from lading.client.references import is_local

_DAY = 86400
# A certificate that is renewed by itself is so a month before; this is late.
_LEAST_DAYS = 10


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
        return wrong(*explain(address, error, ShownCertificate.read(shown)))
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
    parts = urlsplit(f"http://{replace(address, port=address.usual_port).netloc}")
    options = SessionOptions(connect_seconds=seconds, read_seconds=seconds)
    with closing(OriginConnections(parts, options)) as connections:
        try:
            answer = connections.send("GET", f"{parts.geturl()}/v2/", {}, None)
            return answer.status != HTTPStatus.BAD_REQUEST or b"HTTPS" not in answer.read1(4096)
        except OSError:
            return False
