"""Certificates for a host, from the folders of Docker and containers: `certs.d/HOST`.

"any file ending in `.crt`" is an authority, a pair `NAME.cert`, `NAME.key` is what the client shows
(containers-certs.d(5), Docker's "Verify repository client with certificates").
"""

import os
import ssl
from collections.abc import Sequence
from pathlib import Path

from lading.client.errors import ClientError
from lading.client.own_folders import home_folder


def certificate_folders() -> Sequence[Path]:
    """The folders that have a folder for each host."""
    return (
        home_folder(os.environ) / ".config/containers/certs.d",
        Path("/etc/containers/certs.d"),
        Path("/etc/docker/certs.d"),
    )


def tls_context(host: str, *, insecure: bool, authorities: Path | None) -> ssl.SSLContext:
    """How to speak TLS with a host.

    Args:
        host: with its port, if it has one.
        insecure: whether to take any certificate.
        authorities: a file with further ones, in PEM, if there is one.

    Raises:
        ClientError: a certificate or a key cannot be read.
    """
    context = ssl.create_default_context()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if authorities is not None:
        _add_authority(context, authorities)
    for folder in certificate_folders():
        _load(context, folder / host)
    return context


def _load(context: ssl.SSLContext, folder: Path) -> None:
    try:
        paths = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return  # what only root may look into is not for this person, as podman has it
    except OSError as error:
        raise _unusable(folder, error) from error
    for path in paths:
        if path.suffix == ".crt":
            # A link to what is gone, as of a package, is passed over, as podman has it.
            _add_authority(context, path, required=False)
        elif path.suffix == ".cert":
            _show(context, path)


def _add_authority(context: ssl.SSLContext, path: Path, *, required: bool = True) -> None:
    try:
        context.load_verify_locations(path)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not required:
            return
        raise _unusable(path, error) from error


def _show(context: ssl.SSLContext, path: Path) -> None:
    """Let a certificate be shown, whose key is beside it."""
    key = path.with_suffix(".key")

    def ask_nobody() -> str:
        """Raise an error, where OpenSSL would ask the terminal."""
        raise ClientError(
            f"{key} is encrypted, and nobody is asked for its password",
            advice=f"decrypt it: openssl pkey -in {key} -out NEW.key",
        )

    try:
        key.open().close()
        context.load_cert_chain(path, key, ask_nobody)
    except OSError as error:
        raise _unusable(Path(error.filename or path), error) from error


def _unusable(path: Path, error: OSError) -> ClientError:
    said = error.reason if isinstance(error, ssl.SSLError) else error.strerror
    words = str(said or error).replace("_", " ").lower()
    return ClientError(f"{path} cannot be loaded: {words}", advice="mend it, or put it aside")
