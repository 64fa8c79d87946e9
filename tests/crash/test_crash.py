"""A process may die after any effect. What it leaves is whole, and somebody clears it away.

Every effect of every verb is one crash: the process ends right after it, without a chance to clean
up. Then everything that clients can see is as it was or as it was to become, and whole; doing the
verb again succeeds; and the collector leaves nothing of what was left over. `docs/crashes.md`
has the table of all of them.
"""

import inspect
import pkgutil
from importlib import import_module

import pytest

from lading import services
from tests.crash import dying, table
from tests.crash.effects import ADAPTERS, NOUNS, methods
from tests.crash.verbs import VERBS, Verb

# Methods of ports that are no part of a verb that changes something, and change nothing.
READS = {
    "Links.sharing",
    "Links.sizes_here",
    "Manifests.family",
    "Manifests.untagged",
    "PageSessions.find",
    "Repositories.folders",
    "Repositories.listed",
    "Tags.latest",
    "Tags.of_manifest",
    "Tags.of_repository",
    "Tags.search",
    "Tags.traces",
    "Census.count",
    "Census.schema_version",
    "Census.takes_changes",
    "Collection.ended_half_way",
    "Why.find",
    "Jobs.holders",
    "RefreshTokens.find",
    "Robots.find",
    "Links.is_stored",
    "Manifests.referrers",
    "Repositories.page",
    "Robots.all",
    "Tags.page",
    "Trash.page",
    "Trash.manifests",
    "Trash.tags",
    "Manifests.with_children",
    "Repositories.with_manifests",
    "Repositories.exists",
    "Repositories.require",
    "Tags.history",
    "Metadata.close",
    "Metadata.load",
    "Uploads.count_all",
    "Uploads.count",
    "Times.now",
    "Events.deletions",
    "Events.moves",
    "Growth.of",
    "Refusals.page",
    "Freeing.find",
    "KeptFigures.count_few",
    "KeptFigures.largest",
    "KeptFigures.of",
    "LastPulls.last",
    "LastPulls.page",
    "Samples.all",
    "Samples.now",
    "Trash.stored",
}
# Nouns, and services or modules of them, whose crashes others try: those of an object store
# `test_crash_in_s3`, those of a migration `tests/services/test_migrate.py`; what is said after a
# restoration of rows is one write.
ELSEWHERE = {"ObjectUploads", "Objects", "upkeep"} | {
    "Migrations",
    "TableRows",
    "BroughtRows",
    "migrate",
}
# What was found in layers is found again: `tests/services/test_trees.py`.
ELSEWHERE |= {"Trees", "Overlays", "Askings", "trees", "tree_jobs", "directories"}
# Where rows alone say what is a blob, as with an object store.
OF_ROWS = {
    "StagedUpload.end",
    "Uploads.append_small",
    "Uploads.commit_as_it_is",
    "Uploads.commit_small",
    "chunks.read_small",
}
ONE_WRITE = {
    "Adoptions.add_edges",
    "PageSessions.add",
    "PageSessions.end",
    "PastMoves.forget_oldest",
    "Refusals.add",
    "Strangers.begin_restored",
    "backup.note_restored",
}
READING_SERVICES = {
    "browse.browse",
    "browse.search",
    "browse.search_tags",
    "compare_files.compare_files",
    "configs.config_body",
    "describe.describe",
    "configs.read_text",
    "show.show_repository",
    "show.show_untagged",
    "show.show_versions",
    "describe.look_at_both",
    "backup.find_hold",
    "backup.list_blobs",
    "listing.list_referrers",
    "listing.list_repositories",
    "listing.list_tags",
    "robots.all_robots",
    "robots.where_else",
    "space.freed_by",
    "space.overview",
    "events.deletions",
    "events.moves",
    "events.pulls",
    "events.refusals",
    "trash.list_some",
    "trash.moves_back",
    "upkeep.unused",
    "trash.history",
    "trash.list_trash",
    "why.explain",
    "read_only.find",
}


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_a_crash_after_any_effect_loses_nothing_and_leaves_nothing(verb: Verb) -> None:
    """Each is tried; see `dying.outcomes` for what is asserted."""
    assert len(dying.outcomes(verb)) == len(dying.trace(verb).effects)


def test_no_method_of_a_port_is_forgotten() -> None:
    """One that is new belongs into a verb; or, if it only reads, into the list above."""
    every = {f"{port.__name__}.{name}" for port in [*NOUNS, *ADAPTERS] for name in methods(port)}
    called = set().union(*(dying.trace(verb).methods for verb in VERBS))

    assert _tried_here(every) - called - READS == set()
    assert called & READS == set()


def test_no_service_is_forgotten() -> None:
    """One that is new belongs into a verb; or, if it only reads, into the list above."""
    called = set().union(*(dying.trace(verb).services for verb in VERBS))

    assert _tried_here(_services()) - called - READING_SERVICES == set()
    assert called & READING_SERVICES == set()


@pytest.mark.timeout(1200)
def test_the_table_in_the_documentation_is_what_happens() -> None:
    """`make docs` renews it. If it comes before the others, it tries all crashes."""
    assert table.DOCUMENT.read_text().count(table.render()) == 1, "run `make docs`"


def _tried_here(names: set[str]) -> set[str]:
    return {name for name in names - ONE_WRITE - OF_ROWS if name.partition(".")[0] not in ELSEWHERE}


def _services() -> set[str]:
    """All coroutines that services offer."""
    return {
        f"{module.name.rpartition('.')[2]}.{name}"
        for module in pkgutil.walk_packages(services.__path__, "lading.services.")
        for name, value in vars(import_module(module.name)).items()
        if inspect.iscoroutinefunction(value)
        and value.__module__ == module.name
        and not name.startswith("_")
    }
