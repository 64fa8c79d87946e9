"""Proxies that the environment names: one rule for all that is asked of other servers.

`HTTPS_PROXY` or `HTTP_PROXY` by how a server is reached, else `ALL_PROXY`, unless `NO_PROXY` has
its name, a domain that it is in, its address, a network of that, or `*`; with a port it is meant
for that port alone. So has curl, and Go (`golang.org/x/net/http/httpproxy`) but for a few forms: a
domain with a dot before it has itself, and no address is in a domain, as in curl. Names in lower
case come first.
"""

from collections.abc import Mapping
from urllib.parse import SplitResult, unquote, urlsplit

PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy")
"""What may name a proxy, in lower case or in upper case."""

DEFAULT_PORTS = {"http": 80, "https": 443}
"""The port of each scheme, where an address names none."""


def proxy_for(address: str, environ: Mapping[str, str]) -> str:
    """The URL of the proxy by which a server is asked; empty if it is asked itself."""
    url = urlsplit(address)
    proxy = variable(environ, f"{url.scheme}_proxy") or variable(environ, "all_proxy")
    if not proxy or _is_excluded(url, variable(environ, "no_proxy")):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def login_of(proxy: str) -> dict[str, str]:
    """The headers by which a proxy knows who asks."""
    url = urlsplit(proxy)
    if not url.username:
        return {}
    import base64  # noqa: PLC0415 - few proxies need it

    login = f"{unquote(url.username)}:{unquote(url.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}


def variable(environ: Mapping[str, str], name: str) -> str:
    """The value of a variable in lower case, or else in upper case; empty if there is none."""
    # A server of CGI has what a client's header `Proxy` says as HTTP_PROXY.
    is_of_client = name == "http_proxy" and "REQUEST_METHOD" in environ
    return environ.get(name) or ("" if is_of_client else environ.get(name.upper())) or ""


def _is_excluded(url: SplitResult, excluded: str) -> bool:
    """Whether a list of names, domains, addresses and networks has a server."""
    host, port = (url.hostname or "").rstrip("."), url.port or DEFAULT_PORTS.get(url.scheme)
    for each in excluded.lower().replace(",", " ").split():
        name, its_port = _taken_apart(each)
        if its_port and its_port != str(port):
            continue
        if name == "*" or _has(name, host):
            return True
    return False


def _has(entry: str, host: str) -> bool:
    """Whether an entry of the list is a host's name or a domain that it is in, or has its address.

    Addresses end in no domain, though they may look so: `0.0.1` is not 10.0.0.1, as for curl.
    """
    from ipaddress import ip_address, ip_network  # noqa: PLC0415 - few environments need it

    try:
        address = ip_address(host)
    except ValueError:
        domain = entry.removeprefix("*").strip(".")
        return bool(domain) and f".{host}".endswith(f".{domain}")
    try:
        return entry == host or address in ip_network(entry, strict=False)
    except ValueError:
        return False


def _taken_apart(entry: str) -> tuple[str, str]:
    """A name or an address, and the port that follows it."""
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        return name, rest.removeprefix(":")
    name, _, port = entry.partition(":")
    return (name, port) if port.isdigit() else (entry, "")  # IPv6 has colons, too
