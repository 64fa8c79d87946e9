"""Bystanders: variables that are named as ours are, and were set by others for other purposes.

Kubernetes and Docker tell each container of the services beside it, by variables that begin with
the service's name: of one that is called `registry-auth` as a setting below `auth` would. Nobody
who gets them asked for them, so they are no reason not to start.
"""

import re
from collections.abc import Mapping

_KUBERNETES = (
    "it looks like one that Kubernetes sets for a Service called {service};"
    " `enableServiceLinks: false` in the Pod keeps it away"
)
_DOCKER = "it looks like one that Docker sets for a link to a container called {service}"
_PODMAN = "podman, buildah and skopeo find their logins by it"

# "{SVCNAME}_SERVICE_HOST and {SVCNAME}_SERVICE_PORT", and those of "Docker's legacy container
# links" (Kubernetes, Concepts: Service, "Environment variables"). A port's name may follow.
_SERVICE = re.compile(r"(?P<service>.+?)_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)", re.ASCII)
_PORT = re.compile(
    r"(?P<service>.+?)_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR|START|END))*)?", re.ASCII
)
_NAME = re.compile(r"(?P<service>.+)_NAME", re.ASCII)
_ENV = re.compile(r"(?P<service>.+?)_ENV_.+", re.ASCII)

_URL = re.compile(r"(tcp|udp|sctp)://\S+", re.ASCII)
_PART = re.compile(r"(tcp|udp|sctp)(://\S+)?|\d{1,5}|[0-9a-fA-F.:]+", re.ASCII)
_HOST = re.compile(r"[0-9a-zA-Z.:-]+", re.ASCII)
_LINK = re.compile(r"/[^/]+/[^/]+", re.ASCII)


def origin_of(name: str, environ: Mapping[str, str]) -> str | None:
    """The likely origin of a variable, in words, if it is none of ours.

    Both its name and its value have to be of the kind, as a misspelt setting may be named like one.

    Args:
        name: of the variable, in full.
        environ: that it is one of.
    """
    if name == "REGISTRY_AUTH_FILE":
        return _PODMAN
    value = environ[name]
    if (match := _SERVICE.fullmatch(name)) and _HOST.fullmatch(value):
        return _KUBERNETES.format(service=_service(match))
    if (match := _PORT.fullmatch(name)) and (_PART if match[4] else _URL).fullmatch(value):
        return _KUBERNETES.format(service=_service(match))
    if (match := _NAME.fullmatch(name)) and _LINK.fullmatch(value):
        return _DOCKER.format(service=_service(match))
    if (match := _ENV.fullmatch(name)) and _is_linked(match["service"], environ):
        return _DOCKER.format(service=_service(match))
    return None


def _is_linked(prefix: str, environ: Mapping[str, str]) -> bool:
    """Whether there is a link of that name: it has a name or a port, too."""
    name, port = environ.get(f"{prefix}_NAME", ""), environ.get(f"{prefix}_PORT", "")
    return bool(_LINK.fullmatch(name) or _URL.fullmatch(port))


def _service(match: re.Match[str]) -> str:
    return "`" + match["service"].lower().replace("_", "-") + "`"
