"""Words for a finding of a check or an adoption, for a person."""

from lading.cli.output import clean
from lading.core.damage import Finding


def finding_words(finding: Finding, mended: str) -> str:
    """Lines that say what is wrong, what was done about it, and what is left to do.

    Args:
        mended: the word before what was done.
    """
    lines = [f"{finding.subject}: {finding.explanation}"]
    if finding.mended:
        lines.append(f"    {mended}: {finding.mended}")
    if finding.advice:
        lines.append(f"    to do: {finding.advice}")
    return "\n".join(map(clean, lines))
