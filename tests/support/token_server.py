"""A registry that leaves logins to another server, which is the token service of a second one.

So its tokens are such as real clients fetch, and nothing but a public key is shared.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.auth.forge import public_jwk
from tests.support.guarded import SERVICE, Guarded, guarded_registry
from tests.support.lading import Lading, lading_serve
from tests.support.network import MACHINE, Network
from tests.support.pairs import Pair, one_machine


@dataclass(frozen=True)
class Served:
    """A registry, and the one that is its token service.

    Attributes:
        registry: knows no users.
        server: knows them, and what each may do.
    """

    registry: Lading
    server: Guarded

    @property
    def realm(self) -> str:
        """The URL where clients get tokens."""
        return f"http://{self.server.lading.host}/token"


@contextmanager
def served_by_a_token_server(
    directory: Path, *, network: Network = MACHINE, pair: Pair = one_machine, **more: Any
) -> Iterator[Served]:
    """Run both for the length of the block.

    Args:
        directory: for all that belongs to them.
        network: where they listen.
        pair: where the registry has its data.
        more: keys of `auth.token`.
    """
    theirs, ours = directory / "server", directory / "registry"
    for folder in (theirs, ours):
        folder.mkdir()
    with guarded_registry(theirs, network=network) as server:
        key_id, key = server.key
        keys = ours / "keys.json"
        keys.write_text(json.dumps({"keys": [public_jwk(key, kid=key_id)]}))
        token = {
            "realm": f"http://{server.lading.host}/token",
            "service": SERVICE,
            "issuer": "lading",
            "jwks": str(keys),
            **more,
        }
        settings = {"auth": {"token": token}, **pair(ours, network)}
        with lading_serve(ours, settings=settings, network=network) as registry:
            yield Served(registry, server)
