"""Keeping logins for registries where Docker does: in a file, or by the helper that it names.

https://docs.docker.com/reference/cli/docker/login/#credential-stores and the helpers' protocol,
https://github.com/docker/docker-credential-helpers: the host by standard input, JSON back.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from lading.client.credentials import HostLogin

# Where Docker's own registry has its login.
_HUB = "https://index.docker.io/v1/"
_HUB_HOSTS = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
# Seconds that a helper has: it may ask a person.
_PATIENCE = 120


class LoginFile:
    """The file of logins, Docker's `config.json`.

    Args:
        path: it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def usual(cls, environ: Mapping[str, str] = os.environ) -> "LoginFile":
        """The one that Docker reads: in `$DOCKER_CONFIG`, or in `~/.docker`."""
        folder = environ.get("DOCKER_CONFIG")
        return cls((Path(folder) if folder else Path.home() / ".docker") / "config.json")

    def store(self, host: str, login: HostLogin) -> str:
        """Keep a login; where, in words.

        Raises:
            ClickException, OSError: it cannot be kept.
        """
        document, key = dict(self._read()), _key(host)
        if helper := _helper(document, key):
            said = {"ServerURL": key, "Username": login.username, "Secret": login.password}
            if _ask(helper, "store", json.dumps(said)) is None:
                raise click.ClickException(f"docker-credential-{helper} did not keep the login")
            self._write({**document, "auths": {**_auths(document), key: {}}})
            return f"docker-credential-{helper}"
        text = login.header.partition(" ")[2]
        self._write({**document, "auths": {**_auths(document), key: {"auth": text}}})
        return f"{self.path}, where it is not encrypted"

    def remove(self, host: str) -> bool:
        """Forget a login; false if there was none.

        Raises:
            OSError: the file cannot be written.
        """
        document, key = dict(self._read()), _key(host)
        if helper := _helper(document, key):
            _ask(helper, "erase", key)
        auths = _auths(document)
        if key not in auths:
            return False
        del auths[key]
        self._write({**document, "auths": auths})
        return True

    def _read(self) -> Mapping[str, Any]:
        """The content of the file, which is not written over if it cannot be understood.

        Raises:
            ClickException: it is no JSON.
        """
        try:
            body = self.path.read_bytes()
        except FileNotFoundError:
            return {}
        try:
            document = json.loads(body or b"{}")
        except (ValueError, RecursionError):
            document = None
        if isinstance(document, dict):
            return document
        raise click.ClickException(f"{self.path} is no object of JSON: mend it, or put it aside")

    def _write(self, document: Mapping[str, Any]) -> None:
        """Replace the file at once, readable by its owner alone."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # It may be a symbolic link to another disk, as of people who keep such files together.
        path = self.path.resolve()
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".config")
        try:
            with os.fdopen(descriptor, "w") as file:
                json.dump(document, file, indent="\t")
            Path(name).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise


def _key(host: str) -> str:
    return _HUB if host in _HUB_HOSTS else host


def _auths(document: Mapping[str, Any]) -> dict[str, Any]:
    auths = document.get("auths")
    return dict(auths) if isinstance(auths, dict) else {}


def _helper(document: Mapping[str, Any], key: str) -> str:
    """The helper that has the login for a host; empty if the file itself has it."""
    helpers = document.get("credHelpers")
    named = helpers.get(key) if isinstance(helpers, dict) else None
    found = named or document.get("credsStore")
    return found if isinstance(found, str) else ""


def _ask(helper: str, verb: str, given: str) -> bytes | None:
    """The answer of a helper; `None` if it fails, as for a host that it does not know.

    Raises:
        ClickException: there is no such program.
    """
    program = f"docker-credential-{helper}"
    try:
        done = subprocess.run(  # noqa: S603 - the user's own file names it
            [program, verb],
            input=given.encode(),
            capture_output=True,
            check=False,
            timeout=_PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise click.ClickException(
            f"{program} cannot be run, which Docker's config.json names for logins: {error}"
        ) from error
    return done.stdout if done.returncode == 0 else None
