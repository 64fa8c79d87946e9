"""`lading doctor`: what is wrong with a deployment, seen from where its clients are."""

import os
import sys
from pathlib import Path

import click

from lading.cli.arguments import CA
from lading.cli.examples import REGISTRY, Example, with_examples
from lading.cli.late import late
from lading.cli.output import JSON, clean, say, to_json

with late():
    from lading.client import doctor as examining
    from lading.client import errors
    from lading.client.doctor import DeploymentFinding

# By the state of a finding.
_SIGNS = {
    "OK": ("✓", "green"),
    "WARN": ("!", "yellow"),
    "WRONG": ("✗", "red"),
    "SKIPPED": ("-", "bright_black"),
}


@with_examples(
    Example(f"lading doctor {REGISTRY}", "Reads alone, and changes nothing."),
    Example(f"lading doctor {REGISTRY} --push --repository app", "With an upload, given up again."),
)
@click.command()
@click.argument("url")
@click.option("--repository", default="", help="A repository to read, and to try the upload in.")
@click.option("--push", is_flag=True, help="Try an upload of a few MiB, and give it up.")
@click.option("--debug", default="", metavar="URL", help="Where `http.debug.addr` answers.")
@click.option("--insecure", is_flag=True, help="Take any certificate; no login is sent.")
@CA
@JSON
def doctor(
    url: str,
    repository: str,
    debug: str,
    ca: Path | None,
    *,
    push: bool,
    insecure: bool,
    as_json: bool,
) -> None:
    """Look for what is wrong with a deployment.

    Run it where its clients are. Each line says what was looked at; below what is wrong stands what
    to change: names, ports, TLS, clocks, logins, what a proxy does to answers, and with --push what
    it does to uploads. The exit code is 1 if something is wrong, 0 otherwise.
    """
    options = examining.DoctorOptions(repository, push, debug, insecure, ca)
    found = []
    try:
        for finding in examining.examine(url, options):
            found.append(finding)
            if not as_json:
                _print(finding)
    except errors.ReferenceInvalid as error:
        raise click.UsageError(error.message) from error
    except errors.ClientError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        say(to_json(found))
    if any(finding.state is examining.FindingState.WRONG for finding in found):
        raise click.exceptions.Exit(1)


def _print(finding: "DeploymentFinding") -> None:
    sign, colour = _SIGNS[finding.state.name]
    if _takes_colours():
        sign = click.style(sign, fg=colour)
    say(f" {finding.name}: {clean(finding.what)}", styled=sign)
    if finding.advice:
        say(f"    {clean(finding.advice)}")


def _takes_colours() -> bool:
    """Whether the answer goes to a terminal that has colours, for somebody who wants some."""
    is_dumb = os.environ.get("TERM", "").lower() in {"dumb", "unknown"}
    return sys.stdout.isatty() and not is_dumb and not os.environ.get("NO_COLOR")
