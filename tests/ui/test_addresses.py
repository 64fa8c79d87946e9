"""The pages that the browser looks at are those of the table: none can be forgotten."""

from lading.ui.routes import ROUTES
from tests.ui.browser.house import addresses

DIGEST = f"sha256:{'0' * 64}"


def test_the_browser_looks_at_each_page_of_the_table() -> None:
    pages = addresses(DIGEST, DIGEST)
    assert set(pages) == {route.name for route in ROUTES if "GET" in route.endpoints}
    for name, address in pages.items():
        path = address.partition("?")[0]
        assert next(route.name for route in ROUTES if route.pattern.fullmatch(path)) == name
