"""`lading inspect` and `lading tree`: what an image is, and all that belongs to it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import click

from lading.cli.completion import complete_image
from lading.cli.examples import REGISTRY, Example, with_examples
from lading.cli.images.documents import ManifestDocument, fetch_config, read_manifest
from lading.cli.images.graph import Branch, grow, kind_of
from lading.cli.images.places import NamedImage, Where, look_at, parse_named, place_options
from lading.cli.images.source import FoundManifest, ImageRepository
from lading.cli.output import answer, binary_output, human_size, say, to_json
from lading.cli.windows import say_fitting, say_parts
from lading.core.images.image_config import ShownConfig

_RAW = click.option("--raw", is_flag=True, help="Print the manifest itself, byte for byte.")


@dataclass(frozen=True, slots=True)
class Inspected:
    """An image, and what is known of it."""

    named: NamedImage
    found: FoundManifest
    document: ManifestDocument
    config: ShownConfig | None


@with_examples(
    Example("lading inspect app:1.0", "What it is, and what it runs."),
    Example("lading inspect app:1.0 --json", "The same for a program."),
    Example(f"lading inspect {REGISTRY}/app:1.0 --raw", "The manifest, as it was pushed."),
    Example("lading inspect app:9", "Exit code 3: there is none.", 3),
)
@click.command("inspect")
@click.argument("image", shell_complete=complete_image)
@_RAW
@place_options
def inspect_image(image: str, where: Where, *, raw: bool, as_json: bool) -> None:
    """Tell what an image is, what is in it, and what it runs.

    IMAGE is `app:1.0` or `app@sha256:…`, or the same with a host before it.
    """
    named = parse_named(image, where)

    async def gather(repository: ImageRepository) -> Inspected:
        found = await repository.manifest(named.reference)
        document = read_manifest(found)
        if raw or kind_of(document) != "image":
            return Inspected(named, found, document, None)
        read = await fetch_config(repository, document)
        return Inspected(named, found, document, read)

    seen = look_at(named, gather)
    if raw:
        binary_output().write(seen.found.body)
    elif as_json:
        say(to_json(_as_document(seen)))
    else:
        _say_image(seen)


@with_examples(
    Example("lading tree app:1.0", "An index, its images, their layers, and what refers to it."),
)
@click.command()
@click.argument("image", shell_complete=complete_image)
@place_options
def tree(image: str, where: Where, *, as_json: bool) -> None:
    """Draw what belongs to an image, and what refers to it.

    IMAGE is `app:1.0` or `app@sha256:…`, or the same with a host before it.
    """
    named = parse_named(image, where)

    async def gather(repository: ImageRepository) -> Branch:
        found = await repository.manifest(named.reference)
        return await grow(repository, found, referrers=True)

    root = look_at(named, gather)
    answer(root, partial(_draw, image), as_json=as_json)


def _say_image(seen: Inspected) -> None:
    """Print what it is; its own digest is whole in a narrow window, too, to be copied."""
    say_fitting(f"{'Name':<14}{seen.named.image}")
    say_parts(f"{'Digest':<13}", seen.found.digest)
    for name, value in _lines(seen):
        say_fitting(f"{name:<14}{value}")


def _lines(seen: Inspected) -> Iterator[tuple[str, str]]:
    document, config = seen.document, seen.config
    yield "Kind", f"{kind_of(document)} ({seen.found.media_type})"
    if document.artifact_type:
        yield "Artifact type", document.artifact_type
    for child in document.children:
        yield "Platform", f"{child.platform or 'unknown'}  {child.digest}"
    if config is not None:
        yield from _config_lines(config)
    for layer in document.layers:
        yield "Layer", f"{layer.digest}  {human_size(layer.size)}"
    if document.layers:
        yield "Size", human_size(sum(layer.size for layer in document.layers))
    if document.subject is not None:
        yield "Subject", document.subject.digest
    for name, value in document.annotations.items():
        yield "Annotation", f"{name}={value}"


def _config_lines(config: ShownConfig) -> Iterator[tuple[str, str]]:
    for name, text in config.fields().items():
        if text:
            yield name.capitalize(), text
    for variable in config.environment:
        yield "Environment", variable
    for name, value in config.labels.items():
        yield "Label", f"{name}={value}"


def _as_document(seen: Inspected) -> Mapping[str, Any]:
    document = seen.document
    return {
        "name": seen.named.name,
        "reference": seen.named.reference,
        "digest": seen.found.digest,
        "media_type": seen.found.media_type,
        "kind": kind_of(document),
        "artifact_type": document.artifact_type,
        "size": sum(layer.size for layer in document.layers),
        "config": seen.config,
        "layers": document.layers,
        "platforms": document.children,
        "subject": document.subject,
        "annotations": document.annotations,
    }


def _draw(image: str, root: Branch) -> None:
    for line in (f"{image}  {_describe(root)}", *_drawn(root.parts, "")):
        say_fitting(line)


def _drawn(parts: Sequence[Branch], margin: str) -> Iterator[str]:
    for part in parts:
        is_last = part is parts[-1]
        yield f"{margin}{'└── ' if is_last else '├── '}{_describe(part)}"
        yield from _drawn(part.parts, margin + ("    " if is_last else "│   "))


def _describe(branch: Branch) -> str:
    name = f" {branch.name}" if branch.name else ""
    missing = "  (not in the registry)" if branch.missing else ""
    return f"{branch.kind}{name}  {branch.digest}  {human_size(branch.size)}{missing}"
