"""`lading files` and `lading cat`: what is inside an image, without running it."""

import stat
from collections.abc import Mapping, Sequence

import click

from lading.cli.completion import complete_image
from lading.cli.examples import REGISTRY, Example, with_examples
from lading.cli.images.file_tree import PlacedEntry, as_shown
from lading.cli.images.files import choose_image, read_content, read_files, read_layer
from lading.cli.images.places import Where, look_at, parse_named, place_options, where_options
from lading.cli.images.source import ImageRepository
from lading.cli.output import binary_output, human_size, say, to_json
from lading.cli.windows import Column, print_table
from lading.core.images.tree import EntryKind

_PLATFORM = click.option(
    "--platform", default="", help="Of an index: `linux/arm64`; by default as this machine."
)
_LETTERS = {EntryKind.DIRECTORY: stat.S_IFDIR, EntryKind.SYMLINK: stat.S_IFLNK}


@with_examples(
    Example("lading files app:1.1", "All files, as a program in it would see them."),
    Example(f"lading files {REGISTRY}/app:1.1 etc", "Those of a directory, of another registry's."),
    Example("lading files app:1.1 --layer 2", "What one layer brings and hides."),
)
@click.command("files")
@click.argument("image", shell_complete=complete_image)
@click.argument("path", default="")
@click.option("--layer", type=click.IntRange(min=1), help="Of this layer alone; 1 is the lowest.")
@_PLATFORM
@place_options
def list_files(
    image: str, path: str, where: Where, *, layer: int | None, platform: str, as_json: bool
) -> None:
    """List the files of an image, or those below a path.

    IMAGE is `app:1.0` or `app@sha256:…`, or the same with a host before it.
    """
    named = parse_named(image, where)

    async def gather(repository: ImageRepository) -> Sequence[PlacedEntry]:
        document = await choose_image(repository, named.reference, platform)
        if layer is None:
            files = await read_files(repository, document.layers)
            return list(files.all(as_shown(path)))
        if layer > len(document.layers):
            raise click.UsageError(f"--layer {layer}: the image has {len(document.layers)}")
        found = await read_layer(repository, document.layers[layer - 1], "layer")
        below = as_shown(path)
        return [
            PlacedEntry(layer - 1, entry)
            for entry in found
            if not below or entry.path == below or entry.path.startswith(f"{below}/")
        ]

    found = look_at(named, gather)
    if as_json:
        say(to_json([_listed(placed) for placed in found]))
        return
    columns = [Column("MODE"), Column("SIZE", right=True), Column("PATH")]
    print_table(columns, [_row(placed) for placed in found])


@with_examples(
    Example("lading cat app:1.1 etc/motd", "A file of it, byte for byte."),
    Example("lading cat app:1.1 etc/nothing", "Exit code 3: there is none.", 3),
)
@click.command()
@click.argument("image", shell_complete=complete_image)
@click.argument("path")
@_PLATFORM
@where_options
def cat(image: str, path: str, platform: str, where: Where) -> None:
    """Print a file of an image, byte for byte.

    Links are followed. On a terminal its controls are made visible.

    IMAGE is `app:1.0` or `app@sha256:…`, or the same with a host before it.
    """
    named, output = parse_named(image, where), binary_output()

    async def print_it(repository: ImageRepository) -> None:
        document = await choose_image(repository, named.reference, platform)
        files = await read_files(repository, document.layers)
        layer, entry = files.resolve(as_shown(path))
        if entry.kind is not EntryKind.FILE:
            raise click.ClickException(f"{path}: a {_kind(entry.kind)}, and no file with contents")
        chosen = document.layers[layer]
        await read_content(repository, chosen, entry, output)

    look_at(named, print_it)
    output.flush()


def _kind(kind: EntryKind) -> str:
    return kind.name.lower()


def _listed(placed: PlacedEntry) -> Mapping[str, object]:
    layer, entry = placed
    return {
        "path": entry.path,
        # Of a layer alone also `whiteout` and `opaque`, which hide what is in layers below.
        "kind": _kind(entry.kind),
        "size": entry.size,
        "mode": entry.mode,
        "link": entry.link,
        "layer": layer + 1,
    }


def _row(placed: PlacedEntry) -> Sequence[str]:
    entry = placed.entry
    if entry.is_mark:
        hides = "all below it" if entry.kind is EntryKind.OPAQUE else "it"
        return ("hides", "", f"{entry.hidden} ({hides})")
    mode = stat.filemode(_LETTERS.get(entry.kind, stat.S_IFREG) | entry.mode)
    leads = f" -> {entry.link}" if entry.link else ""
    return (mode, human_size(entry.size), f"{entry.path}{leads}")
