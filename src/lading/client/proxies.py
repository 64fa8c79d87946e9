"""Proxies of this environment for hosts that a client asks, as the tools of containers read it."""

import os
from urllib.parse import urlsplit

from lading.client.errors import ClientError
from lading.client.references import is_local
from lading.system import proxies

_SCHEMES = frozenset({"http", "https"})


def proxy_for(scheme: str, host: str) -> str:
    """The address of the proxy for a host; empty if there is none, as for this machine.

    Args:
        scheme: by which the host is asked.
        host: with its port, if it has one.

    Raises:
        ClientError: what is named is no proxy that can be asked.
    """
    found = "" if is_local(host) else proxies.proxy_for(f"{scheme}://{host}", os.environ)
    return _checked(found) if found else ""


def _checked(proxy: str) -> str:
    try:
        parts = urlsplit(proxy)
        is_right = parts.scheme in _SCHEMES and parts.hostname and parts.port != 0
    except ValueError:
        is_right = False
    if is_right:
        return proxy
    # Without all that may be of a login, as a password with a `/` is what makes it none.
    raise ClientError(
        f"the proxy at {proxy.rpartition('@')[2]!r} is none that can be asked",
        advice="set HTTPS_PROXY and HTTP_PROXY to http://HOST:PORT, a login in it written as in an"
        " address (%2F for /), or the host in NO_PROXY",
    )
