"""What memory lading takes while a very large blob comes and goes. It should take no more."""

import hashlib
import tempfile
from pathlib import Path

from bench.content import MIB, large_blob
from bench.progress import Progress
from bench.registries import find
from bench.running import Running, running

GIB = 1024 * MIB
_REPOSITORY = "library/huge"
_PIECE = 256 * MIB


def measure(gibibytes: int) -> list[int]:
    """Push a blob and pull it.

    Returns:
        Bytes of the largest process before, after each GiB that was pushed, and after the pull.
    """
    with (
        tempfile.TemporaryDirectory(prefix="lading-bench-") as name,
        running(find("lading"), Path(name)) as registry,
        registry.connect() as connection,
    ):
        piece = large_blob(_PIECE)
        start = f"/v2/{_REPOSITORY}/blobs/uploads/"
        location = connection.request("POST", start).headers["location"]
        sizes = [registry.largest_process_bytes()]
        hasher = hashlib.sha256()
        for _ in Progress("push", range(gibibytes), lambda number: f"GiB {number + 1}"):
            for _ in range(GIB // _PIECE):
                with piece.open() as body:
                    connection.request("PATCH", location, body=body).expect(202)
                    body.seek(0)
                    hasher.update(body.read())
            sizes.append(registry.largest_process_bytes())
        digest = f"sha256:{hasher.hexdigest()}"
        connection.request("PUT", f"{location}?digest={digest}").expect(201)
        return [*sizes, _after_pull(registry, digest)]


def _after_pull(registry: Running, digest: str) -> int:
    with registry.connect() as connection:
        connection.request("GET", f"/v2/{_REPOSITORY}/blobs/{digest}").expect(200)
    return registry.largest_process_bytes()
