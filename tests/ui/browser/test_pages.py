"""Every page and form of the table in a real browser: signed in and not, with scripts and without.

That nothing is written to the console, breaks the policy or is asked for elsewhere, each window
holds by itself.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from playwright.sync_api import Error

from tests.support.guarded import basic
from tests.support.pushes import Repository
from tests.ui.browser import acting
from tests.ui.browser.building import BUILT, INSTRUCTIONS
from tests.ui.browser.cargo import OS_RELEASE, PushingClient, push_image
from tests.ui.browser.house import OTHERS, House
from tests.ui.browser.windows import Chromium, Window

pytestmark = pytest.mark.e2e

# What nobody sees who has not signed in: it is sent to where one can.
NEEDS_LOGIN = {"ui_robots", "ui_users", "ui_tag_delete", "ui_image_delete"}
DOWNLOAD = "ui_layer_download"


@contextmanager
def visitor(chromium: Chromium, house: House, name: str, *, scripts: bool) -> Iterator[Window]:
    """A window on a phone, of somebody who has signed in if it has a name."""
    with chromium.window(house.host, scripts=scripts, width=360) as window:
        if name:
            window.sign_in(name)
        yield window


@pytest.fixture
def known_house(guarded_house: House) -> House:
    """The house, of which all has been found out that pages show."""
    pages = guarded_house.addresses()
    guarded_house.look_inside(pages["ui_files"])
    guarded_house.look_inside(pages["ui_compare_files"])
    return guarded_house


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("name", ["", "admin"])
def test_each_page_shows_itself_to_whoever_may_see_it(
    chromium: Chromium, known_house: House, name: str, scripts: bool
) -> None:
    pages = known_house.addresses()
    sent_to_sign_in = set()
    with visitor(chromium, known_house, name, scripts=scripts) as window:
        for page, path in pages.items():
            if page == DOWNLOAD:
                continue
            assert window.go(path) == 200, page
            if "/-/sign-in?next=" in window.page.url:
                sent_to_sign_in.add(page)
    assert sent_to_sign_in == (set() if name else NEEDS_LOGIN)


@pytest.mark.parametrize("scripts", [True, False])
def test_a_file_is_downloaded_and_never_shown(
    chromium: Chromium, known_house: House, scripts: bool
) -> None:
    path = known_house.addresses()[DOWNLOAD]
    with visitor(chromium, known_house, "", scripts=scripts) as window:
        # The page does not come, as a download does: to Playwright that is an error.
        with window.page.expect_download() as download, suppress(Error):
            window.go(path)
        assert download.value.suggested_filename == "os-release"
        assert download.value.path().read_bytes() == OS_RELEASE


def test_everyone_can_use_each_page(chromium: Chromium, known_house: House) -> None:
    """In both themes, on a phone, with all that opens opened.

    How pages look does not depend on where the data is, so the other pair is not looked at again.
    """
    pages = known_house.addresses()
    paths = [path for name, path in pages.items() if name != DOWNLOAD]
    with visitor(chromium, known_house, "", scripts=True) as window:
        window.go(pages["ui_sign_in"])
        assert window.violations() == []
        window.sign_in("admin")
        for path in [] if known_house.stored else [*paths, *OTHERS]:
            assert window.go(path) == 200, path
            if window.is_html:
                window.open_all()
                assert window.violations() == [], path
                assert not window.is_wider(), path
                assert window.squeezed() == [], path
                assert "owned" not in window.page.title()


def test_what_docker_has_built_is_shown_as_its_dockerfile(
    chromium: Chromium, guarded_house: House
) -> None:
    with visitor(chromium, guarded_house, "admin", scripts=False) as window:
        window.go(f"/r/{BUILT}/-/tags/2.1")
        shown = window.page.locator(".layers .step").all_inner_texts()
        assert [re.sub("file:[0-9a-f]+", "file:…", line) for line in shown[1:]] == [*INSTRUCTIONS]
        window.go(f"/r/{BUILT}")
        assert window.page.get_by_role("link", name="latest", exact=True).count() == 1


def test_space_draws_what_its_tables_say(chromium: Chromium, guarded_house: House) -> None:
    """The shapes are there without a script, and the numbers are."""
    with visitor(chromium, guarded_house, "admin", scripts=False) as window:
        window.go("/-/space")
        assert window.page.locator(".treemap rect").count() > 3
        assert window.page.get_by_role("rowheader", name="Tagged", exact=True).count() == 1
        assert window.page.get_by_role("link", name="team/service").count() == 1
        assert window.page.locator(".growth-line").count() == 1


@pytest.mark.parametrize("scripts", [True, False])
def test_each_form_does_what_it_says(
    chromium: Chromium, guarded_house: House, scripts: bool
) -> None:
    name = f"team/acted-on-{scripts}".lower()
    client = PushingClient(guarded_house.host, authorization=basic("admin"))
    repository = Repository(client, name)
    push_image(repository, "latest", version=f"{name} 1")
    digest = push_image(repository, "v1", version=f"{name} 2")["digest"]
    with visitor(chromium, guarded_house, "", scripts=scripts) as window:
        acting.sign_in(window, name)
        acting.delete_a_tag_and_move_it_back(window, name)
        acting.delete_an_image_and_restore_it(window, name, digest)
        acting.make_and_revoke_a_robot(window, f"build-{scripts}".lower())
        acting.sign_out(window)
    assert acting.forms_of(window) == acting.FORMS
    assert client.ask("GET", f"/v2/{name}/tags/list").json["tags"] == ["latest", "v1"]
