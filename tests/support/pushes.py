"""A repository to push to, over HTTP and nothing else, and what most tests begin by pushing."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.client import Answer, Client

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_LAYER_GZIPPED = f"{OCI_LAYER}+gzip"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"

Json = Mapping[str, Any]


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    """The digest of bytes."""
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def descriptor(data: bytes, media_type: str = OCI_LAYER, algorithm: str = "sha256") -> Json:
    """The descriptor of bytes, as a manifest has it."""
    return {"mediaType": media_type, "digest": digest_of(data, algorithm), "size": len(data)}


def image(
    *layers: bytes,
    config: bytes = b"{}",
    layer_type: str = OCI_LAYER,
    algorithm: str = "sha256",
    **fields: object,
) -> dict[str, Any]:
    """An OCI image manifest of these blobs, with more fields if so wished."""
    return {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(config, OCI_CONFIG, algorithm),
        "layers": [descriptor(layer, layer_type, algorithm) for layer in layers],
        **fields,
    }


def index(*children: bytes, algorithm: str = "sha256", **fields: object) -> dict[str, Any]:
    """An OCI index of these manifests."""
    return {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [descriptor(child, OCI_MANIFEST, algorithm) for child in children],
        **fields,
    }


def encode(document: Json) -> bytes:
    """A manifest as the bytes to push; a second space shows whether they are kept as they are."""
    return json.dumps(document, indent=2).encode()


@dataclass(frozen=True)
class Repository:
    """A repository of a running registry."""

    client: Client
    name: str

    @property
    def path(self) -> str:
        """The path of the repository."""
        return f"/v2/{self.name}"

    def ask(
        self, method: str, path: str, body: bytes | Iterable[bytes] = b"", **headers: str
    ) -> Answer:
        """Ask for a path below this repository."""
        return self.client.ask(method, self.path + path, body, **headers)

    def start_upload(self, query: str = "") -> str:
        """Begin an upload; the location that the registry gives it."""
        answer = self.ask("POST", f"/blobs/uploads/{query}")
        assert answer.status == 202, answer
        return answer.headers["Location"]

    def push_blob(self, data: bytes, algorithm: str = "sha256") -> str:
        """Push a blob; its digest."""
        digest = digest_of(data, algorithm)
        location = self.start_upload()
        mark = "&" if "?" in location else "?"  # Distribution keeps its state there
        answer = self.client.ask("PUT", f"{location}{mark}digest={digest}", data)
        assert answer.status == 201, answer
        return digest

    def put_manifest(self, document: Json | bytes, reference: str, **headers: str) -> Answer:
        """Push a manifest under its own media type, whatever the answer."""
        body = document if isinstance(document, bytes) else encode(document)
        if "content_type" not in headers:
            headers["content_type"] = json.loads(body)["mediaType"]
        return self.ask("PUT", f"/manifests/{reference}", body, **headers)

    def push_manifest(self, document: Json, reference: str = "", algorithm: str = "sha256") -> str:
        """Push a manifest, by its digest if no reference is given; its digest."""
        digest = digest_of(encode(document), algorithm)
        answer = self.put_manifest(document, reference or digest)
        assert answer.status == 201, answer
        return digest

    def push_image(self, reference: str = "", *layers: bytes, algorithm: str = "sha256") -> str:
        """Push an image with all its blobs; its digest."""
        for blob in (b"{}", *layers):
            self.push_blob(blob, algorithm)
        return self.push_manifest(image(*layers, algorithm=algorithm), reference, algorithm)
