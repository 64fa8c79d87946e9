"""What one replica knows the others know: logins, guesses, switches, robots, leases, uploads."""

import os
import re
import time

import pytest

from tests.replicas.conftest import LIMIT, Pair
from tests.support.client import Client
from tests.support.commands import run
from tests.support.guarded import basic
from tests.support.lading import program
from tests.support.pushes import digest_of

pytestmark = pytest.mark.e2e

ALICE = {"authorization": basic("alice")}
LAYER = os.urandom(200_000)


def lading(pair: Pair, *words: str) -> str:
    """Run a command on what they share."""
    return run([program(), *words, str(pair.config)]).stdout.decode()


def push_blob(client: Client, name: str, data: bytes, **headers: str) -> int:
    """Push a blob in one request."""
    path = f"/v2/{name}/blobs/uploads/?digest={digest_of(data)}"
    return client.ask("POST", path, data, **headers).status


def test_a_token_of_one_is_good_at_the_other(pair: Pair) -> None:
    """At once."""
    for issuing, other in (pair.guarded, pair.guarded[::-1]):
        token = issuing.token("alice", "repository:team/app:pull")
        answer = other.client.ask("GET", "/v2/team/app/tags/list", authorization=f"Bearer {token}")
        assert answer.status == 404, answer


def test_an_upload_goes_on_at_whichever_it_comes_to(pair: Pair) -> None:
    """Each has a part of it; what it becomes is there for both."""
    one, two = pair.clients
    begun = one.ask("POST", "/v2/team/app/blobs/uploads/", b"", **ALICE)
    assert begun.status == 202, begun
    location = begun.headers["Location"]
    first = two.ask("PATCH", location, LAYER[:100_000], **ALICE)
    assert first.status == 202, first
    rest = one.ask("PATCH", first.headers["Location"], LAYER[100_000:], **ALICE)
    assert rest.status == 202, rest
    end = f"{rest.headers['Location']}?digest={digest_of(LAYER)}"
    assert two.ask("PUT", end, b"", **ALICE).status == 201
    for client in pair.clients:
        assert (
            client.ask("GET", f"/v2/team/app/blobs/{digest_of(LAYER)}", b"", **ALICE).body == LAYER
        )


def test_who_guesses_has_as_many_tries_at_both_as_at_one(pair: Pair) -> None:
    """However they take turns; and who was right at one before is let in by the other."""
    for client in pair.clients[:1]:
        assert client.ask("GET", "/v2/", authorization=basic("bob")).status == 200
    statuses = [
        pair.clients[number % 2].ask("GET", "/v2/", authorization=basic("bob", f"{number}")).status
        for number in range(3 * LIMIT)
    ]
    assert statuses.count(401) in {LIMIT, LIMIT + 1}  # one leaks meanwhile
    assert statuses.count(429) == len(statuses) - statuses.count(401)
    for client in pair.clients:
        assert client.ask("GET", "/v2/", authorization=basic("bob")).status == 200


def test_a_switch_is_seen_by_all_when_the_command_returns(pair: Pair) -> None:
    """On, and off again."""
    data = os.urandom(100)
    for client in pair.clients:
        assert push_blob(client, "team/app", data, **ALICE) == 201
    lading(pair, "read-only", "on")
    try:
        assert [push_blob(client, "team/app", data, **ALICE) for client in pair.clients] == [
            405
        ] * 2
    finally:
        lading(pair, "read-only", "off")
    assert [push_blob(client, "team/app", data, **ALICE) for client in pair.clients] == [201] * 2


def test_a_robot_that_is_revoked_is_out_at_all_within_a_second(pair: Pair) -> None:
    """And one that was made is let in at once."""
    made = lading(pair, "token", "create", "ci", "--repositories", "team/**", "--actions", "push")
    found = re.search(r"\S{40,}", made)
    assert found is not None, made
    login = {"authorization": basic("robot+ci", found[0])}
    assert [client.ask("GET", "/v2/", b"", **login).status for client in pair.clients] == [200] * 2
    lading(pair, "token", "revoke", "ci")
    time.sleep(1)
    assert [client.ask("GET", "/v2/", b"", **login).status for client in pair.clients] == [401] * 2


def test_a_password_is_never_in_what_they_share(pair: Pair) -> None:
    """Nor a name, nor an address: hashes alone."""
    database = re.search(r"/(registry\d+)", pair.config.read_text())
    assert database is not None
    rows = [
        str(row)
        for table in ("guesses", "right_logins")
        for row in pair.postgresql.ask(f"SELECT * FROM {table}", database[1])
    ]
    assert any(re.match(r"\('pair [0-9a-f]{32}',", row) for row in rows), rows
    assert not [row for row in rows if re.search(r"bob|alice|127\.0\.0\.1", row)]
