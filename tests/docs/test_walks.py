"""The walks that ARCHITECTURE.md lists are those that requests take."""

from tests.docs.walks import DOCUMENT, END, START, render


def test_each_path_enters_the_files_that_are_listed() -> None:
    """After a change, `make docs` lists them anew.

    Twice, if need be: on a busy machine, what was begun before a walk may still go on in it.
    """
    listed = START + DOCUMENT.read_text().partition(START)[2].partition(END)[0] + END

    assert listed in (render(), render())
