"""A registry with users that the browser looks at, and the address of each of its pages."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lading.databases.postgresql.database import PostgresqlDatabase
from lading.databases.postgresql.server import Server
from lading.metadata.metadata import Metadata
from lading.ui.assets import ASSETS
from lading.wiring.paths import metadata_path
from tests.support.client import Answer
from tests.support.guarded import Guarded, basic
from tests.support.processes import wait_until
from tests.support.rows import open_metadata
from tests.ui.browser.cargo import LONG

# What everybody may pull.
PUBLIC = "public/tool"


def addresses(digest: str, config: str) -> Mapping[str, str]:
    """The address of each page, by the name of its row in the table of pages.

    Args:
        digest, config: of the image that those are about which are about one.
    """
    one = f"/r/{PUBLIC}"
    image = f"{one}/-/images/{digest}"
    return {
        "ui_home": "/",
        "ui_search": "/-/search?q=tool",
        "ui_static": ASSETS.path_of("style.css"),
        "ui_sign_in": "/-/sign-in",
        "ui_space": "/-/space",
        "ui_trash": "/-/trash",
        "ui_events": "/-/events",
        "ui_robots": "/-/robots",
        "ui_users": "/-/users",
        "ui_repository": one,
        "ui_growth": f"{one}/-/growth",
        "ui_tag": f"{one}/-/tags/1.0",
        "ui_history": f"{one}/-/tags/1.0/history",
        "ui_tag_delete": f"{one}/-/tags/1.0/delete",
        "ui_image": image,
        "ui_image_delete": f"{image}/delete",
        "ui_manifest": f"{image}/raw",
        "ui_config": f"{one}/-/config/{config}",
        "ui_document": f"{one}/-/documents/{config}",
        "ui_files": f"{image}/files",
        "ui_layer_files": f"{image}/layers/1/files",
        "ui_layer_file": f"{image}/layers/1/file?path=etc/os-release",
        "ui_layer_download": f"{image}/layers/1/download?path=etc/os-release",
        "ui_compare": f"{one}/-/compare?from=1.0&to=1.1",
        "ui_compare_files": f"{one}/-/compare/files?from=1.0&to=1.1",
    }


OTHERS = (
    "/?in=team/&sort=size",
    "/?q=nothing-has-this",
    "/-/events?kind=pulls",
    "/r/team/service",
    "/r/team/gateway",
    "/r/team/gateway/-/tags/latest",
    "/r/team/gateway/-/compare?from=2.0.0&to=latest",
    "/r/team/only-by-digest?show=untagged",
    "/r/public/chart/-/tags/1.2.3",
    "/r/public/hostile/-/tags/latest",
    f"/r/{LONG}",
)
"""More that pages show: folders, nothing, indexes, charts, long names, harm."""


@dataclass(frozen=True)
class House:
    """A registry with users.

    Attributes:
        stored: the sections of its configuration that say where its data is.
    """

    guarded: Guarded
    stored: Mapping[str, Any]

    @property
    def host(self) -> str:
        """Where it listens."""
        return self.guarded.client.host

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        """Ask it as its admin."""
        return self.guarded.client.ask(method, path, body, authorization=basic("admin"), **headers)

    def look_inside(self, path: str) -> None:
        """Wait until it has been found out what is in the layers of a page of files."""

        def is_known() -> bool:
            shown = self.guarded.client.ask("GET", path, accept="text/html")
            assert shown.status == 200, shown
            return shown.headers["refresh"] is None

        wait_until(is_known, path)

    def addresses(self) -> Mapping[str, str]:
        """The address of each page; see `addresses`."""
        manifest = self.ask("GET", f"/v2/{PUBLIC}/manifests/1.0")
        config = manifest.json["config"]["digest"]
        return addresses(manifest.headers["docker-content-digest"], config)

    async def count(self) -> None:
        """Count what it has, as its job does within a minute."""
        metadata = self._metadata()
        ids = await metadata.figures.begin(after=0, limit=1000)
        counted = {id_: await metadata.figures.count(id_, now=time.time()) for id_ in ids}
        await metadata.figures.store(counted)
        await metadata.samples.add(await metadata.samples.take(uploads=0, now=time.time()))
        await metadata.close()

    def _metadata(self) -> Metadata:
        if not self.stored:
            return open_metadata(metadata_path(self.guarded.lading.root))
        url = self.stored["database"]["postgresql"]["url"]
        return Metadata(PostgresqlDatabase(Server(url)))
