"""What all pages have in common: their headers, their errors, which requests are theirs."""

import pytest

from lading.api.application import registry_protocol
from lading.api.context import Options
from lading.core import errors
from lading.core.errors import RegistryError
from lading.edge.limits import ClientLimits
from lading.edge.options import EdgeOptions
from lading.edge.public_address import PublicAddress
from lading.ui.assets import ASSETS
from lading.ui.context import UiParts
from lading.ui.entrance import is_for_a_page
from lading.ui.errors import ERROR_PAGES
from tests.support.people import People
from tests.ui.browsing import Browser


def kinds(kind: type[RegistryError]) -> set[type[RegistryError]]:
    """All kinds of errors that are of this one."""
    return {kind}.union(*(kinds(other) for other in kind.__subclasses__())) - {RegistryError}


def test_every_error_has_a_page() -> None:
    rooms = (errors.__name__, "lading.ui")
    raised = {kind for kind in kinds(RegistryError) if kind.__module__.startswith(rooms)}
    assert raised == set(ERROR_PAGES)


@pytest.mark.parametrize("path", ["/", "/nowhere", "/r/library/nothing", "/r/UPPER"])
async def test_a_page_allows_nothing_but_what_is_here(browser: Browser, path: str) -> None:
    shown = await browser.get(path)
    policy = shown.headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert shown.headers["x-frame-options"] == "DENY"
    assert shown.headers["cache-control"] == "no-store"


async def test_nothing_of_a_page_is_inline(browser: Browser) -> None:
    for tag, given in (await browser.get("/")).parsed.tags:
        assert "style" not in given
        assert not any(name.startswith("on") for name in given)
        assert tag != "style"
        assert tag != "script" or given.get("src")


async def test_a_path_that_leads_nowhere_is_a_page(browser: Browser) -> None:
    shown = await browser.get("/-/nowhere")
    assert shown.status == 404
    assert "There is nothing here" in shown.text
    assert "/" in shown.links


async def test_static_files_are_kept_for_ever(browser: Browser) -> None:
    style = await browser.get(ASSETS.path_of("style.css"))
    assert (style.status, style.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert style.headers["cache-control"] == "public, max-age=31536000, immutable"
    older = await browser.get("/-/static/0123456789abcdef/style.css")
    assert (older.status, older.headers["cache-control"]) == (200, "no-store")
    assert (await browser.get("/-/static/0123456789abcdef/nothing.css")).status == 404


async def test_links_are_below_the_prefix(people: People) -> None:
    address = PublicAddress(prefix="/registry")
    parts = UiParts(people.registry, EdgeOptions(prefix="/registry", address=address))
    shown = await Browser(parts).get("/registry/")
    assert shown.status == 200
    assert all(link.startswith(("/registry/", "#")) for link in shown.links)


async def test_the_prefix_without_its_slash_leads_home(people: People) -> None:
    """With what was asked for; a path that only begins like the prefix is none of ours."""
    address = PublicAddress(prefix="/registry")
    parts = UiParts(people.registry, EdgeOptions(prefix="/registry", address=address))
    shown = await Browser(parts).get("/registry?q=a")
    assert (shown.status, shown.headers["location"]) == (301, "/registry/?q=a")
    scope = {"method": "GET", "headers": [(b"accept", b"text/html")]}
    assert is_for_a_page({**scope, "path": "/registry"}, "/registry")
    assert not is_for_a_page({**scope, "path": "/registryr/a"}, "/registry")


async def test_a_client_has_one_limit_whichever_way_it_comes_in(people: People) -> None:
    options = EdgeOptions(limits=ClientLimits(rate=0.001, burst=2))
    browser, client = (Browser(UiParts(people.registry, options)) for _ in range(2))
    client._application = registry_protocol(people.registry, Options(edge=options))
    assert (await browser.get("/")).status == 200
    assert (await client.get("/v2/")).status == 200
    assert (await browser.get("/")).status == 429
    assert (await client.get("/v2/")).status == 429


@pytest.mark.parametrize(
    ("method", "path", "accept", "is_page"),
    [
        ("GET", "/", "text/html,*/*", True),
        ("GET", "/", "*/*", False),
        ("GET", "/", "", False),
        ("POST", "/", "text/html", False),
        ("GET", "/v2/", "text/html", False),
        ("GET", "/token", "text/html", False),
        ("GET", "/r/a/b", "*/*", True),
        ("POST", "/-/sign-in", "*/*", True),
        ("GET", "/rest", "text/html", False),
    ],
)
@pytest.mark.parametrize("prefix", ["", "/registry"])
def test_which_requests_are_for_a_page(
    method: str, path: str, accept: str, is_page: bool, prefix: str
) -> None:
    headers = [(b"accept", accept.encode())] if accept else []
    scope = {"method": method, "path": prefix + path, "headers": headers}
    assert is_for_a_page(scope, prefix) is is_page
