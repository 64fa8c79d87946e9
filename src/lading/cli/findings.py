"""Findings, as commands tell them: each as it comes, how many there were, and in no log beside.

And what an object store keeps that nothing needs, which is none: it goes by itself.
"""

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import click

from lading.cli.output import clean, counted, human_size, plain, to_json
from lading.cli.progress import StepLines
from lading.core.damage import Finding, Kind
from lading.core.typing import override
from lading.ports.objects import READING, UnusedBytes


class FindingReport:
    """A report of findings, by a command: of each as it comes.

    Args:
        mended: what a person reads before what was done.
        most: findings of a kind that are told to a person.

    Attributes:
        kinds: how many there are of each kind.
        left: how many of all have something left to do.
        as_json: whether a program is told, of each in a document of its own.
    """

    def __init__(self, mended: str, *, as_json: bool, most: int | None = None) -> None:
        self.kinds: Counter[Kind] = Counter()
        self.left = 0
        self.as_json = as_json
        self._mended = mended
        self._most = most

    def tell(self, finding: Finding, progress: StepLines) -> None:
        """Tell of a finding, beside the progress of what looks for them."""
        self.kinds[finding.kind] += 1
        self.left += finding.advice != ""
        if self.as_json:
            progress.print(to_json({"finding": plain(finding)}))
        elif self._most is None or self.kinds[finding.kind] <= self._most:
            progress.print(self._words(finding))

    def _words(self, finding: Finding) -> str:
        """Lines that say what is wrong, what was done, and what is left to do."""
        lines = [f"{finding.subject}: {finding.explanation}"]
        if finding.mended:
            lines.append(f"    {self._mended}: {finding.mended}")
        if finding.advice:
            lines.append(f"    to do: {finding.advice}")
        return "\n".join(map(clean, lines))


@contextmanager
def in_findings_alone() -> Iterator[None]:
    """Have a command name the bytes that cannot be read in its answer alone, not in a log, too.

    If the command itself fails, the last line of the log is shown, which says why.
    """
    log, last = logging.getLogger("lading.blobs"), _LastRecord()
    log.addHandler(last)
    log.propagate = False
    try:
        yield
    except click.ClickException:
        log.propagate = True
        if last.record is not None:
            logging.getLogger().handle(last.record)
        raise
    finally:
        log.propagate = True
        log.removeHandler(last)


class _LastRecord(logging.Handler):
    """A handler that keeps what was logged last as its `record`; `None` if nothing was."""

    def __init__(self) -> None:
        super().__init__()
        self.record: logging.LogRecord | None = None

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.record = record


def unused_words(unused: UnusedBytes) -> str:
    """What an object store keeps that nothing needs."""
    words = (
        f"{counted(unused.objects, 'object')} ({human_size(unused.size)}) that nothing needs:"
        f" freed {READING / 3600:.0f} hours after that began, as somebody may be reading there"
    )
    if not unused.refused:
        return words
    return (
        f"{words}; {unused.refused} of them stay, as the store refuses to delete them: it denies"
        " `s3:DeleteObject`, or has them under retention"
    )
