"""Settings for a command; what is wrong with the configuration ends it."""

import os
from pathlib import Path

import click

from lading.config.loading import load
from lading.config.problems import ConfigurationError
from lading.config.settings import Settings


def load_settings(path: Path | None) -> Settings:
    """The settings of a file and the environment; warnings go to standard error.

    Raises:
        ClickException: something is wrong with it; the message names every such thing.
    """
    try:
        loaded = load(path, os.environ)
    except ConfigurationError as error:
        raise click.ClickException(f"configuration error:\n{error}") from error
    for warning in loaded.warnings:
        click.echo(f"Warning: {warning}", err=True)
    return loaded.settings
