"""What is rare in registries, and still has to look well: types nobody knows, words without end."""

import gzip
import io
import json
import tarfile

from tests.support.client import Client
from tests.support.pushes import OCI_EMPTY, OCI_MANIFEST, Repository, descriptor, digest_of
from tests.ui.browser.cargo import BASE, push_image, push_layers, push_platforms, push_signature

LONG_TYPE = "application/vnd.example.very.long.artifact.type.that.nobody.knows.v1+json"
ENDLESS = "x" * 10_000
ATTACHED, ODD, MANY = "curios/attached", "curios/odd", "curios/platforms"
LINKS = {"loop": "loop2", "loop2": "loop", "self": ".", "up": "../../../../etc/passwd"}
DEVICES = {"null": tarfile.CHRTYPE, "disk": tarfile.BLKTYPE, "pipe": tarfile.FIFOTYPE}


def odd_layer() -> bytes:
    """A layer of links that lead nowhere, devices, marks, and names that no person would give."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:

        def add(
            name: str, type_: bytes = tarfile.REGTYPE, link: str = "", data: bytes = b""
        ) -> None:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname, entry.size = type_, link, len(data)
            tar.addfile(entry, io.BytesIO(data))

        for name in ("\u202egnp.exe", "no\u200bwidth", "two\nlines", "n" * 250, "caf\udce9"):
            add(f"etc/{name}", data="text\u202e\n\x1b[31m".encode())
        for name, target in LINKS.items():
            add(f"etc/{name}", tarfile.SYMTYPE, target)
        for name, type_ in DEVICES.items():
            add(f"etc/{name}", type_)
        add("etc/other", tarfile.LNKTYPE, f"etc/{'n' * 250}")
        add("bin/.wh.sh")
        add("opt/.wh..wh..opq")
        add("../outside", data=b"it is not")
        add("a/" * 60 + "deep", data=b"deep")
        add("twice", data=b"once")
        add("twice", data=b"again")
    return gzip.compress(packed.getvalue(), mtime=0)


def push_attached(repository: Repository) -> None:
    """Push an image with what is about it: by a tag, by types known and unknown."""
    about = push_image(repository, "1.0", version="attached")
    push_signature(repository, about["digest"], about["size"])
    for number, type_ in enumerate(("application/spdx+json", LONG_TYPE)):
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": type_,
            "config": descriptor(b"{}", OCI_EMPTY),
            "layers": [descriptor(b"{}", OCI_EMPTY)],
            "subject": about,
        }
        repository.push_manifest(document, f"about-{number}")
    repository.push_manifest(document, about["digest"].replace(":", "-") + ".sig")


def push_odd(repository: Repository) -> None:
    """Push images whose every word is too long, or is read from the wrong side."""
    layers = (BASE, odd_layer())
    for tag in ("1.0", "v" * 128):
        config = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {
                    "Cmd": [ENDLESS],
                    "Env": [f"{tag}={ENDLESS}"],
                    "Labels": {ENDLESS: "name", "value": ENDLESS, tag: "\u202eeulav"},
                },
                "rootfs": {"type": "layers", "diff_ids": [digest_of(layer) for layer in layers]},
                "history": [
                    {"created_by": f"RUN {ENDLESS}\n\tends"},
                    {"created_by": "COPY <img> \u202e"},
                ],
            }
        ).encode()
        push_layers(repository, config, *layers, tags=[tag], annotations={ENDLESS: ENDLESS})


def collect_curios(client: Client) -> None:
    """Push all of it."""
    push_attached(Repository(client, ATTACHED))
    push_odd(Repository(client, ODD))
    for version in ("1.0", "2.0"):
        push_platforms(Repository(client, MANY), version, version=version)
