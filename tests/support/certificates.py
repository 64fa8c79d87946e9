"""Certificates as an operator makes them, with `lading cert`, and what it says to do with them."""

from dataclasses import dataclass
from pathlib import Path

from tests.support.commands import run
from tests.support.lading import program


@dataclass(frozen=True)
class Certificates:
    """Certificates of a server and of one client, from one authority.

    Attributes:
        directory: where they were made.
        for_server: what `lading cert make` said.
        for_client: what `lading cert client` said.
        full: a folder as it says there should be: ca.crt, client.cert, client.key.
        bare: one with the authority alone.
    """

    directory: Path
    for_server: str
    for_client: str
    full: Path
    bare: Path

    @property
    def ca(self) -> Path:
        """The certificate of the authority, which clients trust."""
        return self.directory / "ca.crt"

    @property
    def tls(self) -> dict[str, object]:
        """`http.tls`, for any client."""
        return {
            "certificate": str(self.directory / "server.crt"),
            "key": str(self.directory / "server.key"),
        }

    @property
    def mutual_tls(self) -> dict[str, object]:
        """`http.tls`, for those who have a certificate."""
        return {**self.tls, "clientcas": [str(self.ca)]}


def make_certificates(directory: Path, host: str, port: int = 5000) -> Certificates:
    """Make certificates.

    Args:
        directory: for everything.
        host: by which clients reach the server.
        port: as `lading cert` is told.
    """
    made, full, bare = (directory / name for name in ("certs", "full", "bare"))
    where = [f"--directory={made}", f"--port={port}"]
    for_server = run([program(), "cert", "make", host, *where]).stdout.decode()
    for_client = run([program(), "cert", "client", "builder", f"--host={host}", *where])
    for folder in (full, bare):
        folder.mkdir()
        (folder / "ca.crt").write_bytes((made / "ca.crt").read_bytes())
    (full / "client.cert").write_bytes((made / "builder.crt").read_bytes())
    (full / "client.key").write_bytes((made / "builder.key").read_bytes())
    return Certificates(made, for_server, for_client.stdout.decode(), full, bare)
