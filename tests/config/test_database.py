"""`database`: PostgreSQL, and a URL whose password nobody sees."""

import pytest

from lading.cli.config import settings_as_yaml
from tests.config.conftest import Complain, Write


def place(url: str) -> str:
    """A file that names a database."""
    return f"version: 0.1\ndatabase: {{postgresql: {{url: '{url}'}}}}\n"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://host/db", "postgresql://host/db"),
        ("postgresql:///db?host=/run/postgresql", "postgresql:///db?host=/run/postgresql"),
        ("postgres://me@[::1]:5433/db", "postgres://me@[::1]:5433/db"),
        ("postgresql://me:hush@one:1,two:2/db", "postgresql://me:***@one:1,two:2/db"),
        ("postgresql://me:hu:s%40h?@host/db", "postgresql://me:***@host/db"),
        (
            "postgresql://host/db?password=hush&sslpassword=hush&sslmode=require",
            "postgresql://host/db?password=***&sslpassword=***&sslmode=require",
        ),
    ],
)
def test_a_password_is_used_and_not_shown(url: str, shown: str, given: Write) -> None:
    """By nothing that writes the settings down."""
    settings = given(place(url)).settings
    assert settings.database.postgresql is not None
    assert settings.database.postgresql.url.secret == url
    assert f"url: {shown}\n" in settings_as_yaml(settings)
    assert "hush" not in f"{settings!r} {settings} {settings_as_yaml(settings)}"


@pytest.mark.parametrize(
    "url",
    [
        "mysql://host/db",
        "host/db",
        "postgresql://me:hu@sh@host/db",
        "postgresql://me:hu/sh@host/db",
        "postgresql://me@host/hush@db",
        "",
    ],
)
def test_what_is_no_url_is_refused_without_being_shown(url: str, complaints: Complain) -> None:
    """`@` and `/` would end a password too early, and show the rest of it as a host."""
    (complaint,) = complaints(place(url))
    assert complaint.startswith("config.yml:2: database.postgresql.url: write a URL, as in `post")
    assert "sh@" not in complaint


def test_what_is_in_memory_has_no_other_database(complaints: Complain) -> None:
    """Its rows would outlive its bytes."""
    text = place("postgresql://host/db") + "storage: inmemory\n"
    (complaint,) = complaints(text)
    assert complaint.startswith("config.yml:2: database.postgresql: remove it: what is known of")


def test_statements_may_be_left_unprepared(given: Write) -> None:
    """For an old PgBouncer."""
    text = "version: 0.1\ndatabase: {postgresql: {url: 'postgresql://h', preparedstatements: off}}"
    section = given(text).settings.database.postgresql
    assert section is not None
    assert not section.preparedstatements
