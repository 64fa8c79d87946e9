"""A running server of two workers, as it is seen by who watches it."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from tests.support.commands import run
from tests.support.guarded import basic, write_users
from tests.support.lading import Lading, lading_serve, program, started_workers, workers_of
from tests.support.metrics import WATCHED, figures, watcher
from tests.support.processes import wait_until
from tests.support.pushes import Repository
from tests.support.small_servers import QuietHandler, served

HTTP = {"addr": "127.0.0.1:0", "workers": 2, "debug": WATCHED}
CHECKS = 'registry_http_requests_total{code="200",handler="base",method="get"}'


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Lading]:
    with lading_serve(tmp_path, settings={"http": HTTP}) as registry:
        started_workers(registry)
        yield registry


def read(registry: Lading) -> dict[str, float]:
    """The figures of a registry now."""
    answer = watcher(registry).ask("GET", "/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    return dict(figures(answer.body.decode()))


def test_figures_are_the_sums_of_all_workers(registry: Lading) -> None:
    """Whichever of them is asked; connections go to either."""
    before = read(registry)[CHECKS]
    for _ in range(20):
        assert registry.client.ask("GET", "/v2/").status == 200
    for _ in range(5):
        assert read(registry)[CHECKS] == before + 20
    assert read(registry)["lading_workers"] == 2


def test_what_a_worker_has_counted_survives_it(registry: Lading) -> None:
    """Killed, it is replaced, and the figures go on; what it had under way is over."""
    for _ in range(10):
        registry.client.ask("GET", "/v2/")
    before = read(registry)
    for worker in workers_of(registry):
        os.kill(worker, signal.SIGKILL)
        wait_until(partial(_is_replaced, registry, worker), "another worker")
    wait_until(lambda: read(registry)["lading_worker_starts_total"] == 4, "both workers")
    after = read(registry)
    assert after[CHECKS] >= before[CHECKS]
    assert after["lading_workers"] == 2
    assert after['registry_http_in_flight_requests{handler="base"}'] == 0


def test_pages_are_answered_and_counted(registry: Lading) -> None:
    for path, status in (("/", 200), ("/-/space", 200), ("/r/no/such", 404), ("/-/nowhere", 404)):
        assert registry.client.ask("GET", path, accept="text/html").status == status
    found = read(registry)
    assert found['registry_http_requests_total{code="404",handler="ui",method="get"}'] == 1
    assert found['registry_http_in_flight_requests{handler="ui"}'] == 0


def _is_replaced(registry: Lading, worker: int) -> bool:
    return worker not in started_workers(registry)


def test_a_push_and_a_pull_are_counted(registry: Lading) -> None:
    """By endpoint and method, with the bytes of both ways."""
    repository = Repository(registry.client, "team/app")
    digest = repository.push_image("v1", b"x" * 5000)
    assert repository.ask("GET", f"/manifests/{digest}").status == 200
    found = read(registry)
    assert found['registry_http_requests_total{code="201",handler="manifest",method="put"}'] == 1
    assert found['registry_http_requests_total{code="200",handler="manifest",method="get"}'] == 1
    assert found['registry_http_request_size_bytes_sum{handler="blob_upload_chunk"}'] >= 5000
    assert found['registry_http_response_size_bytes_sum{handler="manifest"}'] > 100
    assert found['lading_database_seconds_count{operation="write"}'] > 0
    moves = 'registry_storage_action_seconds_count{action="Move",driver="filesystem"}'
    assert found[moves] == 2
    wait_until(lambda: "lading_repositories" in read(registry), "the first survey")


def test_it_lives_and_is_ready(registry: Lading) -> None:
    """Each thing that it rests on is named, as text or as JSON."""
    ask = watcher(registry).ask
    assert ask("GET", "/livez").body == b"ok\n"
    ready = ask("GET", "/readyz")
    assert ready.status == 200
    assert ready.body == b"database: ok\nmigrations: ok\nchanges: ok\nstore: ok\nroom: ok\n"
    assert ask("GET", "/readyz", accept="application/json").json["store"] == "ok"
    assert ask("GET", "/debug/health").json == {}
    assert ask("HEAD", "/readyz").status == 200
    assert ask("GET", "/debug/pprof").status == 404
    assert ask("POST", "/metrics").status == 405
    assert registry.client.ask("GET", "/metrics").status == 404


def test_it_is_not_ready_without_its_store(registry: Lading) -> None:
    """It says what is wrong; what it can do without is left out by who asks."""
    ask = watcher(registry).ask
    hidden = registry.root.with_name("hidden")
    registry.root.rename(hidden)
    try:
        answer = ask("GET", "/readyz")
        assert answer.status == 503
        wrong = dict(line.split(": ", 1) for line in answer.body.decode().splitlines())
        assert wrong["store"] != "ok"
        assert ask("GET", "/readyz?exclude=store&exclude=room").status == 200
        assert ask("GET", "/livez").status == 200
    finally:
        hidden.rename(registry.root)
    assert ask("GET", "/readyz").status == 200


def test_a_server_that_was_told_to_stop_is_not_ready(registry: Lading) -> None:
    """As long as it finishes what was begun, by which a balancer knows to send nobody there."""
    upload = Repository(registry.client, "team/app").start_upload()
    with registry.client.connection() as slow:
        head = f"PATCH {upload} HTTP/1.1\r\nHost: {registry.host}\r\nContent-Length: 10\r\n\r\n"
        slow.send(head.encode() + b"12345")
        wait_until(lambda: in_flight(registry) == 1, "the upload")
        os.kill(registry.pid, signal.SIGTERM)
        wait_until(lambda: watcher(registry).ask("GET", "/readyz").status == 503, "the end")
        assert b"server: it was told to stop" in watcher(registry).ask("GET", "/readyz").body
        assert watcher(registry).ask("GET", "/livez").status == 200
        slow.send(b"67890")
        assert slow.receive().status == 202


def in_flight(registry: Lading) -> float:
    """Uploads that are being answered."""
    return read(registry)['registry_http_in_flight_requests{handler="blob_upload_chunk"}']


def test_who_may_ask_is_a_list(tmp_path: Path) -> None:
    debug = {**WATCHED, "allowed": ["192.0.2.0/24"]}
    with lading_serve(tmp_path, settings={"http": {**HTTP, "debug": debug}}) as registry:
        answer = watcher(registry).ask("GET", "/metrics")
        assert answer.status == 403
        assert b"http.debug.allowed" in answer.body


def test_without_prometheus_no_figures_are_kept(tmp_path: Path) -> None:
    """As in Distribution, the address alone tells none."""
    debug = {"addr": "127.0.0.1:0"}
    with lading_serve(tmp_path, settings={"http": {**HTTP, "debug": debug}}) as registry:
        assert watcher(registry).ask("GET", "/metrics").status == 404
        assert watcher(registry).ask("GET", "/readyz").status == 200


def test_a_failing_check_refuses_all_requests(tmp_path: Path) -> None:
    """With 503, as Distribution does; and no longer than it fails."""
    stop = tmp_path / "stop"
    health = {"file": [{"file": str(stop), "interval": "100ms"}]}
    settings = {"http": HTTP, "health": health}
    with lading_serve(tmp_path, settings=settings) as registry:
        started_workers(registry)
        stop.touch()
        wait_until(lambda: registry.client.ask("GET", "/").status == 503, "the check")
        wait_until(
            lambda: all(registry.client.ask("GET", "/v2/").status == 503 for _ in range(9)), "all"
        )
        answer = registry.client.ask("GET", "/v2/_catalog")
        assert answer.codes == ["UNAVAILABLE"]
        assert "Retry-After" in answer.headers
        unwell = watcher(registry).ask("GET", "/debug/health")
        assert (unwell.status, unwell.json) == (503, {str(stop): "file exists"})
        stop.unlink()
        wait_until(
            lambda: all(registry.client.ask("GET", "/v2/").status == 200 for _ in range(9)), "none"
        )


def test_spans_leave_for_where_opentelemetry_s_variables_say(tmp_path: Path) -> None:
    """Of each worker, and what is left at the end of a server."""
    with collecting() as (endpoint, taken):
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_SERVICE_NAME": "registry-7"}
        with lading_serve(tmp_path, settings={"http": HTTP}, env=env) as registry:
            Repository(registry.client, "team/app").push_image("v1")
        assert "traces" not in registry.log.read_text()
    sent = b"".join(taken)
    for word in (b"registry-7", b"PUT manifest", b"database write", b"store move", b"team/app"):
        assert word in sent


@contextmanager
def collecting() -> Iterator[tuple[str, list[bytes]]]:
    """A collector of traces; its address, and what it is sent, which is not compressed."""
    taken: list[bytes] = []

    class Collector(QuietHandler):
        def do_POST(self) -> None:
            if self.path == "/v1/traces":
                taken.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

    with served(ThreadingHTTPServer(("127.0.0.1", 0), Collector)) as server:
        yield f"http://127.0.0.1:{server.server_port}", taken


def test_an_address_that_is_taken_is_named_by_its_own_key(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        config = tmp_path / "config.yml"
        http = {"addr": "127.0.0.1:0", "debug": {"addr": address}}
        storage = {"filesystem": {"rootdirectory": str(tmp_path / "data")}}
        config.write_text(yaml.safe_dump({"version": 0.1, "storage": storage, "http": http}))
        done = run([program(), "serve", str(config)], check=False)
    assert done.returncode == 1
    said = done.stderr.decode()
    assert f"cannot listen on {address}" in said
    assert "(http.debug.addr, REGISTRY_HTTP_DEBUG_ADDR)" in said


def test_wrong_passwords_are_counted(tmp_path: Path) -> None:
    """Not who asks without a login first, as all clients do."""
    users = tmp_path / "users"
    write_users(users, "alice")
    settings = {"http": HTTP, "auth": {"htpasswd": {"realm": "test", "path": str(users)}}}
    with lading_serve(tmp_path, settings=settings) as registry:
        assert registry.client.ask("GET", "/v2/").status == 401
        for password in ("wrong", "alice-password"):
            registry.client.ask("GET", "/v2/", authorization=basic("alice", password))
        found = read(registry)
    assert found['lading_logins_failed_total{result="wrong"}'] == 1


def test_the_log_s_level_changes_while_it_runs(tmp_path: Path) -> None:
    """In every worker, on SIGHUP or within seconds; also where there are no permissions."""
    with lading_serve(tmp_path, settings={"http": HTTP, "log": {"level": "error"}}) as registry:
        workers = started_workers(registry)
        config = yaml.safe_load(registry.config.read_text())
        config["log"]["level"] = "debug"
        registry.config.write_text(yaml.safe_dump(config))
        os.kill(registry.pid, signal.SIGHUP)
        said = "the log's level is debug now"
        wait_until(lambda: registry.log.read_text().count(said) == len(workers), "both")


def test_lines_of_the_access_log_are_objects(tmp_path: Path) -> None:
    """With the request's id, the repository, the bytes of both ways and the seconds."""
    log = {"formatter": "json", "fields": {"service": "registry"}}
    with lading_serve(tmp_path, settings={"http": HTTP, "log": log}) as registry:
        Repository(registry.client, "team/app").push_blob(b"x" * 1000)
        wait_until(lambda: '"received": 1000' in registry.log.read_text(), "the line")
        lines = registry.log.read_text().splitlines()
        (line,) = [json.loads(line) for line in lines if '"received": 1000' in line]
    assert line["repository"] == "team/app"
    assert line["service"] == "registry"
    assert (line["status"], line["from"]) == (201, "127.0.0.1")
    assert 0 < line["seconds"] < 60
    assert len(line["request"]) == 32
