"""end-1: the base of the API, by which clients find out that it is here."""

from lading.api.context import Context
from lading.edge.response import JSON, Response


async def check(_: Context) -> Response:
    """`GET /v2/`: the API is here, and the caller may use it."""
    return Response(200, {"Content-Type": JSON}, b"{}")


async def alive(_: Context) -> Response:
    """`GET /`: the process answers."""
    return Response(200)
