"""Screenshots for the README: a registry is filled, and a real browser looks at it in both themes.

`make screenshots` runs it; what it makes goes into `docs/images`.
"""

import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

from tests.support.commands import REPOSITORY
from tests.support.lading import Lading, lading_serve
from tests.ui.browser.cargo import fill
from tests.ui.browser.windows import Chromium, Theme, open_chromium

FOLDER = REPOSITORY / "docs" / "images"
WIDTH, HEIGHT = 1000, 560
# Seconds within which a job has counted what was pushed.
PATIENCE = 120
# Seconds within which files of a small image are read, and a sample is taken.
SETTLING = 10
THEMES: tuple[Theme, ...] = ("light", "dark")


def paths_of(registry: Lading) -> dict[str, str]:
    """The path of each page that is shown."""
    digest = registry.digest("team/service", "latest")
    image = f"/r/team/service/-/images/{digest}"
    return {
        "home": "/",
        "repository": "/r/team/service",
        "image": image,
        "inside": f"{image}/files",
        "space": "/-/space",
    }


def wait_for_figures(registry: Lading) -> None:
    """Wait until it is known where the bytes are, or for as long as one can."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        page = registry.client.ask("GET", "/-/space", accept="text/html").body.decode()
        if "Where the bytes are" in page and "Nothing counted yet" not in page:
            return
        time.sleep(1)


def take(chromium: Chromium, registry: Lading) -> None:
    """Take a picture of each page in both themes."""
    FOLDER.mkdir(exist_ok=True)
    for name, path in paths_of(registry).items():
        for theme in THEMES:
            with chromium.window(registry.host, width=WIDTH, theme=theme) as window:
                assert window.go(path) == 200, path
                window.page.screenshot(
                    path=FOLDER / f"{name}-{theme}.png",
                    clip={"x": 0, "y": 0, "width": WIDTH, "height": HEIGHT},
                )


def forget_counting(root: Path) -> None:
    """Have a server that starts count anew, though another has just done so."""
    with closing(sqlite3.connect(root / "lading" / "metadata.sqlite3")) as database, database:
        database.execute("DELETE FROM jobs")
        database.execute("DELETE FROM samples")


def main() -> None:
    """Fill a registry, and take the pictures."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with lading_serve(directory) as registry:
            fill(registry.client)
            wait_for_figures(registry)
        forget_counting(directory / "data")
        with lading_serve(directory) as registry, open_chromium() as chromium:
            wait_for_figures(registry)
            for path in paths_of(registry).values():  # what is made when it is first looked at
                registry.client.ask("GET", path, accept="text/html")
            time.sleep(SETTLING)
            take(chromium, registry)


if __name__ == "__main__":
    main()
