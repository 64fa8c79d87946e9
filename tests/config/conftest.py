"""What the tests of the configuration share."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lading.config.document import ConfigurationError
from lading.config.loading import Loaded, load

Write = Callable[[str], Loaded]
Complain = Callable[[str], list[str]]


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Load a file of this text, named `config.yml` in the current directory."""
    monkeypatch.chdir(tmp_path)

    def write(text: str) -> Loaded:
        path = Path("config.yml")
        path.write_text(text, encoding="utf-8")
        return load(path, {})

    return write


@pytest.fixture
def complaints(given: Write) -> Complain:
    """Load a file of this text that must be refused; give the lines of the complaint."""

    def complain(text: str) -> list[str]:
        with pytest.raises(ConfigurationError) as caught:
            given(text)
        return str(caught.value).splitlines()

    return complain
