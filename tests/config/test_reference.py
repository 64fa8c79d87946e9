"""The reference page is what the settings say."""

from pathlib import Path

from tests.docs.configuration import render

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
RENEW = "renew it with `make docs`"


def test_page_is_current() -> None:
    """Whoever changes a setting renews the page."""
    assert PAGE.read_text(encoding="utf-8") == render(), RENEW


def test_every_setting_is_described() -> None:
    """No row of the page has an empty cell."""
    rows = [line for line in render().splitlines() if line.startswith("|")]
    assert all(cell.strip() for row in rows for cell in row.strip("|").split("|"))
