"""A real S3 server in a temporary directory, with a proxy before it.

It is versitygw, which starts in a moment; `LADING_S3_SERVER=seaweedfs` takes SeaweedFS, for a
second opinion.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from lading.blobs.s3.bucket import S3Bucket
from lading.blobs.s3.object_store import ObjectStore
from lading.ports.objects import StoredObject
from tests.support.commands import SEARCH_PATH, missing
from tests.support.network import MACHINE, Network
from tests.support.processes import background, free_port, wait_until
from tests.support.s3_proxy import Proxy, proxy_before

ACCESS_KEY = "lading-tests"
SECRET_KEY = "not-a-secret"
REGION = "us-east-1"
SERVER = os.environ.get("LADING_S3_SERVER", "versitygw")


async def address_of(store: ObjectStore, key: str, seconds: float = 60) -> str:
    """A signed address of an object."""
    found = await store.sign(key, seconds)
    assert found is not None
    return found


async def unfinished(store: ObjectStore, before: float) -> Sequence[StoredObject]:
    """All parts that were begun before a time and never joined."""
    return [parts async for page in store.unfinished_parts(before) for parts in page]


@dataclass
class Server:
    """The process of an S3 server, which can be killed and started again.

    Attributes:
        begin: runs one for the length of a block.
        is_up: whether it answers.
    """

    begin: Callable[[], AbstractContextManager["subprocess.Popen[bytes]"]]
    is_up: Callable[[], bool]
    log: Path
    _stack: ExitStack = field(default_factory=ExitStack)
    _process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it, unless it runs, and wait until it answers; it ends with this thread at last."""
        if self._process is None or self._process.poll() is not None:
            self._process = self._stack.enter_context(self.begin())
        wait_until(self.is_up, SERVER, log=self.log.read_text)

    def kill(self) -> None:
        """Kill it, as a machine that fails does."""
        self.signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()

    def signal(self, what: signal.Signals) -> None:
        """Have it stand still (SIGSTOP), or go on (SIGCONT)."""
        assert self._process is not None
        self._process.send_signal(what)

    def end(self) -> None:
        """End it as an operator does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
        self._stack.close()


@dataclass(frozen=True)
class S3:
    """A running S3 server, and a bucket of it.

    Attributes:
        bucket: the bucket, by way of the proxy.
        proxy: counts requests and makes them fail.
        port: of the server itself.
        server: its process.
    """

    bucket: S3Bucket
    proxy: Proxy
    port: int
    server: Server
    network: Network = MACHINE

    def fresh(self) -> "S3":
        """Another folder of the bucket, which is empty; nothing fails any more.

        Another bucket would need volumes of its own in some servers.
        """
        self.proxy.reset()
        return replace(self, bucket=replace(self.bucket, root=f"registry-{uuid.uuid4().hex}"))

    @property
    def settings(self) -> dict[str, object]:
        """The section `storage.s3` of a configuration that leads there."""
        return {
            "bucket": self.bucket.name,
            "region": REGION,
            "regionendpoint": self.bucket.endpoint,
            "forcepathstyle": True,
            "rootdirectory": self.bucket.root,
            "accesskey": ACCESS_KEY,
            "secretkey": SECRET_KEY,
        }


def put(bucket: S3Bucket, path: str, network: Network = MACHINE) -> bool:
    """Put an empty object into a bucket, or make the bucket itself; whether that was done."""
    keys = f"{bucket.access_key}:{bucket.secret_key}"
    signed = ["--user", keys, "--aws-sigv4", f"aws:amz:{bucket.region}:s3"]
    signed += ["--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD"]
    where = f"{bucket.endpoint}/{bucket.name}{path}"
    curl = ["curl", "--silent", "--fail", "--insecure", *signed, "--request", "PUT", where]
    return network.run(*curl, "--data", "", check=False).returncode == 0


@contextmanager
def running_s3(
    *options: str, endpoint: str = "", network: Network = MACHINE, data: Path | None = None
) -> Iterator[S3]:
    """Run a server for the length of a block; skip the test if there is none on the machine.

    Args:
        options: more of them.
        endpoint: to ask, with `{port}` for its port; by default that of the proxy.
        network: where it listens; the proxy is always on the machine itself.
        data: a directory for what it keeps; by default one that is gone with it.
    """
    program = shutil.which(_PROGRAMS[SERVER], path=f"{SEARCH_PATH}:{Path.home() / 'go/bin'}")
    if program is None:
        missing(f"needs {SERVER}: run `make e2e-tools`")
        return
    with tempfile.TemporaryDirectory(prefix="lading-s3-") as scratch:
        port = free_port()
        command = _COMMANDS[SERVER](program, data or Path(scratch), port, options)
        log = Path(scratch, "log")
        keys = {"ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": SECRET_KEY}
        begin = partial(background, network.command(*command), log=log, env=keys, grace=3)
        server = Server(begin, partial(_listens, port, network), log)
        try:
            server.start()
            with proxy_before(port) as proxy:
                bucket = S3Bucket(
                    name="blobs",
                    region=REGION,
                    endpoint=endpoint.format(port=port) or f"http://127.0.0.1:{proxy.port}",
                    path_style=True,
                    root="registry",
                    access_key=ACCESS_KEY,
                    secret_key=SECRET_KEY,
                )
                wait_until(lambda: _takes_objects(bucket, network), SERVER, log=log.read_text)
                yield S3(bucket, proxy, port, server, network)
        finally:
            server.end()


def _versitygw(program: str, scratch: Path, port: int, options: Sequence[str]) -> Sequence[str]:
    (scratch / "buckets").mkdir()
    address = ["--port", f"127.0.0.1:{port}", "--region", REGION]
    return [program, *address, "--quiet", *options, "posix", str(scratch / "buckets")]


def _seaweedfs(program: str, scratch: Path, port: int, options: Sequence[str]) -> Sequence[str]:
    (scratch / "data").mkdir()
    identity = {
        "name": "tests",
        "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
        "actions": ["Admin"],
    }
    config = scratch / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}))
    own = ("master", "volume", "filer")
    # Each listens for gRPC as well, by default at a port that may be somebody else's.
    ports = [f"-{name}.port{kind}={free_port()}" for name in own for kind in ("", ".grpc")]
    ports += [f"-s3.port.{kind}={free_port()}" for kind in ("grpc", "iceberg", "lance")]
    volumes = ["-master.volumeSizeLimitMB=256", "-volume.max=30"]
    here = ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={scratch / 'data'}"]
    served = ["-filer", "-s3", f"-s3.port={port}", f"-s3.config={config}"]
    return [program, "server", *here, *served, *ports, *volumes, *options]


_PROGRAMS = {"versitygw": "versitygw", "seaweedfs": "weed"}
_COMMANDS = {"versitygw": _versitygw, "seaweedfs": _seaweedfs}


def _takes_objects(bucket: S3Bucket, network: Network) -> bool:
    """Whether it is ready for the first object, for which some have to make room."""
    put(bucket, "", network)
    return put(bucket, "/first", network)


def _listens(port: int, network: Network) -> bool:
    """Whether somebody answers, be it in TLS; 7 is curl's for nobody."""
    asked = network.run("curl", "--silent", f"http://127.0.0.1:{port}/", check=False)
    return asked.returncode != 7
