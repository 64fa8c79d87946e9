"""Program that serves each kind of request once, and prints what was first loaded meanwhile.

Its arguments are a directory, and the settings of logins as JSON.
"""

import asyncio
import json
import sys
from pathlib import Path

from lading.config.settings import Settings
from lading.wiring.application import RegistryApplication, WorkerParts
from lading.wiring.start import ServerFiles, prepared
from tests.docs.walks import ALICE, DIGESTS, IMAGE, LAYER, Client, lived

MANIFEST = f"/v2/app/manifests/{IMAGE.digest}"
LISTS = ["/v2/_catalog", "/v2/app/tags/list", f"/v2/app/referrers/{IMAGE.digest}"]
PAGES = [
    "/",
    "/r/app",
    f"/r/app/-/images/{IMAGE.digest}",
    f"/r/app/-/images/{IMAGE.digest}/delete",
    f"/r/app/-/images/{IMAGE.digest}/files",
    "/r/app/-/tags/latest/history",
    "/r/app/-/tags/latest/delete",
    "/r/app/-/growth",
    "/-/space",
    "/-/trash",
    "/-/events",
    "/-/search?q=a",
]


async def serve(settings: Settings, files: ServerFiles) -> set[str]:
    """Be a server for a while; return the modules that requests have loaded."""
    app = RegistryApplication(settings, None, WorkerParts(files=files))
    async with lived(app):
        loaded = set(sys.modules)
        client = Client(app)
        if settings.auth.htpasswd is not None:
            await client.login()
        await client.push("app")
        await client.pull("app")
        for path in LISTS:
            await client.ask("GET", path, authorization=ALICE)
        await client.ask("HEAD", f"/v2/app/blobs/{DIGESTS[LAYER]}", authorization=ALICE)
        for path in PAGES:
            await client.ask("GET", path)
        await client.ask("DELETE", MANIFEST, authorization=ALICE)
        return set(sys.modules) - loaded


def main() -> None:
    """Serve as the arguments say."""
    settings = Settings.model_validate(
        {
            "storage": {"filesystem": {"rootdirectory": str(Path(sys.argv[1]))}},
            "auth": json.loads(sys.argv[2]),
        }
    )
    with prepared(settings) as files:
        print(*sorted(asyncio.run(serve(settings, files))))


if __name__ == "__main__":
    main()
