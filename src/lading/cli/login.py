"""`lading login` and `lading logout`: logins for registries, where Docker keeps them.

That is a file, or the helper that it names, as
https://docs.docker.com/reference/cli/docker/login/#credential-stores says.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from lading.cli.arguments import read_password, require_utf8, speaking_options
from lading.cli.examples import REGISTRY, Example, with_examples
from lading.cli.exits import NotAllowed, to_exit
from lading.cli.late import late
from lading.cli.output import say
from lading.core.errors import RegistryError, Unauthorized

with late():
    from lading import client as registries
    from lading.cli.images import remote
    from lading.client import HostLogin, SessionOptions, credentials, errors, login_files
    from lading.system import durable


@with_examples(
    Example(f"lading login {REGISTRY} -u ci --password-stdin", "The password by standard input."),
)
@click.command()
@click.argument("host")
@click.option("-u", "--username", prompt=True, help="Asked for if it is not given.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@speaking_options
def login(host: str, username: str, *, password_stdin: bool, speaking: "SessionOptions") -> None:
    """Log in to a registry, and keep the login.

    It is kept once the registry has said that it is right. It goes where Docker keeps them: to the
    helper that its config.json names, or into that file; or into the one that REGISTRY_AUTH_FILE
    names, or that has a login for HOST and comes first.
    """
    host = login_files.normal_key(host.lower())
    require_utf8(username, "the name")
    password = read_password(from_stdin=password_stdin)
    if not password:
        raise click.UsageError("the password is empty")
    given = registries.HostLogin(username, password)
    _require_right(host, given, speaking)
    try:
        place = store_login(host, given)
    except (registries.ClientError, OSError) as error:
        raise click.ClickException(f"the login cannot be kept: {error}") from error
    say(f"Logged in to {host} as {username}")
    say(f"Kept in {place}", err=True)


@with_examples(Example(f"lading logout {REGISTRY}", "Whether there was a login or not."))
@click.command()
@click.argument("host")
def logout(host: str) -> None:
    """Forget the login for a registry.

    All files are changed in which it would be looked for.
    """
    host = login_files.normal_key(host.lower())
    try:
        was_there = remove_login(host)
    except (registries.ClientError, OSError) as error:
        raise click.ClickException(f"the login cannot be removed: {error}") from error
    say(f"Logged out of {host}" if was_there else f"There was no login for {host}")


def _require_right(host: str, given: "HostLogin", speaking: "SessionOptions") -> None:
    """Ask a registry whether a login is right; if it is not, the command ends."""
    try:
        with (
            remote.translate_client_errors(host),
            registries.Client(host, login=given, options=speaking) as client,
        ):
            client.ping()
            if not client.session.asks_for_login:
                say(f"{host} lets anybody in at /v2/, and has not looked at the login", err=True)
    except Unauthorized as error:
        raise NotAllowed(
            f"{host} refuses this login: the name or the password is wrong, or the registry does"
            f" not take the tokens that its server gives (`lading doctor {host}` tells which);"
            " nothing was kept"
        ) from error
    except RegistryError as error:
        raise to_exit(error, f"the login for {host}") from error


def store_login(registry: str, login: "HostLogin", environ: Mapping[str, str] = os.environ) -> str:
    """Keep a login where it counts, or raise as the file does; where that is, in words.

    That is the first file that has one for this registry, which would be found before any other's,
    or else the one that REGISTRY_AUTH_FILE names, or Docker's.
    """
    files = [_LoginFile(path, environ) for path in login_files.login_files(environ)]
    place = next((file for file in files if file.has(registry)), files[-1])
    return place.store(registry, login)


def remove_login(registry: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Forget a login, wherever it is; false if there was none."""
    files = [_LoginFile(path, environ) for path in login_files.login_files(environ)]
    removed = [file.remove(registry) for file in files]
    return any(removed)


class _LoginFile:
    """A file of logins, which need not exist; it raises `ClientError` and `OSError`."""

    def __init__(self, path: Path, environ: Mapping[str, str]) -> None:
        self.path = path
        self._environ = environ

    def has(self, registry: str) -> bool:
        """Whether it has a login for a registry, or names a helper for that one."""
        document = self._read()
        named = login_files.helper_of(document, login_files.keys_of(registry))
        return bool(named and named[0]) or bool(
            login_files.entry_of(document, login_files.usual_key(registry))
        )

    def store(self, registry: str, login: "HostLogin") -> str:
        """Keep a login; where, in words."""
        document, key = self._read(), login_files.usual_key(registry)
        auths = _without(document, registry)
        helper, its_key = _helper(document, registry)
        if helper:
            said = {"ServerURL": its_key, "Username": login.username, "Secret": login.password}
            done = credentials.run_helper(helper, "store", json.dumps(said), self._environ)
            if done.returncode:
                why = errors.as_line((done.stdout + done.stderr).decode(errors="replace"))
                raise registries.ClientError(
                    f"docker-credential-{helper} did not keep the login: {why}",
                    advice=credentials.HELPER_ADVICE,
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
            credentials.run_helper(
                helper, "erase", its_key, self._environ
            )  # fails if there is none
        left = _without(document, registry)
        if len(left) == len(login_files.mapping(document.get("auths"))):
            return False
        self._write({**document, "auths": left})
        return True

    def _read(self) -> Mapping[str, Any]:
        """The content of the file, which is not written over if it cannot be understood."""
        return login_files.read_login_file(self.path) or {}

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
    auths = login_files.mapping(document.get("auths"))
    return {key: entry for key, entry in auths.items() if login_files.normal_key(key) != registry}


def _helper(document: Mapping[str, Any], registry: str) -> tuple[str, str]:
    """The helper that has the login for a registry, and its key; empty if the file has it."""
    store = login_files.text(document.get("credsStore"))
    return login_files.helper_of(document, login_files.keys_of(registry)) or (
        store,
        login_files.usual_key(registry),
    )
