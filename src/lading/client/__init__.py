"""Client of any registry of the OCI distribution specification; public, as docs/python.md says."""

from typing import TYPE_CHECKING

from lading.client.credentials import HostLogin, find_login
from lading.client.errors import (
    ClientError,
    ContentWrong,
    NotPermitted,
    NotThere,
    ReferenceInvalid,
    Unreachable,
)
from lading.client.layouts import LayoutFolder
from lading.client.options import SessionOptions
from lading.client.places import BlobContent, ImagePlace, RemoteManifest
from lading.client.references import ImageReference
from lading.client.registry import Client, RemoteRepository

if TYPE_CHECKING:
    from lading.client.asynchronous import AsyncClient

__all__ = [
    "AsyncClient",
    "BlobContent",
    "Client",
    "ClientError",
    "ContentWrong",
    "HostLogin",
    "ImagePlace",
    "ImageReference",
    "LayoutFolder",
    "NotPermitted",
    "NotThere",
    "ReferenceInvalid",
    "RemoteManifest",
    "RemoteRepository",
    "SessionOptions",
    "Unreachable",
    "find_login",
]


def __getattr__(name: str) -> object:
    """`AsyncClient`, which alone loads asyncio: that is a tenth of the start of a command."""
    if name != "AsyncClient":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from lading.client.asynchronous import AsyncClient  # noqa: PLC0415

    return AsyncClient
