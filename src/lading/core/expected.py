"""What a client expects to be there now, and nothing else is to be changed for it.

"to prevent accidental overwrites when multiple user agents might be acting in parallel on the same
resource (i.e., to prevent the 'lost update' problem)" (RFC 9110, 13.1.1).
"""

from collections.abc import Iterable

from lading.core.errors import NotAsExpected
from lading.core.names import Tag

Expected = frozenset[str]
"""Digests of which what is there has one; with `ANY`, whatever it has; none if nothing is there."""

ANY = "*"


def require_expected(expected: Expected | None, reference: str, current: str | None) -> None:
    """Go on only if what is there is what the client expects, where it does; `None` is nothing.

    Raises:
        NotAsExpected: it is something else, or nothing.
    """
    if expected is None:
        return
    if not expected if current is None else not expected.isdisjoint((current, ANY)):
        return
    found = f"{reference} is not there" if current is None else f"{reference} is {current} now"
    raise NotAsExpected(
        f"{found}, and not what the request is about (If-Match): look at it again",
        {"reference": reference, "digest": current},
    )


def require_expected_tags(expected: frozenset[Tag] | None, found: Iterable[Tag]) -> None:
    """Go on only if nothing but expected tags would go, if that matters.

    Raises:
        NotAsExpected: there is another one.
    """
    other = None if expected is None else next((tag for tag in found if tag not in expected), None)
    if other is not None:
        raise NotAsExpected(
            f"the tag {other} leads to it, too, which the request does not name: look at it again",
            {"tag": other},
        )
