"""What registries hold that the browser looks at: names as people give them, and what they push."""

import gzip
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from lading.core.typing import override
from tests.support.client import Answer, Client
from tests.support.pushes import (
    OCI_EMPTY,
    OCI_INDEX,
    OCI_LAYER_GZIPPED,
    OCI_MANIFEST,
    Json,
    Repository,
    descriptor,
    digest_of,
    encode,
    image,
)
from tests.support.tars import archive

HISTORY = (
    "/bin/sh -c #(nop) ADD file:0e5 in / ",
    "RUN /bin/sh -c apt-get update && apt-get install -y ca-certificates # buildkit",
    "COPY dist/ /srv/ # buildkit",
)
HOSTILE = '<script>document.title = "owned"</script><img src=x onerror=alert(1)>'


class Target(Protocol):
    """A repository that something is pushed to, be it of a registry or of a layout on disk."""

    def push_blob(self, data: bytes) -> str:
        """Push a blob; its digest."""

    def push_manifest(self, document: Mapping[str, Any], reference: str = "") -> str:
        """Push a manifest, by its digest if no reference is given; its digest."""


class PushingClient(Client):
    """A client that sends the same headers with every request."""

    def __init__(self, host: str, **headers: str) -> None:
        super().__init__(host)
        self._headers = headers

    @override
    def ask(
        self, method: str, target: str, body: bytes | Iterable[bytes] = b"", **headers: str
    ) -> Answer:
        return super().ask(method, target, body, **{**self._headers, **headers})


def layer(files: Mapping[str, bytes]) -> bytes:
    """A layer of files, as builders compress them."""
    return gzip.compress(archive(files, mtime=1_700_000_000), mtime=0)


def config_of(architecture: str, *layers: bytes, version: str, hostile: bool = False) -> bytes:
    """The configuration of an image of some layers, with a history."""
    unpacked = [digest_of(gzip.decompress(layer)) for layer in layers]
    return json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "created": "2026-03-01T12:00:00Z",
            "config": {
                "User": "nobody",
                "ExposedPorts": {"8080/tcp": {}},
                "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", f"VERSION={version}"],
                "Entrypoint": ["/srv/service"],
                "Cmd": ["--listen", ":8080"],
                "WorkingDir": "/srv",
                "Labels": {
                    "org.opencontainers.image.source": "https://example.org/service",
                    "org.opencontainers.image.version": version,
                    **({"note": HOSTILE} if hostile else {}),
                },
            },
            "rootfs": {"type": "layers", "diff_ids": unpacked},
            "history": [
                {"created": "2026-03-01T12:00:00Z", "created_by": line} for line in HISTORY
            ],
        }
    ).encode()


OS_RELEASE = b'NAME="Debian"\n' * 400
BASE = layer({"etc/os-release": OS_RELEASE, "bin/sh": bytes(range(256)) * 900})
TOOLS = layer({"usr/lib/libssl.so.3": bytes(range(255, -1, -1)) * 700})


def push_layers(
    repository: Target, config: bytes, *layers: bytes, tags: Sequence[str] = (), **fields: Any
) -> Json:
    """Push an image of some blobs, by its digest if no tag is given; its descriptor."""
    for blob in (config, *layers):
        repository.push_blob(blob)
    document = image(*layers, config=config, layer_type=OCI_LAYER_GZIPPED, **fields)
    for reference in tags or ("",):
        repository.push_manifest(document, reference)
    return descriptor(encode(document), OCI_MANIFEST)


def push_image(
    repository: Target,
    *tags: str,
    version: str = "1",
    architecture: str = "amd64",
    hostile: bool = False,
    **fields: object,
) -> Json:
    """Push an image of three layers; its descriptor."""
    own = layer({"srv/service": f"{version} {architecture} ".encode() * 9000})
    blobs = (BASE, TOOLS, own)
    config = config_of(architecture, *blobs, version=version, hostile=hostile)
    return push_layers(repository, config, *blobs, tags=tags, **fields)


def push_platforms(repository: Target, *tags: str, version: str = "1") -> str:
    """Push an image for two platforms, with an attestation as BuildKit adds it; its digest."""
    children: list[dict[str, Any]] = []
    for architecture in ("amd64", "arm64"):
        platform = {"os": "linux", "architecture": architecture}
        child = push_image(repository, version=version, architecture=architecture)
        children.append({**child, "platform": platform})
    attestation = push_image(repository, version=f"attests {version}", architecture="unknown")
    children.append(
        {
            **attestation,
            "platform": {"os": "unknown", "architecture": "unknown"},
            "annotations": {
                "vnd.docker.reference.type": "attestation-manifest",
                "vnd.docker.reference.digest": children[0]["digest"],
            },
        }
    )
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children}
    for tag in tags:
        repository.push_manifest(document, tag)
    return digest_of(encode(document))


def push_signature(repository: Target, digest: str, size: int) -> str:
    """Push what says something of an image: a referrer."""
    empty = b"{}"
    repository.push_blob(empty)
    return repository.push_manifest(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "config": descriptor(empty, OCI_EMPTY),
            "layers": [descriptor(empty, OCI_EMPTY)],
            "subject": {"mediaType": OCI_MANIFEST, "digest": digest, "size": size},
        }
    )


LONG = "team/a-department-with-a-very-long-name/and-a-subproject/whose-image-has-a-long-name-too"


def pack(repository_of: Callable[[str], Target]) -> None:
    """Push what a small team has after a while.

    Args:
        repository_of: gives the repository of a name.
    """
    service = repository_of("team/service")
    push_image(service, "1.9.0", version="1.9.0")
    push_image(service, "1.10.0-rc.1", version="1.10.0-rc.1")
    push_image(service, "1.10.0", "1.10", "latest", version="1.10.0")
    push_platforms(repository_of("team/gateway"), "2.0.0", "latest", version="2.0.0")
    hostile = repository_of("public/hostile")
    push_image(hostile, "latest", hostile=True, annotations={"note": HOSTILE})
    push_image(repository_of(LONG), "v2026.03.01-build.1234567890-feature-with-a-long-name")
    push_image(repository_of("team/only-by-digest"), version="nameless")
    tool = repository_of("public/tool")
    push_image(tool, "1.0", version="1.0")
    push_image(tool, "1.1", "latest", version="1.1")
    for name in ("base/debian", "team/worker"):
        push_image(repository_of(name), "latest", "1.0", version=name)


def fill(client: Client) -> None:
    """Push all of it by HTTP, with a signature of the newest service."""
    pack(lambda name: Repository(client, name))
    service = Repository(client, "team/service")
    newest = service.ask("HEAD", "/manifests/latest").headers
    push_signature(service, newest["docker-content-digest"], int(newest["content-length"]))
