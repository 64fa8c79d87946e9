"""Logins that Docker and containers keep: `config.json`, `auth.json`, and their helpers.

Sources: docker/cli `cli/config`; containers-auth.json(5), whose keys may have a path, of which the
longest that matches counts; docker-credential-helpers' protocol (`get`, the host on stdin).
"""

import base64
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lading.client.errors import ClientError, as_line
from lading.client.references import DOCKER_HUB

if TYPE_CHECKING:
    import subprocess

# Under which Docker keeps the login of Docker Hub.
_DOCKER_HUB_KEY = "https://index.docker.io/v1/"
_DOCKER_HUB_HOSTS = frozenset({"index.docker.io", "registry-1.docker.io"})
# What a helper says that has no login (docker-credential-helpers, `credentials/error.go`).
_NO_LOGIN = "credentials not found"
_HELPER_SECONDS = 60
_HELPER = re.compile(r"[A-Za-z0-9._-]+")
_HELPER_ADVICE = "mend `credsStore` or `credHelpers` in the file of logins, or sign in anew"


@dataclass(frozen=True, slots=True)
class HostLogin:
    """A login to a registry: a name with a password, or a token that gives others."""

    username: str = ""
    password: str = ""
    refresh_token: str = ""

    def __repr__(self) -> str:
        return f"HostLogin({self.username!r})"

    @property
    def header(self) -> str:
        """The value of `Authorization` by which the name and the password are sent."""
        text = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(text).decode()}"


def find_login(
    registry: str, repository: str = "", environment: Mapping[str, str] | None = None
) -> HostLogin | None:
    """The login that this person's files have for a registry.

    Args:
        registry: as in a reference, `docker.io` for Docker Hub.
        repository: for which the login is needed, as containers' files may have one for each.
        environment: `os.environ` unless another is given.

    Raises:
        ClientError: a file is no JSON, or a helper fails.
    """
    environ = os.environ if environment is None else environment
    for path in credential_files(environ):
        document = _read(path)
        login = None if document is None else _login_of(document, registry, repository, environ)
        if login is not None:
            return login
    return None


def credential_files(environ: Mapping[str, str]) -> Iterator[Path]:
    """The files that may have a login, the first that counts first."""
    home = Path(environ.get("HOME", "/"))
    if "REGISTRY_AUTH_FILE" in environ:
        yield Path(environ["REGISTRY_AUTH_FILE"])
        return
    if "DOCKER_CONFIG" not in environ:
        if "XDG_RUNTIME_DIR" in environ:
            yield Path(environ["XDG_RUNTIME_DIR"], "containers/auth.json")
        yield Path(f"/run/containers/{os.getuid()}/auth.json")
        yield Path(environ.get("XDG_CONFIG_HOME", home / ".config"), "containers/auth.json")
    yield Path(environ.get("DOCKER_CONFIG", home / ".docker"), "config.json")


def _read(path: Path) -> dict[str, Any] | None:
    try:
        document = json.loads(path.read_bytes())
    except OSError:
        return None
    except (ValueError, RecursionError) as error:
        raise ClientError(
            f"{path} is no JSON: {error}", advice="mend it, or sign in anew"
        ) from error
    return document if isinstance(document, dict) else None


def _login_of(
    document: dict[str, Any], registry: str, repository: str, environ: Mapping[str, str]
) -> HostLogin | None:
    for key in _keys(registry, repository):
        helper = _text(_mapping(document.get("credHelpers")).get(key))
        if helper:
            return _ask(helper, key, environ)
    entries = {_normal(key): entry for key, entry in _mapping(document.get("auths")).items()}
    for key in _keys(registry, repository):
        login = _decode(_mapping(entries.get(_normal(key))))
        if login is not None:
            return login
    store = _text(document.get("credsStore"))
    if not store:
        return None
    return _ask(store, _DOCKER_HUB_KEY if registry == DOCKER_HUB else registry, environ)


def _keys(registry: str, repository: str) -> Iterator[str]:
    """What a login may stand under: `host/team/app`, `host/team`, `host`."""
    parts = repository.split("/") if repository else []
    for length in range(len(parts), -1, -1):
        yield "/".join([registry, *parts[:length]])
    if registry == DOCKER_HUB:
        yield _DOCKER_HUB_KEY


def _normal(key: str) -> str:
    for scheme in ("https://", "http://"):
        key = key.removeprefix(scheme)
    for ending in ("/v1/", "/v2/", "/v1", "/v2", "/"):
        key = key.removesuffix(ending)
    return DOCKER_HUB if key in _DOCKER_HUB_HOSTS else key


def _mapping(found: object) -> dict[str, Any]:
    """What a file has where an object should be: people edit these files, and other programs."""
    return found if isinstance(found, dict) else {}


def _text(found: object) -> str:
    return found if isinstance(found, str) else ""


def _decode(entry: Mapping[str, Any]) -> HostLogin | None:
    token = _text(entry.get("identitytoken"))
    name, password = _text(entry.get("username")), _text(entry.get("password"))
    if auth := _text(entry.get("auth")):
        try:
            text = base64.b64decode(auth).decode()
        except ValueError:
            return None
        name, _, password = text.partition(":")
    if not (token or password):
        return None
    return HostLogin(name, password.rstrip("\0"), token)


def _ask(helper: str, key: str, environ: Mapping[str, str]) -> HostLogin | None:
    """Ask a helper; one that has no login says so and fails."""
    program = f"docker-credential-{helper}"
    if not _HELPER.fullmatch(helper):
        raise ClientError(f"{program!r} is no name of a helper", advice=_HELPER_ADVICE)
    done = _run(program, key, environ)
    if done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace")
        if _NO_LOGIN in said.lower():
            return None
        raise ClientError(
            f"{program} has no login for {key}: {as_line(said)}", advice=_HELPER_ADVICE
        )
    try:
        found = json.loads(done.stdout)
        name, secret = str(found["Username"]), str(found["Secret"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        # What it said may be a part of the secret.
        raise ClientError(f"{program} gives no login for {key}", advice=_HELPER_ADVICE) from error
    if not secret:
        return None
    # "the username should be set to <token>" (docker-credential-helpers).
    return HostLogin(refresh_token=secret) if name == "<token>" else HostLogin(name, secret)


def _run(
    program: str, key: str, environ: Mapping[str, str]
) -> "subprocess.CompletedProcess[bytes]":
    import subprocess  # noqa: PLC0415 - few have a helper

    try:
        return subprocess.run(  # noqa: S603 - what the person's own file names
            [program, "get"],
            input=key.encode(),
            capture_output=True,
            check=False,
            timeout=_HELPER_SECONDS,
            env=dict(environ),
        )
    except subprocess.TimeoutExpired as error:
        raise ClientError(
            f"{program} has not answered for {_HELPER_SECONDS} seconds",
            advice=f"see what it waits for: `echo {key} | {program} get`",
        ) from error
    except OSError as error:
        raise ClientError(
            f"{program} does not run: {error.strerror}",
            advice="install it, or sign in without a helper",
        ) from error
