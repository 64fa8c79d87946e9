"""Options of how a command speaks with a registry: without TLS, by which certificates."""

from collections.abc import Callable
from pathlib import Path

import click

from lading.core.typing import T

CA = click.option(
    "--ca",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with further authorities to trust, in PEM.",
)
_PLAIN_HTTP = click.option("--plain-http", is_flag=True, help="Speak HTTP without TLS.")
_INSECURE = click.option("--insecure", is_flag=True, help="Take any certificate.")


def speaking_options(command: Callable[..., T]) -> Callable[..., T]:
    """A decorator that gives a command `plain_http`, `insecure` and `ca`, as `SessionOptions` has.

    This machine (`localhost`) needs none of them: it is asked by both ways.
    """
    return _PLAIN_HTTP(_INSECURE(CA(command)))
