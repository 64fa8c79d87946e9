"""What the pictures of the README show: the registry of a small shop, with images of some size."""

import gzip
import io
import json
import random
import sqlite3
import tarfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from tests.support.client import Client
from tests.support.pushes import Repository, digest_of
from tests.ui.browser.cargo import push_layers, push_signature

KB, MB = 1_000, 1_000_000
# Seconds between two pushes, so that not all was pushed at once.
APART = 20_000

DEBIAN = {
    "bin/bash": 1_300 * KB,
    "etc/debian_version": 6,
    "etc/passwd": 1_100,
    "lib/x86_64-linux-gnu/libc.so.6": 1_900 * KB,
    "sbin/ldconfig": 1_000 * KB,
    "usr/bin/perl": 3_800 * KB,
    "usr/lib/x86_64-linux-gnu/libcrypto.so.3": 4_700 * KB,
    "usr/share/zoneinfo/tzdata.zi": 109 * KB,
    "var/lib/dpkg/status": 90 * KB,
}
PYTHON = {
    "usr/local/bin/python3.13": 7 * MB,
    "usr/local/lib/libpython3.13.so.1.0": 15 * MB,
    "usr/local/lib/python3.13/ensurepip/_bundled/pip.whl": 1_800 * KB,
}
NODE = {
    "usr/local/bin/node": 31 * MB,
    "usr/local/lib/node_modules/npm/package.json": 6_400,
}
PACKAGES = {
    "srv/venv/lib/python3.13/site-packages/cryptography/hazmat/bindings/_rust.abi3.so": 9 * MB,
    "srv/venv/lib/python3.13/site-packages/sqlalchemy/orm/session.py": 196 * KB,
    "srv/venv/lib/python3.13/site-packages/uvloop/loop.so": 4 * MB,
}
FRONT_END = {
    "srv/www/index.html": 2_100,
    "srv/www/assets/shop.js": 1_400 * KB,
    "srv/www/assets/photos.webp": 8 * MB,
}
SERVICE = {
    "etc/passwd": 1_150,
    "srv/shop/__init__.py": 180,
    "srv/shop/__main__.py": 1_900,
    "srv/shop/api.py": 31 * KB,
    "srv/shop/catalog.py": 24 * KB,
    "srv/shop/data/postcodes.bin": 3 * MB,
    "srv/shop/orders.py": 42 * KB,
    "srv/shop/prices.py": 17 * KB,
    "srv/shop/settings.toml": 2_300,
    "srv/shop/templates/invoice.html": 5_200,
}

BASE_STEPS = (("ADD rootfs.tar / # buildkit", DEBIAN),)
PYTHON_STEPS = (*BASE_STEPS, ("RUN /bin/sh -c make install # buildkit", PYTHON))
NODE_STEPS = (*BASE_STEPS, ("RUN /bin/sh -c tar -xJf node.tar.xz -C /usr/local # buildkit", NODE))
API_STEPS = (
    *PYTHON_STEPS,
    ("RUN /bin/sh -c pip install --require-hashes -r requirements.txt # buildkit", PACKAGES),
)
Steps = Sequence[tuple[str, Mapping[str, int]]]


def service(version: str, *, on: Steps = API_STEPS, what: Mapping[str, int] = SERVICE) -> Steps:
    """The steps of a program on what others have, too: its last layer is each version's own."""
    return (*on, (f"COPY --chown=shop dist-{version}/ /srv/ # buildkit", what))


SHELVES: Sequence[tuple[str, Sequence[str], Steps]] = (
    ("base/debian", ("12", "12.7"), BASE_STEPS),
    ("base/python", ("3.13", "3.13.0-slim"), PYTHON_STEPS),
    ("base/node", ("22", "22.9.0"), NODE_STEPS),
    ("tools/backup", ("2026.1",), service("backup")),
    ("shop/mailer", ("0.8.2",), service("mailer")),
    ("shop/web", ("2.2.0",), service("2.2.0", on=NODE_STEPS, what=FRONT_END)),
    ("shop/web", ("2.3.0", "edge"), service("2.3.0", on=NODE_STEPS, what=FRONT_END)),
    ("shop/api", ("1.8.3",), service("1.8.3")),
    ("shop/api", ("1.9.0",), service("1.9.0")),
    ("shop/web", ("edge",), service("2.4.0-dev", on=NODE_STEPS, what=FRONT_END)),
    ("shop/web", ("2.4.0", "edge", "latest"), service("2.4.0", on=NODE_STEPS, what=FRONT_END)),
    ("shop/api", ("1.10.0-rc.1",), service("1.10.0-rc.1")),
    ("shop/checkout", ("4.1.0", "latest"), service("checkout")),
    ("shop/api", ("1.10.0", "1.10", "latest"), service("1.10.0")),
)
"""Repositories, tags and what the images are made of; the oldest first."""
DELETED = ("shop/web", "2.2.0")


def layer(step: str, files: Mapping[str, int]) -> bytes:
    """A layer of files of these sizes, with bytes that no compression makes much smaller."""
    chance = random.Random(step)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for directory in sorted({str(of) for name in files for of in Path(name).parents[:-1]}):
            entry = tarfile.TarInfo(directory)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for name, size in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = size, 0o755 if "bin" in name else 0o644
            tar.addfile(entry, io.BytesIO(chance.randbytes(size)))
    return gzip.compress(packed.getvalue(), compresslevel=1, mtime=0)


def furnish(client: Client) -> None:
    """Push all of it, sign what is newest, and delete what is old."""
    for name, tags, steps in SHELVES:
        repository = Repository(client, name)
        layers = [layer(step, files) for step, files in steps]
        config = _config(steps, tags[0])
        push_layers(repository, config, *layers, tags=tags)
    newest = repository.ask("HEAD", "/manifests/latest").headers
    push_signature(repository, newest["docker-content-digest"], int(newest["content-length"]))
    name, tag = DELETED
    old = Repository(client, name).ask("HEAD", f"/manifests/{tag}").headers["docker-content-digest"]
    deleted = Repository(client, name).ask("DELETE", f"/manifests/{old}")
    assert deleted.status == 202, deleted


def age(database: Path, now: float) -> None:
    """Have the images been pushed one after the other, over some days; no server may run."""
    with closing(sqlite3.connect(database)) as opened, opened:
        opened.execute("UPDATE manifests SET pushed_at = ?", (now - len(SHELVES) * APART,))
        for back, (name, tags, _) in enumerate(reversed(SHELVES)):
            at = now - 1_000 - back * APART
            of = "repository_id = (SELECT id FROM repositories WHERE name = ?)"
            for tag in tags:
                opened.execute(
                    f"UPDATE tags SET updated_at = ? WHERE {of} AND name = ?", (at, name, tag)
                )
                opened.execute(
                    "UPDATE manifests SET pushed_at = ? WHERE (repository_id, digest) = "
                    f"(SELECT repository_id, digest FROM tags WHERE {of} AND name = ?)",
                    (at, name, tag),
                )
        opened.execute("UPDATE manifests SET pushed_at = ? WHERE subject IS NOT NULL", (now - 990,))
        opened.execute(
            "UPDATE repositories SET recount = 1, pushed_at ="
            " (SELECT max(pushed_at) FROM manifests WHERE repository_id = repositories.id)"
        )
        # Another server counts anew, though one has just done so.
        opened.execute("DELETE FROM jobs")
        opened.execute("DELETE FROM samples")


def _config(steps: Steps, version: str) -> bytes:
    return json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "created": "2026-01-15T09:30:00Z",
            "config": {
                "User": "shop",
                "ExposedPorts": {"8080/tcp": {}},
                "Env": ["PATH=/srv/venv/bin:/usr/local/bin:/usr/bin:/bin"],
                "Entrypoint": ["python", "-m", "shop"],
                "WorkingDir": "/srv",
                "Labels": {"org.opencontainers.image.version": version},
            },
            "rootfs": {
                "type": "layers",
                "diff_ids": [digest_of(step.encode()) for step, _ in steps],
            },
            "history": [
                {"created": "2026-01-15T09:30:00Z", "created_by": step} for step, _ in steps
            ],
        }
    ).encode()
