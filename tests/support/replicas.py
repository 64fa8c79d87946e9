"""Replicas: servers that share a database and a store of bytes, behind nginx that takes turns."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.lading import Lading, lading_serve
from tests.support.network import MACHINE, Network
from tests.support.nginx import nginx_before
from tests.support.postgresql import PostgreSQL
from tests.support.s3 import S3

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
    shared: Mapping[str, Mapping[str, object]],
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
    http = {"addr": "127.0.0.1:0", "workers": workers}
    with ExitStack() as stack:
        each = []
        for number in range(count):
            own = directory / f"replica-{number}"
            own.mkdir()
            settings = {"http": http, **shared}
            env = BEHIND_NGINX
            if "s3" in shared["storage"]:
                env = {**env, "REGISTRY_STORAGE_S3_LOCALDIRECTORY": str(own)}
            serving = lading_serve(own, settings=settings, env=env, network=network)
            each.append(stack.enter_context(serving))
        host = stack.enter_context(nginx_before(each[0], directory, others=each[1:]))
        yield Replicas(host, each)


@contextmanager
def replicas_on_s3(
    directory: Path, postgresql: PostgreSQL, s3: S3, **sections: Mapping[str, object]
) -> Iterator[Replicas]:
    """Run two on a new database and a new bucket, for the length of the block.

    All bytes go through them: a client that is sent elsewhere is another test.

    Args:
        directory: for their configurations and logs.
        sections: more of the configuration.
    """
    shared: dict[str, Mapping[str, object]] = {
        "database": {"postgresql": {"url": postgresql.new_url()}},
        "storage": {"s3": s3.fresh().settings, "redirect": {"disable": True}},
        **sections,
    }
    with replicas(directory, shared) as running:
        yield running
