"""Helpers that keep logins: programs that files of logins name, `docker-credential-NAME`.

Source: docker-credential-helpers, by whose protocol a verb is the argument, and all else on stdin.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lading.client.errors import ClientError

if TYPE_CHECKING:
    import subprocess

# It may ask a person.
_SECONDS = 60
_NAME = r"[A-Za-z0-9._-]+"

HELPER_ADVICE = "mend `credsStore` or `credHelpers` in the file of logins, or sign in anew"
"""What to do about a helper that is of no use."""


def run_helper(
    helper: str, verb: str, given: str, environ: Mapping[str, str]
) -> "subprocess.CompletedProcess[bytes]":
    """Run a helper; how it ended, and what it said.

    Args:
        helper: what the file names.
        verb: `get`, `store` or `erase`.
        given: on its standard input.

    Raises:
        ClientError: it cannot be run, or does not end.
    """
    import subprocess  # noqa: PLC0415 - few have a helper

    program = f"docker-credential-{helper}"
    if not re.fullmatch(_NAME, helper):
        raise ClientError(f"{program!r} is no name of a helper", advice=HELPER_ADVICE)
    try:
        return subprocess.run(  # noqa: S603 - what the person's own file names
            [program, verb],
            input=given.encode(),
            capture_output=True,
            check=False,
            timeout=_SECONDS,
            env=dict(environ),
        )
    except subprocess.TimeoutExpired as error:
        raise ClientError(
            f"{program} has not answered for {_SECONDS} seconds",
            advice=f"see what it waits for: `echo HOST | {program} get`",
        ) from error
    except OSError as error:
        raise ClientError(
            f"{program} does not run: {error.strerror}",
            advice="install it, or sign in without a helper",
        ) from error
