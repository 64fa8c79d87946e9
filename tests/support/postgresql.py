"""A PostgreSQL of the tests' own: a cluster in a directory that is gone with it.

It does not sync its disk. What is killed is the server, never the machine, so nothing that it has
committed is lost by that.
"""

import functools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
import pytest

from tests.support.commands import missing, run
from tests.support.processes import background, free_port, wait_until

# Debian keeps the programs of each version apart, newest last.
_DIRECTORIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "max_connections": "200",
    "shared_buffers": "32MB",
    # Whoever is asked to stop does not wait for what checkpoints have to write.
    "autovacuum_naptime": "10s",
}


def require_postgresql() -> Path:
    """Skip the test unless PostgreSQL is installed; return where its programs are."""
    found = shutil.which("initdb")
    if found is None and not _DIRECTORIES:
        missing("needs PostgreSQL: `apt-get install postgresql`, or run `make e2e-tools`")
    return Path(found).resolve().parent if found else _DIRECTORIES[-1]


def as_postgres(*command: str | Path) -> list[str]:
    """A command as a user that PostgreSQL and PgBouncer run as: neither runs as root."""
    words = [str(word) for word in command]
    if os.geteuid() != 0:
        return words
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *words]


@dataclass
class PostgreSQL:
    """A cluster, and its server while that runs.

    Attributes:
        directory: of all that belongs to it.
        programs: where PostgreSQL's are.
        port: on 127.0.0.1.
        settings: beside the usual ones, from the next start on.
    """

    directory: Path
    programs: Path
    port: int = field(default_factory=free_port)
    settings: dict[str, str] = field(default_factory=dict)
    _server: subprocess.Popen[bytes] | None = None
    _names: Iterator[int] = field(default_factory=count)

    def url(self, database: str = "postgres", query: str = "", user: str = "postgres") -> str:
        """The URL of a database, with some parameters after its `?`."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}{query and '?' + query}"

    def new_database(self) -> str:
        """Make an empty database; its name."""
        name = f"registry{next(self._names)}"
        self.ask(f"CREATE DATABASE {name}")
        return name

    def new_url(self) -> str:
        """The URL of an empty database that is made now."""
        return self.url(self.new_database())

    def new_schema(self) -> str:
        """The URL of an empty schema that is made now: a tenth of what a database costs."""
        name = f"registry{next(self._names)}"
        self.ask(f"CREATE SCHEMA {name}")
        return self.url(query=f"options=-csearch_path%3D{name}")

    def ask(self, statement: str, database: str = "postgres") -> Sequence[tuple[object, ...]]:
        """Run a statement, and return its rows."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        options = [f"--{name}={value}" for name, value in (_SETTINGS | self.settings).items()]
        command = as_postgres(
            # Killed tests take the server with them.
            *("setpriv", "--pdeathsig=QUIT"),
            *(self.programs / "postgres", "-D", self.directory / "data"),
            *("-p", str(self.port), "-k", self.directory),
            *options,
        )
        with (self.directory / "log").open("ab") as log:
            deadline = time.monotonic() + 30
            while not self._is_up():
                if self._server is None or self._server.poll() is not None:
                    # One that was killed leaves memory behind until its children have noticed.
                    self._server = subprocess.Popen(
                        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
                    )
                if time.monotonic() > deadline:
                    pytest.fail(f"PostgreSQL does not start\n{self.log[-4000:]}")
                time.sleep(0.05)

    def stop(self) -> None:
        """Stop the server as an operator does for an upgrade: connections end, at once."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill the server, as a machine that fails does: it has to recover."""
        self._end(signal.SIGKILL)

    def leave(self) -> None:
        """End the server without writing down what nobody will read."""
        self._end(signal.SIGQUIT)

    def freeze(self) -> None:
        """Have the server stand still: it takes connections, and never answers."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """Have it go on."""
        self._signal_all(signal.SIGCONT)

    def freeze_sessions(self, application: str) -> None:
        """Have its sessions with a program stand still, and serve new ones: a silent failover."""
        asked = f"SELECT pid FROM pg_stat_activity WHERE application_name = '{application}'"
        for (pid,) in self.ask(asked):
            assert isinstance(pid, int)
            os.kill(pid, signal.SIGSTOP)

    @property
    def log(self) -> str:
        """What it has said."""
        return (self.directory / "log").read_text(errors="replace")

    def _end(self, how: signal.Signals) -> None:
        if self._server is not None:
            self._server.send_signal(how)
            self._server.wait()
            self._server = None

    def _signal_all(self, what: signal.Signals) -> None:
        assert self._server is not None
        pid = self._server.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for process in (pid, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(process, what)

    def _is_up(self) -> bool:
        try:
            self.ask("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def running_postgresql() -> Iterator[PostgreSQL]:
    """A cluster whose server runs for the length of the block."""
    programs = require_postgresql()
    # Not below a directory of pytest's, where no other user may look.
    with tempfile.TemporaryDirectory(prefix="lading-postgresql-") as name:
        directory = Path(name)
        if os.geteuid() == 0:
            shutil.chown(directory, "postgres", "postgres")
        run(as_postgres("cp", "--archive", _cluster(programs).name, directory / "data"))
        server = PostgreSQL(directory, programs)
        try:
            server.start()
            yield server
        finally:
            with suppress(ProcessLookupError, AssertionError):
                server.thaw()
            server.leave()


@functools.cache
def _cluster(programs: Path) -> "tempfile.TemporaryDirectory[str]":
    """An empty cluster that all others are copies of: to make one takes ten times as long."""
    made = tempfile.TemporaryDirectory(prefix="lading-cluster-")
    if os.geteuid() == 0:
        shutil.chown(made.name, "postgres", "postgres")
    options = ["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C"]
    run(as_postgres(programs / "initdb", *options, "-D", made.name))
    return made


@contextmanager
def pgbouncer_before(server: PostgreSQL, *, connections: int = 4) -> Iterator[int]:
    """Debian's PgBouncer, in transaction mode, for the length of the block; yields its port."""
    if not shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin"):
        missing("needs PgBouncer: `apt-get install pgbouncer`, or run `make e2e-tools`")
    port = free_port()
    users, configuration = server.directory / "users.txt", server.directory / "pgbouncer.ini"
    users.write_text('"postgres" ""\n')
    configuration.write_text(
        f"""
        [databases]
        * = host=127.0.0.1 port={server.port}
        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = {port}
        unix_socket_dir =
        auth_type = trust
        auth_file = {users}
        pool_mode = transaction
        default_pool_size = {connections}
        max_client_conn = 1000
        server_login_retry = 1
        """.replace("        ", "")
    )
    log = server.directory / "pgbouncer.log"
    command = as_postgres("pgbouncer", configuration)
    with background(command, log=log):
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        wait_until(lambda: _answers(url), "PgBouncer", log=log.read_text)
        yield port


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True
