"""Which tests share a process when there are several, and which of them begin first.

The tests of a file share a process, as they share what is made for them all. So do all that run the
images of the deployment: one process builds them, once. What takes longest begins first, so that no
processor waits for another one at the end.
"""

from collections import Counter

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from lading.core.typing import override

# Those with the fixture `deployment`: a daemon with these images.
DEPLOYED = (
    "tests/deploy/test_scale_out.py",
    "tests/walkthrough/test_walkthrough.py",
    "tests/deploy/test_newcomer.py",
    "tests/deploy/test_https.py",
    "tests/deploy/test_readme.py",
    "tests/deploy/test_logins.py",
    "tests/deploy/test_moving_in.py",
)
# Files that take more than half a minute, the longest first; of all others those with most tests
# do. Files that wait stand between those that compute.
LONGEST = (
    *DEPLOYED,
    "tests/torture/test_torture.py",
    "tests/faults/test_slow_clients.py",
    "tests/e2e/test_migrate.py",
    "tests/clients/test_logins.py",
    "tests/e2e/test_large_layers.py",
    "tests/crash/test_crash_in_s3.py",
    "tests/siege/test_siege.py",
    "tests/e2e/test_postgresql.py",
    "tests/e2e/test_object_store.py",
    "tests/services/test_model.py",
    "tests/faults/test_failing_parts.py",
    "tests/databases/test_postgresql.py",
    "tests/conformance/test_conformance.py",
    "tests/e2e/test_s3.py",
    "tests/faults/test_full_disk.py",
    "tests/faults/test_reads_that_cannot_write.py",
    "tests/deploy/test_monitoring.py",
    "tests/e2e/test_adopt.py",
    "tests/e2e/test_restore_drill.py",
)


class SharedDeployment(LoadFileScheduling):
    """The scheduling by files, where those of the deployment are as one."""

    @override
    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return DEPLOYED[0] if file in DEPLOYED else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    """Distribute files in the order of the tests, not of how many tests they have."""
    if config.getoption("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False
    return SharedDeployment(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the files, if there are several processes; within a file, tests stay as they are."""
    if not hasattr(config, "workerinput"):
        return
    files = {item: item.nodeid.split("::", 1)[0] for item in items}
    counts = Counter(files.values())
    ranks = {file: LONGEST.index(file) if file in LONGEST else len(LONGEST) for file in counts}
    items.sort(key=lambda item: (ranks[files[item]], -counts[files[item]]))
