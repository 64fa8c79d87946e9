"""`lading diff`: in what two images differ."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import click

from lading.cli.completion import complete_image
from lading.cli.examples import REGISTRY, Example, with_examples
from lading.cli.exits import NothingCompared
from lading.cli.images.documents import ManifestDocument, fetch_config, read_manifest
from lading.cli.images.file_tree import PlacedEntry
from lading.cli.images.files import choose_image, hash_contents, read_files
from lading.cli.images.graph import kind_of
from lading.cli.images.places import NamedImage, Where, look_at, parse_named, place_options
from lading.cli.images.source import ImageRepository
from lading.cli.output import human_size, say, to_json
from lading.cli.windows import Column, print_table
from lading.core.images.comparison import ImageDifference, compare_configs, compare_mappings
from lading.core.images.image_config import ShownConfig
from lading.core.images.tree import EntryKind

_DIFFERS = 1


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two images that are compared; its files by path, if they are compared, too."""

    named: NamedImage
    digest: str
    document: ManifestDocument
    config: ShownConfig | None
    files: Mapping[str, PlacedEntry]


@with_examples(
    Example("lading diff app:1.0 app:1.0", "Exit code 0: they are the same."),
    Example("lading diff app:1.0 app:1.1", "Exit code 1: they differ, and in what.", 1),
    Example(f"lading diff app:1.0 {REGISTRY}/app:1.1 --files", "File by file.", 1),
    Example("lading diff app:1.0 app:9", "Exit code 2: one of them is not there.", 2),
)
@click.command()
@click.argument("first", shell_complete=complete_image)
@click.argument("second", shell_complete=complete_image)
@click.option("--files", "with_files", is_flag=True, help="Compare the files, too, by contents.")
@click.option("--platform", default="", help="Of an index: `linux/arm64`.")
@place_options
def diff(
    first: str, second: str, where: Where, *, with_files: bool, platform: str, as_json: bool
) -> None:
    """Compare two images, and their files.

    The exit code is 0 if they are the same, 1 if they differ, 2 for trouble. FIRST and SECOND are
    `app:1.0` or `app@sha256:…`, or the same with a host before it; they may be in two registries.
    """
    try:
        both = [parse_named(text, where) for text in (first, second)]
        before, after = (_read(named, platform, with_files=with_files) for named in both)
        found = [*_differences(before, after), *_file_differences(before, after)]
    except click.UsageError:
        raise
    except click.ClickException as error:
        raise NothingCompared(error.message) from error
    same = before.digest == after.digest
    if as_json:
        say(to_json({"same": same, "differences": found}))
    elif not same:
        columns = [Column("KIND"), Column("NAME"), Column("FIRST"), Column("SECOND")]
        print_table(columns, [(it.kind, it.name, it.before, it.after) for it in found])
    if not same:
        click.get_current_context().exit(_DIFFERS)


def _read(named: NamedImage, platform: str, *, with_files: bool) -> _Side:
    async def gather(repository: ImageRepository) -> _Side:
        found = await repository.manifest(named.reference)
        document = read_manifest(found)
        if platform or with_files:
            document = await choose_image(repository, named.reference, platform)
        config, files = None, {}
        if kind_of(document) == "image":
            config = await fetch_config(repository, document)
        if with_files:
            tree = await read_files(repository, document.layers)
            files = {placed.entry.path: placed for placed in tree.all()}
        return _Side(named, found.digest, document, config, files)

    return look_at(named, gather)


def _differences(before: _Side, after: _Side) -> Iterator[ImageDifference]:
    if before.digest != after.digest:
        yield ImageDifference("digest", "", before.digest, after.digest)
    one, other = before.document, after.document
    yield from compare_mappings(
        "platform",
        {child.platform: child.digest for child in one.children},
        {child.platform: child.digest for child in other.children},
    )
    if before.config is not None and after.config is not None:
        yield from compare_configs(before.config, after.config)
    for layer in one.layers:
        if layer.digest not in {it.digest for it in other.layers}:
            yield ImageDifference("layer", layer.digest, human_size(layer.size), "")
    for layer in other.layers:
        if layer.digest not in {it.digest for it in one.layers}:
            yield ImageDifference("layer", layer.digest, "", human_size(layer.size))


def _file_differences(before: _Side, after: _Side) -> Iterator[ImageDifference]:
    """Files that one of them has alone, or that look or read otherwise."""
    shared = before.files.keys() & after.files.keys()
    alike = [
        path
        for path in shared
        if _look_of(before.files[path]) == _look_of(after.files[path])
        and before.files[path].entry.kind is EntryKind.FILE
        and not _is_same_place(path, before, after)
    ]
    one, other = _hashes(before, alike), _hashes(after, alike)
    for path in sorted(before.files.keys() | after.files.keys()):
        first = _look_of(before.files[path]) if path in before.files else ""
        second = _look_of(after.files[path]) if path in after.files else ""
        if first != second:
            yield ImageDifference("file", path, first, second)
        elif one.get(path) != other.get(path):
            yield ImageDifference("file", path, f"sha256:{one[path]}", f"sha256:{other[path]}")


def _is_same_place(path: str, before: _Side, after: _Side) -> bool:
    """Whether a file is of the same layer in both, and so is the same."""
    one, other = before.files[path], after.files[path]
    of_one, of_other = before.document.layers[one.layer], after.document.layers[other.layer]
    return of_one.digest == of_other.digest and one.entry.offset == other.entry.offset


def _hashes(side: _Side, paths: Sequence[str]) -> Mapping[str, str]:
    if not paths:
        return {}
    layers, wanted = side.document.layers, [side.files[path] for path in paths]
    return look_at(side.named, lambda repository: hash_contents(repository, layers, wanted))


def _look_of(placed: PlacedEntry) -> str:
    """The line of a file in a list."""
    entry = placed.entry
    link = f" -> {entry.link}" if entry.link else ""
    size = f" {entry.size}" if entry.kind is EntryKind.FILE else ""
    return f"{entry.kind.name.lower()} {entry.mode:04o}{size}{link}"
