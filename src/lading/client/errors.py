"""Errors of a client: what a registry refused or could not do, and what to do next."""

import json
import re
import socket
import sys

_ADVICE = {
    401: "sign in first (`docker login` or `podman login`), or check that the login that is kept is"
    " right and may do this",
    403: "ask whoever runs the registry for the right to do this",
    404: "check the name of the repository, and whether the tag or the digest is there",
    405: "the registry has switched this off",
    407: "put the proxy's login into HTTPS_PROXY and HTTP_PROXY: http://NAME:PASSWORD@HOST:PORT",
    413: "something before the registry bounds the size of a request",
    429: "the registry bounds how many requests a client may send; try later, with fewer at once",
    507: "the registry has no room left",
}
# What Python says before the reason for which there is no connection.
_NUMBER = r"\[Errno -?\d+\] "
# Characters of what a registry says of an error.
_MOST_SAID = 500
# What to do where there is no answer, by what the error has in it.
_NO_TLS = "it speaks HTTP without TLS: say `--plain-http`"
_NO_NAME = "check the name of the registry"
_SIGNS = {
    "CERTIFICATE_VERIFY_FAILED": "put the authority's certificate into"
    " /etc/docker/certs.d/HOST/ca.crt, or mend the server's chain (`lading doctor` tells what is"
    " wrong)",
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "record layer failure": _NO_TLS,
    "Name or service not known": _NO_NAME,
    "no host can be called so": _NO_NAME,
}
_SIGNS_OF_PROXIES = {
    **_SIGNS,
    "CERTIFICATE_VERIFY_FAILED": "name a file with the proxy's authority, too, in SSL_CERT_FILE",
    "Name or service not known": "check the name of the proxy in HTTPS_PROXY and HTTP_PROXY",
    "failed: 407": _ADVICE[407],
}
_UNKNOWN = "check that the registry runs, and that a proxy or a firewall lets this through"


class ClientError(Exception):
    """A request that did not succeed.

    Attributes:
        status: HTTP's, 0 if there was no answer.
        code: the specification's, as `MANIFEST_UNKNOWN`; empty if the answer has none.
        message: a sentence for a person.
        advice: what to do next; may be empty.
        wait_seconds: how long the registry asks to wait.
    """

    def __init__(self, message: str, *, status: int = 0, code: str = "", advice: str = "") -> None:
        self.status = status
        self.code = code
        self.message = message
        self.wait_seconds = 0.0
        self.advice = advice or _ADVICE.get(status, "")
        super().__init__(f"{message}; {self.advice}" if self.advice else message)


class ReferenceInvalid(ClientError):
    """Text that names no image."""


class NotThere(ClientError):
    """A manifest, a blob or a repository that the registry does not have."""


class NotPermitted(ClientError):
    """A request that needs another login, or that this one has no right to."""


class Unreachable(ClientError):
    """A registry that gave no answer: its name, its certificate or its network is wrong."""


class ContentWrong(ClientError):
    """Bytes that do not have the digest by which they were asked for."""


class NoAnswer(OSError):
    """What came is no answer, or not all of one; why, in words."""


class ProxyFailed(NoAnswer):
    """A proxy brought no answer; its cause is why."""


class TunnelRefused(ProxyFailed):
    """A proxy makes no tunnel to a host, and answers with a `status` instead."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(f"Tunnel connection failed: {status}")


def of_answer(what: str, status: int, body: bytes) -> ClientError:
    """The error that an answer tells of.

    Args:
        what: was asked for, as `GET https://host/v2/app/manifests/1`.
        body: of the answer, `{"errors": [{"code": …, "message": …}]}` (distribution-spec, Error
            Codes) or anything else.
    """
    code, message = _read(body)
    kind = {401: NotPermitted, 403: NotPermitted, 404: NotThere}.get(status, ClientError)
    said = f" {code}" if code else ""
    words = f": {message}" if message else ""
    return kind(f"{what}: {status}{said}{words}", status=status, code=code)


def _read(body: bytes) -> tuple[str, str]:
    try:
        first = json.loads(body)["errors"][0]
        return as_line(first.get("code", "")), as_line(first.get("message", ""))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        return "", ""


def as_line(said: object) -> str:
    """What another program says as one line, which is no longer than a person reads."""
    words = " ".join(str(said).split())
    return words if len(words) <= _MOST_SAID else f"{words[:_MOST_SAID]}…"


def bare(url: str) -> str:
    """An address without its login, and without its query, in which signatures may be."""
    scheme, mark, rest = url.partition("?")[0].rpartition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}"


def reason(error: Exception) -> str:
    """Why there is no answer, without the number of the error: `Connection refused`."""
    return re.sub(_NUMBER, "", str(error))


def is_lasting(error: OSError) -> bool:
    """Whether there is no host of a name, or TLS cannot be agreed on: a wait changes neither.

    A connection that ends before that is as any other: what listens may be starting anew.
    """
    cause, tls = _first_cause(error), sys.modules.get("ssl")
    if isinstance(cause, socket.gaierror):
        return cause.errno == socket.EAI_NONAME
    if tls is None or isinstance(cause, tls.SSLEOFError):
        return False
    return isinstance(cause, tls.SSLError)


def is_refused(error: OSError) -> bool:
    """Whether nobody listens at a port, which changes when a server starts."""
    return isinstance(_first_cause(error), ConnectionRefusedError)


def _first_cause(error: OSError) -> BaseException | None:
    return error.__cause__ if isinstance(error, ProxyFailed) else error


def unreachable(url: str, error: OSError) -> Unreachable:
    """The error of an address that gives no answer, and what to do about it."""
    is_of_proxy = isinstance(error, ProxyFailed)
    signs = _SIGNS_OF_PROXIES if is_of_proxy else _SIGNS
    advice = next((advice for sign, advice in signs.items() if sign in str(error)), _UNKNOWN)
    way = " through the proxy" if is_of_proxy else ""
    return Unreachable(f"{bare(url)} cannot be reached{way}: {reason(error)}", advice=advice)
