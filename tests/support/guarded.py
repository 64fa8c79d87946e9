"""A registry with users, permissions and tokens, and everybody who may come to it."""

import base64
import json
import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from lading.auth.public_keys import thumbprint
from tests.support.client import Client
from tests.support.lading import Lading, lading_serve
from tests.support.network import MACHINE, Network

SERVICE = "registry.test"

# Whom the file of users knows; the password is the name, and "-password".
USERS = ("reader", "writer", "deleter", "admin", "outsider")

PERMISSIONS: dict[str, Any] = {
    "groups": {"owners": ["admin"]},
    "rules": [
        {"users": ["reader"], "repositories": ["team/**"], "actions": ["pull"]},
        {"users": ["writer"], "repositories": ["team/**"], "actions": ["push"]},
        {"users": ["deleter"], "repositories": ["team/**"], "actions": ["pull", "delete"]},
        {"users": ["outsider"], "repositories": ["other/**"], "actions": ["push", "delete"]},
        {"groups": ["owners"], "repositories": ["**"], "actions": ["admin"]},
    ],
}
# Docker can use it only where there are tokens, so it brings them about.
FOR_EVERYBODY = {"anonymous": True, "repositories": ["public/**"], "actions": ["pull"]}


def basic(name: str, password: str | None = None) -> str:
    """The header of a user, with the right password unless another one is given."""
    text = f"{name}:{f'{name}-password' if password is None else password}"
    return "Basic " + base64.b64encode(text.encode()).decode()


def write_users(path: Path, *names: str) -> None:
    """Write a file of users, with hashes that cost little to check."""
    lines = (
        f"{name}:{bcrypt.hashpw(f'{name}-password'.encode(), bcrypt.gensalt(4)).decode()}\n"
        for name in names
    )
    path.write_text("".join(lines))


# Tables in which the server writes by itself, some seconds after it was asked: who has the jobs,
# what was refused, who has pulled what, and what there is.
WRITTEN_MEANWHILE = {"jobs", "refusals", "pulls", "figures", "samples", "growth"}


@dataclass(frozen=True)
class Guarded:
    """A registry that asks who is calling.

    Attributes:
        tokens: whether clients log in by tokens.
    """

    lading: Lading
    tokens: bool = True

    @property
    def client(self) -> Client:
        """Asks it."""
        return self.lading.client

    def token(self, user: str, *scopes: str) -> str:
        """Get a token at its token service, as clients do; without a user, anybody's."""
        query = "&".join(f"scope={scope}" for scope in scopes)
        headers = {"authorization": basic(user)} if user else {}
        answer = self.client.ask("GET", f"/token?service={SERVICE}&{query}", b"", **headers)
        assert answer.status == 200, answer
        token: str = answer.json["token"]
        return token

    def claims(self, user: str, *scopes: str) -> dict[str, Any]:
        """What a good token of a user says."""
        claims: dict[str, Any] = jwt.decode(
            self.token(user, *scopes), options={"verify_signature": False}
        )
        return claims

    @property
    def key(self) -> tuple[str, ec.EllipticCurvePrivateKey]:
        """The key that it signs tokens with, stolen from its directory; and its name."""
        (entry,) = json.loads((self.lading.root / "lading" / "token-keys.json").read_bytes())
        key = load_pem_private_key(entry["pem"].encode(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return thumbprint(key.public_key()), key

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Sign any claims with its own key."""
        key_id, key = self.key
        claims = {**claims, "jti": str(uuid.uuid4())}
        return jwt.encode(claims, key, "ES256", {"kid": key_id})

    def everything(self) -> Mapping[str, list[tuple[object, ...]]]:
        """Every row of its database that a request could have changed."""
        path = self.lading.root / "lading" / "metadata.sqlite3"
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            return {
                name: connection.execute(f'SELECT * FROM "{name}"').fetchall()
                for (name,) in tables.fetchall()
                if name not in WRITTEN_MEANWHILE
            }
        finally:
            connection.close()


@contextmanager
def guarded_registry(
    directory: Path,
    *,
    tokens: bool = True,
    network: Network = MACHINE,
    env: Mapping[str, str] | None = None,
    **sections: object,
) -> Iterator[Guarded]:
    """Run one for the length of the block.

    Args:
        directory: for all that belongs to it.
        tokens: whether clients log in by tokens; if not, nothing is for everybody.
        network: where it listens.
        env: variables that override its configuration.
        sections: more of the configuration.
    """
    users = directory / "htpasswd"
    write_users(users, *USERS)
    auth: dict[str, Any] = {"htpasswd": {"path": str(users)}, "permissions": PERMISSIONS}
    if tokens:
        rules = [*PERMISSIONS["rules"], FOR_EVERYBODY]
        auth["permissions"] = {**PERMISSIONS, "rules": rules}
        auth["tokens"] = {"service": SERVICE}
    with lading_serve(
        directory, settings={"auth": auth, **sections}, network=network, env=env
    ) as lading:
        yield Guarded(lading, tokens)
