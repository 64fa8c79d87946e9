"""The registry that is besieged."""

import re
import threading
import time
from pathlib import Path
from typing import Any

from tests.siege.attackers import PROXY
from tests.siege.guests import Guest, Watch
from tests.support.guarded import basic, write_users
from tests.torture.client import Client
from tests.torture.server import Server

# Seconds in which each worker is there that is started.
STARTING = 2.0


class Fortress(Server):
    """A registry that knows its guests, and an enemy who may push to repositories of his own.

    Attributes:
        watch: notes the times of the guests, until the siege is over.
    """

    watch: Watch | None

    def client(self, stop: threading.Event) -> Client:
        """A guest, known by name and password."""
        return Guest([self.port], stop, {"Authorization": basic("alice")}, lambda: self.watch)

    def settings(self) -> dict[str, Any]:
        """Its configuration: defaults, but for who may come and what is written down."""
        users = self.directory / "htpasswd"
        write_users(users, "alice", "mallory")
        settings = super().settings()
        settings["http"].update(workers=2, trustedproxies=[PROXY])
        settings["auth"] = {
            "htpasswd": {"path": str(users)},
            "permissions": {
                "rules": [
                    {"users": [user], "repositories": [repositories], "actions": ["push", "delete"]}
                    for user, repositories in (("alice", "torture/**"), ("mallory", "mallory/**"))
                ]
            },
        }
        settings["audit"] = {"file": str(self.audit)}
        return settings

    @property
    def audit(self) -> Path:
        """Its audit log."""
        return self.directory / "audit.log"

    def start(self) -> None:
        """Start it; returns when all workers are there, or the first would have all guests."""
        super().start()
        time.sleep(STARTING)

    def memory(self) -> float:
        """MiB that its largest worker has in memory."""
        states = [Path(f"/proc/{pid}/status").read_text() for pid in self.workers]
        return max(int(re.findall(r"VmRSS:\s+(\d+)", state)[0]) / 1024 for state in states)
