"""Requests that were sent ahead: each is decided on when its turn comes."""

import base64
import os
import time
from pathlib import Path

from tests.support.lading import lading_serve
from tests.support.pushes import digest_of

# Of the password `secret`.
HASH = "$2b$04$S/kFD78RlV4zd7lQdXUUUePqhYAZAHDuiIO6/Jp.1Sg/B445abUB6"
LAYER = os.urandom(32 * 1024 * 1024)


def test_who_is_removed_while_a_request_waits_for_its_turn_is_out(tmp_path: Path) -> None:
    """Behind a pull that its client takes slowly, with a login that was good when it was sent."""
    users = tmp_path / "users"
    users.write_text(f"alice:{HASH}\n")
    env = {
        "REGISTRY_AUTH_HTPASSWD_REALM": "lading",
        "REGISTRY_AUTH_HTPASSWD_PATH": str(users),
        "REGISTRY_HTTP_WORKERS": "1",
    }
    login = "Basic " + base64.b64encode(b"alice:secret").decode()
    blob = f"/v2/app/blobs/{digest_of(LAYER)}"
    with (
        lading_serve(tmp_path, env=env) as registry,
        registry.client.connection() as connection,
    ):
        push = f"/v2/app/blobs/uploads/?digest={digest_of(LAYER)}"
        connection.request("POST", push, LAYER, authorization=login)
        assert connection.receive().status == 201
        for _ in range(2):
            connection.request("GET", blob, authorization=login)
        connection.wait()
        time.sleep(0.5)  # in which the second one is read, too
        users.write_text("")
        assert connection.receive().body == LAYER
        assert connection.receive().status == 401
