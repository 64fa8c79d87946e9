"""`lading config`: check a configuration, show what is in force."""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import click

from lading.cli.arguments import CONFIG, load_settings
from lading.cli.examples import Example, with_examples
from lading.cli.late import late
from lading.cli.output import say

with late():
    import yaml

    from lading.config import durations, loading
    from lading.config.settings import Settings


@click.group()
def config() -> None:
    """Check a configuration file, or show what is in force."""


@with_examples(
    Example(
        "lading config check /etc/distribution/config.yml",
        "All that is wrong with it, and what to write instead.",
    ),
)
@config.command()
@CONFIG
def check(config: Path | None) -> None:
    """Say whether a server would start with it.

    All that is wrong with CONFIG and the environment is told, with what to write instead.
    """
    load_settings(config)
    say(f"{loading.find_file(config, os.environ) or 'no file, so defaults'}: fine")


@with_examples(
    Example("lading config show", "What is in force where nothing is configured."),
)
@config.command()
@CONFIG
def show(config: Path | None) -> None:
    """Print every setting that is in force.

    They are those of CONFIG, of the environment, and defaults; secrets are `***`.
    """
    say(settings_as_yaml(load_settings(config)), nl=False)


def settings_as_yaml(settings: "Settings") -> str:
    """Write the settings as a `config.yml` that means the same, defaults and all.

    A setting that holds a secret is text without it (`DatabaseUrl`, `HiddenText`), for this is what
    people paste into bug reports.
    """
    http = settings.http.model_copy(update={"workers": settings.workers})
    values = settings.model_copy(update={"http": http}).model_dump(exclude_none=True)
    if settings.storage.driver != "filesystem":
        del values["storage"]["filesystem"]
    return yaml.safe_dump(plain(values), sort_keys=False, allow_unicode=True)


def plain(value: object) -> object:
    """Put a value as the file would have it: text, numbers, lists and mappings."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, timedelta):
        return durations.format_duration(value)
    return value if isinstance(value, bool | int) else str(value)
