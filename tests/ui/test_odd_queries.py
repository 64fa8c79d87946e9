"""Queries that no link has: pages answer them, too, on both databases; each takes other values."""

import pytest

from lading.core.names import Tag
from lading.edge.options import EdgeOptions
from lading.ui.context import UiParts
from tests.support.contents import HELLO
from tests.support.people import People
from tests.ui.browsing import Browser
from tests.ui.test_authorization import IMAGE
from tests.ui.test_statements import fill, paths

# What nobody's link has in it: numbers past all others, halves of letters, what ends a text.
ODD = (
    *(
        "-1",
        "0",
        "9223372036854775808",
        "1" * 400,
        "1e308",
        "1e999",
        "nan",
        "-inf",
        "%D9%A3",
        "1_0",
    ),
    *("%00", "%ff", "%ed%a0%80", "%F0%9F%98%80", "%E2%80%AE", "%0d%0a", "%", "%zz", "[", "'", "*"),
    *(
        "..",
        "//",
        "sha256:",
        f"sha256:{'a' * 64}",
        "1:9223372036854775808",
        "nan-1",
        "-1e300-9",
        "1.5-99999999",
    ),
    "a" * 3000,
)
ASKED = (
    *("q", "from", "to", "after", "before", "sort", "kind", "show", "in", "repository", "manifest"),
    *("tag", "path", "done", "next"),
)


async def takes_anything(people: People) -> None:
    """Each page, with each of these for all that a page may be asked, and for one beside others."""
    await fill(people)
    browser = Browser(UiParts(people.registry, EdgeOptions()))
    found = await people.metadata.manifests.find(HELLO, Tag("1.0"))
    assert found is not None
    pages = {path.partition("?")[0].replace(IMAGE, found.digest) for path in paths()}
    for page in sorted(pages):
        for odd in ODD:
            together = "&".join(f"{name}={odd}" for name in ASKED if name != "in")
            orders = [f"sort={order}&{name}={odd}" for order in ("size", "name") for name in ASKED]
            for query in (together, *(orders if page in {"/", f"/r/{HELLO}"} else ())):
                assert (await browser.get(f"{page}?{query}")).status < 500, (page, query)


async def test_no_page_fails_whatever_it_is_asked(people: People) -> None:
    await takes_anything(people)


@pytest.mark.e2e
async def test_nor_does_one_on_postgresql(people_on_postgresql: People) -> None:
    """It takes other numbers and texts, and says so by failing."""
    await takes_anything(people_on_postgresql)
