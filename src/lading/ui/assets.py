"""Static files of pages, which browsers keep for ever: their path changes when they do."""

import hashlib
from collections.abc import Mapping
from functools import cached_property
from importlib.resources import files

from lading.edge.response import Response
from lading.ui.context import Visit
from lading.ui.errors import PageUnknown

FOR_EVER = "public, max-age=31536000, immutable"
"""The value of `Cache-Control` of what never changes."""
_KINDS = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


class Assets:
    """All static files, in memory."""

    @cached_property
    def contents(self) -> Mapping[str, bytes]:
        """The bytes of each file, by its name."""
        folder = files("lading.ui") / "static"
        names = sorted(file.name for file in folder.iterdir() if _kind(file.name) in _KINDS)
        return {name: (folder / name).read_bytes() for name in names}

    @cached_property
    def version(self) -> str:
        """The version of all files as one: scripts import each other by relative paths."""
        whole = hashlib.sha256()
        for name, content in self.contents.items():
            whole.update(f"{name}:{len(content)}:".encode() + content)
        return whole.hexdigest()[:16]

    def path_of(self, name: str) -> str:
        """The path of a file."""
        assert name in self.contents, name
        return f"/-/static/{self.version}/{name}"

    def type_of(self, name: str) -> str:
        """The value of `Content-Type`."""
        return _KINDS[_kind(name)]


def _kind(name: str) -> str:
    return name.rpartition(".")[2]


ASSETS = Assets()
"""The static files that are installed."""


async def show(visit: Visit) -> Response:
    """A static file; one of another version is the present one, for a page that is being loaded."""
    name = visit.detail
    content = ASSETS.contents.get(name)
    if content is None:
        raise PageUnknown
    is_present = visit.argument == ASSETS.version
    headers = {
        "Content-Type": ASSETS.type_of(name),
        "Cache-Control": FOR_EVER if is_present else "no-store",
    }
    return Response(200, headers, content)
