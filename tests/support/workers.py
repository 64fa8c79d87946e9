"""Workers of a registry, and their connections, which the kernel gives out as it likes."""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.client import Client, Connection

# Connections of which each of two workers gets one, once both have started; and with patience.
SOME, MOST = 20, 200


@contextmanager
def one_connection_each(client: Client) -> Iterator[tuple[Connection, Connection]]:
    """Two connections that two different workers hold."""
    with ExitStack() as stack:
        first = stack.enter_context(client.connection())
        for number in range(MOST):
            if number > SOME:
                time.sleep(0.1)  # the other one may still have to start
            second = stack.enter_context(client.connection())
            if _holder(first) != _holder(second):
                yield first, second
                return
        raise AssertionError("one worker took every connection")


def takes_connections(worker: int, port: int) -> bool:
    """Whether a worker has started: the kernel tells it of connections to a port by then."""
    try:
        listener = f"socket:[{_inode(port, 0, of=worker)}]"
        process = Path(f"/proc/{worker}")
        polls = [
            (process / "fdinfo" / entry.name).read_text()
            for entry in (process / "fd").iterdir()
            if str(entry.readlink()) == "anon_inode:[eventpoll]"
        ]
        watched = {number for poll in polls for number in re.findall(r"tfd: +(\d+)", poll)}
        return any(str((process / "fd" / each).readlink()) == listener for each in watched)
    except OSError:  # something was closed meanwhile, or it has ended
        return False


def _holder(connection: Connection) -> int:
    """The process at the other end of a connection."""
    connection.request("GET", "/v2/")
    assert connection.receive().status in {200, 401}
    server, client = connection.ports
    name = f"socket:[{_inode(server, client)}]"
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(entry.readlink()) == name for entry in (process / "fd").iterdir()):
                return int(process.name)
        except OSError:  # it has ended, or is not ours
            continue
    raise AssertionError("nobody holds the connection")


def _inode(local: int, remote: int, *, of: int | str = "self") -> str:
    """The number of a TCP socket in the network of a process (proc(5), /proc/net/tcp)."""
    for line in Path(f"/proc/{of}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        ends = tuple(int(address.partition(":")[2], 16) for address in fields[1:3])
        if ends == (local, remote):
            return fields[9]
    raise AssertionError("the connection is not there")
