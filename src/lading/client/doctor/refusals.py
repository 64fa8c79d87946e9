"""Refusals of a deployment's certificate: why, and what to do."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime

from lading.client.doctor.address import DeploymentAddress

# X509_V_ERR_… of OpenSSL, x509_vfy.h
_NOT_YET_VALID, _EXPIRED = 9, 10
_SELF_SIGNED, _SELF_SIGNED_IN_CHAIN = 18, 19
_NO_ISSUER, _NO_FIRST_ISSUER = 20, 21
_OTHER_NAME, _OTHER_ADDRESS = 62, 64
_UNKNOWN = "what cannot be read"
_MOST_NAMES = 5


@dataclass(frozen=True, slots=True)
class ShownCertificate:
    """A certificate that a server shows, in words."""

    names: str = _UNKNOWN
    dates: str = _UNKNOWN
    issuer: str = _UNKNOWN
    is_in_time: bool = False

    @classmethod
    def read(cls, data: bytes) -> "ShownCertificate":
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


def explain(
    address: DeploymentAddress, error: ssl.SSLCertVerificationError, shown: ShownCertificate
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


def _explain_times(code: int, shown: ShownCertificate) -> tuple[str, str]:
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
