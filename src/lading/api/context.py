"""What a handler is given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import NamedTuple

from lading.auth.service import TokenService
from lading.core.access import Access, Grant
from lading.core.digest import Digest
from lading.core.history import Change
from lading.core.manifest import DEFAULT_MAX_SIZE
from lading.edge.forwarded import PublicAddress
from lading.edge.request import Request
from lading.edge.response import ALWAYS
from lading.services.registry import Registry


@dataclass(frozen=True, slots=True)
class Options:
    """What the operator chose for the HTTP side.

    Attributes:
        prefix: the path below which all paths are, without a slash at its end; empty for none.
        address: where clients reach the registry.
        relative: whether locations are paths, even if it is known where the registry is.
        headers: sent with every response that has no other ones of these names.
        trusted_proxies: who may say where a request came from.
        accelerate: the internal location at which a proxy serves the files of blobs, as
            `/_blobs/`; empty if none does.
        max_tags: most tags on one page.
        max_repositories: most repositories on one page.
        max_manifest: bytes that a manifest may have.
        request_rate: requests per second of one client that this worker answers; 0 for any number.
        request_burst: requests of one client that it answers at once.
        uploads: uploads of one client that it takes at once; 0 for any number.
        spool: where whole bodies may wait for their clients, in files that have no names; `None`
            for the system's place for such files.
    """

    prefix: str = ""
    address: PublicAddress = field(default_factory=PublicAddress)
    relative: bool = True
    headers: Mapping[str, str] = field(default_factory=lambda: ALWAYS)
    trusted_proxies: Sequence[IPv4Network | IPv6Network] = ()
    accelerate: str = ""
    max_tags: int = 1000
    max_repositories: int = 1000
    max_manifest: int = DEFAULT_MAX_SIZE
    request_rate: float = 0
    request_burst: int = 1
    uploads: int = 0
    read_only: bool = False
    access_log: bool = True
    spool: Path | None = None


class Context(NamedTuple):
    """A request that was routed and may proceed.

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
    tokens: TokenService | None

    def change(self) -> Change:
        """A change that this request makes now."""
        request = self.request
        return self.registry.change_by(
            self.grant.principal, address=request.address, request_id=request.id
        )

    def location(self, path: str) -> str:
        """A URL for `Location`: relative, unless the operator set a base."""
        place = self.public_path(path)
        return place if self.options.relative else self.options.address.origin + place

    def public_path(self, path: str) -> str:
        """A path as clients see it, behind a proxy and below a prefix."""
        return self.options.address.path_of(self.request, path)

    def blob_location(self, digest: Digest) -> str:
        """Where a blob of this repository is."""
        return self.location(f"/v2/{self.grant.repository}/blobs/{digest}")
