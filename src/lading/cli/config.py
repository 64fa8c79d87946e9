"""`lading config`: check a configuration, show what is in force."""

from pathlib import Path

import click

from lading.cli.settings import load_settings
from lading.config.effective import settings_as_yaml


@click.group()
def config() -> None:
    """Check a configuration file, or show what is in force."""


@config.command()
@click.argument("config", type=click.Path(path_type=Path))
def check(config: Path) -> None:
    """Say whether the server would start with CONFIG, and what is wrong with it."""
    load_settings(config)
    click.echo(f"{config}: fine")


@config.command()
@click.argument("config", required=False, type=click.Path(path_type=Path))
def show(config: Path | None) -> None:
    """Print every setting in force: of CONFIG, of the environment, and defaults."""
    click.echo(settings_as_yaml(load_settings(config)), nl=False)
