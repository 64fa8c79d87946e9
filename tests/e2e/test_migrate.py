"""Migrating a registry between the pairs of a database and a store, and back, while it is used.

Real servers on both sides; the migration is killed again and again, later each time, and guests
pull all the while.
"""

import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tests.support.client import Client
from tests.support.commands import run
from tests.support.guests import pull, pulling
from tests.support.lading import Lading, lading_serve, program
from tests.support.postgresql import PostgreSQL
from tests.support.pushes import Repository

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

IMAGES = [(f"team/app{number}", f"v{number % 3}") for number in range(12)]


def fill(client: Client) -> None:
    """Push images that share a layer and have large ones, delete some, move tags."""
    for name, tag in IMAGES:
        repository = Repository(client, name)
        repository.push_image(tag, b"old " * 1000, b"shared" * 100_000)
        repository.push_image(tag, name.encode() * 300_000, b"shared" * 100_000)
        gone = repository.push_image("gone", b"gone")
        assert repository.ask("DELETE", f"/manifests/{gone}").status == 202


def configuration(directory: Path, sections: Mapping[str, object]) -> Path:
    """A configuration with sections of its own, in a directory of its own."""
    directory.mkdir(exist_ok=True)
    config = directory / "config.yml"
    http = {"addr": "127.0.0.1:0", "workers": 2}
    config.write_text(yaml.safe_dump({"version": 0.1, "http": http, **sections}))
    return config


def in_files(root: Path) -> Mapping[str, object]:
    """The section `storage` of a registry in files."""
    return {"filesystem": {"rootdirectory": str(root)}, "delete": {"enabled": True}}


def migrate(config: Path, to: Path) -> str:
    """Migrate, killed later and later until it comes to its end; what it said then."""
    seconds = 0.5
    while True:
        command = [program(), "migrate", "--to", str(to), str(config)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            said, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            seconds += 0.7
        else:
            assert process.returncode == 0, said.decode()
            return said.decode()


def migrate_beside_guests(registry: Lading, to: Path) -> None:
    """Migrate a running registry to another configuration; guests of the old one notice nothing."""
    with pulling(registry.client, IMAGES) as guests:
        said = migrate(registry.config, to)
        before = guests.pulls
        while guests.pulls < before + len(IMAGES):
            time.sleep(0.05)
    assert guests.complaints == []
    assert "every digest" in said


def require_all(client: Client) -> None:
    """All images can be pulled."""
    assert [wrong for image in IMAGES for wrong in pull(client, *image)] == []


def check(config: Path) -> None:
    """Everything there is, is right."""
    assert "all is well" in run([program(), "verify", "--checksums", config]).stdout.decode()


def test_to_postgresql_and_back(tmp_path: Path, postgresql: PostgreSQL) -> None:
    """The files stay where they are, and are served from there by both."""
    root = tmp_path / "data"
    old = configuration(tmp_path / "old", {"storage": in_files(root)})
    database = {"postgresql": {"url": postgresql.new_url()}}
    new = configuration(tmp_path / "new", {"storage": in_files(root), "database": database})
    with lading_serve(tmp_path / "old", config=old) as registry:
        fill(registry.client)
        migrate_beside_guests(registry, new)
    check(new)
    with lading_serve(tmp_path / "new", config=new) as registry:
        require_all(registry.client)
        Repository(registry.client, "team/app0").push_image("later", b"later")
        migrate_beside_guests(registry, old)
    check(old)
    with lading_serve(tmp_path / "old", config=old) as registry:
        require_all(registry.client)
        assert pull(registry.client, "team/app0", "later") == []
        Repository(registry.client, "team/app1").push_image("home", b"home")
