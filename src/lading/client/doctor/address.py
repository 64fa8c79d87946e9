"""Address of a deployment, as it is typed: `registry.example.com` or `https://host:5000`."""

from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from lading.client.answers import origin
from lading.client.errors import ReferenceInvalid
from lading.system.proxies import DEFAULT_PORTS


@dataclass(frozen=True, slots=True)
class DeploymentAddress:
    """An address of a deployment.

    Attributes:
        scheme: `https` or `http`; empty if none was typed.
        host: without the port, an IPv6 address without brackets.
        port: 0 for the one of the scheme.
    """

    scheme: str
    host: str
    port: int = 0

    @classmethod
    def parse(cls, text: str) -> "DeploymentAddress":
        """Read what was typed.

        Raises:
            ReferenceInvalid: it is no address of a registry.
        """
        try:
            parts = urlsplit(text if "://" in text else f"//{text}")
            host, port = parts.hostname or "", parts.port or 0
        except ValueError as error:
            raise ReferenceInvalid(f"{text!r} is no address: {error}") from error
        if parts.scheme not in {"", "http", "https"} or not host or parts.username:
            raise ReferenceInvalid(f"{text!r} is no address such as https://registry.example.com")
        if parts.path.strip("/") not in {"", "v2"} or parts.query:
            raise ReferenceInvalid(
                f"{text!r} has a path, which clients cannot be told: they ask for /v2/ at the root"
            )
        return cls(parts.scheme, host, port)

    @property
    def usual_port(self) -> int:
        """The port that is connected to."""
        return self.port or DEFAULT_PORTS[self.scheme or "https"]

    @property
    def netloc(self) -> str:
        """The host as in a reference: with the port, if it is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.port else host

    @property
    def url(self) -> str:
        """The scheme and the host."""
        return f"{self.scheme or 'https'}://{self.netloc}"

    def join(self, location: str) -> str:
        """A whole address, of a path or of one that is whole."""
        try:
            return urljoin(f"{self.url}/", location)
        except ValueError:  # it is none, and stays what it is
            return location

    def is_own(self, url: str) -> bool:
        """Whether a whole address is of this scheme, host and port."""
        return origin(url) == origin(self.url)
