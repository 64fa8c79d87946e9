"""Files in which Docker and containers keep logins: where they are, and what their keys mean.

Sources: docker/cli `cli/config`; containers-auth.json(5), whose keys may have a path.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lading.client.errors import ClientError
from lading.client.own_folders import base_folder, home_folder
from lading.client.references import DOCKER_HUB

# Under which Docker keeps the login of Docker Hub.
_DOCKER_HUB_KEY = "https://index.docker.io/v1/"
_DOCKER_HUB_HOSTS = frozenset({"index.docker.io", "registry-1.docker.io"})


def login_files(environ: Mapping[str, str]) -> Iterator[Path]:
    """The files that may have a login, the first that counts first; Docker's own is the last."""
    if named := environ.get("REGISTRY_AUTH_FILE"):
        yield Path(named)
        return
    docker = environ.get("DOCKER_CONFIG")
    if not docker:
        if environ.get("XDG_RUNTIME_DIR", "").startswith("/"):
            yield Path(environ["XDG_RUNTIME_DIR"], "containers/auth.json")
        yield Path(f"/run/containers/{os.getuid()}/auth.json")
        yield base_folder(environ, "XDG_CONFIG_HOME", ".config") / "containers/auth.json"
    yield (Path(docker) if docker else home_folder(environ) / ".docker") / "config.json"


def read_login_file(path: Path) -> dict[str, Any] | None:
    """What is in a file of logins; `None` if it is not there.

    Raises:
        ClientError: it is there and cannot be read, or is no JSON object.
    """
    try:
        body = path.read_bytes()
    except OSError as error:
        if not os.path.lexists(path) or isinstance(error, FileNotFoundError):
            return None
        raise ClientError(
            f"{path} cannot be read: {error.strerror}", advice="mend it, or put it aside"
        ) from error
    try:
        # One that is empty is what `touch` and `mktemp` make, and Docker takes it.
        document = json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError) as error:
        raise ClientError(
            f"{path} is no JSON: {error}", advice="mend it, or put it aside and sign in anew"
        ) from error
    if not isinstance(document, dict):
        raise ClientError(
            f"{path} is no JSON object", advice="mend it, or put it aside and sign in anew"
        )
    return document


def helper_of(document: Mapping[str, Any], keys: Iterable[str]) -> tuple[str, str] | None:
    """The helper that a file names for one of some keys, and that key; `None` if for none.

    A helper without a name is how Docker is told that a host has none.
    """
    helpers = mapping(document.get("credHelpers"))
    named = [(found, key) for key in keys if isinstance(found := helpers.get(key), str)]
    return next((each for each in named if each[0]), named[0] if named else None)


def entry_of(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    """What a file has under a key as it is written, or else as other programs write the same."""
    auths = mapping(document.get("auths"))
    if key in auths:
        return mapping(auths[key])
    same = (entry for own, entry in auths.items() if normal_key(own) == normal_key(key))
    return mapping(next(same, None))


def keys_of(registry: str, repository: str = "") -> Iterator[str]:
    """What a login may stand under: `host/team/app`, `host/team`, `host`."""
    parts = repository.split("/") if repository else []
    for length in range(len(parts), -1, -1):
        yield "/".join([registry, *parts[:length]])
    if registry == DOCKER_HUB:
        yield _DOCKER_HUB_KEY


def usual_key(registry: str) -> str:
    """Under which Docker writes the login for a registry."""
    return _DOCKER_HUB_KEY if registry == DOCKER_HUB else registry


def normal_key(key: str) -> str:
    """A key as that of one registry, however it is written: `https://host/v1/` is `host`."""
    for scheme in ("https://", "http://"):
        key = key.removeprefix(scheme)
    for ending in ("/v1/", "/v2/", "/v1", "/v2", "/"):
        key = key.removesuffix(ending)
    return DOCKER_HUB if key in _DOCKER_HUB_HOSTS else key


def mapping(found: object) -> dict[str, Any]:
    """What a file has where an object should be: people edit these files, and other programs."""
    return found if isinstance(found, dict) else {}


def text(found: object) -> str:
    """What a file has where a text should be."""
    return found if isinstance(found, str) else ""
