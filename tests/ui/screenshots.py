"""Screenshots for the README: a registry is filled, and a real browser looks at it in both themes.

`make screenshots` runs it; what it makes goes into `docs/images`.
"""

import tempfile
import time
from pathlib import Path

from tests.support.commands import REPOSITORY
from tests.support.lading import Lading, lading_serve
from tests.ui.browser.windows import Chromium, Theme, open_chromium
from tests.ui.showroom import age, furnish

FOLDER = REPOSITORY / "docs" / "images"
# What the pictures call the registry.
NAME = "registry.example.com"
WIDTH, HEIGHT = 1000, 640
# Seconds within which a job has counted what was pushed, and another has read what is in an image.
PATIENCE = 120
THEMES: tuple[Theme, ...] = ("light", "dark")
SHOWN = "shop/api"


def paths_of(registry: Lading) -> dict[str, str]:
    """The path of each page that is shown."""
    digest = registry.digest(SHOWN, "latest")
    image = f"/r/{SHOWN}/-/images/{digest}"
    return {
        "home": "/",
        "repository": f"/r/{SHOWN}",
        "image": image,
        "inside": f"{image}/files?path=srv/shop",
        "space": "/-/space",
    }


def known_as(registry: Lading) -> tuple[str, ...]:
    """What tells a browser that the registry has that name, and that HTTP is good enough for it."""
    return (
        f"--host-resolver-rules=MAP {NAME} {registry.host}",
        f"--unsafely-treat-insecure-origin-as-secure=http://{NAME}",
    )


def wait_until_known(registry: Lading) -> None:
    """Wait until it is known where bytes are and what is in the image, or as long as one can."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        paths = paths_of(registry)
        space = registry.client.ask("GET", paths["space"], accept="text/html").body.decode()
        inside = registry.client.ask("GET", paths["inside"], accept="text/html").body.decode()
        is_counted = "Where the bytes are" in space and "Nothing counted yet" not in space
        if is_counted and "being read in the background" not in inside:
            return
        time.sleep(1)


def take(chromium: Chromium, registry: Lading) -> None:
    """Take a picture of each page in both themes."""
    FOLDER.mkdir(exist_ok=True)
    for name, path in paths_of(registry).items():
        for theme in THEMES:
            with chromium.window(NAME, width=WIDTH, theme=theme) as window:
                assert window.go(path) == 200, path
                window.page.screenshot(
                    path=FOLDER / f"{name}-{theme}.png",
                    clip={"x": 0, "y": 0, "width": WIDTH, "height": HEIGHT},
                )


def main() -> None:
    """Fill a registry, and take the pictures."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with lading_serve(directory) as registry:
            furnish(registry.client)
        age(directory / "data" / "lading" / "metadata.sqlite3", time.time())
        with lading_serve(directory) as registry, open_chromium(*known_as(registry)) as chromium:
            wait_until_known(registry)
            take(chromium, registry)


if __name__ == "__main__":
    main()
