"""Pages in a real browser through the nginx that people deploy: by HTTPS, and below a path."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from lading.core.typing import override
from lading.ui.cookies import SESSION
from tests.support.certificates import make_certificates
from tests.support.client import Answer
from tests.support.guarded import basic, guarded_registry
from tests.support.nginx import BEHIND_NGINX, nginx_with_tls_before
from tests.support.pushes import Repository
from tests.ui.browser import acting
from tests.ui.browser.cargo import PushingClient, push_image
from tests.ui.browser.windows import Chromium, Window

pytestmark = pytest.mark.e2e

NAME = "team/tool"


class ClientBelow(PushingClient):
    """A client of a registry below a path."""

    def __init__(self, host: str, prefix: str) -> None:
        super().__init__(host, authorization=basic("admin"))
        self._prefix = prefix

    @override
    def ask(
        self, method: str, target: str, body: bytes | Iterable[bytes] = b"", **headers: str
    ) -> Answer:
        path = target if target.startswith(f"{self._prefix}/v2/") else self._prefix + target
        return super().ask(method, path, body, **headers)


@pytest.fixture(params=["", "/registry"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Where a registry is that has two images: its host and path, and the digest of one."""
    prefix: str = request.param
    certificates = make_certificates(tmp_path, "127.0.0.1")
    env = {**BEHIND_NGINX, **({"REGISTRY_HTTP_PREFIX": f"{prefix}/"} if prefix else {})}
    with (
        guarded_registry(tmp_path, env=env) as guarded,
        nginx_with_tls_before(guarded.lading, tmp_path, certificates) as host,
    ):
        repository = Repository(ClientBelow(guarded.lading.host, prefix), NAME)
        push_image(repository, "latest", version="1")
        digest = push_image(repository, "v1", version="2")["digest"]
        yield host + prefix, digest


def test_each_form_is_taken_and_the_session_is_of_this_host_by_https(
    chromium: Chromium, place: tuple[str, str]
) -> None:
    host, digest = place
    with chromium.window(host, scheme="https") as window:
        acting.sign_in(window, NAME)
        [cookie] = [each for each in window.page.context.cookies() if SESSION in each["name"]]
        assert cookie["name"].startswith("__Host-")
        assert (cookie["secure"], cookie["httpOnly"]) == (True, True)
        _shows_its_address(window, host)
        acting.delete_a_tag_and_move_it_back(window, NAME)
        acting.delete_an_image_and_restore_it(window, NAME, digest)
        acting.make_and_revoke_a_robot(window, "build")
        acting.sign_out(window)
    assert acting.forms_of(window) == acting.FORMS


def _shows_its_address(window: Window, host: str) -> None:
    """Lines to copy have it; links lead to all other pages, and one's own is marked."""
    window.go(f"/r/{NAME}")
    line = window.page.locator(".copy code").first
    expect(line).to_have_text(f"docker pull {host}/{NAME}:v1")
    for name in ("Space", "Trash", "Events", "Robots", "Users", "Repositories"):
        link = window.page.get_by_role("navigation", name="Pages").get_by_role("link", name=name)
        link.click()
        expect(window.page.locator(".menu [aria-current=page]")).to_have_text(name)
    expect(window.page.get_by_role("link", name=NAME)).to_be_visible()
    window.go(f"/r/{NAME}")
