"""`lading why`: what keeps a blob or a manifest."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from lading.cli.arguments import CONFIG, load_settings, parsed
from lading.cli.examples import Example, with_examples
from lading.cli.late import late
from lading.cli.output import JSON, plain, say, to_json
from lading.cli.registry import with_registry
from lading.core.digest import Digest
from lading.core.names import RepositoryName
from lading.core.why import Reason

with late():
    from lading.services import why as service

Reasons = Mapping[RepositoryName, Sequence[Reason]]


@with_examples(
    Example(
        "lading why sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "Which tags lead to it, or for how long something else keeps it.",
        3,
    ),
)
@click.command()
@click.argument("digest")
@JSON
@CONFIG
def why(digest: str, config: Path | None, *, as_json: bool) -> None:
    """Tell what keeps a blob or a manifest.

    That is tags that lead to it, the trash, or a promise to a client. CONFIG is the server's
    configuration file.
    """
    wanted = parsed(Digest, digest)
    reasons = with_registry(
        load_settings(config), lambda registry: service.explain(registry, wanted)
    )
    if as_json:
        say(_document(wanted, reasons))
    else:
        _tell(reasons)


def _tell(reasons: Reasons) -> None:
    for repository, found in reasons.items():
        say(repository)
        for reason in found:
            say(f"    {reason.why}")
        if not found:
            say("    nothing keeps it here: the next collection takes it")
    if not reasons:
        say("No repository has it: the next collection takes it.")


def _document(digest: Digest, reasons: Reasons) -> str:
    repositories = []
    for repository, found in reasons.items():
        said = [{**plain(reason), "why": reason.why} for reason in found]
        repositories.append({"repository": repository, "reasons": said})
    return to_json({"digest": digest, "repositories": repositories})
