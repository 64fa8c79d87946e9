"""`lading garbage-collect`: what it says, to people, to scripts and to programs."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.support.commands import run
from tests.support.lading import Lading, lading_serve, program
from tests.support.pushes import Repository, digest_of, encode, image

LAYER = b"a layer" * 1000
MANIFEST = digest_of(encode(image(LAYER)))


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Lading]:
    """A running registry with an image that stays, and one that was deleted."""
    with lading_serve(tmp_path) as registry:
        repository = Repository(registry.client, "library/hello")
        repository.push_image("old", LAYER)
        Repository(registry.client, "library/other").push_image("new", b"another layer")
        assert repository.ask("DELETE", f"/manifests/{MANIFEST}").status == 202
        yield registry


def collect(registry: Lading, *options: str) -> str:
    """Run the command beside the server."""
    return registry.run("garbage-collect", *options).stdout.decode()


def test_a_dry_run_says_what_would_go_and_why_and_touches_nothing(registry: Lading) -> None:
    before = files(registry)
    said = collect(registry, "--dry-run").splitlines()

    assert f"manifest eligible for deletion: {{library/hello {MANIFEST} []}}" in said
    place = said.index(f"blob eligible for deletion: {digest_of(LAYER)}")
    assert said[place + 1] == "    no repository has it; 6.8 KiB"
    # The configuration is another image's, too: only its link goes.
    assert f"library/hello: layer link eligible for deletion: {digest_of(b'{}')}" in said
    assert f"blob eligible for deletion: {digest_of(b'{}')}" not in said
    assert said[-1] == (
        "1 manifest, 1 blob and 0 uploads would be removed; 7000 bytes (6.8 KiB) would be freed"
    )
    assert files(registry) == before


def test_a_run_removes_it_while_the_server_runs(registry: Lading) -> None:
    said = collect(registry).splitlines()

    assert said[-1] == "1 manifest, 1 blob and 0 uploads removed; 7000 bytes (6.8 KiB) freed"
    assert digest_of(LAYER)[7:] not in {path.parent.name for path in files(registry)}
    assert Repository(registry.client, "library/other").ask("GET", "/manifests/new").status == 200
    assert collect(registry, "--quiet").splitlines() == [
        "0 manifests, 0 blobs and 0 uploads removed; 0 bytes freed"
    ]


def test_quiet_says_the_summary_only(registry: Lading) -> None:
    assert len(collect(registry, "--quiet").splitlines()) == 1


def test_what_stays_is_listed_before_what_goes(registry: Lading) -> None:
    """In the lines of CNCF Distribution, with the space at the end of one of them."""
    said = collect(registry, "--dry-run").splitlines()

    kept = digest_of(encode(image(b"another layer")))
    assert said[:2] == ["library/hello", "library/other"]
    assert said[2] == f"library/other: marking manifest {kept} "
    assert f"library/other: marking blob {digest_of(b'another layer')}" in said
    summary = said.index("3 blobs marked, 1 blobs and 1 manifests eligible for deletion")
    assert said[summary - 1] == ""
    goes = f"manifest eligible for deletion: {{library/hello {MANIFEST} []}}"
    assert (
        said.index(goes) < summary < said.index(f"blob eligible for deletion: {digest_of(LAYER)}")
    )


def test_what_is_shared_is_marked_once(registry: Lading) -> None:
    """As CNCF Distribution counts it: over manifests and repositories."""
    Repository(registry.client, "library/other").push_image("newer", b"another layer", b"more")
    Repository(registry.client, "library/third").push_image("same", b"another layer")

    said = collect(registry, "--dry-run").splitlines()

    marks = [line.rpartition(" ")[2] for line in said if ": marking blob " in line]
    blobs = {digest_of(blob) for blob in (b"{}", b"another layer", b"more")}
    assert sorted(marks) == sorted(blobs)
    assert "5 blobs marked, 1 blobs and 1 manifests eligible for deletion" in said


def test_json_is_one_document(registry: Lading) -> None:
    """The same for a dry run and for a run."""
    announced = json.loads(collect(registry, "--dry-run", "--json"))
    removed = json.loads(collect(registry, "--json"))

    assert (announced.pop("dry_run"), removed.pop("dry_run")) == (True, False)
    assert announced == removed
    assert removed["bytes"] == 7000
    assert [item["kind"] for item in removed["items"]] == ["manifest", "link", "link", "blob"]
    manifest = removed["items"][0]
    assert datetime.fromisoformat(manifest.pop("since")).timestamp() > 1_700_000_000
    assert manifest.pop("why").startswith("it was deleted, and is in the trash since 2")
    assert manifest == {
        "kind": "manifest",
        "repository": "library/hello",
        "digest": MANIFEST,
        "size": len(encode(image(LAYER))),
        "cause": "deleted",
    }


def test_data_in_memory_cannot_be_collected(tmp_path: Path) -> None:
    config = tmp_path / "config.yml"
    config.write_text("version: 0.1\nstorage: inmemory\n")
    done = run([program(), "garbage-collect", config], check=False)
    assert done.returncode == 1
    assert b"data in memory belongs to the server alone" in done.stderr


def files(registry: Lading) -> dict[Path, int]:
    """The files of all blobs."""
    blobs = registry.root / "docker/registry/v2/blobs"
    return {path: path.stat().st_mtime_ns for path in blobs.rglob("data")}


def test_attachments_go_to_the_trash_if_the_operator_says_so(tmp_path: Path) -> None:
    """The signature of what was deleted, with the reason; and it comes back with its image."""
    settings = {
        "storage": {
            "filesystem": {"rootdirectory": str(tmp_path / "data")},
            # Which the server would else do by itself, at any moment.
            "garbagecollect": {"attachments": True, "enabled": False},
        }
    }
    with lading_serve(tmp_path, settings=settings) as registry:
        repository = Repository(registry.client, "library/hello")
        repository.push_image("latest", LAYER)
        tag = f"{MANIFEST.replace(':', '-')}.sig"
        repository.push_image(tag, b"a signature")
        repository.push_image(tag.replace(MANIFEST[-4:], "0000"), b"of an image elsewhere")
        assert repository.ask("DELETE", f"/manifests/{MANIFEST}").status == 202

        said = collect(registry, "--dry-run").splitlines()
        place = said.index(f"tag eligible for deletion: library/hello:{tag}")
        assert said[place + 1].startswith(f"    it goes to the trash, as {MANIFEST}, to which")
        assert "1 attachment would be put into the trash" in said
        (item,) = (
            item
            for item in json.loads(collect(registry, "--dry-run", "--json"))["items"]
            if item["kind"] == "tag"
        )
        assert (item["tag"], item["subject"]) == (tag, MANIFEST)
        assert len(repository.ask("GET", "/tags/list").json["tags"]) == 2

        assert "1 attachment put into the trash" in collect(registry, "--quiet")
        assert repository.ask("GET", "/tags/list").json["tags"] == [
            tag.replace(MANIFEST[-4:], "0000")
        ]
        listed = registry.run("trash", "ls").stdout.decode()
        assert tag in listed
        assert "by garbage collection" in listed
        registry.run("restore", f"library/hello:{tag}")
        assert repository.ask("GET", f"/manifests/{tag}").status == 200
