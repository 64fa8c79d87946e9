"""Guessing at logins, over HTTP: it is slowed down, and keeps nobody out but those who guess."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.client import Client, Connection
from tests.support.commands import run
from tests.support.guarded import Guarded, basic, guarded_registry
from tests.support.lading import program
from tests.support.workers import one_connection_each

HOME, ELSEWHERE = "192.0.2.1", "192.0.2.99"
ATTACKERS = tuple(f"203.0.113.{number}" for number in range(4))


@contextmanager
def attacked(directory: Path, *, tokens: bool = True, **limits: int) -> Iterator[Guarded]:
    """A registry of two workers, behind a proxy that says where requests come from."""
    http = {"addr": "127.0.0.1:0", "workers": 2, "trustedproxies": ["127.0.0.1"]}
    with guarded_registry(directory, tokens=tokens, http=http, limits=limits) as guarded:
        yield guarded


def ask(
    asked: Connection, name: str, address: str, password: str | None = None, path: str = "/v2/"
) -> int:
    """Ask with a password, the right one unless another is given; the status."""
    login = basic(name, password)
    asked.request("GET", path, authorization=login, x_forwarded_for=address)
    return asked.receive().status


def guess(client: Client, name: str, count: int, addresses: Sequence[str] = ATTACKERS) -> list[int]:
    """Try different passwords, from several addresses in turn, wherever one is taken."""
    statuses = []
    for number in range(count):
        address = addresses[number % len(addresses)]
        path = ("/v2/", "/token")[number // len(addresses) % 2]
        with client.connection() as connection:
            statuses.append(ask(connection, name, address, f"guess {number}", path))
    return statuses


def log_in(client: Client, name: str, address: str, password: str | None = None) -> set[int]:
    """With the right password, in two ways, again and again, over connections to both workers."""
    statuses = set()
    for _ in range(4):
        with one_connection_each(client) as connections:
            for connection in connections:
                for path in ("/v2/", "/token"):
                    statuses.add(ask(connection, name, address, password, path))
    return statuses


def test_an_account_that_is_guessed_at_is_open_for_who_knows_its_password(tmp_path: Path) -> None:
    """From the address of ever, from new ones, and in a form; at both workers."""
    with attacked(tmp_path) as guarded:
        client = guarded.client
        assert log_in(client, "reader", HOME) == {200}
        assert 429 in guess(client, "reader", 160)
        for address in (HOME, ELSEWHERE, "2001:db8::1"):
            assert log_in(client, "reader", address) == {200}
        form = {"grant_type": "password", "username": "reader", "password": "reader-password"}
        answer = client.send_form("/token", form, x_forwarded_for="192.0.2.50")
        assert answer.status == 200


def test_whose_address_was_known_to_one_worker_is_known_to_the_other(tmp_path: Path) -> None:
    """Though every guess comes from that very address: an office has only one."""
    with (
        attacked(tmp_path, failedlogins=6) as guarded,
        one_connection_each(guarded.client) as (one, other),
    ):
        assert ask(one, "reader", HOME) == 200
        guesses = [ask(other, "reader", HOME, f"guess {number}") for number in range(20)]
        assert guesses[-1] == 429
        assert ask(other, "reader", HOME) == 200


@pytest.mark.parametrize("tokens", [True, False])
def test_a_robot_is_not_locked_out_whoever_guesses_at_it(tmp_path: Path, tokens: bool) -> None:
    """Its secret cannot be guessed, so wrong ones count for nothing; not even for its address."""
    with attacked(tmp_path, tokens=tokens, failedlogins=4) as guarded:
        config = str(guarded.lading.config)
        command = [program(), "token", "create", "ci", "-r", "team/**", config]
        password = run(command).stdout.decode().strip()
        assert 429 not in guess(guarded.client, "robot+ci", 60, (*ATTACKERS, HOME))
        with guarded.client.connection() as connection:
            for _ in range(20):
                assert ask(connection, "robot+ci", HOME, password) == 200
            assert ask(connection, "reader", HOME) == 200


def test_who_guesses_too_often_learns_nothing_of_those_who_are_logged_in(tmp_path: Path) -> None:
    """Not even that a guess was right at last."""
    with attacked(tmp_path, failedlogins=4) as guarded:
        assert log_in(guarded.client, "reader", HOME) == {200}
        with guarded.client.connection() as connection:
            for number in range(10):
                ask(connection, "reader", ATTACKERS[0], f"guess {number}")
            assert ask(connection, "reader", ATTACKERS[0]) == 429
