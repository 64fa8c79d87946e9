"""end-7: manifests of every kind are pushed, by tag, by digest, and with more tags."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import Client
from tests.support.lading import lading_serve
from tests.support.pushes import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_EMPTY,
    OCI_INDEX,
    OCI_MANIFEST,
    Json,
    Repository,
    descriptor,
    digest_of,
    encode,
    image,
    index,
)

LAYER = b"a layer"


@pytest.mark.endpoint("end-7a", "PUT")
@pytest.mark.parametrize("by", ["tag", "digest"])
def test_a_manifest_is_pushed(client: Client, repository: Repository, by: str) -> None:
    """The answer says where it can be pulled, by digest."""
    repository.push_image()
    body = encode(image(annotations={"pushed by": by}))
    digest = digest_of(body)

    answer = repository.put_manifest(body, "v1" if by == "tag" else digest)

    assert answer.status == 201
    assert answer.body == b""
    assert answer.headers["Docker-Content-Digest"] == digest
    assert answer.headers["Location"].endswith(f"{repository.path}/manifests/{digest}")
    assert client.ask("GET", answer.headers["Location"]).body == body
    assert "OCI-Subject" not in answer.headers
    assert "OCI-Tag" not in answer.headers


@pytest.mark.endpoint("end-7a", "PUT")
def test_a_manifest_keeps_every_byte(repository: Repository) -> None:
    """Spaces, the order of fields, fields of tomorrow, and how characters were written."""
    repository.push_blob(b"{}")
    body = (
        b'\n{ "layers" : [],\t"annotations":{"\\u00e9":"\xc3\xa9\\/"},'
        b'"tomorrow": {"a": [1.50, null]}, "schemaVersion": 2,'
        b'"mediaType": "%s", "config": %s }\n'
        % (OCI_MANIFEST.encode(), json.dumps(image()["config"]).encode())
    )

    assert repository.put_manifest(body, "latest").status == 201

    assert repository.ask("GET", "/manifests/latest").body == body


@pytest.mark.endpoint("end-7a", "PUT")
def test_a_tag_moves_to_what_was_pushed_last(repository: Repository) -> None:
    """The manifest it led to before can still be read by its digest."""
    first = repository.push_image("latest")
    second = repository.push_image("latest", LAYER)

    assert repository.ask("GET", "/manifests/latest").headers["Docker-Content-Digest"] == second
    assert repository.ask("GET", f"/manifests/{first}").status == 200


def docker(document: Json, media_type: str) -> dict[str, Any]:
    """The same in Docker's words."""
    return {**document, "mediaType": media_type}


ARTIFACT = {
    "schemaVersion": 2,
    "mediaType": OCI_MANIFEST,
    "artifactType": "application/vnd.example+type",
    "config": descriptor(b"{}", OCI_EMPTY),
    "layers": [descriptor(b"{}", OCI_EMPTY)],
}
FOREIGN = {
    **descriptor(b"far away", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
    "urls": ["https://example.com/layer"],
}
NONDISTRIBUTABLE = descriptor(
    b"kept elsewhere", "application/vnd.oci.image.layer.nondistributable.v1.tar"
)


@pytest.mark.endpoint("end-7a", "PUT")
@pytest.mark.parametrize(
    "document",
    [
        pytest.param(image(LAYER), id="OCI image"),
        pytest.param(docker(image(LAYER), DOCKER_MANIFEST), id="Docker image"),
        pytest.param(index(encode(image())), id="OCI index"),
        pytest.param(docker(index(encode(image())), DOCKER_LIST), id="Docker list"),
        pytest.param(index(), id="index of nothing"),
        pytest.param(image(), id="image without layers"),
        pytest.param(ARTIFACT, id="artifact"),
        pytest.param(image(layers=[FOREIGN, NONDISTRIBUTABLE]), id="layers that are elsewhere"),
        pytest.param(image(custom={"a": [1]}, annotations={"b": "c"}), id="fields of one's own"),
        pytest.param(
            image(layers=[{**descriptor(b"{}"), "data": "e30="}]), id="a blob within the manifest"
        ),
        pytest.param(
            {"schemaVersion": 2, "mediaType": "application/vnd.example.manifest.v1+json"},
            id="a type of one's own",
        ),
        pytest.param(image(LAYER, LAYER), id="one layer twice"),
    ],
)
def test_every_kind_of_manifest_comes_back(repository: Repository, document: Json) -> None:
    repository.push_image("", LAYER)
    repository.push_manifest(image())

    answer = repository.put_manifest(document, "kind")

    assert answer.status == 201, answer
    pulled = repository.ask("GET", "/manifests/kind")
    assert pulled.body == encode(document)
    assert pulled.headers["Content-Type"] == document["mediaType"]


@pytest.mark.endpoint("end-7a", "PUT")
def test_an_index_may_hold_indexes(repository: Repository, algorithm: str) -> None:
    repository.push_image(algorithm=algorithm)
    inner = index(encode(image(algorithm=algorithm)), algorithm=algorithm)
    repository.push_manifest(inner, algorithm=algorithm)
    outer = index(algorithm=algorithm, manifests=[descriptor(encode(inner), OCI_INDEX, algorithm)])

    repository.push_manifest(outer, algorithm=algorithm)

    digest = digest_of(encode(outer), algorithm)
    assert repository.ask("GET", f"/manifests/{digest}").json == outer


@pytest.mark.endpoint("end-7a", "PUT")
def test_an_index_may_be_sparse_if_the_operator_says_so(tmp_path: Path) -> None:
    """Mirrors of some platforms push the list of all; blobs of images are still required."""
    rule = {"REGISTRY_VALIDATION_MANIFESTS_INDEXES_PLATFORMS": "none"}
    with lading_serve(tmp_path, env=rule) as registry:
        repository = Repository(registry.client, "mirror")

        assert repository.put_manifest(index(b"not mirrored"), "latest").status == 201

        refused = repository.put_manifest(image(b"not there"), "latest")
        assert set(refused.codes) == {"MANIFEST_BLOB_UNKNOWN"}


@pytest.mark.endpoint("end-7a", "PUT")
def test_an_index_may_hold_blobs(repository: Repository) -> None:
    """BuildKit keeps its cache in such an index."""
    repository.push_blob(LAYER)

    assert repository.put_manifest(index(manifests=[descriptor(LAYER)]), "cache").status == 201


@pytest.mark.endpoint("end-7a", "PUT")
def test_a_manifest_may_leave_its_type_to_the_header(repository: Repository) -> None:
    """`mediaType` is optional in OCI's documents (image-spec manifest.md)."""
    repository.push_image()
    document = image()
    del document["mediaType"]

    answer = repository.put_manifest(encode(document), "latest", content_type=OCI_MANIFEST)

    assert answer.status == 201
    assert repository.ask("GET", "/manifests/latest").headers["Content-Type"] == OCI_MANIFEST


@pytest.mark.endpoint("end-7a", "PUT")
@pytest.mark.parametrize("content_type", ["", "application/json"])
@pytest.mark.parametrize("document", [image(), index()], ids=["image", "index"])
def test_a_header_without_a_type_leaves_it_to_the_manifest(
    repository: Repository, document: dict[str, Any], content_type: str
) -> None:
    repository.push_image()

    answer = repository.put_manifest(encode(document), "latest", content_type=content_type)

    assert answer.status == 201
    pulled = repository.ask("GET", "/manifests/latest")
    assert pulled.headers["Content-Type"] == document["mediaType"]


NO_SIZE = {"digest": digest_of(b"{}")}


@pytest.mark.endpoint("end-7a", "PUT")
@pytest.mark.parametrize("content_type", [OCI_MANIFEST, DOCKER_MANIFEST, "", "application/json"])
@pytest.mark.parametrize(
    "fields",
    [
        {"mediaType": "", "layers": None},
        {"mediaType": None, "config": NO_SIZE, "annotations": None, "subject": None},
        {"mediaType": None, "layers": [{**NO_SIZE, "size": None, "mediaType": None}]},
        {"mediaType": "", "annotations": {"a": None}, "manifests": None, "artifactType": None},
    ],
)
def test_an_image_may_leave_out_what_it_has_not(
    repository: Repository, fields: Json, content_type: str
) -> None:
    """Some public images do, and they can be mirrored as they are."""
    repository.push_image()
    body = encode({**image(), **fields})

    answer = repository.put_manifest(body, "latest", content_type=content_type)

    assert answer.status == 201, answer
    pulled = repository.ask("GET", "/manifests/latest")
    assert pulled.body == body
    expected = DOCKER_MANIFEST if content_type == DOCKER_MANIFEST else OCI_MANIFEST
    assert pulled.headers["Content-Type"] == expected


@pytest.mark.endpoint("end-7a", "PUT")
@pytest.mark.parametrize("content_type", [OCI_INDEX, DOCKER_LIST])
@pytest.mark.parametrize("manifests", [{}, {"manifests": None}, {"manifests": []}])
def test_an_index_may_leave_out_what_it_has_not(
    repository: Repository, manifests: Json, content_type: str
) -> None:
    body = encode({"schemaVersion": 2, "mediaType": "", **manifests})

    assert repository.put_manifest(body, "latest", content_type=content_type).status == 201
    assert repository.ask("GET", "/manifests/latest").body == body


WRONG_SIZES: Mapping[str, Json] = {
    "layer": image(layers=[{**descriptor(LAYER), "size": 0}]),
    "two sizes": image(layers=[descriptor(LAYER), {**descriptor(LAYER), "size": 9}]),
    "config": {**image(), "config": {**NO_SIZE, "size": 2**63 - 1}},
    "blob of an index": index(manifests=[{**NO_SIZE, "size": 3}]),
    "child": index(manifests=[{**descriptor(encode(image()), OCI_MANIFEST), "size": 1}]),
}


@pytest.mark.endpoint("end-7a", "PUT")
@pytest.mark.parametrize("document", WRONG_SIZES.values(), ids=WRONG_SIZES)
def test_a_wrong_size_is_accepted_with_a_line_in_the_log(tmp_path: Path, document: Json) -> None:
    """Public images have them, and every other registry takes them; the size stored is served."""
    with lading_serve(tmp_path) as registry:
        repository = Repository(registry.client, "mirror")
        repository.push_image("", LAYER)
        repository.push_manifest(image())

        pushed = repository.put_manifest(document, "latest")
        assert pushed.status == 201

        assert repository.ask("GET", "/manifests/latest").body == encode(document)
        for blob in (LAYER, b"{}"):
            head = repository.ask("HEAD", f"/blobs/{digest_of(blob)}")
            assert head.headers["Content-Length"] == str(len(blob))
        tail = repository.ask("GET", f"/blobs/{digest_of(LAYER)}", range="bytes=-3")
        assert (
            tail.headers["Content-Range"] == f"bytes {len(LAYER) - 3}-{len(LAYER) - 1}/{len(LAYER)}"
        )
        assert registry.has_said("wrong sizes")
        (line,) = [line for line in registry.log.read_text().splitlines() if "wrong sizes" in line]
        assert f"mirror@{digest_of(encode(document))}" in line
        assert f"anybody from 127.0.0.1 by request {pushed.headers['X-Request-ID']} " in line


@pytest.mark.endpoint("end-7a", "PUT")
def test_a_wrong_size_is_refused_if_the_operator_says_so(tmp_path: Path) -> None:
    with lading_serve(tmp_path, env={"REGISTRY_VALIDATION_MANIFESTS_SIZES": "strict"}) as registry:
        repository = Repository(registry.client, "mirror")
        repository.push_image("", LAYER)
        repository.push_manifest(image())

        for document in WRONG_SIZES.values():
            answer = repository.put_manifest(document, "wrong")
            assert (answer.status, answer.codes) == (400, ["SIZE_INVALID"]), answer
        assert repository.put_manifest(image(LAYER), "right").status == 201


@pytest.mark.endpoint("end-7a", "PUT")
def test_parameters_of_the_type_do_not_count(repository: Repository) -> None:
    """As specified: "Registries SHOULD ignore any parameters"."""
    repository.push_image()

    answer = repository.put_manifest(
        image(), "latest", content_type=f"{OCI_MANIFEST}; charset=utf-8"
    )

    assert answer.status == 201
    assert repository.ask("GET", "/manifests/latest").headers["Content-Type"] == OCI_MANIFEST


@pytest.mark.endpoint("end-7a", "PUT")
def test_a_manifest_of_four_mebibytes_is_accepted(repository: Repository) -> None:
    """As specified: "at least 4 MiB"."""
    repository.push_image()
    empty = len(encode(image(annotations={"a": ""})))
    body = encode(image(annotations={"a": "x" * (4 * 1024 * 1024 - empty)}))
    assert len(body) == 4 * 1024 * 1024

    assert repository.put_manifest(body, "large").status == 201
    assert repository.ask("GET", "/manifests/large").body == body


@pytest.mark.endpoint("end-7a", "PUT")
@pytest.mark.parametrize("kind", ["image", "index"])
def test_a_subject_is_acknowledged_and_need_not_exist(repository: Repository, kind: str) -> None:
    """As specified: "MUST accept … a subject field that … does not exist"."""
    repository.push_image()
    subject = descriptor(b"a manifest that may come later", OCI_MANIFEST)
    document = image(subject=subject) if kind == "image" else index(subject=subject)

    answer = repository.put_manifest(document, "signature")

    assert answer.status == 201
    assert answer.headers["OCI-Subject"] == subject["digest"]


@pytest.mark.endpoint("end-7b", "PUT")
def test_a_manifest_is_pushed_with_many_tags(repository: Repository, algorithm: str) -> None:
    """At least ten must be possible; the answer names those that it was given."""
    repository.push_image(algorithm=algorithm)
    body = encode(image(algorithm=algorithm, annotations={"tagged": "often"}))
    digest = digest_of(body, algorithm)
    tags = [f"tag-{number}" for number in range(100)]

    answer = repository.put_manifest(body, f"{digest}?{'&'.join(f'tag={tag}' for tag in tags)}")

    assert answer.status == 201
    assert answer.headers["OCI-Tag"].split(", ") == tags
    assert answer.headers["Docker-Content-Digest"] == digest
    for tag in (tags[0], tags[-1]):
        pulled = repository.ask("GET", f"/manifests/{tag}")
        assert pulled.headers["Docker-Content-Digest"] == digest
    assert len(repository.ask("GET", "/tags/list").json["tags"]) == 100


@pytest.mark.endpoint("end-7b", "PUT")
@pytest.mark.parametrize("count", [101, 300, 1000])
def test_more_tags_than_are_supported_are_refused(repository: Repository, count: int) -> None:
    """And none of them is set."""
    digest = repository.push_image()
    query = "&".join(f"tag=t{number}" for number in range(count))

    answer = repository.put_manifest(image(), f"{digest}?{query}")

    assert answer.status == 414
    assert answer.codes == ["TAG_INVALID"]
    assert repository.ask("GET", "/tags/list").json["tags"] == []
