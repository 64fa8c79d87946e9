"""The table of endpoints of the registry protocol: one row for each of the specification.

"<name>" may itself hold `/blobs/` or `/manifests/`, so the last of them counts: nothing behind
it has another slash.
"""

import re
from collections.abc import Mapping, Sequence

from lading.api import blobs, listing, manifests, token, uploads
from lading.api.context import Context
from lading.edge.endpoints import (
    DELETE,
    PULL,
    PUSH,
    Audited,
    Endpoint,
    Handler,
    Need,
    Needs,
    Route,
    When,
)
from lading.edge.response import JSON, Response


async def _base(_: Context) -> Response:
    """`GET /v2/`: the API is here, and the caller may use it."""
    return Response(200, {"Content-Type": JSON}, b"{}")


# Who asks for HTML gets a page: no cache may give one to the other.
_BY_KIND = {"Vary": "Accept"}


async def _alive(_: Context) -> Response:
    """`GET /`: the process answers."""
    return Response(200, _BY_KIND)


# Anything; a slash at a time, which finds its end without going back over a digest.
_NAME = "/v2/(?P<name>[^/]*+(?:/[^/]*+)*?)"


def _route(name: str, pattern: str, endpoints: Mapping[str, Endpoint[Context]]) -> Route[Context]:
    return Route(name, re.compile(pattern, re.DOTALL), endpoints)


def _readable(
    id_: str, handler: Handler[Context], audited: Audited, needs: Needs = PULL
) -> dict[str, Endpoint[Context]]:
    endpoint = Endpoint(id_, handler, audited, needs)
    return {"GET": endpoint, "HEAD": endpoint}


TOKEN_ROUTE = "token"  # noqa: S105 - where they are, not what they are
"""The name of the route that is there only if the registry issues tokens."""
_TOKEN_ISSUED = Audited("token.issue", When.ALWAYS)

# Tried in this order: manifests first, which most requests are about; then what is small.
ROUTES: Sequence[Route[Context]] = (
    _route(
        "manifest",
        f"{_NAME}/manifests/(?P<argument>[^/]*)",
        {
            "GET": Endpoint("end-3", manifests.get, Audited("manifest.pull", When.READ)),
            "HEAD": Endpoint("end-3", manifests.head, Audited("manifest.find")),
            "PUT": Endpoint(
                "end-7",
                manifests.put,
                Audited("manifest.push", When.ALWAYS, tags="tag"),
                PUSH,
                writes=True,
            ),
            "DELETE": Endpoint(
                "end-9",
                manifests.delete,
                Audited("manifest.delete", When.ALWAYS),
                DELETE,
                writes=True,
            ),
        },
    ),
    _route(
        "tags",
        f"{_NAME}/tags/list",
        _readable("end-8", listing.tags, Audited("tags.list", When.READ)),
    ),
    _route(
        "blob_upload",
        f"{_NAME}/blobs/uploads/?",
        {
            # It can do all of a push at once: take the bytes, or take them over from elsewhere.
            "POST": Endpoint(
                "end-4",
                uploads.start,
                Audited(
                    "upload.start",
                    When.CREATED,
                    variants={"digest": "blob.push", "mount": "blob.mount"},
                    fields={"digest": "digest", "mount": "digest", "from": "source"},
                ),
                PUSH,
                writes=True,
                takes_bytes=True,
            )
        },
    ),
    _route(
        "blob",
        f"{_NAME}/blobs/(?P<argument>[^/]*)",
        {
            "GET": Endpoint("end-2", blobs.get, Audited("blob.pull", When.READ)),
            "HEAD": Endpoint("end-2", blobs.head, Audited("blob.find")),
            "DELETE": Endpoint(
                "end-10", blobs.delete, Audited("blob.delete", When.ALWAYS), DELETE, writes=True
            ),
        },
    ),
    _route(
        "blob_upload_chunk",
        f"{_NAME}/blobs/uploads/(?P<argument>[^/]*)",
        {
            **_readable("end-13", uploads.status, Audited("upload.find")),
            "PATCH": Endpoint(
                "end-5",
                uploads.append,
                Audited("upload.write"),
                PUSH,
                writes=True,
                takes_bytes=True,
            ),
            "PUT": Endpoint(
                "end-6",
                uploads.commit,
                Audited("blob.push", When.ALWAYS, fields={"digest": "digest"}),
                PUSH,
                writes=True,
                takes_bytes=True,
            ),
            "DELETE": Endpoint(
                "end-14", uploads.cancel, Audited("upload.cancel", When.ALWAYS), PUSH, writes=True
            ),
        },
    ),
    _route(
        "referrers",
        f"{_NAME}/referrers/(?P<argument>[^/]*)",
        _readable("end-12", listing.referrers, Audited("referrers.list", When.READ)),
    ),
    _route(
        "catalog",
        "/v2/_catalog",
        _readable("catalog", listing.catalog, Audited("catalog.list", When.READ), Need.CATALOG),
    ),
    _route("base", "/v2/?", _readable("end-1", _base, Audited("api.check"), Need.LOGIN)),
    _route(
        TOKEN_ROUTE,
        token.TOKEN_PATH,
        {
            **_readable("token", token.get, _TOKEN_ISSUED, Need.NOTHING),
            "POST": Endpoint("token", token.post, _TOKEN_ISSUED, Need.NOTHING),
        },
    ),
    _route("root", "/", _readable("alive", _alive, Audited("alive"), Need.NOTHING)),
)
