"""`python -m bench.logins`: what it costs to ask who is calling, beside not asking.

Two registries that differ in nothing else take turns; the same manifest is pulled from both. The
table goes into docs/security.md.
"""

import base64
import json
import random
import re
import secrets
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import click
import yaml

from bench.content import ACCEPT, image, push_image
from bench.http import Connection
from bench.registries import Launch, Registry
from bench.running import Running, running
from bench.works.base import Result, measure_load
from bench.wrk import load

PAGE = Path(__file__).parents[1] / "docs" / "security.md"
REPOSITORY = "library/app"
USER = "alice"
PASSWORD = secrets.token_urlsafe(12)
ROBOT = "ci"

Results = dict[str, list[Result]]
"""What was measured, by who was calling."""


def _basic(name: str, password: str) -> Mapping[str, str]:
    """The header of a name and a password."""
    text = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"Authorization": f"Basic {text}"}


BASIC = _basic(USER, PASSWORD)


@click.command()
@click.option("--launches", default=7, help="How often to start both anew.")
@click.option("--rounds", default=2, help="How often to measure everything in each launch.")
@click.option("--seconds", default=2.0, help="How long each measurement takes.")
@click.option("--report/--no-report", "write", default=True, help="Write docs/security.md.")
def main(*, launches: int, rounds: int, seconds: float, write: bool) -> None:
    """Measure pulls of a manifest without a login, with a token, and with a password."""
    results: Results = defaultdict(list)
    for _ in range(launches):
        with tempfile.TemporaryDirectory() as directory:
            measure(Path(directory), rounds, seconds, results)
    table = _table(results)
    click.echo(table)
    if write:
        page = PAGE.read_text()
        marked = r"(<!-- begin cost -->\n).*(<!-- end cost -->)"
        PAGE.write_text(re.sub(marked, rf"\g<1>{table}\g<2>", page, flags=re.DOTALL))


def measure(directory: Path, rounds: int, seconds: float, results: Results) -> None:
    """Add to what was measured.

    How memory is laid out makes one process some percent faster than another for as long as it
    lives, so one launch tells little.
    """
    with (
        running(_registry("open", directory, None), directory) as plain,
        running(_registry("guarded", directory, _auth(directory)), directory) as guarded,
    ):
        pushes: list[tuple[Running, Mapping[str, str]]] = [(plain, {}), (guarded, BASIC)]
        for registry, headers in pushes:
            with Connection(registry.port, headers) as connection:
                content = image(random.Random(1), [20_000])
                push_image(connection, REPOSITORY, "latest", content)
        robot = _robot(directory / "guarded.yml")
        callers: dict[str, tuple[Running, Mapping[str, str]]] = {
            "no authentication": (plain, {}),
            "a token": (guarded, {"Authorization": f"Bearer {_token(guarded, BASIC)}"}),
            "a password": (guarded, BASIC),
            "a token of a robot": (guarded, {"Authorization": f"Bearer {_token(guarded, robot)}"}),
            "a password of a robot": (guarded, robot),
        }
        for _ in range(rounds):
            for name, (registry, headers) in callers.items():
                results[name].append(_pull(registry, headers, seconds))


def _pull(registry: Running, headers: Mapping[str, str], seconds: float) -> Result:
    return measure_load(
        registry,
        lambda: load(
            registry.port,
            f"/v2/{REPOSITORY}/manifests/latest",
            connections=16,
            seconds=seconds,
            headers={**ACCEPT, **headers},
        ),
    )


def _table(results: Results) -> str:
    rows = [
        "| pull of a manifest with | requests/s | ms of processor each | more |",
        "|---|---|---|---|",
    ]
    base = 0.0
    for name, measured in results.items():
        rate = statistics.median(result.rate for result in measured)
        used = statistics.median(result.processor for result in measured)
        base = base or used
        more = "" if used == base else f"{(used / base - 1) * 100:+.0f} %"
        rows.append(f"| {name} | {rate:,.0f} | {used:.3f} | {more} |")
    return "\n".join(rows) + "\n"


def _registry(name: str, directory: Path, auth: Mapping[str, object] | None) -> Registry:
    def launch(data: Path, port: int) -> Launch:
        config = directory / f"{name}.yml"
        settings: dict[str, object] = {
            "version": 0.1,
            "http": {"addr": f"127.0.0.1:{port}", "workers": 1},
            "storage": {"filesystem": {"rootdirectory": str(data)}},
        }
        if auth is not None:
            settings["auth"] = auth
        config.write_text(yaml.safe_dump(settings))
        return Launch([str(_program()), "serve", str(config)])

    return Registry(name, launch, "")


def _auth(directory: Path) -> Mapping[str, object]:
    """A user, the permissions of a team, and the token service."""
    users = directory / "htpasswd"
    command = [str(_program()), "user", "add", "--password-stdin", "--file", str(users), USER]
    subprocess.run(command, input=PASSWORD, text=True, check=True, capture_output=True)
    rule = {"groups": ["team"], "repositories": ["library/**"], "actions": ["push"]}
    return {
        "htpasswd": {"path": str(users)},
        "tokens": {"service": "bench"},
        "permissions": {"groups": {"team": [USER]}, "rules": [rule]},
    }


def _robot(config: Path) -> Mapping[str, str]:
    """The header of a robot's password."""
    command = [str(_program()), "token", "create", ROBOT, str(config)]
    done = subprocess.run(
        [*command, "--repositories", "library/**"], capture_output=True, text=True, check=True
    )
    return _basic(f"robot+{ROBOT}", done.stdout.strip())


def _token(registry: Running, login: Mapping[str, str]) -> str:
    with Connection(registry.port, login) as connection:
        path = f"/token?service=bench&scope=repository:{REPOSITORY}:pull"
        answer = connection.request("GET", path, keep=True).expect(200)
        token: str = json.loads(answer.body)["token"]
        return token


def _program() -> Path:
    return Path(sys.executable).with_name("lading")


if __name__ == "__main__":
    main()
