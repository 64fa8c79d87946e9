"""Copies of many tags by lading, crane and skopeo: seconds and requests, of two runs each.

`python -m bench.copying` prints a table for each target: Debian's `docker-registry`, as the source
is, which takes an upload by two requests, and `olareg`, which takes one by one. All are behind one
nginx, whose log is what counts the requests. Each tag has a layer and a configuration of its own
and shares another layer, as builds of one application do. In each round the tools take turns, and
bring all to a place that is new; a table has the medians. lading's modules are compiled before, as
`pip install` does it: else an environment that writes no bytecode has each run compile them.
"""

import compileall
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import click

import lading
from lading.client import BlobContent, Client, RemoteManifest
from lading.core.digest import Digest

TAGS = 200
TOOLS = Path(os.environ.get("LADING_E2E_CACHE", "~/.cache/lading-e2e")).expanduser() / "bin"
PORTS = {"source": (5611, 5621), "docker-registry": (5612, 5622), "olareg": (5613, 5623)}
OCI = "application/vnd.oci.image.manifest.v1+json"
NGINX = """
daemon off; user root; pid {0}/nginx.pid; error_log {0}/nginx.err;
events {{}}
http {{
  access_log {0}/access.log; client_max_body_size 0; client_body_temp_path {0}/body;
  server {{ listen 127.0.0.1:5611; location / {{
    proxy_pass http://127.0.0.1:5621; proxy_set_header Host $http_host; }} }}
  server {{ listen 127.0.0.1:5612; location / {{
    proxy_pass http://127.0.0.1:5622; proxy_set_header Host $http_host; }} }}
  server {{ listen 127.0.0.1:5613; location / {{
    proxy_pass http://127.0.0.1:5623; proxy_set_header Host $http_host; }} }}
}}
"""


def serve(stack: ExitStack, folder: Path, name: str) -> None:
    """Start a registry; it ends with the stack."""
    config = folder / f"{name}.yml"
    config.write_text(
        f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n"
        f"http: {{addr: '127.0.0.1:{PORTS[name][1]}'}}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder / name}}}}}\n"
    )
    start(stack, [tool("docker-registry"), "serve", str(config)])


def serve_olareg(stack: ExitStack, folder: Path) -> None:
    """Start the other target; it ends with the stack."""
    (folder / "olareg").mkdir()
    words = ["--addr", "127.0.0.1", "--port", str(PORTS["olareg"][1]), "--dir"]
    start(stack, [tool("olareg"), "serve", *words, str(folder / "olareg")])


def tool(name: str) -> str:
    """The program of a name, among those of the end-to-end tests first."""
    return shutil.which(name, path=f"{TOOLS}:{os.environ['PATH']}") or name


def start(stack: ExitStack, command: Sequence[str]) -> None:
    """Start a program; it ends with the stack."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stack.callback(process.wait)
    stack.callback(process.terminate)


def fill() -> None:
    """Push the images to the source."""
    with Client("127.0.0.1:5611") as client:
        repository = client.repository("app")
        shared = os.urandom(4 * 1024 * 1024)
        for number in range(TAGS):
            config = json.dumps({"os": "linux", "architecture": "amd64", "n": number}).encode()
            described = []
            for data in (config, shared, os.urandom(300_000)):
                repository.push_blob(_content(data))
                described.append({"digest": Digest.of(data), "size": len(data)})
            kinds = ["config.v1+json", "layer.v1.tar+gzip", "layer.v1.tar+gzip"]
            for one, kind in zip(described, kinds, strict=True):
                one["mediaType"] = f"application/vnd.oci.image.{kind}"
            document = {"schemaVersion": 2, "mediaType": OCI, "config": described[0]}
            body = json.dumps(document | {"layers": described[1:]}).encode()
            repository.push_manifest(f"v{number}", RemoteManifest(Digest.of(body), OCI, body))


def _content(data: bytes) -> BlobContent:
    return BlobContent(
        Digest.of(data), len(data), lambda start, length: [data[start : start + length]]
    )


def commands(target: str) -> dict[str, Callable[[str], Sequence[str]]]:
    """The command of each tool that copies all tags below a name of the target."""
    source, crane = "127.0.0.1:5611/app", tool("crane")
    lading = str(Path(sys.executable).with_name("lading"))
    skopeo = ["skopeo", "sync", "--src", "docker", "--dest", "docker"]
    skopeo += ["--src-tls-verify=false", "--dest-tls-verify=false"]
    return {
        "lading cp": lambda name: [lading, "cp", source, f"{target}/{name}/app", "--tags", "*"],
        "crane cp -a": lambda name: [crane, "cp", "-a", source, f"{target}/{name}/app"],
        "skopeo sync": lambda name: [*skopeo, source, f"{target}/{name}"],
    }


class Cost(NamedTuple):
    """What a command costs: seconds on the clock, of processor, and requests."""

    seconds: float
    processor: float
    requests: float


def measure(command: Sequence[str], log: Path) -> Cost:
    """What a command costs; the registries are no part of its processor time."""
    before = len(log.read_bytes().splitlines())
    begun, used = time.monotonic(), _processor()
    subprocess.run(command, check=True, capture_output=True)
    seconds, processor = time.monotonic() - begun, _processor() - used
    time.sleep(0.5)  # until nginx has written its log
    return Cost(seconds, processor, len(log.read_bytes().splitlines()) - before)


def _processor() -> float:
    """The processor time of all children that have ended; the registries have not."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@click.command()
@click.option("--rounds", default=5, help="How often each tool copies everything.")
def main(*, rounds: int) -> None:
    """Measure, and print tables in Markdown."""
    compileall.compile_dir(Path(lading.__file__).parent, quiet=1)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        serve(stack, folder, "source")
        serve(stack, folder, "docker-registry")
        serve_olareg(stack, folder)
        (folder / "nginx.conf").write_text(NGINX.format(folder))
        start(stack, ["nginx", "-c", str(folder / "nginx.conf")])
        time.sleep(2)
        fill()
        for target in ("docker-registry", "olareg"):
            compare(target, folder / "access.log", rounds)


def compare(target: str, log: Path, rounds: int) -> None:
    """Measure the copies of each tool to a target."""
    tools = commands(f"127.0.0.1:{PORTS[target][0]}")
    first, second = defaultdict[str, list[Cost]](list), defaultdict[str, list[Cost]](list)
    for number in range(rounds):
        for name, command in tools.items():
            words = command(f"{name.split()[0]}{number}")
            first[name].append(measure(words, log))
            second[name].append(measure(words, log))
    click.echo(
        f"\n| to {target} | first: seconds | processor | requests | second: seconds"
        " | processor | requests |"
    )
    click.echo("|---|--:|--:|--:|--:|--:|--:|")
    for name in tools:
        click.echo(f"| {name} | {_medians(first[name])} | {_medians(second[name])} |")


def _medians(costs: Sequence[Cost]) -> str:
    seconds, processor, requests = (statistics.median(each) for each in zip(*costs, strict=True))
    return f"{seconds:.2f} | {processor:.2f} | {requests:.0f}"


if __name__ == "__main__":
    main()
