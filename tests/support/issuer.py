"""An issuer of OpenID Connect: a web server with its configuration and its keys."""

import json
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from tests.auth.forge import new_key, public_jwk
from tests.support.processes import background, wait_until

AUDIENCE = "registry.test"


@dataclass
class OidcIssuer:
    """Issues tokens to workloads."""

    url: str
    directory: Path
    key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    key_id: str = "first"

    def publish(self, **configuration: object) -> None:
        """Write the documents that it serves, with more in its configuration."""
        document = {"issuer": self.url, "jwks_uri": f"{self.url}/keys.json", **configuration}
        place = self.directory / ".well-known"
        place.mkdir(exist_ok=True)
        (place / "openid-configuration").write_text(json.dumps(document))
        keys = {"keys": [public_jwk(self.key, kid=self.key_id, use="sig")]}
        (self.directory / "keys.json").write_text(json.dumps(keys))

    def claims(self, **claims: Any) -> dict[str, Any]:
        """Claims of a good token; `None` leaves one out."""
        now = time.time()
        good = {"iss": self.url, "aud": AUDIENCE, "sub": "build", "iat": now, "exp": now + 300}
        return {name: value for name, value in {**good, **claims}.items() if value is not None}

    def token(self, **claims: Any) -> str:
        """A token, signed with its key."""
        return jwt.encode(self.claims(**claims), self.key, "ES256", {"kid": self.key_id})


@contextmanager
def oidc_issuer(directory: Path) -> Iterator[OidcIssuer]:
    """Run one for the length of the block, in a process of its own."""
    served = directory / "issuer"
    served.mkdir()
    log = directory / "issuer.log"
    log.touch()
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
    with background([*command, "--directory", str(served)], log=log):
        wait_until(lambda: _port(log) != "", "the issuer", log=log.read_text)
        issuer = OidcIssuer(f"http://127.0.0.1:{_port(log)}", served)
        issuer.publish()
        yield issuer


def _port(log: Path) -> str:
    said = re.search(r"port (\d+)", log.read_text())
    return said[1] if said else ""
