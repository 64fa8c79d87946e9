"""`lading verify`: what it says and how it exits, beside a running server."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import run
from tests.support.lading import Lading, lading_serve, program
from tests.support.pushes import Repository, digest_of

LAYER = b"a layer" * 1000
DAMAGED = b"A layer" + LAYER[7:]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Lading]:
    """A running registry with an image."""
    with lading_serve(tmp_path) as registry:
        Repository(registry.client, "library/hello").push_image("latest", LAYER)
        yield registry


def verify(registry: Lading, *options: str) -> subprocess.CompletedProcess[bytes]:
    return registry.run("verify", *options, check=False)


def test_a_healthy_registry_is_said_to_be_well(registry: Lading) -> None:
    done = verify(registry, "--checksums")
    assert done.returncode == 0
    assert done.stdout.decode() == "2 blobs and 1 manifest checked: all is well\n"
    assert b"Checking" in done.stderr


def test_damage_is_explained_mended_and_healed_by_a_push(registry: Lading) -> None:
    layer = digest_of(LAYER)
    registry.blob_path(LAYER).write_bytes(DAMAGED)

    assert verify(registry).returncode == 0
    done = verify(registry, "--checksums")
    assert done.returncode == 1
    first, todo, last = done.stdout.decode().splitlines()
    assert first.startswith(f"{layer}: its bytes have changed")
    assert "library/hello@sha256:" in first
    assert "(latest)" in first
    assert todo.startswith("    to do: run `lading verify --repair`")
    assert last == "2 blobs and 1 manifest checked: 1 finding, 1 of them left to mend"

    done = verify(registry, "--checksums", "--repair")
    assert done.returncode == 1
    aside = registry.root / "lading" / "quarantine" / layer
    assert f"its bytes were moved to {aside}" in done.stdout.decode()
    assert aside.read_bytes() == DAMAGED

    hello = Repository(registry.client, "library/hello")
    assert hello.ask("HEAD", f"/blobs/{layer}").status == 404
    assert hello.push_blob(LAYER) == layer
    assert hello.ask("GET", f"/blobs/{layer}").body == LAYER
    assert verify(registry, "--checksums").returncode == 0


def test_findings_and_summary_for_programs(registry: Lading) -> None:
    registry.blob_path(LAYER).unlink()
    done = verify(registry, "--json")
    assert done.returncode == 1
    finding, summary = map(json.loads, done.stdout.decode().splitlines())
    assert finding["finding"]["kind"] == "bytes-missing"
    assert finding["finding"]["subject"] == digest_of(LAYER)
    assert set(finding["finding"]) == {"kind", "subject", "explanation", "advice", "mended"}
    assert summary["summary"] == {
        "blobs": 2,
        "manifests": 1,
        "checksums": False,
        "findings": 1,
        "left": 1,
        "unused": {"objects": 0, "bytes": 0, "refused": 0},
    }


def test_what_is_mended_without_loss_leaves_nothing_to_do(registry: Lading) -> None:
    stray = registry.blob_path(b"stray")
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"stray")
    done = run(
        [program(), "verify", "--repair", registry.config],
        env={"REGISTRY_STORAGE_GARBAGECOLLECT_GRACE": "0s"},
        check=False,
    )
    assert done.returncode == 0
    assert "mended: they were deleted" in done.stdout.decode()
    assert not stray.exists()


def test_a_file_that_is_no_database_is_told_from_one_that_cannot_be_reached(tmp_path: Path) -> None:
    (tmp_path / "lading").mkdir()
    (tmp_path / "lading" / "metadata.sqlite3").write_bytes(b"no database at all" * 1000)
    config = tmp_path / "config.yml"
    config.write_text(f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {tmp_path}}}}}\n")
    done = run([program(), "verify", config], check=False)
    assert done.returncode == 1
    said = done.stderr.decode()
    assert "the database is damaged: restore a backup of it" in said
    assert "Traceback" not in said
