"""Keeping logins for registries where Docker does: in a file, or by the helper that it names.

https://docs.docker.com/reference/cli/docker/login/#credential-stores says how they are kept.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lading.client.credentials import HELPER_ADVICE, HostLogin, run_helper
from lading.client.errors import ClientError, as_line
from lading.client.login_files import (
    entry_of,
    helper_of,
    keys_of,
    login_files,
    mapping,
    normal_key,
    read_login_file,
    text,
    usual_key,
)
from lading.system import durable


def store_login(registry: str, login: HostLogin, environ: Mapping[str, str] = os.environ) -> str:
    """Keep a login where it counts; where that is, in words.

    That is the first file that has one for this registry, which would be found before any other's,
    or else the one that REGISTRY_AUTH_FILE names, or Docker's.

    Raises:
        ClientError, OSError: it cannot be kept.
    """
    files = [LoginFile(path, environ) for path in login_files(environ)]
    place = next((file for file in files if file.has(registry)), files[-1])
    return place.store(registry, login)


def remove_login(registry: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Forget a login, wherever it is; false if there was none.

    Raises:
        ClientError, OSError: it cannot be removed.
    """
    files = [LoginFile(path, environ) for path in login_files(environ)]
    removed = [file.remove(registry) for file in files]
    return any(removed)


class LoginFile:
    """A file of logins, which need not exist; it raises `ClientError` and `OSError`."""

    def __init__(self, path: Path, environ: Mapping[str, str]) -> None:
        self.path = path
        self._environ = environ

    def has(self, registry: str) -> bool:
        """Whether it has a login for a registry, or names a helper for that one."""
        document = self._read()
        named = helper_of(document, keys_of(registry))
        return bool(named and named[0]) or bool(entry_of(document, usual_key(registry)))

    def store(self, registry: str, login: HostLogin) -> str:
        """Keep a login; where, in words."""
        document, key = self._read(), usual_key(registry)
        auths = _without(document, registry)
        helper, its_key = _helper(document, registry)
        if helper:
            said = {"ServerURL": its_key, "Username": login.username, "Secret": login.password}
            done = run_helper(helper, "store", json.dumps(said), self._environ)
            if done.returncode:
                why = as_line((done.stdout + done.stderr).decode(errors="replace"))
                raise ClientError(
                    f"docker-credential-{helper} did not keep the login: {why}",
                    advice=HELPER_ADVICE,
                )
            self._write({**document, "auths": {**auths, key: {}}})
            return f"docker-credential-{helper}"
        auth = login.header.partition(" ")[2]
        self._write({**document, "auths": {**auths, key: {"auth": auth}}})
        return f"{self.path}, where it is not encrypted"

    def remove(self, registry: str) -> bool:
        """Forget a login; false if there was none."""
        document = self._read()
        helper, its_key = _helper(document, registry)
        if helper:
            run_helper(helper, "erase", its_key, self._environ)  # fails if there is none
        left = _without(document, registry)
        if len(left) == len(mapping(document.get("auths"))):
            return False
        self._write({**document, "auths": left})
        return True

    def _read(self) -> Mapping[str, Any]:
        """The content of the file, which is not written over if it cannot be understood."""
        return read_login_file(self.path) or {}

    def _write(self, document: Mapping[str, Any]) -> None:
        """Replace the file at once, readable by its owner alone."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # It may be a symbolic link to another disk, as of people who keep such files together.
        path = self.path.resolve()
        content = json.dumps(document, indent="\t").encode()
        # It may be of the image of a container, which runs by another user.
        durable.replace(path, content, mode=0o600, takes_over=True)


def _without(document: Mapping[str, Any], registry: str) -> dict[str, Any]:
    """The logins of a file but for those of a registry, however they are written."""
    auths = mapping(document.get("auths"))
    return {key: entry for key, entry in auths.items() if normal_key(key) != registry}


def _helper(document: Mapping[str, Any], registry: str) -> tuple[str, str]:
    """The helper that has the login for a registry, and its key; empty if the file has it."""
    store = text(document.get("credsStore"))
    return helper_of(document, keys_of(registry)) or (store, usual_key(registry))
