"""What changes while the registry runs: in every worker, by signal or by itself."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from lading.config.loading import load
from lading.core.permissions import CurrentPermissions
from lading.wiring.permissions import permissions_of
from lading.wiring.reload import Reloader
from tests.support.guarded import basic, guarded_registry
from tests.support.lading import started_workers
from tests.support.processes import wait_until

RULE = {"users": ["reader"], "repositories": ["team/**"], "actions": ["pull"]}
BASE: dict[str, Any] = {
    "version": 0.1,
    "auth": {"htpasswd": {"path": "/x"}, "permissions": {"rules": [RULE]}},
}


class Running:
    """A reloader of a file that a test writes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.at = 0
        self.write(BASE)
        settings = load(path, {}).settings
        self.permissions = CurrentPermissions(permissions_of(settings.auth))
        self.before = self.permissions.value
        self.reloader = Reloader(settings, path, {}, self.permissions)

    def write(self, content: Any) -> None:
        """Write the configuration, at a time of its own."""
        text = content if isinstance(content, str) else yaml.safe_dump(content)
        self.path.write_text(text)
        self.at += 1
        os.utime(self.path, (self.at, self.at))


@pytest.fixture
def running(tmp_path: Path) -> Running:
    return Running(tmp_path / "config.yml")


def changed(**permissions: Any) -> dict[str, Any]:
    """The configuration with other permissions."""
    return {**BASE, "auth": {**BASE["auth"], "permissions": permissions}}


def test_new_permissions(running: Running) -> None:
    """Rules, presets, groups; and none at all, which is Distribution's rule."""
    running.reloader.refresh()
    assert running.permissions.value is running.before
    for content in (
        changed(preset="public"),
        changed(groups={"a": ["b"]}),
        {**BASE, "auth": {"htpasswd": {"path": "/x"}}},
        BASE,
    ):
        running.write(content)
        running.reloader.refresh()
        running.path.write_text(yaml.safe_dump(content))
        expected = permissions_of(load(running.path, {}).settings.auth)
        assert running.permissions.value == expected


def test_docker_s_clients_cannot_use_at_once_what_is_for_everybody(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    """They are let in without a password only where there are tokens; the log says so."""
    running.write(changed(preset="users"))
    running.reloader.refresh()
    assert "Docker" not in caplog.text
    running.write(changed(preset="public"))
    running.reloader.refresh()
    assert running.permissions.value.something_for_anybody
    assert "Docker makes use of it after a restart" in caplog.text


@pytest.mark.parametrize(
    "content", ["", "nonsense: [", "version: 0.1\nauth: {permissions: {preset: x}}\n", "a: b"]
)
def test_a_mistake_changes_nothing(
    running: Running, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says what is wrong, once."""
    running.write(content)
    running.reloader.refresh()
    running.reloader.refresh()
    assert running.permissions.value is running.before
    assert caplog.text.count("not taken up, what was in force stays") == 1
    running.write(changed(preset="open"))
    running.reloader.refresh()
    assert running.permissions.value != running.before


def test_a_missing_file_changes_nothing(running: Running) -> None:
    """An editor may move it away for a moment."""
    running.path.unlink()
    running.reloader.refresh()
    assert running.permissions.value is running.before


@pytest.mark.parametrize(
    "content",
    [
        {"version": 0.1},
        {"version": 0.1, "auth": {"none": {}}},
        {**BASE, "auth": {"htpasswd": {"path": "/y"}}},
        {**BASE, "http": {"addr": ":1"}},
    ],
)
def test_what_needs_a_restart(
    running: Running, content: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Half of a new way to log in is not taken up: not even the part that could be."""
    running.write(content)
    running.reloader.refresh()
    assert running.permissions.value is running.before or "http" in content
    assert running.permissions.value == running.before
    assert "count from a restart" in caplog.text


def test_in_every_worker(tmp_path: Path) -> None:
    """At once by SIGHUP, a little later by itself; a mistake is logged, and lets nobody in."""
    with guarded_registry(tmp_path) as guarded:
        config, log = guarded.lading.config, tmp_path / "lading.log"
        started_workers(guarded.lading)
        document = yaml.safe_load(config.read_text())

        def write(actions: str) -> None:
            rule = {"users": ["reader"], "repositories": ["team/**"], "actions": [actions]}
            document["auth"]["permissions"] = {"rules": [rule]}
            config.write_text(yaml.safe_dump(document))

        def said(words: str) -> bool:
            return log.read_text().count(words) == 2

        def everywhere(allowed: Callable[[int], bool]) -> bool:
            path = "/v2/team/app/blobs/uploads/"
            statuses = [
                guarded.client.ask("POST", path, b"", authorization=basic("reader")).status
                for _ in range(20)
            ]
            return all(map(allowed, statuses))

        assert everywhere(lambda status: status == 403)
        write("push")
        os.kill(guarded.lading.pid, signal.SIGHUP)
        wait_until(lambda: everywhere(lambda status: status == 202), "the new permissions")
        wait_until(lambda: said("the new permissions are in force"), "both workers to say so")

        write("nonsense")
        wait_until(lambda: said("not taken up"), "both workers to complain")
        assert everywhere(lambda status: status == 202)

        write("pull")
        wait_until(lambda: everywhere(lambda status: status == 403), "the old permissions")


def test_a_pipe_that_nobody_writes_to_is_not_waited_for(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    """No request would be answered meanwhile."""
    running.path.unlink()
    os.mkfifo(running.path)
    running.reloader.refresh()
    assert running.permissions.value is running.before
    assert "is a pipe" in caplog.text
    running.path.unlink()
    running.write(changed(preset="public"))
    running.reloader.refresh()
    assert running.permissions.value != running.before
