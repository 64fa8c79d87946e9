"""Options of the edge: what the operator chose for all ways in."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lading.edge.budget import BodyBudgets
from lading.edge.forwarded import Networks
from lading.edge.limits import ClientLimits
from lading.edge.public_address import PublicAddress
from lading.edge.redirects import RedirectRule


@dataclass(frozen=True, slots=True)
class EdgeOptions:
    """Options of all ways in, as the operator chose them.

    Attributes:
        prefix: the path below which all paths are, without a slash at its end; empty for none.
        address: where clients reach the registry.
        headers: sent with every response that has no other ones of these names.
        trusted_proxies: who may say where a request came from.
        accelerate: the internal location at which a proxy serves the files of blobs, as
            `/_blobs/`; empty if none does.
        redirects: which clients get blobs from the object store by themselves.
        limits: of each client, whichever way it comes in; counted by this worker.
        read_only: whether nothing can be changed, whatever the switch in the database says.
        bodies: what they may take of this worker, all together.
    """

    prefix: str = ""
    address: PublicAddress = field(default_factory=PublicAddress)
    headers: Mapping[str, str] = field(default_factory=dict)
    trusted_proxies: Networks = ()
    accelerate: str = ""
    redirects: RedirectRule = field(default_factory=RedirectRule)
    limits: ClientLimits = field(default_factory=ClientLimits)
    read_only: bool = False
    bodies: BodyBudgets = field(default_factory=BodyBudgets)
