"""Reading a file: every mistake is told with its line, and all of them at once."""

import pickle
from datetime import timedelta
from pathlib import Path

import pytest

from lading.config.document import ConfigurationError, Problem
from lading.config.loading import load
from tests.config.conftest import Complain, Write


def test_minimal_file(given: Write) -> None:
    """The version is all that a file must have."""
    loaded = given("version: 0.1\n")
    assert loaded.settings == load(None, {}).settings
    assert loaded.warnings == ()


@pytest.mark.parametrize("version", ["0.1", "'0.1'", '"0.1"'])
def test_version_as_number_or_text(version: str, given: Write) -> None:
    """YAML reads a bare 0.1 as a number; it is the same version."""
    assert given(f"version: {version}\n").settings.version == "0.1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("log: {level: info}\n", "config.yml: version: missing: write `version: 0.1`"),
        ("version:\n", "config.yml:1: version: missing: write `version: 0.1`"),
        ("version: 0.2\n", "config.yml:1: version: write '0.1'"),
        ("", "config.yml: is empty: write at least `version: 0.1`"),
        ("# nothing\n", "config.yml: is empty: write at least `version: 0.1`"),
        ("- a\n", "config.yml: is not a mapping: write `key: value` lines, as in `version: 0.1`"),
        (
            "version\n",
            "config.yml: is not a mapping: write `key: value` lines, as in `version: 0.1`",
        ),
        ("version: 0.1\nhttp: [\n", "config.yml:3: is not YAML: expected the node content,"),
        ("version: 0.1\nlog: *a\n", "config.yml:2: is not YAML: found undefined alias 'a'"),
        ("version: 0.1\nlog: &a {fields: {a: *a}}\n", "config.yml: is nested too deeply"),
        ("version: 0.1\nlog: " + "[" * 5000, "config.yml: is nested too deeply"),
        ('version: "\\UFFFFFFFF"\n', "config.yml: is not YAML: "),
        (
            "version: 0.1\nlog: !!python/name:os.system {}\n",
            "config.yml:2: log: remove `tag:yaml.org,2002:python/name:os.system`",
        ),
        ("version: 0.1\nlog: !mine {}\n", "config.yml:2: log: remove `!mine`: tags are not"),
        (
            "version: 0.1\nhttp:\n  addr: :1\n  net: tcp\n  addr: :2\n",
            "config.yml:5: http.addr: keep one: it is given in config.yml:3 already",
        ),
        ("version: 0.1\n[a]: b\n", "config.yml:2: write a plain word as the key"),
        ("version: 0.1\n<<: 5\n", "config.yml:2: `<<` takes over mappings only"),
        ("version: 0.1\nhtpt: {}\n", "config.yml:2: htpt: unknown key: did you mean `http`?"),
        (
            "version: 0.1\nhttp:\n  adr: :5000\n",
            "config.yml:3: http.adr: unknown key: did you mean `addr`?",
        ),
        (
            "version: 0.1\nstorage:\n  delete:\n    zzz: true\n",
            "config.yml:4: storage.delete.zzz: unknown key: write one of `enabled`, or remove it",
        ),
        (
            "version: 0.1\nstorage: {inmemory: {a: 1}}\n",
            "config.yml:2: storage.inmemory.a: unknown key: remove it",
        ),
        ("version: 0.1\nhttp: 5\n", "config.yml:2: http: write keys below it: a mapping"),
        (
            "version: 0.1\nstorage:\n  filesystem:\n  inmemory:\n",
            "config.yml:4: storage.inmemory: keep one storage driver: `filesystem` is chosen in",
        ),
        (
            "version: 0.1\nauth: tokn\n",
            "config.yml:2: auth.tokn: unknown key: did you mean `token`?",
        ),
    ],
)
def test_mistake(text: str, expected: str, complaints: Complain) -> None:
    """A mistake is one line, which says where it is and what to do."""
    (line,) = complaints(text)
    assert line.startswith(expected)


def test_anchors_have_a_place(tmp_path: Path) -> None:
    """As in Compose's files: what begins with `x-` is nobody's setting."""
    path = tmp_path / "config.yml"
    path.write_text("version: 0.1\nx-ours: &ours {addr: ':5001'}\nx-y: 1\nhttp: {<<: *ours}\n")
    loaded = load(path, {})
    assert (loaded.settings.http.addr, loaded.warnings) == (":5001", ())


def test_aliases_cannot_explode(complaints: Complain) -> None:
    """A few lines that stand for billions of values are refused, not built."""
    lines = ["version: 0.1", "a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    assert complaints("\n".join(lines)) == ["config.yml: holds too many values"]


def test_all_mistakes_at_once(complaints: Complain) -> None:
    """Nobody has to try again for each mistake."""
    text = """\
version: 0.1
log:
  level: loud
htp: {}
http:
  addr: localhost
  tls: {letsencrypt: {email: a}}
auth: htpasswd
"""
    assert sorted(line.split(": ")[1] for line in complaints(text)) == [
        "auth.htpasswd.path",
        "htp",
        "http.addr",
        "http.tls.letsencrypt",
        "log.level",
    ]


def test_missing_file(tmp_path: Path) -> None:
    """A file that is not there, or cannot be read, is said to be so."""
    for path in (tmp_path / "none.yml", tmp_path, Path("a\0b")):
        with pytest.raises(ConfigurationError, match="cannot be read"):
            load(path, {})


def test_not_text(tmp_path: Path) -> None:
    """Bytes that are not text are no YAML."""
    path = tmp_path / "config.yml"
    path.write_bytes(b"version: \xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="is not YAML"):
        load(path, {})


def test_anchors_and_merges(given: Write) -> None:
    """Files that repeat themselves by anchor are read as YAML has it: what is written wins."""
    loaded = given("""\
version: 0.1
storage:
  maintenance:
    uploadpurging: &purging {age: 1h, interval: 2h}
log:
  fields: &a {a: 1, b: 2}
http:
  headers:
    X-One: &values [a]
    X-Two: *values
<<: [{log: {level: debug}, tags: {maxtags: 7}}, {tags: {maxtags: 8}}]
""")
    settings = loaded.settings
    assert settings.storage.maintenance.uploadpurging.age == timedelta(hours=1)
    assert settings.http.headers["X-Two"] == ("a",)
    assert (settings.log.level, settings.tags.maxtags) == ("info", 7)


def test_empty_keys_are_defaults(given: Write) -> None:
    """A key without a value was not given."""
    text = "version: 0.1\nlog:\nhttp: {addr: , headers: }\nstorage: {delete: {enabled: ~}}\n"
    assert given(text).settings == load(None, {}).settings


def test_scalars_are_text_where_text_is_wanted(given: Write) -> None:
    """`true` and `1728000` in a list of header values are what the header says."""
    text = "version: 0.1\nhttp: {headers: {A: [true, 1728000, 1_0]}}\nlog: {fields: {on: no}}\n"
    settings = given(text).settings
    assert settings.http.headers == {"A": ("true", "1728000", "1_0")}
    assert settings.log.fields == {"on": "no"}


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("loglevel: debug", "debug"),
        ("loglevel: debug\nlog: {level: error}", "error"),
        ("loglevel:", "info"),
    ],
)
def test_old_log_level(text: str, level: str, given: Write) -> None:
    """The deprecated key works, after the present one."""
    loaded = given(f"version: 0.1\n{text}\n")
    assert loaded.settings.log.level == level
    assert loaded.warnings == (
        Problem("config.yml:2", "loglevel", "deprecated: write `log.level` instead"),
    )


def test_wrong_old_log_level(complaints: Complain) -> None:
    """What is wrong with a deprecated key is shown where it stands."""
    (line,) = complaints("version: 0.1\nloglevel: loud\n")
    assert line.startswith("config.yml:2: log.level: write 'error', 'warn'")


def test_logstash(given: Write) -> None:
    """The formatter that is not implemented becomes the nearest one, with a warning."""
    loaded = given("version: 0.1\nlog:\n  formatter: logstash\n")
    assert loaded.settings.log.formatter == "json"
    assert [str(warning) for warning in loaded.warnings] == [
        "config.yml:3: log.formatter: `logstash` is not implemented: `json` is used"
    ]


def test_error_can_cross_processes() -> None:
    """The error survives pickling, as everything does that a worker may raise."""
    error = ConfigurationError([Problem("a:1", "b", "c"), Problem("environment D", "", "e")])
    assert str(pickle.loads(pickle.dumps(error))) == "a:1: b: c\nenvironment D: e"
