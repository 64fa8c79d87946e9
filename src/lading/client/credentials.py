"""Logins that Docker and containers keep: `config.json`, `auth.json`, and their helpers.

Helpers are programs that these files name, `docker-credential-NAME` (docker-credential-helpers): a
verb is their argument, and all else is on their standard input.
"""

import base64
import json
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from lading.client.errors import ClientError, as_line
from lading.client.login_files import (
    entry_of,
    helper_of,
    keys_of,
    login_files,
    read_login_file,
    text,
    usual_key,
)

if TYPE_CHECKING:
    import subprocess

# What a helper says that has no login (docker-credential-helpers, `credentials/error.go`).
_NO_LOGIN = "credentials not found"
# It may ask a person.
_SECONDS = 60
_NAME = r"[A-Za-z0-9._-]+"

HELPER_ADVICE = "mend `credsStore` or `credHelpers` in the file of logins, or sign in anew"
"""What to do about a helper that is of no use."""


class HostLogin(NamedTuple):
    """A login to a registry: a name with a password, or a token.

    Attributes:
        refresh_token: by which the token server gives others (`identitytoken` in files).
        registry_token: that the registry itself takes (`registrytoken`).
    """

    username: str = ""
    password: str = ""
    refresh_token: str = ""
    registry_token: str = ""

    def __repr__(self) -> str:
        return f"HostLogin({self.username!r})"

    @property
    def header(self) -> str:
        """The value of `Authorization` by which the name and the password are sent."""
        login = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(login).decode()}"


def find_login(
    registry: str, repository: str = "", environment: Mapping[str, str] | None = None
) -> HostLogin | None:
    """The login that this person's files have for a registry.

    Args:
        registry: as in a reference, `docker.io` for Docker Hub.
        repository: for which the login is needed, as containers' files may have one for each.
        environment: `os.environ` unless another is given.

    Raises:
        ClientError: a file cannot be read or is no JSON, or a helper fails.
    """
    environ = os.environ if environment is None else environment
    for path in login_files(environ):
        document = read_login_file(path)
        login = None if document is None else _login_of(document, registry, repository, environ)
        if login is not None:
            return login
    return None


def _login_of(
    document: dict[str, Any], registry: str, repository: str, environ: Mapping[str, str]
) -> HostLogin | None:
    keys = list(keys_of(registry, repository))
    named = helper_of(document, keys)
    if named is not None and named[0]:
        return _ask(*named, environ)
    for key in keys:
        login = _decode(entry_of(document, key))
        if login is not None:
            return login
    store = text(document.get("credsStore"))
    return _ask(store, usual_key(registry), environ) if store and named is None else None


def _decode(entry: Mapping[str, Any]) -> HostLogin | None:
    tokens = text(entry.get("identitytoken")), text(entry.get("registrytoken"))
    name, password = text(entry.get("username")), text(entry.get("password"))
    if auth := text(entry.get("auth")):
        try:
            login = base64.b64decode(auth).decode()
        except ValueError:
            return None
        name, _, password = login.partition(":")
    if not (password or any(tokens)):
        return None
    return HostLogin(name, password.rstrip("\0"), *tokens)


def _ask(helper: str, key: str, environ: Mapping[str, str]) -> HostLogin | None:
    """Ask a helper; one that has no login says so and fails."""
    program = f"docker-credential-{helper}"
    done = run_helper(helper, "get", key, environ)
    if done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace")
        if _NO_LOGIN in said.lower():
            return None
        raise ClientError(
            f"{program} has no login for {key}: {as_line(said)}", advice=HELPER_ADVICE
        )
    try:
        found = json.loads(done.stdout)
        name, secret = str(found["Username"]), str(found["Secret"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        # What it said may be a part of the secret.
        raise ClientError(f"{program} gives no login for {key}", advice=HELPER_ADVICE) from error
    if not secret:
        return None
    # "the username should be set to <token>" (docker-credential-helpers).
    return HostLogin(refresh_token=secret) if name == "<token>" else HostLogin(name, secret)


def run_helper(
    helper: str, verb: str, given: str, environ: Mapping[str, str]
) -> "subprocess.CompletedProcess[bytes]":
    """Run a helper, to `get`, `store` or `erase`; how it ended, and what it said.

    Raises:
        ClientError: it cannot be run, or does not end.
    """
    import subprocess  # noqa: PLC0415 - few have a helper

    program = f"docker-credential-{helper}"
    if not re.fullmatch(_NAME, helper):
        raise ClientError(f"{program!r} is no name of a helper", advice=HELPER_ADVICE)
    try:
        return subprocess.run(  # noqa: S603 - what the person's own file names
            [program, verb],
            input=given.encode(),
            capture_output=True,
            check=False,
            timeout=_SECONDS,
            env=dict(environ),
        )
    except subprocess.TimeoutExpired as error:
        raise ClientError(
            f"{program} has not answered for {_SECONDS} seconds",
            advice=f"see what it waits for: `echo HOST | {program} get`",
        ) from error
    except OSError as error:
        raise ClientError(
            f"{program} does not run: {error.strerror}",
            advice="install it, or sign in without a helper",
        ) from error
