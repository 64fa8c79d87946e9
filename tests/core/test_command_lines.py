"""Lines that a reader is to run: a shell reads their words as they were meant."""

import pytest

from lading.core.command_lines import command_line
from tests.support.commands import run


@pytest.mark.parametrize(
    "path",
    ["/var/lib/registry", "/srv/old registry", "/srv/it's", "/srv/$(reboot)/*;", "/srv/Bücher", ""],
)
def test_a_shell_reads_each_word_as_it_was_meant(path: str) -> None:
    line = command_line("printf", "%s\n", path, f"--to={path}", "oci:app@sha256:12")
    said = run(["sh", "-c", line]).stdout.decode()
    assert said == f"{path}\n--to={path}\noci:app@sha256:12\n"


def test_a_plain_line_is_as_people_type_it() -> None:
    """And what is not there leaves no trace."""
    assert command_line("lading", "verify", None) == "lading verify"
    assert command_line("rsync", "-a", "--files-from=/a/b", "TARGET/") == (
        "rsync -a --files-from=/a/b TARGET/"
    )
