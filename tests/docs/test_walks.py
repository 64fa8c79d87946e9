"""The walks that ARCHITECTURE.md lists are those that requests take."""

from tests.docs.walks import DOCUMENT, END, START, render


def test_each_path_enters_the_files_that_are_listed() -> None:
    """After a change, `make docs` lists them anew."""
    text = DOCUMENT.read_text()

    assert START + text.partition(START)[2].partition(END)[0] + END == render()
