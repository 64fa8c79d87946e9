"""The command as a person meets it: its version, its help, its configuration."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import pytest
import yaml

from lading import __version__
from lading.cli.commands import COMMANDS, main
from tests.support.commands import run
from tests.support.lading import program

# What a client of registries has no need of, and takes long to load.
HEAVY = (
    *("asyncio", "click.shell_completion", "cryptography", "dataclasses", "msgspec", "rich"),
    *("email", "http.client", "importlib.metadata", "ssl", "subprocess", "tempfile", "urllib3"),
    *("lading.client.credentials", "lading.client.uploads", "lading.ports"),
)


def lading(*words: str | Path, env: dict[str, str] | None = None) -> str:
    """Run the command, which must succeed; return what it printed."""
    return run([program(), *words], env=env).stdout.decode()


def complaint(*words: str | Path, env: dict[str, str] | None = None) -> str:
    """Run the command, which must fail; return what it complained of, which is no traceback."""
    done = run([program(), *words], env=env, check=False)
    assert done.returncode != 0
    assert b"Traceback" not in done.stderr
    return done.stderr.decode()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A small configuration file."""
    path = tmp_path / "config.yml"
    path.write_text("version: 0.1\nhttp: {addr: ':5001'}\n")
    return path


@pytest.mark.parametrize("option", ["--version", "-v"])
def test_the_version(option: str) -> None:
    """In one line, as of the installed package."""
    assert lading(option) == f"lading {__version__}\n"


def test_the_help_lists_the_commands() -> None:
    """Also when nothing is said at all."""
    said = lading("--help")

    for command in ("serve", "garbage-collect", "config"):
        assert command in said
        assert "Usage:" in lading(command, "--help")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_of_a_command_what_its_own_help_says(name: str) -> None:
    command = main.get_command(click.Context(main), name)

    assert command is not None
    assert command.name == name
    assert COMMANDS[name] == command.get_short_help_str(limit=200)


def test_the_list_of_commands_fits_a_window_of_80_columns() -> None:
    """Each command in one line, so that the list is read at a glance."""
    said = run([program(), "--help"], env={"COLUMNS": "80"}).stdout.decode()

    for name, summary in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(summary)}$", said, re.MULTILINE)


@pytest.mark.parametrize("option", ["-h", "--help", "-v", "--version"])
def test_commands_are_loaded_when_they_run(option: str) -> None:
    """So that help and a version cost what click costs, and little more."""
    assert _modules(program(), option) <= 1.3 * _modules("-c", "import click")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_needs_little_of_what_the_command_does(name: str) -> None:
    """Neither the configuration, nor services, nor what speaks to databases and registries."""
    loaded = _loaded(program(), name, "--help")
    own = loaded - _loaded("-c", "")  # a run that counts lines loads more at Python's start

    # Of what is imported late, what that imports is told.
    heavy = {"asyncio.events", "cryptography", "pydantic", "sqlite3", "yaml"}
    if name != "cp":  # which has a test of its own
        heavy |= {"httptools", "lading.client.registry"}
    assert own & heavy == set()
    assert len(loaded) <= 2.8 * _modules("-c", "import click")


def test_the_shell_completes_without_loading_a_command() -> None:
    """At each press of a key."""
    asked = {"_LADING_COMPLETE": "bash_complete", "COMP_WORDS": "lading re", "COMP_CWORD": "1"}
    click_alone = _modules("-c", "import click, click.shell_completion")

    assert run([program()], env=asked, check=False).stdout.decode().split() == [
        "plain,restore",
        "plain,read-only",
        "plain,restore-backup",
        "plain,restored",
    ]
    assert _modules(program(), env=asked) <= 1.5 * click_alone


def test_who_speaks_to_a_registry_loads_little() -> None:
    """A copy that finds nothing to do is little more than its start."""
    own = _loaded("-c", "import lading.cli.cp") - _loaded("-c", "")

    assert own & {*HEAVY} == set()


def test_who_looks_at_this_registry_loads_nothing_that_speaks_to_others(config: Path) -> None:
    """Though options say how that would be done."""
    nothing = {"REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": str(config.parent / "nothing")}
    look = (sys.executable, "-X", "importtime", program(), "ls", "--config", config)

    said = run(look, env=nothing, check=False).stderr.decode()

    assert "no registry has kept its data in" in said
    assert "httptools" not in said


def _loaded(*words: str) -> set[str]:
    """The names of the modules that Python loads for a program."""
    said = run([sys.executable, "-X", "importtime", *words]).stderr.decode()
    return {line.rpartition("|")[2].strip() for line in said.splitlines()}


def _modules(*words: str, env: Mapping[str, str] | None = None) -> int:
    """How many modules Python loads for a program."""
    done = run([sys.executable, "-X", "importtime", *words], env=env, check=False)
    return done.stderr.count(b"import time:")


def test_an_unknown_command_is_told() -> None:
    """With the way to the known ones."""
    assert "No such command 'sevre'" in complaint("sevre")


def test_config_check_says_that_a_file_is_fine(config: Path) -> None:
    """In one line that names it."""
    assert lading("config", "check", config) == f"{config}: fine\n"


def test_config_check_names_every_mistake(config: Path) -> None:
    """With its line, and what to do."""
    config.write_text("version: 0.1\nhtpt: {}\nlog: {level: loud}\n")

    said = complaint("config", "check", config)

    assert f"{config}:2: htpt: unknown key: did you mean `http`?" in said
    assert f"{config}:3: log.level: " in said


def test_config_check_heeds_the_environment(config: Path) -> None:
    """As the server would."""
    said = complaint("config", "check", config, env={"REGISTRY_HTTP_ADDR": "nonsense"})

    assert "REGISTRY_HTTP_ADDR" in said


def test_config_check_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    """It is named."""
    assert "nowhere.yml" in complaint("config", "check", tmp_path / "nowhere.yml")


def test_config_show_prints_what_is_in_force(config: Path) -> None:
    """Of the file, of the environment, and defaults; and it is a configuration itself."""
    said = lading("config", "show", config, env={"REGISTRY_LOG_LEVEL": "debug"})

    shown = yaml.safe_load(said)
    assert shown["http"]["addr"] == ":5001"
    assert shown["log"]["level"] == "debug"
    assert shown["storage"]["delete"]["enabled"] is True
    config.write_text(said)
    assert lading("config", "show", config) == said


def test_config_show_without_a_file() -> None:
    """Shows what `lading serve` would do."""
    assert yaml.safe_load(lading("config", "show"))["http"]["addr"] == "127.0.0.1:5000"


@pytest.mark.parametrize("words", ["config show", "completion bash", "--help", "cp --help"])
def test_nobody_to_read_an_answer_is_no_traceback(words: str) -> None:
    """A pipe whose reader has gone, a disk that is full, no standard output at all."""
    shell = f"{program()} {words}"
    gone = run(["bash", "-c", f"{shell} | true"])
    closed = run(["bash", "-c", f"{shell} >&-"])
    full = run(["bash", "-c", f"{shell} >/dev/full"], check=False)

    assert b"Error" not in gone.stderr + closed.stderr
    assert b"Traceback" not in gone.stderr + closed.stderr + full.stderr
    assert full.returncode == 1
    assert b"Error: the answer cannot be written: No space left on device" in full.stderr


@pytest.mark.parametrize("body", ["{'auths': {}}", "[]"])
def test_a_file_of_logins_that_cannot_be_read_is_left_as_it_is(body: str, tmp_path: Path) -> None:
    """It has the logins of other registries, which are to be had again when it is mended."""
    (tmp_path / "config.json").write_text(body)

    said = complaint("logout", "r.example", env={"DOCKER_CONFIG": str(tmp_path)})

    assert "config.json is no JSON" in said
    assert (tmp_path / "config.json").read_text() == body


def test_a_file_of_logins_may_be_a_link_to_another_disk(tmp_path: Path) -> None:
    """Temporary files of tests are in memory where that can be, and `/var/tmp` is on a disk."""
    kept = tmp_path / "logins.json"
    kept.write_text('{"auths": {"r.example": {"auth": "YTpi"}}}')
    with TemporaryDirectory(dir="/var/tmp") as folder:
        link = Path(folder, "config.json")
        link.symlink_to(kept)

        lading("logout", "r.example", env={"DOCKER_CONFIG": folder})

        assert link.is_symlink()
        assert "r.example" not in kept.read_text()


@pytest.mark.parametrize(
    ("group", "name"),
    [
        (group, name)
        for group in COMMANDS
        if isinstance(found := main.get_command(click.Context(main), group), click.Group)
        for name in found.commands
    ],
)
def test_no_summary_of_a_command_below_another_one_is_cut_off(group: str, name: str) -> None:
    """In help of 80 columns, nor where zsh and fish show it, which get 45 letters."""
    found = main.get_command(click.Context(main), group)
    assert isinstance(found, click.Group)

    assert not found.commands[name].get_short_help_str().endswith("...")
