"""From Distribution to lading and back, with real registries and real pushes."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.client import Client
from tests.support.commands import require, run
from tests.support.distribution import Tree
from tests.support.distribution_serve import VERSION_2, VERSION_3, distribution_serve, program_of
from tests.support.lading import lading_serve, program
from tests.support.layouts import write_layout
from tests.support.pushes import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    Repository,
    digest_of,
)

pytestmark = pytest.mark.e2e

ALL = ",".join((OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST))


@pytest.fixture(params=[VERSION_2, VERSION_3])
def version(request: pytest.FixtureRequest) -> str:
    """A version of Distribution that is at hand."""
    program_of(request.param)
    return str(request.param)


def push_much(client: Client, directory: Path) -> None:
    """Push as clients do: many architectures, tags that move and go, images that are deleted."""
    require("skopeo")
    layout = write_layout(directory / "layout", more=200_000)
    target = f"docker://{client.host}/library/multi"
    for words in (
        ["--all", "--preserve-digests", f"oci:{layout.path}:latest", f"{target}:latest"],
        [f"oci:{layout.path}:latest", f"{target}:docker", "--format=v2s2"],
    ):
        run(["skopeo", "copy", "--quiet", "--dest-tls-verify=false", *words])
    app = Repository(client, "team/app")
    for number in range(3):
        app.push_image("latest", b"layer %d" % number)
        app.push_image(f"v{number}", b"layer %d" % number)
    app.push_image("", b"without a tag")
    for name in ("gone", "broken", "short"):
        Repository(client, name).push_image("latest", name.encode() * 100)
    gone = Repository(client, "gone")
    digest = gone.ask("HEAD", "/manifests/latest", accept=ALL).headers["Docker-Content-Digest"]
    assert gone.ask("DELETE", f"/manifests/{digest}").status == 202


def pulled(client: Client) -> Mapping[str, str]:
    """Pull every tag with all that it needs, and verify it; the digest of each."""
    found: dict[str, str] = {}
    for name in json.loads(client.ask("GET", "/v2/_catalog?n=1000").body)["repositories"]:
        repository = Repository(client, name)
        answer = repository.ask("GET", "/tags/list?n=1000")
        for tag in (json.loads(answer.body)["tags"] or []) if answer.status == 200 else []:
            found[f"{name}:{tag}"] = pull(repository, tag)
    return found


def pull(repository: Repository, reference: str) -> str:
    """Pull an image, and verify it; its digest."""
    answer = repository.ask("GET", f"/manifests/{reference}", accept=ALL)
    assert answer.status == 200, (repository.name, reference, answer)
    digest = answer.headers["Docker-Content-Digest"]
    assert digest_of(answer.body) == digest
    document = json.loads(answer.body)
    for child in document.get("manifests", ()):
        pull(repository, child["digest"])
    blobs = [*document.get("layers", ()), *filter(None, [document.get("config")])]
    for blob in (each["digest"] for each in blobs):
        assert digest_of(repository.ask("GET", f"/blobs/{blob}").body) == blob
    return digest


def test_there_and_back_and_there_again(version: str, tmp_path: Path) -> None:
    root = tmp_path / "data"
    with distribution_serve(version, root) as old:
        push_much(old, tmp_path)
        before = pulled(old)
        assert len(before) == 8
        # The old one serves meanwhile, and goes on afterwards.
        run([program(), "adopt", "--checksums", root])
        Repository(old, "team/app").push_image("late", b"a late layer")
        late = pulled(old)
    said = run([program(), "adopt", root]).stdout.decode()
    assert "1 manifest and 1 tag that are new" in said
    with lading_serve(tmp_path) as new:
        assert pulled(new.client) == late
        app = Repository(new.client, "team/app")
        app.push_image("latest", b"pushed to lading")
        assert app.ask("DELETE", "/manifests/v0").status == 202
        here = pulled(new.client)
    run([program(), "export", root])
    with distribution_serve(version, root) as old:
        assert pulled(old) == here
        Repository(old, "team/app").push_image("v9", b"pushed to the old one again")
        there = pulled(old)
    run([program(), "adopt", "--checksums", root])
    with lading_serve(tmp_path) as new:
        assert pulled(new.client) == there


def test_what_is_broken_is_said_and_all_else_is_served(tmp_path: Path) -> None:
    root, tree = tmp_path / "data", Tree(tmp_path / "data")
    with distribution_serve(VERSION_2, root) as old:
        push_much(old, tmp_path)
        before = dict(pulled(old))
    (tree.tag_folder("broken", "latest") / "current/link").write_text("")
    tree.data(digest_of(b"short" * 100)).write_bytes(b"short")
    done = run([program(), "adopt", root], check=False)
    assert done.returncode == 1
    said = done.stdout.decode()
    assert f"it points to {before['broken:latest']}" in said
    assert "another digest" in said
    del before["short:latest"]
    with lading_serve(tmp_path) as new:
        for name, digest in before.items():
            repository, _, tag = name.partition(":")
            assert pull(Repository(new.client, repository), tag) == digest
        # Whoever pushes the image again heals it.
        Repository(new.client, "short").push_image("latest", b"short" * 100)
        pull(Repository(new.client, "short"), "latest")


def test_replacing_the_old_registry_by_the_new_one_is_all(tmp_path: Path) -> None:
    """With the old one's own configuration file, as in a Compose file with another image."""
    root = tmp_path / "data"
    with distribution_serve(VERSION_2, root) as old:
        push_much(old, tmp_path)
        before = pulled(old)
    adopt = {"REGISTRY_STORAGE_FILESYSTEM_FOREIGNBLOBS": "adopt"}
    config = root.with_suffix(".distribution.yml")
    with lading_serve(tmp_path, env=adopt, config=config) as new:
        assert pulled(new.client) == before
