"""The context of pages: a request that may proceed, and what pages are made with."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlencode

from lading.auth.logins import Logins
from lading.core.access import Access, Action, Grant
from lading.core.globs import EVERYTHING
from lading.core.history import Change
from lading.core.names import RepositoryName
from lading.core.permissions import CurrentPermissions
from lading.edge.limits import client_of
from lading.edge.options import EdgeOptions
from lading.edge.request import Request
from lading.ports.logins import Users
from lading.services import read_only
from lading.services.registry import Registry
from lading.services.shown.configs import KnownPlatforms
from lading.system.room import ClientTurns


def query_of(parameters: Mapping[str, object]) -> str:
    """Parameters behind a path, from the `?` on; those that are empty or `None` are left out.

    A name may have a `_` at its end where it would be a word of Python or of Jinja.
    """
    given = {name.rstrip("_"): value for name, value in parameters.items()}
    asked = urlencode({name: value for name, value in given.items() if value not in {None, ""}})
    return f"?{asked}" if asked else ""


def is_admin(access: Access) -> bool:
    """Whether somebody may do everything in every repository."""
    return any(
        right.pattern == EVERYTHING and Action.ADMIN in right.actions for right in access.rights
    )


@dataclass(frozen=True, slots=True)
class UiParts:
    """The parts that all pages are made with.

    Attributes:
        options: of the edge, as the operator chose them.
        logins: of those who may sign in; `None` if nobody needs to.
        is_open: whether everybody may do everything, as there is no authentication.
        users: who may log in with a password; `None` if they are in no file of ours.
        permissions: the rules in force; `None` if there are none.
        platforms: of single images, as far as their configurations were read.
        making: turns in which pages are made of manifests and documents, each of which may be many
            MiB until it is on its way.
        rendering: held while one of them becomes HTML, when it is several times as large.
    """

    registry: Registry
    options: EdgeOptions
    logins: Logins | None = None
    is_open: bool = True
    users: Users | None = None
    permissions: CurrentPermissions | None = None
    platforms: KnownPlatforms = field(default_factory=KnownPlatforms)
    making: ClientTurns = field(default_factory=lambda: ClientTurns(2, each=1))
    rendering: asyncio.Lock = field(default_factory=asyncio.Lock)

    def path(self, request: Request, path: str, **query: object) -> str:
        """A path of ours as the client of a request sees it: behind a proxy, below a prefix.

        Args:
            query: parameters; those that are empty or `None` are left out.
        """
        return self.options.address.path_of(request, path) + query_of(query)

    async def is_read_only(self) -> bool:
        """Whether nobody may change anything: by the configuration, or since it was switched on."""
        return self.options.read_only or await read_only.find(self.registry) is not None

    def is_secure(self, request: Request) -> bool:
        """Whether the browser speaks HTTPS, be it with this server or with a proxy of ours."""
        return self.options.address.url_of(request, "/").startswith("https://")


class Visit(NamedTuple):
    """A visit of a page: a request that was routed and may proceed.

    Attributes:
        access: what the visitor may do, anywhere.
        grant: what it may do in the repository that the page is about.
        argument: what the page is about, not yet checked: a tag, a digest.
        detail: what of that; empty if it is all.
    """

    request: Request
    parts: UiParts
    access: Access
    grant: Grant
    argument: str = ""
    detail: str = ""

    @property
    def registry(self) -> Registry:
        """The parts that services work with."""
        return self.parts.registry

    @property
    def repository(self) -> RepositoryName:
        """The repository that the page is about."""
        return self.grant.repository

    @property
    def is_admin(self) -> bool:
        """Whether the visitor may do everything in every repository."""
        return is_admin(self.access)

    @property
    def is_read_only(self) -> bool:
        """Whether nobody may change anything now."""
        return self.request.read_only

    def may_change(self, action: Action) -> bool:
        """Whether the visitor may push or delete in the repository that the page is about."""
        return action in self.grant.actions and not self.is_read_only

    @property
    def client(self) -> str:
        """Whose turns this visit takes: the visitor's, from where it comes."""
        return f"{self.request.caller}@{client_of(self.request.address)}"

    def asked(self, name: str) -> str:
        """The value of a parameter of the page's address; empty if there is none."""
        return self.request.parameter(name) or ""

    def path(self, path: str, **query: object) -> str:
        """A path of ours as the visitor's browser sees it; see `UiParts.path`."""
        return self.parts.path(self.request, path, **query)

    def change(self) -> Change:
        """A change that this request makes now."""
        request = self.request
        return self.registry.change_by(
            self.access.principal, address=request.address, request_id=request.id
        )
