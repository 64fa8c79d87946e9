"""`lading user`: the people in the file of users (`auth.htpasswd.path`).

A password is typed or comes from standard input, never from the command line, where every process
of the machine could read it.
"""

import errno
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from lading.cli.arguments import load_settings, read_password
from lading.cli.examples import Example, with_examples
from lading.cli.late import late
from lading.cli.output import JSON, say, to_json
from lading.cli.registry import audit_of
from lading.core.robots import PREFIX

with late():
    from lading.ports import logins
    from lading.ports.logins import Users
    from lading.services import registry
    from lading.services.registry import Note
    from lading.wiring import authentication

# Reasons that say themselves what to do.
_OF_ANOTHER_KIND = frozenset({errno.EBUSY, errno.ENOSPC, errno.EDQUOT})

_FILE = click.option(
    "-f",
    "--file",
    "path",
    type=click.Path(path_type=Path),
    help="The file of users; by default that of the configuration.",
)
_CONFIG = click.option(
    "-c", "--config", type=click.Path(path_type=Path), help="The configuration that names the file."
)
_FROM_STDIN = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input."
)


@click.group()
def user() -> None:
    """Add and remove those who log in with a password.

    The server takes changes up by itself. Without --file, the file is the one that the
    configuration names: --config, or REGISTRY_AUTH_HTPASSWD_PATH and the other variables.
    """


@with_examples(
    Example(
        "lading user add alice --password-stdin --file /etc/lading/htpasswd",
        "The password by standard input; without the option it is asked for.",
    ),
)
@user.command()
@click.argument("name")
@_FILE
@_CONFIG
@_FROM_STDIN
def add(name: str, path: Path | None, config: Path | None, *, password_stdin: bool) -> None:
    """Add a user. The file is made if it is not there."""
    with _open(path, config) as (found, note):
        found.add(name, read_password(from_stdin=password_stdin, twice=True))
        note("user.add", user=name)
    say(f"{name} may log in")


@with_examples(
    Example(
        "lading user passwd alice --password-stdin --file /etc/lading/htpasswd",
        "Her logins and tokens end.",
    ),
)
@user.command()
@click.argument("name")
@_FILE
@_CONFIG
@_FROM_STDIN
def passwd(name: str, path: Path | None, config: Path | None, *, password_stdin: bool) -> None:
    """Give a user another password. Its tokens end, too."""
    with _open(path, config) as (found, note):
        found.change_password(name, read_password(from_stdin=password_stdin, twice=True))
        note("user.password", user=name)
    say(f"{name} has a new password")


@with_examples(
    Example(
        "lading user rm alice --file /etc/lading/htpasswd", "Within seconds, while the server runs."
    ),
)
@user.command()
@click.argument("name")
@_FILE
@_CONFIG
def rm(name: str, path: Path | None, config: Path | None) -> None:
    """Remove a user. Its tokens end, too."""
    with _open(path, config) as (found, note):
        found.remove(name)
        note("user.remove", user=name)
    say(f"{name} may not log in any more")


@with_examples(
    Example("lading user ls --file /etc/lading/htpasswd", "Their names, and who cannot log in."),
)
@user.command()
@_FILE
@_CONFIG
@JSON
def ls(path: Path | None, config: Path | None, *, as_json: bool) -> None:
    """List the users."""
    with _open(path, config) as (found, _):
        listed = found.all()
    if as_json:
        say(to_json([{"name": each.name, "usable": each.usable} for each in listed]))
        return
    for each in listed:
        why_not = "the name is a robot's" if each.name.startswith(PREFIX) else "not bcrypt"
        say(each.name if each.usable else f"{each.name} (cannot log in: {why_not})")
    if not listed:
        say("There are none; `lading user add` makes one.", err=True)


@contextmanager
def _open(path: Path | None, config: Path | None) -> "Iterator[tuple[Users, Note]]":
    """The users of a file, and the notes of the registry if it is a registry's.

    What goes wrong ends the command with a sentence.
    """
    with ExitStack() as stack:
        note: Note = registry.forget
        if path is None:
            settings = load_settings(config)
            if settings.auth.htpasswd is None:
                raise click.ClickException(
                    "name the file with --file, or with --config a configuration that has"
                    " `auth.htpasswd`"
                )
            path = settings.auth.htpasswd.path
            note = stack.enter_context(audit_of(settings))
        try:
            yield authentication.users_of(path), note
        except (logins.UserError, logins.AuthUnusable) as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            advice = (
                ""
                if error.errno in _OF_ANOTHER_KIND
                else "; the file is replaced as a whole, so its directory must be writable (in a"
                " container, mount the directory)"
            )
            raise click.ClickException(f"cannot write {path}: {error.strerror}{advice}") from error
