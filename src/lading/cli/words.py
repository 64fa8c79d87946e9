"""Words that several commands have for a person: of a finding, and of what is not freed yet."""

from lading.cli.output import clean, human_size
from lading.core.damage import Finding
from lading.ports.objects import READING, UnusedBytes


def finding_words(finding: Finding, mended: str) -> str:
    """Lines that say what is wrong, what was done (`mended` before it), and what is left to do."""
    lines = [f"{finding.subject}: {finding.explanation}"]
    if finding.mended:
        lines.append(f"    {mended}: {finding.mended}")
    if finding.advice:
        lines.append(f"    to do: {finding.advice}")
    return "\n".join(map(clean, lines))


def unused_words(unused: UnusedBytes) -> str:
    """What an object store keeps that nothing needs."""
    return (
        f"{unused.objects} objects ({human_size(unused.size)}) that nothing needs are not freed"
        f" yet: they are kept for {READING / 3600:.0f} hours, as somebody may be reading them"
    )
