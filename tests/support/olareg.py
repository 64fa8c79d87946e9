"""olareg, a small registry by other people, that runs."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.client import Client
from tests.support.commands import SEARCH_PATH, require
from tests.support.processes import background, free_port, wait_until


@contextmanager
def olareg_serve(root: Path) -> Iterator[Client]:
    """Serve a folder for the length of the block."""
    require("olareg")
    program = shutil.which("olareg", path=SEARCH_PATH)
    assert program is not None
    root.mkdir()
    port = free_port()
    client = Client(f"127.0.0.1:{port}")
    words = [program, "serve", "--addr", "127.0.0.1", "--port", str(port), "--dir", str(root)]
    log = root.with_suffix(".olareg.log")
    with background(words, log=log):
        wait_until(client.is_answered, "olareg", log=log.read_text)
        yield client
