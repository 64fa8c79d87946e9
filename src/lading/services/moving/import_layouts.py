"""Import of OCI image layouts: every image of them, pushed from the disk.

Where the layout is on the same file system as the blobs of this registry, a blob is a second name
of the file; else it is an upload as any other.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from lading.core.access import Grant
from lading.core.command_lines import command_line
from lading.core.damage import Finding, Kind
from lading.core.errors import NameInvalid
from lading.core.names import RepositoryName
from lading.ports.layouts import ImageLayout, LayoutEntry, LayoutUnusable
from lading.ports.volumes import LinkTarget
from lading.services.moving.import_repository import AGAIN, ImportTally, RepositoryImport
from lading.services.moving.taking import LEFT_OUT
from lading.services.progress import StepProgress
from lading.services.registry import Registry


@dataclass(frozen=True, slots=True)
class LayoutImport:
    """An import of OCI image layouts.

    Attributes:
        place: where blobs can get second names; `None` if they are in no files.
        grant_of: gives the grant for a repository, which must allow push.
        progress: is told of each image; a layout is a step.
    """

    registry: Registry
    place: LinkTarget | None
    grant_of: Callable[[RepositoryName], Grant]
    progress: StepProgress
    tally: ImportTally = field(default_factory=ImportTally)


async def run(work: LayoutImport, name: str, layout: ImageLayout) -> AsyncIterator[Finding]:
    """Import all images of a layout into a repository; all that is wrong with them.

    Raises:
        StorageFull, Unavailable, ReadOnly: the registry cannot take anything now.
    """
    try:
        grant = work.grant_of(RepositoryName(name))
        repository = RepositoryImport(work.registry, work.place, work.tally, grant, layout)
        entries = await layout.entries()
    except NameInvalid as error:
        advice = "name another repository: `lading import DIR NAME`"
        yield Finding(Kind.NAME_REFUSED, name, error.message, advice, LEFT_OUT)
        return
    except LayoutUnusable as error:
        yield Finding(Kind.MANIFEST_REFUSED, layout.place, str(error), AGAIN, LEFT_OUT)
        return
    work.progress.begin(f"Importing {name}", len(entries))
    tags: dict[str, str] = {}
    for entry in entries:
        if entry.tag and tags.setdefault(entry.tag, entry.digest) != entry.digest:
            finding: Finding | None = _second(name, layout.place, entry, tags[entry.tag])
        else:
            finding = await repository.bring(entry)
        if finding is not None:
            yield finding
        work.progress.advance(1)
    work.tally.repositories += 1


def _second(name: str, place: str, entry: LayoutEntry, first: str) -> Finding:
    """The finding of an image whose tag another one has, as where several repositories were saved.

    Of these the first counts, as for `lading cp`; else one would be lost without a word.
    """
    why = f"its tag {entry.tag} is that of {first}, too"
    source, target = f"oci:{place}@{entry.digest}", f"HOST/ANOTHER:{entry.tag}"
    to = f"`{command_line('lading', 'cp', source, target)}` gives it a place"
    return Finding(Kind.TAG_REFUSED, f"{name}@{entry.digest}", why, to, LEFT_OUT)
