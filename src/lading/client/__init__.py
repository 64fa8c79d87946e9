"""Client of any registry of the OCI distribution specification; public, as docs/python.md says."""

from importlib import import_module
from typing import TYPE_CHECKING

from lading.client.errors import (
    ClientError,
    ContentWrong,
    NotPermitted,
    NotThere,
    ReferenceInvalid,
    Unreachable,
)
from lading.client.options import SessionOptions
from lading.client.places import BlobContent, ImagePlace, RemoteManifest
from lading.client.references import ImageReference

if TYPE_CHECKING:
    from lading.client.asynchronous import AsyncClient
    from lading.client.credentials import HostLogin, find_login
    from lading.client.layouts import LayoutFolder
    from lading.client.registry import Client, RemoteRepository

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


# What not every program needs, and takes a tenth of the start of a command that does not: asyncio,
# temporary files, and HTTP where only options or errors are named. Values here are named tuples, as
# dataclasses take ten times as long to be made.
_LATE = {
    "AsyncClient": "asynchronous",
    "Client": "registry",
    "HostLogin": "credentials",
    "LayoutFolder": "layouts",
    "RemoteRepository": "registry",
    "find_login": "credentials",
}


def __getattr__(name: str) -> object:
    """What is loaded when it is asked for."""
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATE[name]}"), name)
