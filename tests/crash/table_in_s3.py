"""The table of crashes with an object store, as `docs/reliability.md` has it; run it to renew that.

It needs the S3 server of the tests.
"""

from collections.abc import Iterator

from tests.crash.dying_in_s3 import VERBS, Scene, outcomes
from tests.crash.table import DOCUMENT, row
from tests.support.s3 import running_s3

START = "<!-- crash table in S3: made by tests/crash/table_in_s3.py -->\n"
END = "<!-- end of crash table in S3 -->\n"


def render(scene: Scene) -> str:
    """The table, with its marks."""
    return "".join([START, *_lines(scene), "\n", END])


def _lines(scene: Scene) -> Iterator[str]:
    for verb in VERBS:
        yield f"\n{verb.name}:\n\n"
        yield "| effect | clients see it | left over | cleared away by |\n|---|---|---|---|\n"
        yield from map(row, outcomes(scene, verb.name))


if __name__ == "__main__":
    with running_s3() as server:
        text = DOCUMENT.read_text()
        before, after = text.partition(START)[0], text.partition(END)[2]
        DOCUMENT.write_text(before + render(Scene(server.fresh().bucket)) + after)
