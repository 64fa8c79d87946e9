"""Pages in a real browser: with scripts and without, small and large, light and dark."""

import pytest

from tests.support.lading import Lading
from tests.ui.browser.windows import Chromium, Theme, Window

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everyone_can_use_home(window: Window, theme: Theme) -> None:
    assert window.go("/") == 200
    assert window.violations(theme) == []


@pytest.mark.parametrize("scripts", [True, False])
def test_home_leads_to_every_repository(
    chromium: Chromium, open_house: Lading, scripts: bool
) -> None:
    with chromium.window(open_house.host, scripts=scripts) as window:
        window.go("/")
        window.page.get_by_role("link", name="base/debian").first.click()
        assert window.page.url.endswith("/r/base/debian")
        window.expected.append("404")
