"""Proxies that the environment names, as the tools of containers read it.

They take, as Go's `golang.org/x/net/http/httpproxy` does, networks in `NO_PROXY` (`10.0.0.0/8`),
and proxies without a scheme.
"""

from collections.abc import Mapping
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

from lading.client.errors import ClientError, bare
from lading.client.references import is_local

_SCHEMES = frozenset({"http", "https"})


def proxy_for(scheme: str, host: str) -> str:
    """The address of the proxy for a host; empty if there is none.

    Args:
        scheme: by which the host is asked.
        host: with its port, if it has one.

    Raises:
        ClientError: what is named is no proxy that can be asked.
    """
    proxies = getproxies()
    if is_local(host) or proxy_bypass(host) or _is_in_networks(host, proxies.get("no", "")):
        return ""
    proxy = proxies.get(scheme) or proxies.get("all") or ""
    if not proxy:
        return ""
    return _checked(proxy if "://" in proxy else f"http://{proxy}")


def proxy_login(proxy: str) -> Mapping[str, str] | None:
    """The headers by which a proxy is told the login in its address."""
    login = urlsplit(proxy)
    if not login.username:
        return None
    secret = f"{unquote(login.username)}:{unquote(login.password or '')}"
    return urllib3.make_headers(proxy_basic_auth=secret)


def _checked(proxy: str) -> str:
    try:
        parts = urlsplit(proxy)
        is_right = parts.scheme in _SCHEMES and parts.hostname and parts.port != 0
    except ValueError:
        is_right = False
    if is_right:
        return proxy
    raise ClientError(
        f"{bare(proxy)!r} is no proxy that can be asked",
        advice="set HTTPS_PROXY and HTTP_PROXY to http://HOST:PORT, or the host in NO_PROXY",
    )


def _is_in_networks(host: str, no_proxy: str) -> bool:
    """Whether a host is named by its address, which is of one of the networks."""
    if not no_proxy:
        return False
    from ipaddress import ip_address, ip_network  # noqa: PLC0415 - few have that variable

    try:
        own = ip_address(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False
    for each in no_proxy.split(","):
        try:
            network = ip_network(each.strip().strip("[]"), strict=False)
        except ValueError:
            continue  # a name, which the caller looks at
        if own in network:
            return True
    return False
