"""end-9, end-10: tags, manifests and blobs are deleted, at once."""

import pytest

from tests.support.client import Client
from tests.support.lading import lading_serve
from tests.support.pushes import OCI_MANIFEST, Repository, descriptor, digest_of, encode, image


@pytest.mark.endpoint("end-9", "DELETE")
def test_deleting_a_tag_takes_the_tag_only(repository: Repository) -> None:
    """The manifest stays, and so do its other tags."""
    digest = repository.push_image("one")
    repository.push_image("two")

    answer = repository.ask("DELETE", "/manifests/one")

    assert answer.status == 202
    assert answer.headers["Content-Length"] == "0"
    assert repository.ask("HEAD", "/manifests/one").status == 404
    assert repository.ask("GET", "/tags/list").json["tags"] == ["two"]
    assert repository.ask("HEAD", f"/manifests/{digest}").status == 200


@pytest.mark.endpoint("end-9", "DELETE")
def test_deleting_a_manifest_takes_its_tags(repository: Repository, algorithm: str) -> None:
    digest = repository.push_image(algorithm=algorithm)
    body = encode(image(algorithm=algorithm))
    repository.put_manifest(body, f"{digest}?tag=one&tag=two")
    repository.push_image("other", b"another")

    answer = repository.ask("DELETE", f"/manifests/{digest}")

    assert answer.status == 202
    assert answer.headers["Content-Length"] == "0"
    for reference in (digest, "one", "two"):
        assert repository.ask("HEAD", f"/manifests/{reference}").status == 404
        assert repository.ask("GET", f"/manifests/{reference}").codes == ["MANIFEST_UNKNOWN"]
    assert repository.ask("GET", "/tags/list").json["tags"] == ["other"]


@pytest.mark.endpoint("end-9", "DELETE")
def test_a_deleted_manifest_can_be_pushed_again(repository: Repository) -> None:
    digest = repository.push_image("latest")
    repository.ask("DELETE", f"/manifests/{digest}")

    assert repository.put_manifest(image(), "latest").status == 201

    assert repository.ask("HEAD", f"/manifests/{digest}").status == 200


@pytest.mark.endpoint("end-9", "DELETE")
def test_a_deleted_referrer_is_listed_no_more(repository: Repository) -> None:
    subject = descriptor(b"subject", OCI_MANIFEST)
    repository.push_image()
    digest = repository.push_manifest(image(subject=subject))
    path = f"/referrers/{subject['digest']}"
    assert len(repository.ask("GET", path).json["manifests"]) == 1

    repository.ask("DELETE", f"/manifests/{digest}")

    assert repository.ask("GET", path).json["manifests"] == []


@pytest.mark.endpoint("end-9", "DELETE")
@pytest.mark.parametrize("reference", ["none", digest_of(b"none"), digest_of(b"none", "sha512")])
def test_what_is_not_there_cannot_be_deleted(repository: Repository, reference: str) -> None:
    """As specified: "If the repository does not exist, the response MUST return 404"."""
    assert repository.ask("DELETE", f"/manifests/{reference}").status == 404
    repository.push_image("latest")

    answer = repository.ask("DELETE", f"/manifests/{reference}")

    assert answer.status == 404
    assert answer.codes == ["MANIFEST_UNKNOWN"]


@pytest.mark.endpoint("end-9", "DELETE")
def test_a_manifest_is_deleted_once(repository: Repository) -> None:
    digest = repository.push_image("latest")
    for reference in ("latest", digest):
        assert repository.ask("DELETE", f"/manifests/{reference}").status == 202
        assert repository.ask("DELETE", f"/manifests/{reference}").status == 404


@pytest.mark.endpoint("end-10", "DELETE")
def test_a_blob_is_deleted(repository: Repository, algorithm: str) -> None:
    digest = repository.push_blob(b"to be deleted", algorithm)

    answer = repository.ask("DELETE", f"/blobs/{digest}")

    assert answer.status == 202
    assert answer.headers["Content-Length"] == "0"
    assert repository.ask("HEAD", f"/blobs/{digest}").status == 404
    again = repository.ask("DELETE", f"/blobs/{digest}")
    assert (again.status, again.codes) == (404, ["BLOB_UNKNOWN"])


@pytest.mark.endpoint("end-10", "DELETE")
def test_a_blob_that_an_image_needs_is_not_deleted(repository: Repository) -> None:
    """The image would be broken; the answer says which it is, and it can be deleted first."""
    manifest = repository.push_image("latest", b"needed")
    digest = digest_of(b"needed")

    answer = repository.ask("DELETE", f"/blobs/{digest}")

    assert answer.status == 405
    assert answer.codes == ["UNSUPPORTED"]
    assert answer.json["errors"][0]["detail"] == {"digest": digest, "manifest": manifest}
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert repository.ask("HEAD", f"/blobs/{digest}").status == 200
    repository.ask("DELETE", f"/manifests/{manifest}")
    assert repository.ask("DELETE", f"/blobs/{digest}").status == 202


@pytest.mark.endpoint("end-10", "DELETE")
def test_a_blob_is_deleted_in_one_repository_only(
    repository: Repository, other: Repository
) -> None:
    for each in (repository, other):
        digest = each.push_blob(b"in two places")

    assert repository.ask("DELETE", f"/blobs/{digest}").status == 202

    assert other.ask("GET", f"/blobs/{digest}").body == b"in two places"


@pytest.mark.endpoint("end-9", "DELETE")
@pytest.mark.endpoint("end-10", "DELETE")
def test_deleting_can_be_switched_off(tmp_path_factory: pytest.TempPathFactory) -> None:
    """As specified: "MUST respond with either a 400 … or a 405"."""
    directory = tmp_path_factory.mktemp("no-delete")
    with lading_serve(directory, env={"REGISTRY_STORAGE_DELETE_ENABLED": "false"}) as registry:
        client: Client = registry.client
        repository = Repository(client, "kept")
        digest = repository.push_image("latest")
        blob = repository.push_blob(b"kept")

        for path in ("/manifests/latest", f"/manifests/{digest}", f"/blobs/{blob}"):
            answer = repository.ask("DELETE", path)
            assert answer.status == 405
            assert answer.codes == ["UNSUPPORTED"]
            pushes = "PUT, " if "/manifests/" in path else ""
            assert answer.headers["Allow"] == f"GET, HEAD, {pushes}OPTIONS"
            for method in ("OPTIONS", "PATCH"):  # which is refused, whatever is switched off
                assert repository.ask(method, path).headers["Allow"] == answer.headers["Allow"]
            assert repository.ask("HEAD", path).status == 200
        # What was never finished is not deleted, but given up.
        assert client.ask("DELETE", repository.start_upload()).status == 204
