"""A process may die after any request to an object store, and any commit; as in `test_crash`."""

import re

import pytest

from tests.crash import dying_in_s3, table_in_s3
from tests.crash.dying_in_s3 import VERBS, Scene
from tests.crash.table import DOCUMENT
from tests.support.s3 import S3

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def scene(s3_server: S3) -> Scene:
    """One bucket for all crashes."""
    return Scene(s3_server.fresh().bucket)


@pytest.mark.parametrize("name", [verb.name for verb in VERBS])
def test_a_crash_loses_nothing_and_leaves_nothing(scene: Scene, name: str) -> None:
    """Each is tried; see `dying_in_s3.outcomes` for what is asserted."""
    assert dying_in_s3.outcomes(scene, name)


@pytest.mark.timeout(1200)
def test_the_table_in_the_documentation_is_what_happens(scene: Scene) -> None:
    """`python -m tests.crash.table_in_s3` renews it. Alone, it tries all crashes.

    Which upload comes first, and when a lease is renewed meanwhile, differs from run to run.
    """
    written = DOCUMENT.read_text().partition(table_in_s3.START)[2].partition(table_in_s3.END)[0]

    assert _effects(written) == _effects(table_in_s3.render(scene))


def _effects(table: str) -> list[str]:
    """What happened in all verbs, whichever call it is told of."""
    return sorted(re.findall(r"^\| `[\w.]+: (.+?)` \|", table, re.MULTILINE))
