"""`lading config`: check a configuration, show what is in force."""

import os
from pathlib import Path

import click

from lading.cli.arguments import CONFIG, load_settings
from lading.cli.examples import Example, with_examples
from lading.cli.late import late
from lading.cli.output import say

with late():
    from lading.config import effective, loading


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
    say(effective.settings_as_yaml(load_settings(config)), nl=False)
