"""`python -m bench.adoption`: the volume of a large Distribution, adopted; minutes and memory.

The volume is made by writing the files that Distribution would have written. The command runs as it
is installed; its memory is the most that its process ever had.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from bench.machine import describe

_TYPE = "application/vnd.oci.image.{kind}.v1+json"
# Layers that all images of a repository share, as those of one base image.
LAYERS = 4
_LAYER = b"a layer" * 100


@click.command()
@click.option("--repositories", default=10_000, help="How many there are.")
@click.option("--tags", default=10, help="How many each has, all of images of their own.")
@click.option("--directory", type=click.Path(path_type=Path), help="Where; a temporary one if not.")
@click.option("--again", is_flag=True, help="Adopt it once more, when nothing is new.")
def main(repositories: int, tags: int, directory: Path | None, *, again: bool) -> None:
    """Make a volume, and adopt it."""
    click.echo(describe())
    with tempfile.TemporaryDirectory(dir=directory) as root:
        started = time.monotonic()
        fill(Path(root), repositories, tags)
        click.echo(f"{repositories * tags} tags made in {time.monotonic() - started:.0f} s")
        for name in ("adopted", *(["once more"] if again else [])):
            seconds, memory, said = adopt(Path(root))
            click.echo(f"{name}: {seconds:.0f} s, {memory:.0f} MiB at most: {said}")


def adopt(root: Path) -> tuple[float, float, str]:
    """Adopt a volume; seconds, MiB at most, and what was said of it."""
    program = Path(sys.executable).with_name("lading")
    started = time.monotonic()
    process = subprocess.Popen(
        [program, "adopt", "--json", root], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    *_, last = process.stdout.read().splitlines()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    summary = json.loads(last)["summary"]
    said = f"{summary['manifests']} manifests, {summary['tags']} tags, {summary['left']} broken"
    return time.monotonic() - started, usage.ru_maxrss / 1024, said


def fill(root: Path, repositories: int, tags: int) -> None:
    """Write what Distribution would have written for so many pushes."""
    volume = root / "docker/registry/v2"
    now = time.time()
    for number in range(repositories):
        name = f"team{number % 100}/app{number}"
        repository = f"{volume}/repositories/{name}"
        layers = [_blob(volume, b"%b %d %d" % (_LAYER, number % 500, at)) for at in range(LAYERS)]
        for layer in layers:
            _link(f"{repository}/_layers/sha256/{layer['digest'][7:]}", layer["digest"], now)
        for tag in range(tags):
            at = now - 1000 * (tags - tag) - number
            _push(volume, repository, f"v{tag}", json.dumps([number, tag]).encode(), layers, at)


def _push(
    volume: Path, repository: str, tag: str, config: bytes, layers: list[dict[str, Any]], at: float
) -> None:
    described = _blob(volume, config)
    _link(f"{repository}/_layers/sha256/{described['digest'][7:]}", described["digest"], at)
    document = {
        "schemaVersion": 2,
        "mediaType": _TYPE.format(kind="manifest"),
        "config": described | {"mediaType": _TYPE.format(kind="config")},
        "layers": layers,
    }
    digest = _blob(volume, json.dumps(document).encode())["digest"]
    manifests = f"{repository}/_manifests"
    _link(f"{manifests}/revisions/sha256/{digest[7:]}", digest, at)
    _link(f"{manifests}/tags/{tag}/index/sha256/{digest[7:]}", digest, at)
    _link(f"{manifests}/tags/{tag}/current", digest, at)


def _blob(volume: Path, data: bytes) -> dict[str, Any]:
    name = hashlib.sha256(data).hexdigest()
    directory = f"{volume}/blobs/sha256/{name[:2]}/{name}"
    if not Path(directory).exists():
        _write(directory, "data", data)
    media_type = "application/vnd.oci.image.layer.v1.tar"
    return {"mediaType": media_type, "digest": f"sha256:{name}", "size": len(data)}


def _link(directory: str, digest: str, at: float) -> None:
    _write(directory, "link", digest.encode())
    os.utime(f"{directory}/link", (at, at))


def _write(directory: str, name: str, data: bytes) -> None:
    path = Path(directory)
    path.mkdir(parents=True, exist_ok=True)
    (path / name).write_bytes(data)


if __name__ == "__main__":
    main()
