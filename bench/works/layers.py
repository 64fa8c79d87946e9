"""Pushes of large layers, in all the ways in which clients make them.

Docker, podman, skopeo and crane do not say how long a layer is: they send it in chunks of 32 KiB.
containerd and BuildKit announce it, in a single PUT. Whoever keeps a pool of connections, and nginx
does, takes any of them for the next request, so that those of one layer reach any worker.
"""

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import BinaryIO

from bench.content import MIB, LargeBlob, large_blob
from bench.http import Answer, Connection
from bench.nginx import in_front_of
from bench.running import Running
from bench.tally import Tally
from bench.works.base import BYTES, Result, measure_clients

REPOSITORY = "library/pushed"
# Connections that a client has open and does nothing with.
IDLE = 3


class Pool:
    """Connections that are kept, of which each request gets any that is free.

    Args:
        connect: opens one.
        changing: whether any will do, or else always the same.
    """

    def __init__(self, connect: Callable[[], Connection], *, changing: bool) -> None:
        self._connect = connect
        self._changing = changing
        self._lock = threading.Lock()
        self._all: list[Connection] = []
        self._free: list[Connection] = []

    @contextmanager
    def get(self) -> Iterator[Connection]:
        """Take one for a request."""
        with self._lock:
            while len(self._free) < (IDLE if self._changing else 1):
                self._free.append(self._connect())
                self._all.append(self._free[-1])
            place = random.randrange(len(self._free)) if self._changing else -1
            connection = self._free.pop(place)
        yield connection
        with self._lock:
            self._free.append(connection)

    def close(self) -> None:
        """Hang up."""
        for connection in self._all:
            connection.close()


class LayerPush:
    """A way to push layers.

    Args:
        how: in a few words.
        layers: that are pushed at once.
        size: bytes of each.
        chunked: whether the client does not say how long a layer is.
        put: whether the layer comes with the PUT, or else with a PATCH.
        changing: whether each request comes by another connection.
        proxied: whether nginx is in front.
    """

    unit = "MB/s"
    per = BYTES

    def __init__(
        self,
        how: str,
        *,
        layers: int = 1,
        size: int = 256 * MIB,
        chunked: bool = False,
        put: bool = False,
        changing: bool = False,
        proxied: bool = False,
    ) -> None:
        whole = f"{layers} × " if layers > 1 else ""
        self.name = f"push of {whole}{size // MIB} MiB, {how}"
        self._layers = layers
        self._size = size
        self._chunked = chunked
        self._put = put
        self._changing = changing
        self._proxied = proxied

    def prepare(self, registry: Running) -> None:
        """Nothing has to be there."""

    def measure(self, registry: Running, seconds: float) -> Result:
        """Push layers that the registry has not seen."""
        for number in range(self._layers):
            large_blob(self._size, file=number)
        with ExitStack() as stack:
            port = stack.enter_context(
                in_front_of(registry.port) if self._proxied else nullcontext(registry.port)
            )
            headers = registry.headers(REPOSITORY)
            pool = Pool(lambda: Connection(port, headers), changing=self._changing)
            stack.callback(pool.close)
            pushed: list[str] = []
            stack.callback(registry.remove, pushed)

            def client(number: int, tally: Tally) -> None:
                end = time.perf_counter() + seconds
                while time.perf_counter() < end:
                    blob = large_blob(self._size, salt=os.urandom(16), file=number)
                    pushed.append(blob.digest)
                    start = time.perf_counter()
                    self._push(pool, blob)
                    tally.note(time.perf_counter() - start, self._size)

            return measure_clients(registry, self._layers, client, by_bytes=True)

    def _push(self, pool: Pool, blob: LargeBlob) -> None:
        """POST, PATCH with everything, PUT; or POST, and PUT with everything."""
        with pool.get() as connection:
            path = f"/v2/{REPOSITORY}/blobs/uploads/"
            location = connection.request("POST", path).expect(202).headers["location"]
        if not self._put:
            with pool.get() as connection:
                answer = self._send(connection, "PATCH", location, blob).expect(202)
                location = answer.headers["location"]
        target = f"{location}{'&' if '?' in location else '?'}digest={blob.digest}"
        with pool.get() as connection:
            if self._put:
                self._send(connection, "PUT", target, blob).expect(201)
            else:
                connection.request("PUT", target).expect(201)

    def _send(self, connection: Connection, method: str, target: str, blob: LargeBlob) -> Answer:
        body: BinaryIO
        with blob.open_chunks() if self._chunked else blob.open() as body:
            return connection.request(
                method,
                target,
                headers={"Content-Type": "application/octet-stream"},
                body=body,
                chunked=self._chunked,
            )


LAYER_PUSHES = (
    LayerPush("as Docker", layers=5, size=52 * MIB, chunked=True, changing=True),
    LayerPush("as Docker, changing connections", chunked=True, changing=True),
    LayerPush("as Docker, through nginx", chunked=True, changing=True, proxied=True),
    LayerPush("announced, changing connections", changing=True),
    LayerPush("announced, through nginx", changing=True, proxied=True),
    LayerPush("announced, one connection"),
    LayerPush("in one PUT, changing connections", put=True, changing=True),
)
