"""The entrance: which requests are for a page, and which are for the protocol."""

from lading.edge.asgi import Scope

_BELOW = ("/-/", "/r/")


def is_for_a_page(scope: Scope, prefix: str) -> bool:
    """Whether a request asks for a page, rather than for what clients of the registry do.

    `/` is a page to who asks for HTML; to everyone else it is the empty answer of a registry that
    is there.
    """
    path: str = scope["path"]
    if path.startswith("/v2/", len(prefix)):  # nearly all
        return False
    if path in {"/", f"{prefix}/", prefix or "/"}:
        return scope["method"] in {"GET", "HEAD"} and _accepts_html(scope)
    return path.startswith(prefix) and path.startswith(_BELOW, len(prefix))


def _accepts_html(scope: Scope) -> bool:
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])
