"""Replicas: servers that share a database and a store of bytes, behind nginx that takes turns."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.lading import Lading, lading_serve
from tests.support.network import MACHINE, Network
from tests.support.nginx import nginx_before

# What deploy/scale-out says beside where the data is.
BEHIND_NGINX = {"REGISTRY_HTTP_TRUSTEDPROXIES": "[127.0.0.1]"}


@dataclass(frozen=True)
class Replicas:
    """Running replicas.

    Attributes:
        host: of nginx, before all of them.
        each: the servers.
    """

    host: str
    each: Sequence[Lading]


@contextmanager
def replicas(
    directory: Path,
    shared: Mapping[str, object],
    *,
    count: int = 2,
    workers: int = 1,
    network: Network = MACHINE,
) -> Iterator[Replicas]:
    """Run replicas for the length of the block.

    Args:
        directory: for their configurations and logs.
        shared: the sections `database` and `storage`, and others that all of them have.
        count: how many.
        workers: of each.
        network: where they listen.
    """
    settings = {"http": {"addr": "127.0.0.1:0", "workers": workers}, **shared}
    with ExitStack() as stack:
        each = []
        for number in range(count):
            own = directory / f"replica-{number}"
            own.mkdir()
            serving = lading_serve(own, settings=settings, env=BEHIND_NGINX, network=network)
            each.append(stack.enter_context(serving))
        host = stack.enter_context(nginx_before(each[0], directory, others=each[1:]))
        yield Replicas(host, each)
