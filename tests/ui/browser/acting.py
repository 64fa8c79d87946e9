"""What a person does with pages: each form of the table is sent by one of these."""

from playwright.sync_api import Page, expect

from lading.ui.routes import ROUTES
from tests.ui.browser.windows import Window

FORMS = {route.name for route in ROUTES if "POST" in route.endpoints}


def forms_of(window: Window) -> set[str]:
    """The forms that were sent in a window, by their names in the table."""
    return {
        next(route.name for route in ROUTES if route.pattern.fullmatch(path))
        for path in window.posted
    }


def said(page: Page) -> str:
    """What a page says was done."""
    return page.get_by_role("status").first.inner_text()


def sign_in(window: Window, name: str) -> None:
    """Sign in, the second time with the right password, and come back to a repository."""
    page = window.page
    window.go(f"/r/{name}")
    assert "/-/sign-in" in page.url
    page.fill("input[name=name]", "admin")
    page.fill("input[name=password]", "wrong")
    window.expected.append("403")
    page.click("main button[type=submit]")
    expect(page.get_by_role("alert")).to_contain_text("wrong")
    page.fill("input[name=password]", "admin-password")
    page.click("main button[type=submit]")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def delete_a_tag_and_move_it_back(window: Window, name: str) -> None:
    """Delete a tag from the list, then bring it back to where it led before."""
    page = window.page
    page.locator("details.menu-of > summary").first.click()
    page.get_by_role("link", name="Tag v1 …").click()
    page.get_by_role("button", name="Delete the tag").click()
    assert said(page) == "The tag was deleted."
    window.go(f"/r/{name}/-/tags/v1/history")
    page.get_by_role("button", name="Move back here").first.click()
    assert said(page) == "The tag was moved."
    assert page.locator(".timeline .is-now").count() == 1  # a time may say "now", too


def delete_an_image_and_restore_it(window: Window, name: str, digest: str) -> None:
    """Delete an image with its tag, then restore both from the trash."""
    page = window.page
    window.go(f"/r/{name}/-/images/{digest}")
    page.get_by_role("link", name="Delete …").click()
    page.get_by_role("button", name="Delete the image").click()
    assert said(page) == "The image and its tags were deleted."
    window.go("/-/trash")
    page.get_by_role("button", name=f"Restore {name} {digest}").click()
    assert said(page) == "It was restored, with its tags."


def make_and_revoke_a_robot(window: Window, name: str) -> None:
    """Make a login for a build server, copy its password, which is shown once, and revoke it."""
    page = window.page
    window.go("/-/robots")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Repositories").fill("team/**")
    page.get_by_label("push").check()
    page.get_by_role("button", name="Make the robot").click()
    assert page.get_by_text("lading_").count() == 1
    page.get_by_role("link", name="I have copied it").click()
    assert page.get_by_text("lading_").count() == 0
    page.get_by_text(f"Revoke robot+{name}").click()
    page.get_by_role("button", name="Revoke for good").click()
    assert said(page) == "The robot was revoked."


def sign_out(window: Window) -> None:
    """Sign out, and see that one can sign in."""
    window.page.get_by_role("button", name="Sign out").click()
    banner = window.page.get_by_role("banner")
    expect(banner.get_by_role("link", name="Sign in")).to_be_visible()
