"""`lading read-only`: no more pushes and deletes for a while, without a restart."""

from pathlib import Path

import click

from lading.cli.arguments import CONFIG, load_settings
from lading.cli.examples import Example, with_examples
from lading.cli.late import late
from lading.cli.output import JSON, say, to_json
from lading.cli.registry import operator, with_registry
from lading.core.access import Principal
from lading.core.history import Change
from lading.core.timestamps import utc

with late():
    from lading.config.settings import Settings
    from lading.services import read_only as switch
    from lading.services.registry import Registry
    from lading.wiring import owned_files

KEY = "storage.maintenance.readonly.enabled"


@with_examples(
    Example("lading read-only on", "Nothing is pushed or deleted from now on."),
    Example("lading read-only status", "Whether it is on, since when, and by whom."),
)
@click.command("read-only")
@click.argument("state", type=click.Choice(["on", "off", "status"]))
@JSON
@CONFIG
def read_only(state: str, config: Path | None, *, as_json: bool) -> None:
    """Switch read-only mode on or off, or say whether it is on.

    It takes effect at once, in all workers: requests that are under way are finished, the next one
    that would push or delete gets 405. CONFIG is the server's configuration file.
    """
    settings = load_settings(config)
    switched = with_registry(settings, lambda registry: _switch(registry, settings, state))
    configured = settings.storage.maintenance.readonly.enabled
    if as_json:
        document = {
            "read_only": configured or switched is not None,
            "configured": configured,
            "since": None if switched is None else switched.at,
            "by": None if switched is None else switched.actor,
        }
        say(to_json(document))
    else:
        say(_words(switched, configured=configured))


async def _switch(registry: "Registry", settings: "Settings", state: str) -> Change | None:
    if state == "on":
        await switch.switch_on(registry, Principal(operator()))
    elif state == "off":
        await owned_files.take_alone(registry, settings)
        await switch.switch_off(registry)
    return await switch.find(registry)


def _words(switched: Change | None, *, configured: bool) -> str:
    if configured:
        return f"read-only by the configuration ({KEY}), whatever is switched here"
    if switched is None:
        return "pushes and deletes are accepted"
    return f"read-only since {utc(switched.at)}, switched on by {switched.actor}"
