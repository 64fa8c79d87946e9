"""docs/commands.md says what the commands say of themselves."""

from tests.docs.commands import PAGE, render


def test_the_page_is_what_the_commands_say() -> None:
    assert PAGE.read_text() == render(), "run `make docs`"
