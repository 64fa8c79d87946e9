"""The table of metrics in docs/monitoring.md is that of the code."""

from tests.docs.metrics import DOCUMENT, END, START, render


def test_the_table_lists_what_is_told() -> None:
    """After a change, `make docs` writes it anew."""
    listed = DOCUMENT.read_text().partition(START)[2].partition(END)[0]
    assert listed == f"\n{render()}\n"
