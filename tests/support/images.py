"""The images that the tests push, made on this machine: nothing is pulled from outside.

The base image stands for the Dockerfile's and for nginx's own, and is kept in the cache.
`hello-world` is one static program, as Docker's own is.
"""

import functools
import os
import re
import shutil
import tempfile
from pathlib import Path

from tests.support.commands import CACHE, REPOSITORY, SEARCH_PATH, require, run
from tests.support.docker import Docker
from tests.support.postgresql import require_postgresql
from tests.support.tars import archive

DEBIAN = "lading-e2e/debian"
NGINX = "lading-e2e/nginx"
LADING = "lading-e2e/lading"
POSTGRESQL = "lading-e2e/postgresql"
STORE = "lading-e2e/store"
GREETING = "Hello from Docker!"


def build_deployment(docker: Docker) -> None:
    """Build what deploy/compose runs: this repository's Dockerfile, and an nginx."""
    require("mmdebstrap")
    run([REPOSITORY / "tests" / "e2e" / "tools", "debian"], timeout=600)
    docker.run("import", CACHE / "debian.tar", DEBIAN)
    docker.run("build", f"--build-arg=BASE={DEBIAN}", f"--tag={LADING}", REPOSITORY)
    dockerfile = f'FROM {DEBIAN}\nCMD ["nginx", "-g", "daemon off;"]\n'
    docker.run("build", f"--tag={NGINX}", "-", stdin=dockerfile.encode())


def build_scale_out(docker: Docker) -> None:
    """Build what deploy/scale-out runs beside these: stand-ins for the images of both servers."""
    entry = Path(__file__).with_name("postgresql-entry.sh").read_bytes()
    copied = (
        f"FROM {DEBIAN}\nADD programs.tar /\n"
        "RUN useradd --system --user-group postgres"
        " && ln -s /usr/lib/postgresql/*/bin/* /usr/bin/\n"
        'COPY entry.sh /\nCMD ["sh", "/entry.sh"]\n'
    )
    files = {"Dockerfile": copied.encode(), "entry.sh": entry, "programs.tar": _postgresql()}
    docker.run("build", f"--tag={POSTGRESQL}", "-", stdin=archive(files))
    require("versitygw")
    program = shutil.which("versitygw", path=SEARCH_PATH)
    assert program is not None
    copied = f"FROM {DEBIAN}\nCOPY versitygw /usr/local/bin/\n"
    files = {"Dockerfile": copied.encode(), "versitygw": Path(program).read_bytes()}
    context = archive(files, mode=0o755)
    docker.run("build", f"--tag={STORE}", "-", stdin=context)


def build_hello_world(docker: Docker, name: str = "hello-world") -> None:
    """Make the image of one program that greets."""
    files = {"hello": _hello_program()}
    docker.run("import", '--change=CMD ["/hello"]', "-", name, stdin=archive(files, mode=0o755))


def build_shell(docker: Docker, name: str) -> None:
    """Make an image in which `RUN` of a Dockerfile runs: this machine's shell, and `mkdir`."""
    programs = {"bin/sh": Path("/bin/dash"), "bin/mkdir": Path("/bin/mkdir")}
    files = {path: program.read_bytes() for path, program in programs.items()}
    for library in _linked_with(*programs.values()):
        files[str(library.relative_to("/"))] = library.read_bytes()
    docker.run("import", "-", name, stdin=archive(files, mode=0o755))


def build_layers(docker: Docker, name: str, *layers: bytes) -> None:
    """Make an image with a layer for each of `layers`."""
    files = {f"layer{number}": content for number, content in enumerate(layers)}
    lines = ["FROM scratch", *(f"COPY {file} /" for file in files), 'CMD ["/none"]']
    context = archive({"Dockerfile": "\n".join(lines).encode(), **files})
    docker.run("build", f"--tag={name}", "-", stdin=context)


def random_bytes(size: int) -> bytes:
    """Return bytes that no compression makes smaller."""
    return os.urandom(size)


def _postgresql() -> bytes:
    """A tar file of this machine's PostgreSQL and of the libraries that it is linked with.

    It takes a moment, and no network; the libraries are newer than the image's, if any.
    """
    programs = require_postgresql()
    called = [programs / name for name in ("postgres", "initdb", "pg_isready")]
    libraries = {path.parent.resolve() / path.name for path in _linked_with(*called)}
    parts = [*called, programs.parent / "lib", Path("/usr/share/postgresql"), *libraries]
    # What compiles queries is linked with a compiler, and need not be there.
    left_out = ["--exclude=llvmjit*", "--exclude=bitcode"]
    pack = ["tar", "--create", "--dereference", *left_out, "--directory=/"]
    return run([*pack, *(part.relative_to("/") for part in parts)]).stdout


def _linked_with(*programs: Path) -> set[Path]:
    """The libraries that programs are linked with, by the paths that they look for."""
    said = run(["ldd", *programs]).stdout.decode()
    return {Path(name) for name in re.findall(r"(/\S+) \(0x", said)}


@functools.cache
def _hello_program() -> bytes:
    require("go")
    source = Path(__file__).with_name("hello.go")
    with tempfile.TemporaryDirectory() as directory:
        program = Path(directory) / "hello"
        build: list[str | Path] = ["go", "build", "-ldflags=-s -w", "-o", program, source]
        run(build, env={"CGO_ENABLED": "0"})
        return program.read_bytes()
