"""What people come to a registry with, for somebody who knows it from the README alone.

Each is answered within a few clicks, on what can be read where one is.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import expect

from tests.support.commands import run
from tests.support.guarded import basic, guarded_registry
from tests.support.lading import Lading, lading_serve, program
from tests.support.pushes import Repository
from tests.ui.browser.cargo import PushingClient, push_image
from tests.ui.browser.windows import Chromium, Window

pytestmark = pytest.mark.e2e

NAME = "team/site"
FEW = 3
# Pixels in which a word has room.
WORD = 80
READ_ONLY = {"REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED": "true"}


class Newcomer:
    """Somebody who clicks.

    Attributes:
        clicks: since a question was asked.
    """

    def __init__(self, window: Window) -> None:
        self.page = window.page
        self.clicks = 0
        window.go("/")

    def click(self, role: Literal["link", "button"], name: str) -> None:
        """Click on what has just this name."""
        self.page.get_by_role(role, name=name, exact=True).first.click()
        self.clicks += 1
        assert self.clicks <= FEW


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Lading]:
    """A registry that has just been started, and two versions that were pushed to it."""
    with lading_serve(tmp_path) as registry:
        repository = Repository(registry.client, NAME)
        push_image(repository, "1.0", version="1")
        push_image(repository, "2.0", version=os.urandom(50).hex())
        yield registry


@pytest.fixture
def newcomer(chromium: Chromium, fresh: Lading) -> Iterator[Newcomer]:
    with chromium.window(fresh.host) as window:
        yield Newcomer(window)


@pytest.mark.parametrize("env", [{}, READ_ONLY])
def test_an_empty_registry_can_be_read_by_everyone(
    chromium: Chromium, tmp_path: Path, env: Mapping[str, str]
) -> None:
    """On the smallest window that text can be enlarged to (WCAG 2.2, 1.4.10)."""
    with (
        lading_serve(tmp_path, env=env) as registry,
        chromium.window(registry.host, width=320) as window,
    ):
        window.go("/")
        window.open_all()
        assert window.violations() == []
        assert not window.is_wider()


def test_where_one_is_shows_in_colours_of_ones_own(newcomer: Newcomer) -> None:
    """With them, as of a high contrast, a border that is transparent otherwise is a line."""
    newcomer.page.emulate_media(forced_colors="active", reduced_motion="reduce")
    lines = newcomer.page.locator("nav.menu a").evaluate_all(
        "links => links.map((link) => getComputedStyle(link).borderBottomColor)"
    )
    assert lines.count(lines[0]) == 1


def test_how_large_is_this_image_and_what_is_in_it(newcomer: Newcomer) -> None:
    newcomer.click("link", NAME)
    newcomer.click("link", "2.0")
    size = newcomer.page.locator(".totals div").filter(has_text="Size, compressed")
    expect(size).to_contain_text("kB")
    newcomer.click("link", "Files")
    expect(newcomer.page.get_by_role("link", name="srv/")).to_be_visible(timeout=30_000)


def test_why_is_it_larger_than_the_last_one(newcomer: Newcomer) -> None:
    newcomer.click("link", NAME)
    newcomer.click("link", "2.0")
    newcomer.clicks = 0
    newcomer.click("link", "Compare")
    newcomer.click("link", "1.0")
    expect(newcomer.page.locator(".totals")).to_contain_text("Larger")
    expect(newcomer.page.get_by_text("only in 2.0")).to_be_visible()
    expect(newcomer.page.get_by_text("environment VERSION")).to_be_visible()


def test_a_tag_is_deleted_and_brought_back(newcomer: Newcomer) -> None:
    page = newcomer.page
    newcomer.click("link", NAME)
    newcomer.click("link", "2.0")
    newcomer.clicks = 0
    newcomer.click("link", "Delete …")
    newcomer.click("button", "Delete the tag")
    expect(page.get_by_role("link", name="2.0", exact=True)).to_have_count(0)
    newcomer.clicks = 0
    newcomer.click("link", "Bring it back")
    newcomer.click("button", f"Restore {NAME} 2.0")
    expect(page.get_by_role("status").first).to_contain_text("restored")
    newcomer.clicks = 0
    newcomer.click("link", "Repositories")
    newcomer.click("link", NAME)
    expect(page.get_by_role("link", name="2.0", exact=True)).to_be_visible()


def test_an_open_registry_says_what_a_login_takes(newcomer: Newcomer) -> None:
    newcomer.click("link", "Robots")
    for line in ("lading user add", "auth:", "htpasswd:"):
        expect(newcomer.page.get_by_role("main")).to_contain_text(line)


def test_a_login_for_ci_is_made(chromium: Chromium, tmp_path: Path) -> None:
    with guarded_registry(tmp_path) as registry:
        host = registry.client.host
        with chromium.window(host) as window:
            newcomer, page = Newcomer(window), window.page
            newcomer.click("link", "Sign in")
            page.get_by_label("Name").fill("admin")
            page.get_by_label("Password").fill("admin-password")
            newcomer.click("button", "Sign in")
            newcomer.clicks = 0
            newcomer.click("link", "Robots")
            page.get_by_label("Name").fill("ci")
            page.get_by_label("Repositories").fill("team/**")
            page.get_by_label("push").check()
            newcomer.click("button", "Make the robot")
            password = page.get_by_text("lading_").inner_text()
        ci = PushingClient(host, authorization=basic("robot+ci", password))
        push_image(Repository(ci, NAME), "1.0")
        assert ci.ask("GET", f"/v2/{NAME}/tags/list").json["tags"] == ["1.0"]


@pytest.mark.parametrize("width", [360, 1024, 1280])
def test_all_that_is_said_of_a_robot_has_room(
    chromium: Chromium, tmp_path: Path, width: int
) -> None:
    with guarded_registry(tmp_path) as registry:
        config = registry.lading.config
        made = ("create", "build-server", "-r", "team/**,public/tool", "-a", "push", config)
        run([program(), "token", *map(str, made)])
        with chromium.window(registry.client.host, width=width) as window:
            window.sign_in("admin")
            window.go("/-/robots")
            window.open_all()
            assert window.violations() == []
            assert not window.is_wider()
            assert window.cut() == []
            may = window.page.get_by_role("cell", name="pull, push").bounding_box()
            assert may is not None
            assert may["width"] > WORD
