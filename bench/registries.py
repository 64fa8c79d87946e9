"""Who is measured, how each is had, and how it is set.

lading runs as installed, with its default configuration, which logs every request. The others run
without a log of requests and with their caches on. What each one syncs to disk before it answers is
counted, not believed: see the row "syncs" of the table.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.tokens import ISSUER, SERVICE, Issuer

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "lading-bench"

DISTRIBUTION = "Distribution 3.1.1"

_URL = re.compile(r"\bhttps?://\S+\s*")


@dataclass(frozen=True)
class Launch:
    """How to start a program, with its data in a directory and its port."""

    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Registry:
    """A registry that can be started.

    Attributes:
        launch: how to serve the data of a directory on a port.
        durability: what is on disk when a push is acknowledged, in a few words.
    """

    name: str
    launch: Callable[[Path, int], Launch]
    durability: str


class Missing(Exception):
    """A registry cannot be had on this machine; the message says why."""


def find(name: str) -> Registry:
    """A registry, built or fetched if need be.

    Raises:
        Missing: it cannot be had here.
    """
    return _FINDERS[name]()


def with_tokens(name: str, issuer: Issuer) -> Registry:
    """lading or Distribution, where nobody may do anything without a token of the issuer.

    Raises:
        Missing: it cannot be had here.
    """
    registry = find(name)

    def launch(data: Path, port: int) -> Launch:
        plain = registry.launch(data, port)
        values = {
            "REALM": "http://127.0.0.1/token",
            "SERVICE": SERVICE,
            "ISSUER": ISSUER,
            "ROOTCERTBUNDLE": str(issuer.bundle),
        }
        tokens = {f"REGISTRY_AUTH_TOKEN_{key}": value for key, value in values.items()}
        return Launch(plain.command, {**plain.environment, **tokens})

    return Registry(registry.name, launch, registry.durability)


def _lading() -> Registry:
    program = Path(sys.executable).with_name("lading")

    def launch(data: Path, port: int) -> Launch:
        place = {
            "REGISTRY_HTTP_ADDR": f"127.0.0.1:{port}",
            "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": str(data),
        }
        return Launch([str(program), "serve"], place)

    return Registry("lading", launch, "file, directory and row synced")


def _distribution_3() -> Registry:
    program = _go_build(
        "github.com/distribution/distribution/v3", "v3.1.1", "cmd/registry", "distribution"
    )

    def launch(data: Path, port: int) -> Launch:
        # Otherwise it sends spans to a collector that is not there.
        environment = {"OTEL_TRACES_EXPORTER": "none"}
        return Launch([str(program), "serve", _distribution_config(data, port)], environment)

    return Registry(DISTRIBUTION, launch, "files and directories synced")


def _docker_registry() -> Registry:
    program = _debian("docker-registry", "usr/bin/docker-registry")

    def launch(data: Path, port: int) -> Launch:
        return Launch([str(program), "serve", _distribution_config(data, port)])

    return Registry("docker-registry 2.8.2", launch, "files of blobs synced")


def _olareg() -> Registry:
    program = _go_build("github.com/olareg/olareg", "v0.1.2", "cmd/olareg", "olareg")

    def launch(data: Path, port: int) -> Launch:
        options = ["--store-type=dir", f"--dir={data}", "--verbosity=error"]
        return Launch([str(program), "serve", f"--port={port}", *options])

    return Registry("olareg 0.1.2", launch, "nothing synced")


def _zot() -> Registry:
    program = _go_build("zotregistry.dev/zot/v2", "v2.1.20", "cmd/zot", "zot")

    def launch(data: Path, port: int) -> Launch:
        config = data.with_suffix(".json")
        config.write_text(
            json.dumps(
                {
                    "storage": {"rootDirectory": str(data), "commit": True},
                    "http": {"address": "127.0.0.1", "port": str(port)},
                    "log": {"level": "error"},
                }
            )
        )
        return Launch([str(program), "serve", str(config)])

    return Registry("zot 2.1.20", launch, "files synced (`commit: true`)")


_FINDERS: Mapping[str, Callable[[], Registry]] = {
    "lading": _lading,
    "distribution": _distribution_3,
    "docker-registry": _docker_registry,
    "olareg": _olareg,
    "zot": _zot,
}

NAMES = tuple(_FINDERS)


def _distribution_config(data: Path, port: int) -> str:
    config = data.with_suffix(".yml")
    config.write_text(
        f"""
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  cache: {{blobdescriptor: inmemory}}
  filesystem: {{rootdirectory: {data}}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}"}}
"""
    )
    return str(config)


def _go_build(module: str, version: str, command: str, name: str) -> Path:
    """The program of a Go module, built from what the Go module proxy has of it."""
    program = CACHE / f"{name}-{version}"
    if not program.exists():
        if shutil.which("go") is None:
            raise Missing("there is no Go on this machine to build it with")
        CACHE.mkdir(parents=True, exist_ok=True)
        found = json.loads(_run("go", "mod", "download", "-json", f"{module}@{version}"))
        build = ["nice", "go", "build", "-mod=readonly", "-o", str(program), f"./{command}"]
        _run(*build, directory=found["Dir"])
    return program


def _debian(package: str, path: str) -> Path:
    """A program out of a Debian package, which is not installed: no service is started."""
    directory = CACHE / package
    if not (directory / path).exists():
        if shutil.which("apt-get") is None:
            raise Missing("there is no apt-get on this machine to fetch it with")
        directory.mkdir(parents=True, exist_ok=True)
        _run("apt-get", "download", package, directory=directory)
        (archive,) = directory.glob("*.deb")
        _run("dpkg", "-x", str(archive), str(directory))
    return directory / path


def _run(*command: str, directory: Path | str | None = None) -> str:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr + done.stdout).splitlines()
        why = "".join([line.strip() for line in said if "rror" in line][:1] or said[-1:])
        # Where this machine fetches things from is nobody's business.
        raise Missing(f"`{' '.join(command[:3])}` failed: {_URL.sub('', why)}")
    return done.stdout
