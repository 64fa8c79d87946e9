"""`lading token`: logins for programs, each with rights of its own and an end."""

import time
from collections.abc import Sequence
from pathlib import Path

import click

from lading.cli.arguments import CONFIG, load_settings, parse_lifetime
from lading.cli.examples import Example, with_examples
from lading.cli.exits import NothingFound
from lading.cli.late import late
from lading.cli.output import JSON, say, to_json
from lading.cli.registry import operator, with_registry
from lading.core.access import Action, Actions
from lading.core.globs import Glob
from lading.core.robots import Robot, login_name
from lading.core.timestamps import utc

with late():
    from lading.services import robots
    from lading.services.registry import Registry


@click.group()
def token() -> None:
    """Give programs a login of their own.

    Build servers, deployments and mirrors have one each: with a name, `robot+NAME`, and a password
    that is shown once. It may do what it was made for and nothing else, whatever the permissions of
    the configuration say. A running server knows of it at once. Robots log in where users do: with
    `auth.htpasswd`.
    """


@with_examples(
    Example(
        "lading token create ci --repositories 'team/**' --actions pull,push",
        "For a build server; its password is printed, this once.",
    ),
    Example(
        "lading token create mirror --repositories '**' --expires never",
        "For what pulls everything.",
    ),
)
@token.command()
@click.argument("name")
@click.option(
    "-r",
    "--repositories",
    required=True,
    multiple=True,
    metavar="PATTERN",
    help="Where it may do something, such as `team/**`; several with commas, or the option again.",
)
@click.option(
    "-a",
    "--actions",
    default="pull",
    show_default=True,
    metavar="ACTIONS",
    help="What it may do there: pull, push (with which comes pull), delete; several with commas.",
)
@click.option(
    "--expires",
    default="90d",
    show_default=True,
    metavar="DURATION",
    help="How long it is good for, such as `90d` or `12h`; or `never`.",
)
@JSON
@CONFIG
def create(
    name: str,
    repositories: tuple[str, ...],
    actions: str,
    expires: str,
    config: Path | None,
    *,
    as_json: bool,
) -> None:
    """Make a login, and print its password.

    It is called `robot+NAME`. The password alone goes to standard output, so it can be piped to
    `docker login --password-stdin`. CONFIG is the server's configuration file.
    """
    patterns, allowed = _parse_patterns(repositories), _parse_actions(actions)
    lifetime = parse_lifetime(expires)
    try:
        made = with_registry(
            load_settings(config),
            lambda registry: robots.create(
                registry, name, patterns, allowed, by=operator(), lifetime=lifetime
            ),
            create=True,  # before the first start, too
        )
    except ValueError as error:
        raise click.BadParameter(f"{name!r}: {error}") from error
    if made is None:
        raise click.ClickException(
            f"{login_name(name)} exists; take another name, or end it first:"
            f" `lading token revoke {name}`"
        )
    robot, password = made
    if as_json:
        say(to_json({**_described(robot), "password": password}))
        return
    say(f"{robots.describe(robot)}. Its password, which is shown this once:", err=True)
    say(password)


@with_examples(
    Example("lading token ls", "What each may do, and when it was last used."),
)
@token.command("ls")
@JSON
@CONFIG
def list_tokens(config: Path | None, *, as_json: bool) -> None:
    """List the logins of programs.

    Each with what it may do, and when it was last used. CONFIG is the server's configuration file.
    """
    found = with_registry(load_settings(config), robots.all_robots)
    if as_json:
        say(to_json([_described(robot) for robot in found]))
        return
    now = time.time()
    for robot in found:
        ended = " (ended)" if robot.expires_at is not None and robot.expires_at <= now else ""
        used = "never used" if robot.used_at is None else f"last used {utc(robot.used_at)}"
        say(f"{robots.describe(robot)}{ended}")
        say(f"    made {utc(robot.created_at)} by {robot.created_by}, {used}")
    if not found:
        say("There are none; `lading token create` makes one.", err=True)


@with_examples(
    Example("lading token revoke ci", "At once, with all its tokens."),
)
@token.command()
@click.argument("name")
@CONFIG
def revoke(name: str, config: Path | None) -> None:
    """End a login at once.

    All tokens that were issued to it end as well. CONFIG is the server's configuration file.
    """
    name = name.removeprefix(login_name(""))
    revoked, place = with_registry(load_settings(config), lambda registry: _revoke(registry, name))
    if not revoked:
        raise NothingFound(f"there is no {login_name(name)}; see `lading token ls`")
    say(f"{login_name(name)} can no longer log in")
    if place:
        say(f"This registry was migrated to {place}: end the login there, too", err=True)


async def _revoke(registry: "Registry", name: str) -> tuple[bool, str]:
    return await robots.revoke(registry, name), await robots.where_else(registry)


def _parse_patterns(texts: Sequence[str]) -> Sequence[Glob]:
    patterns = []
    for text in ",".join(texts).split(","):
        try:
            pattern = Glob(text.strip())
        except ValueError as error:
            raise click.BadParameter(f"{text!r}: {error}") from error
        if pattern != pattern.lower():
            raise click.BadParameter(f"{text!r}: write it in lower case, as repository names are")
        patterns.append(pattern)
    return patterns


def _parse_actions(text: str) -> Actions:
    try:
        return frozenset(Action(word.strip().lower()) for word in text.split(","))
    except ValueError as error:
        known = ", ".join(action.value for action in Action)
        raise click.BadParameter(f"{text!r}: write some of {known}") from error


def _described(robot: Robot) -> dict[str, object]:
    return {
        "name": robot.name,
        "login": login_name(robot.name),
        "repositories": robot.repositories,
        "actions": robots.in_order(robot.actions),
        "created_at": robot.created_at,
        "created_by": robot.created_by,
        "expires_at": robot.expires_at,
        "used_at": robot.used_at,
    }
