"""Registries with a few images, ours and another one, for the tests of commands on images."""

import asyncio
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lading.cli.commands import main
from lading.client.sending import HostSender
from lading.config.loading import load
from lading.core.names import RepositoryName, Tag
from lading.testing import Registry, calls
from lading.testing.images import make_image
from lading.wiring.stores import open_registry

ROOT = "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY"

IMAGES: dict[str, dict[str, Any]] = {
    "app:1.0": {"files": {"etc/motd": "hello\n", "usr/bin/app": "x" * 5000}, "labels": {"a": "b"}},
    "app:1.1": {
        "files": [{"etc/motd": "hello\n", "usr/bin/app": "x" * 5000}, {"etc/motd": "new\n"}]
    },
    "app:1.10": {"platforms": ["linux/amd64", "linux/arm64"]},
    "tools/lint:2": {},
}


@dataclass(frozen=True)
class Ours:
    """A registry of ours, by its data."""

    environ: dict[str, str]

    def run(self, *words: str, stdin: str | None = None) -> Result:
        """Run a command on it."""
        return CliRunner().invoke(main, words, env=self.environ, input=stdin)

    def json(self, *words: str) -> Any:
        """What a command says to a program."""
        result = self.run(*words, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data of a registry with a few images."""
    root = tmp_path_factory.mktemp("data")
    settings = load(None, {ROOT: str(root)}).settings

    async def push() -> None:
        async with open_registry(settings) as registry:
            for reference, how in IMAGES.items():
                name, _, tag = reference.partition(":")
                files = how.get("files") or {"README": reference}
                layers = files if isinstance(files, Sequence) else [files]
                made = make_image(layers, how.get("platforms"), how.get("labels") or {}, {})
                await calls.push(registry, RepositoryName(name), Tag(tag), made)

    asyncio.run(push())
    return root


@pytest.fixture
def ours(filled: Path, tmp_path: Path) -> Ours:
    """A copy of it, and a folder of logins that has none."""
    shutil.copytree(filled, tmp_path / "data")
    logins = tmp_path / "docker"
    logins.mkdir()
    return Ours({ROOT: str(tmp_path / "data"), "DOCKER_CONFIG": str(logins)})


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients try again at once, as often as they do: nobody is there, however long they wait."""
    monkeypatch.setattr(HostSender, "wait", lambda *_: None)


@pytest.fixture(scope="module")
def server() -> Iterator[Registry]:
    """Another registry."""
    with Registry() as registry:
        yield registry


@pytest.fixture
def theirs(server: Registry) -> Registry:
    """Another registry, with the same images."""
    server.reset()
    for reference, how in IMAGES.items():
        server.push_image(reference, **how)
    return server
