"""`lading why`: what keeps a blob or a manifest."""

from pathlib import Path

import click

from lading.cli.arguments import CONFIG, parse_digest
from lading.cli.output import plain, to_json
from lading.cli.registry import with_registry
from lading.services.why import Explanation, explain


@click.command()
@click.argument("digest")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")
@CONFIG
def why(digest: str, config: Path | None, *, as_json: bool) -> None:
    """Tell what keeps a blob or a manifest: the tags that lead to it, the trash, or a promise.

    CONFIG is the server's configuration file.
    """
    wanted = parse_digest(digest)
    explanation = with_registry(config, lambda registry: explain(registry, wanted))
    if as_json:
        click.echo(_document(explanation))
    else:
        _tell(explanation)


def _tell(explanation: Explanation) -> None:
    for repository, reasons in explanation.reasons.items():
        click.echo(repository)
        for reason in reasons:
            click.echo(f"    {reason.why}")
        if not reasons:
            click.echo("    nothing keeps it here: the next collection takes it")
    if not explanation.reasons:
        click.echo("No repository has it: the next collection takes it.")


def _document(explanation: Explanation) -> str:
    return to_json(
        {
            "digest": explanation.digest,
            "repositories": [
                {
                    "repository": repository,
                    "reasons": [{**plain(reason), "why": reason.why} for reason in reasons],
                }
                for repository, reasons in explanation.reasons.items()
            ],
        }
    )
