"""What a client expects to be there now, and nothing else is to be changed for it.

"to prevent accidental overwrites when multiple user agents might be acting in parallel on the same
resource (i.e., to prevent the 'lost update' problem)" (RFC 9110, 13.1.1).
"""

from lading.core.errors import NotAsExpected

Expected = frozenset[str]
"""Digests of which what is there has one; with `ANY`, whatever it has."""

ANY = "*"


def require_expected(expected: Expected | None, reference: str, current: str | None) -> None:
    """Go on only if what is there is what the client expects, if that expects anything.

    Args:
        current: the digest of what is there; `None` if nothing is.

    Raises:
        NotAsExpected: it is something else, or nothing.
    """
    if expected is None or (current is not None and not expected.isdisjoint((current, ANY))):
        return
    found = f"{reference} is not there" if current is None else f"{reference} is {current} now"
    raise NotAsExpected(
        f"{found}, and not what the request is about (If-Match): look at it again",
        {"reference": reference, "digest": current},
    )
