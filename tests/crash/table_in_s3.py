"""The table of crashes with an object store, as `docs/crashes.md` has it; run it to renew that.

It needs the S3 server of the tests.
"""

from collections.abc import Iterator

from tests.crash.dying_in_s3 import VERBS, Scene, outcomes
from tests.crash.table import rows, write
from tests.support.s3 import running_s3

START = "<!-- crash table in S3: made by tests/crash/table_in_s3.py -->\n"
END = "<!-- end of crash table in S3 -->\n"


def render(scene: Scene) -> str:
    """The table, with its marks."""
    return "".join([START, *_lines(scene), "\n", END])


def _lines(scene: Scene) -> Iterator[str]:
    for verb in VERBS:
        yield from rows(verb.name, outcomes(scene, verb.name))


if __name__ == "__main__":
    with running_s3() as server:
        write(render(Scene(server.fresh().bucket)))
