"""Failures of PostgreSQL, and of what stands before it: which of them another try may undo."""

import psycopg
import pytest
from psycopg import errors

from lading.databases.postgresql import failures


@pytest.mark.parametrize(
    "code",
    [
        "57P01",  # it is told to stop
        "57P02",  # it has crashed
        "57P03",  # it starts
        "57P05",  # idle for too long, as the operator has it
        "25P03",  # within a transaction
        "25P04",  # and that took too long
        "53300",  # too many connections
        "25006",  # it is a copy that only reads
        "08000",
        "08003",
        "08006",
        "08P01",  # PgBouncer: "server conn crashed?", "query_wait_timeout"
    ],
)
def test_a_connection_that_ends_is_another_try(code: str) -> None:
    assert failures.is_lost(errors.lookup(code)("the server says so"))


@pytest.mark.parametrize("code", ["23505", "42P01", "42501", "53100", "57014", "55P03", "22003"])
def test_what_another_connection_does_not_mend_is_none(code: str) -> None:
    assert not failures.is_lost(errors.lookup(code)("the server says so"))


def test_a_failure_is_one_line_of_a_log(caplog: pytest.LogCaptureFixture) -> None:
    """Libpq's words are several."""
    said = "server closed the connection unexpectedly\n\tThis probably means\nthe server\n"
    assert failures.translate(psycopg.OperationalError(said)) is not None
    (message,) = caplog.messages
    assert message.endswith("unexpectedly This probably means the server")
