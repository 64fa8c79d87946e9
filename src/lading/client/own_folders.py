"""Folders of the person who runs this, where programs keep what is theirs."""

import os
from collections.abc import Mapping
from pathlib import Path


def home_folder(environ: Mapping[str, str]) -> Path:
    """The home: as the environment says, or as the system knows it where that says nothing."""
    if named := environ.get("HOME"):
        return Path(named)
    import pwd  # noqa: PLC0415 - few need it

    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:  # as in containers that run under a number without a name
        return Path("/")


def base_folder(environ: Mapping[str, str], name: str, usual: str) -> Path:
    """A folder that a variable names, or the usual one of the home.

    "If an implementation encounters a relative path in any of these variables it should consider
    the path invalid and ignore it" (XDG Base Directory Specification): else a file of whatever
    folder one is in would count.
    """
    named = environ.get(name, "")
    return Path(named) if named.startswith("/") else home_folder(environ) / usual
