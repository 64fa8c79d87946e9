"""The scheduling of files names those that there are."""

from pathlib import Path

from tests.support.commands import REPOSITORY
from tests.support.scheduling import DEPLOYED, LONGEST

TESTS = REPOSITORY / "tests"


def test_the_files_it_names_are_there() -> None:
    assert [name for name in LONGEST if not (REPOSITORY / name).exists()] == []


def test_all_that_run_the_images_of_the_deployment_share_a_process() -> None:
    """Whoever adds such a file adds it there: otherwise two processes build the images."""
    asking = {path for path in TESTS.rglob("*.py") if "deployment: Docker" in path.read_text()}
    own = {TESTS / "support/fixtures.py", TESTS / "walkthrough/conftest.py", Path(__file__)}
    missed = asking - own - {REPOSITORY / name for name in DEPLOYED}
    assert missed == set()
