"""The context of handlers: a request that may proceed, and what the operator chose."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec import Struct

from lading.core.access import Access, Grant
from lading.core.history import Change
from lading.core.manifest import DEFAULT_MAX_SIZE
from lading.edge.options import EdgeOptions
from lading.edge.request import Request
from lading.services.registry import Registry

if TYPE_CHECKING:  # it loads what only some registries need
    from lading.auth.tokens import TokenService


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the registry protocol, as the operator chose them.

    Attributes:
        edge: for all ways in.
        relative: whether locations are paths, even if it is known where the registry is.
        max_tags: most tags on one page.
        max_repositories: most repositories on one page.
        max_manifest: bytes that a manifest may have.
    """

    edge: EdgeOptions = field(default_factory=EdgeOptions)
    relative: bool = True
    max_tags: int = 1000
    max_repositories: int = 1000
    max_manifest: int = DEFAULT_MAX_SIZE


class Context(Struct, frozen=True):
    """The context of a handler: a request that was routed and may proceed.

    Attributes:
        access: what the caller may do, anywhere.
        grant: what it may do in the repository that the request is about.
        tokens: the token service, if there is one.
        argument: the last part of the path, not yet checked: a digest, a reference, an upload.
    """

    request: Request
    registry: Registry
    options: Options
    access: Access
    grant: Grant
    argument: str
    tokens: "TokenService | None"

    def change(self) -> Change:
        """A change that this request makes now."""
        request = self.request
        return self.registry.change_by(
            self.grant.principal, address=request.address, request_id=request.id
        )

    def location(self, path: str) -> str:
        """A URL for `Location`: relative, unless the operator set a base."""
        place = self.public_path(path)
        return place if self.options.relative else self.options.edge.address.origin + place

    def public_path(self, path: str) -> str:
        """A path as clients see it, behind a proxy and below a prefix."""
        return self.options.edge.address.path_of(self.request, path)
