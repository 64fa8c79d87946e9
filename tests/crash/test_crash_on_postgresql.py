"""A process may die after any commit to PostgreSQL, too; as in `test_crash_in_s3`.

Some verbs are tried here each time, one of each kind; `make crash` tries all of them.
"""

import os

import pytest

from tests.crash import dying_in_s3
from tests.crash.dying_in_s3 import VERBS_ON_POSTGRESQL, Scene
from tests.support.postgresql import PostgreSQL
from tests.support.s3 import S3

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

SOME = {
    "Push a blob that another repository has",
    "Push an image",
    "Delete a manifest",
    "Restore a repository",
}
ALL = {verb.name for verb in VERBS_ON_POSTGRESQL}


@pytest.fixture(scope="module")
def scene(s3_server: S3, postgresql: PostgreSQL) -> Scene:
    """One bucket for all crashes, and tables for each."""
    return Scene(s3_server.fresh().bucket, postgresql.new_schema)


@pytest.mark.parametrize("name", sorted(ALL if os.environ.get("LADING_CRASHES") == "all" else SOME))
def test_a_crash_loses_nothing_and_leaves_nothing(scene: Scene, name: str) -> None:
    """Each is tried; see `dying_in_s3.outcomes` for what is asserted."""
    assert dying_in_s3.outcomes(scene, name)


def test_there_are_verbs_of_each_name() -> None:
    assert SOME < ALL
