"""`lading du`: which bytes are whose, and which are shared."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import click

from lading.cli.completion import complete_image
from lading.cli.examples import Example, with_examples
from lading.cli.images.graph import blobs_of, grow
from lading.cli.images.places import Where, look, parse_named, place_options
from lading.cli.images.source import ImageRepository, ImageSource
from lading.cli.output import human_size, say, to_json
from lading.cli.windows import Column, print_table
from lading.core.errors import ManifestDamaged, ManifestUnknown, RepositoryUnknown
from lading.core.versions import natural


@dataclass(frozen=True, slots=True)
class Usage:
    """The bytes of a tag, or of a repository's tags: its `own`, and those shared in the list."""

    name: str
    own: int
    shared: int


@with_examples(
    Example("lading du app", "Of each tag: what only it has, and what it shares."),
    Example("lading du app tools/lint", "Of each repository, beside the other ones named."),
    Example("lading du", "Of all repositories of our registry."),
)
@click.command()
@click.argument("repositories", nargs=-1, metavar="[REPOSITORY]...", shell_complete=complete_image)
@place_options
def du(repositories: Sequence[str], where: Where, *, as_json: bool) -> None:
    """Tell how many bytes tags or repositories have and share.

    With one REPOSITORY its tags are compared, with several these, with none all of our registry.
    All that tags lead to counts, and what refers to it, with the sizes that manifests say.
    """
    named_images = [parse_named(text, where, default="") for text in repositories]
    if any(named.reference for named in named_images):
        raise click.UsageError("name repositories alone; all of a registry's by --server HOST")
    hosts = {named.host for named in named_images} or {where.server or ""}
    if len(hosts) > 1:
        raise click.UsageError("name repositories of one registry")
    names = [named.repository for named in named_images]

    async def gather(source: ImageSource) -> Mapping[str, Mapping[str, int]]:
        if len(names) == 1:
            return await _by_tag(source.repository(names[0]))
        if names:
            return {name: await _of_repository(source.repository(name)) for name in names}
        return await _by_repository(source)

    found = look(where, hosts.pop(), " ".join(repositories) or "the registry", gather)
    usages, total = _compare(found)
    if as_json:
        say(to_json({"total": total, "items": usages}))
        return
    columns = [Column("NAME"), Column("OWN", right=True), Column("SHARED", right=True)]
    rows = [(usage.name, human_size(usage.own), human_size(usage.shared)) for usage in usages]
    print_table(columns, rows)
    say(f"In all, each once: {human_size(total)}", err=True)


async def _by_tag(repository: ImageRepository) -> Mapping[str, Mapping[str, int]]:
    """The sizes of what each tag leads to, by digest."""
    found = {}
    for tag in [name async for name in repository.tags()]:
        try:
            manifest = await repository.manifest(tag)
            branch = await grow(repository, manifest, referrers=True)
        except ManifestDamaged as error:
            say(f"{repository.name}:{tag} is left out: {error.message}", err=True)
            continue
        except (ManifestUnknown, RepositoryUnknown):  # deleted meanwhile
            continue
        found[tag] = blobs_of(branch)
    return found


async def _by_repository(source: ImageSource) -> Mapping[str, Mapping[str, int]]:
    """The sizes of what each repository has; some registries list those that are gone, too."""
    found = {}
    for repository in [name async for name in source.repositories()]:
        try:
            found[repository] = await _of_repository(source.repository(repository))
        except RepositoryUnknown:
            continue
    return found


async def _of_repository(repository: ImageRepository) -> Mapping[str, int]:
    sizes: dict[str, int] = {}
    for blobs in (await _by_tag(repository)).values():
        sizes.update(blobs)
    return sizes


def _compare(found: Mapping[str, Mapping[str, int]]) -> tuple[Sequence[Usage], int]:
    """The bytes that each has for itself, and those of all, each digest once."""
    holders = Counter(digest for sizes in found.values() for digest in sizes)
    usages = []
    for name in sorted(found, key=natural):
        sizes = found[name]
        own = sum(size for digest, size in sizes.items() if holders[digest] == 1)
        usages.append(Usage(name, own, sum(sizes.values()) - own))
    every = {digest: size for sizes in found.values() for digest, size in sizes.items()}
    return usages, sum(every.values())
