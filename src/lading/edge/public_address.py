"""The public address: where clients reach the registry, for places that answers name."""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from lading.edge.forwarded import Networks, is_trusted, said_by_proxy
from lading.edge.request import Request

# RFC 3986, section 3.2: a name or an address, and a port; nothing that could end a header.
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?", re.ASCII)

# Segments that cannot be taken for a host, for what leads upwards, or for the end of a path.
_PREFIX = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]{1,64}){1,8}/?", re.ASCII)


@dataclass(frozen=True, slots=True)
class PublicAddress:
    """The public address: where clients reach the registry.

    Attributes:
        origin: `https://host:port`, if the operator says it; else empty.
        path: what is before `/v2/`, if the operator says it; else `None`.
        prefix: what the registry itself has before `/v2/`.
        proxies: who may say the rest.
    """

    origin: str = ""
    path: str | None = None
    prefix: str = ""
    proxies: Networks = ()

    @classmethod
    def of(cls, host: str, prefix: str, proxies: Networks) -> Self:
        """The address that the settings give; `host` is a URL, or empty.

        A URL with a path is the whole of where clients go, as it is in Distribution: nothing that
        a proxy or the registry has of its own comes between that and `/v2/`.
        """
        parts = urlsplit(host)
        origin = host.removesuffix(parts.path) if parts.path else host
        return cls(origin, parts.path or None, prefix, proxies)

    def path_of(self, request: Request, path: str) -> str:
        """A path of the registry's as the client of a request sees it."""
        if self.path is not None:
            return self.path + path
        # What a program has before it that this registry is inside of.
        mounted = str(request.scope.get("root_path", ""))
        return _forwarded_prefix(request, self.proxies) + mounted + self.prefix + path

    def url_of(self, request: Request, path: str) -> str:
        """A URL of the registry's, with scheme and host as far as they can be known."""
        origin = self.origin or base_url(request, self.proxies)
        return origin + self.path_of(request, path)


def _forwarded_prefix(request: Request, proxies: Networks) -> str:
    """What a proxy took off the path, and tells of as Traefik does: empty, or `/a/b`."""
    said = request.headers.get("x-forwarded-prefix")
    if said is None or not is_trusted(request.peer, proxies):
        return ""
    said = said.rpartition(",")[2].strip()  # as for the scheme and the host
    return said.rstrip("/") if _PREFIX.fullmatch(said) else ""


def base_url(request: Request, proxies: Networks) -> str:
    """Where the client reaches the registry, as far as that can be known: `https://host:port`.

    A `Host` that is none is the client's own mistake, and only the client sees what comes of it.
    """
    scheme = str(request.scope["scheme"])
    host = request.headers.get("host", "")
    if is_trusted(request.peer, proxies):
        said = said_by_proxy(request.headers)
        scheme = said["proto"] if said["proto"] in {"http", "https"} else scheme
        host = said["host"] or host
    return f"{scheme}://{host if _HOST.fullmatch(host) else 'localhost'}"
