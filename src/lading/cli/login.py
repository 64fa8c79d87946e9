"""`lading login` and `lading logout`: logins for registries, where Docker keeps them."""

from pathlib import Path

import click

from lading.cli.arguments import read_password, require_utf8, speaking_options
from lading.cli.examples import REGISTRY, Example, with_examples
from lading.cli.exits import NotAllowed, to_exit
from lading.cli.late import late
from lading.cli.output import say, say_wait
from lading.core.errors import RegistryError, Unauthorized

with late():
    from lading import client as registries
    from lading.cli.images import logins, remote
    from lading.client import HostLogin, SessionOptions, login_files


@with_examples(
    Example(f"lading login {REGISTRY} -u ci --password-stdin", "The password by standard input."),
)
@click.command()
@click.argument("host")
@click.option("-u", "--username", prompt=True, help="Asked for if it is not given.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@speaking_options
def login(
    host: str,
    username: str,
    *,
    password_stdin: bool,
    plain_http: bool,
    insecure: bool,
    ca: Path | None,
) -> None:
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
    options = registries.SessionOptions(plain_http, insecure, ca, on_wait=say_wait)
    _require_right(host, given, options)
    try:
        place = logins.store_login(host, given)
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
        was_there = logins.remove_login(host)
    except (registries.ClientError, OSError) as error:
        raise click.ClickException(f"the login cannot be removed: {error}") from error
    say(f"Logged out of {host}" if was_there else f"There was no login for {host}")


def _require_right(host: str, given: "HostLogin", options: "SessionOptions") -> None:
    """Ask a registry whether a login is right; if it is not, the command ends."""
    try:
        with (
            remote.translate_client_errors(host),
            registries.Client(host, login=given, options=options) as client,
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
