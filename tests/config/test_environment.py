"""`REGISTRY_*` variables go over the file, by Distribution's rule."""

from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from lading.config.document import ConfigurationError
from lading.config.loading import Loaded, load

FILE = """\
version: 0.1
storage:
  filesystem:
    rootdirectory: /data
  delete:
    enabled: false
http:
  addr: :5000
  headers:
    X-Frame-Options: [deny]
  trustedproxies: [10.0.0.0/8]
"""


def overlaid(tmp_path: Path, **environ: str) -> Loaded:
    """Load the file with these variables over it."""
    path = tmp_path / "config.yml"
    path.write_text(FILE, encoding="utf-8")
    return load(path, environ)


def problems(environ: Mapping[str, str]) -> list[str]:
    """Give the lines of the complaint about an environment."""
    with pytest.raises(ConfigurationError) as caught:
        load(None, environ)
    return str(caught.value).splitlines()


def test_no_file_and_no_variables() -> None:
    """Everything has a default."""
    loaded = load(None, {})
    assert loaded.warnings == ()
    assert loaded.settings.storage.filesystem.rootdirectory == Path("data")


def test_other_variables_are_not_ours() -> None:
    """Only the prefix counts."""
    assert load(None, {"HTTP_ADDR": "x", "registry_http_addr": "x"}) == load(None, {})


def test_scalar(tmp_path: Path) -> None:
    """The value is YAML, read into the setting's type."""
    loaded = overlaid(
        tmp_path,
        REGISTRY_HTTP_ADDR="127.0.0.1:8000",
        REGISTRY_STORAGE_DELETE_ENABLED="true",
        REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING_AGE="1h",
        REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY="/elsewhere",
        REGISTRY_HTTP_WORKERS="3",
    )
    assert loaded.warnings == ()
    assert loaded.settings.http.addr == "127.0.0.1:8000"
    assert loaded.settings.workers == 3
    assert loaded.settings.storage.delete.enabled is True
    assert loaded.settings.storage.maintenance.uploadpurging.age == timedelta(hours=1)
    assert loaded.settings.storage.filesystem.rootdirectory == Path("/elsewhere")


@pytest.mark.parametrize("text", ["", " ", "null", "# none yet"])
@pytest.mark.parametrize(
    ("name", "in_file"),
    [
        (
            "STORAGE_MAINTENANCE_READONLY_ENABLED",
            "storage: {maintenance: {readonly: {enabled: yes}}}",
        ),
        ("STORAGE_DELETE_ENABLED", "storage: {delete: {enabled: false}}"),
        ("STORAGE_FILESYSTEM_ROOTDIRECTORY", "storage: {filesystem: {rootdirectory: /data}}"),
        ("HTTP_TLS_MINIMUMTLS", "http: {tls: {minimumtls: tls1.3}}"),
        ("HTTP_TRUSTEDPROXIES_0", "http: {trustedproxies: [10.0.0.0/8]}"),
        ("HTTP_ADDR", "http: {addr: ':5000'}"),
        ("AUDIT_FILE", "audit: {file: /audit}"),
    ],
)
def test_what_was_not_filled_takes_no_value_away(
    tmp_path: Path, name: str, in_file: str, text: str
) -> None:
    """Pushes stay refused, and what is encrypted stays so."""
    path = tmp_path / "config.yml"
    path.write_text(f"version: 0.1\n{in_file}\n", encoding="utf-8")
    loaded = load(path, {f"REGISTRY_{name}": text})
    assert loaded.settings == load(path, {}).settings
    (line,) = map(str, loaded.warnings)
    assert line.startswith(f"environment REGISTRY_{name}: ")
    assert line.endswith("config.yml:2 has a value; write the one that is meant")


def test_neither_of_a_pair_is_taken_away(tmp_path: Path) -> None:
    """Without both of them, the registry would speak plain HTTP."""
    path = tmp_path / "config.yml"
    path.write_text("version: 0.1\nhttp: {tls: {certificate: /c, key: /k}}\n", encoding="utf-8")
    emptied = {"REGISTRY_HTTP_TLS_CERTIFICATE": "", "REGISTRY_HTTP_TLS_KEY": ""}
    assert load(path, emptied).settings.http.tls.enabled
    assert not load(path, dict.fromkeys(emptied, '""')).settings.http.tls.enabled


@pytest.mark.parametrize(
    "name", ["HTTP_TLS_CERTIFICATE", "AUTH", "HTTP_TLS", "STORAGE_DELETE_ENABLED"]
)
def test_what_was_not_filled_is_told(name: str) -> None:
    """Who sets a variable means something by it."""
    loaded = load(None, {f"REGISTRY_{name}": ""})
    assert loaded.settings == load(None, {}).settings
    key = name.lower().replace("_", ".")
    line = f"environment REGISTRY_{name}: {key}: sets nothing: it is empty, and the default counts"
    assert [*map(str, loaded.warnings)] == [line]


@pytest.mark.parametrize("name", ["STORAGE_INMEMORY", "AUTH_NONE"])
def test_an_empty_choice_is_one(name: str) -> None:
    assert load(None, {f"REGISTRY_{name}": ""}).warnings == ()


@pytest.mark.parametrize("text", ["", " ", "\n", "null", "~", "# none yet"])
def test_what_was_not_filled_takes_no_section_away(tmp_path: Path, text: str) -> None:
    """Neither logins nor where the bytes are; whoever means that says so."""
    names = ("REGISTRY_HTTP", "REGISTRY_HTTP_HEADERS", "REGISTRY_STORAGE_FILESYSTEM")
    loaded = overlaid(tmp_path, **dict.fromkeys(names, text))
    assert loaded.settings == overlaid(tmp_path).settings
    (line, *_) = [str(warning) for warning in loaded.warnings]
    assert line.startswith("environment REGISTRY_HTTP: http: ignored: it is empty, and ")
    assert line.endswith(" has more; write `{}` to have none of that")
    assert len(loaded.warnings) == len(names)
    assert overlaid(tmp_path, REGISTRY_HTTP_HEADERS="{}").settings.http.headers == {}


def test_headers(tmp_path: Path) -> None:
    """A new name is in lower case; one that the file has is the same whatever its case."""
    name = "REGISTRY_HTTP_HEADERS_X-Content-Type-Options"
    loaded = overlaid(
        tmp_path, **{name: "[nosniff]", "REGISTRY_HTTP_HEADERS_X-FRAME-OPTIONS": "[sameorigin]"}
    )
    assert loaded.settings.http.headers == {
        "X-Frame-Options": ("sameorigin",),
        "x-content-type-options": ("nosniff",),
    }


def test_list_index(tmp_path: Path) -> None:
    """An index that is in use replaces, the next one appends, in the order of the names."""
    loaded = overlaid(
        tmp_path,
        REGISTRY_HTTP_TRUSTEDPROXIES_0="192.168.0.0/16",
        REGISTRY_HTTP_TRUSTEDPROXIES_1="::1",
        **{"REGISTRY_HTTP_HEADERS_X-New_0": "first", "REGISTRY_HTTP_HEADERS_X-New_1": "second"},
    )
    assert loaded.settings.http.trustedproxies == (
        ip_network("192.168.0.0/16"),
        ip_network("::1"),
    )
    assert loaded.settings.http.headers["x-new"] == ("first", "second")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("REGISTRY_HTTP_TRUSTEDPROXIES_1", "undefined index 1: the next free one is 0"),
        ("REGISTRY_HTTP_TRUSTEDPROXIES_A", "write a number for `a`: this setting is a list"),
        ("REGISTRY_HTTP_TRUSTEDPROXIES_-1", "write a number for `-1`: this setting is a list"),
    ],
)
def test_bad_index(name: str, message: str) -> None:
    """A place in a list that cannot be filled is an error."""
    (line,) = problems({name: "10.0.0.1"})
    assert line.startswith(f"environment {name}: http.trustedproxies.")
    assert line.endswith(message)


def test_section_is_replaced(tmp_path: Path) -> None:
    """A variable that names a section replaces it; what is below it comes after."""
    loaded = overlaid(
        tmp_path,
        REGISTRY_HTTP="{net: unix, addr: /run/a}",
        REGISTRY_HTTP_ADDR="/run/b",
    )
    assert loaded.settings.http.headers == {}
    assert loaded.settings.http.listen == Path("/run/b")


def test_storage_driver_is_switched(tmp_path: Path) -> None:
    """`REGISTRY_STORAGE` replaces the whole section, as in Distribution."""
    settings = overlaid(tmp_path, REGISTRY_STORAGE="inmemory").settings
    assert settings.storage.driver == "inmemory"
    assert settings.storage.delete.enabled is True


def test_storage_driver_with_its_parameters(tmp_path: Path) -> None:
    """The driver is chosen before its parameters are set."""
    settings = overlaid(
        tmp_path, REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY="/x", REGISTRY_STORAGE="filesystem"
    ).settings
    assert settings.storage.filesystem.rootdirectory == Path("/x")
    assert settings.storage.driver == "filesystem"


def test_second_driver_is_an_error(tmp_path: Path) -> None:
    """Two drivers leave open where the bytes are."""
    with pytest.raises(ConfigurationError) as caught:
        overlaid(tmp_path, REGISTRY_STORAGE_INMEMORY="")
    (problem,) = caught.value.problems
    assert problem.where == "environment REGISTRY_STORAGE_INMEMORY"
    assert problem.message.endswith("config.yml:3")


def test_storage_setting_without_a_driver() -> None:
    """A setting below `storage` does not choose a driver: the default directory stays."""
    settings = load(None, {"REGISTRY_STORAGE_DELETE_ENABLED": "false"}).settings
    assert settings.storage.filesystem.rootdirectory == Path("data")


@pytest.mark.parametrize(
    "name",
    [
        "REGISTRY_",
        "REGISTRY_PORT",
        "REGISTRY_PORT_5000_TCP_ADDR",
        "REGISTRY_SERVICE_HOST",
        "REGISTRY_HTTP_ADR",
        "REGISTRY_HTTP__ADDR",
        "REGISTRY_HTTP_ADDR_MORE",
        "REGISTRY_LOG_FIELDS_A_B",
        "REGISTRY_STORAGE_FILESYSTEM_ROOT",
        "REGISTRY_VERSION",
    ],
)
def test_unknown_variable_is_a_warning(name: str) -> None:
    """Others use the prefix, too: Kubernetes does for a service named `registry`."""
    loaded = load(None, {name: "tcp://10.0.0.1:5000"})
    assert [warning.where for warning in loaded.warnings] == [f"environment {name}"]
    assert loaded.settings == load(None, {}).settings


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("REGISTRY_STORAGE_S4_BUCKET", "storage.s4"),
        ("REGISTRY_AUTH_HTPASWD_PATH", "auth.htpaswd"),
        ("REGISTRY_AUTH_SILLY_REALM", "auth.silly"),
        ("REGISTRY_STORAGE_GCS_BUCKET", "storage.gcs"),
    ],
)
def test_choices_are_not_guessed(name: str, key: str) -> None:
    """Nobody who asked for a driver or for authentication runs without it, misspelt or not."""
    (line,) = problems({name: "x"})
    assert line.startswith(f"environment {name}: {key}: ")


@pytest.mark.parametrize("choice", ["htpasswd", "token", "silly"])
def test_authentication_by_name(choice: str) -> None:
    """`REGISTRY_AUTH` chooses, too; a choice without what it needs is none."""
    for line in problems({"REGISTRY_AUTH": choice}):
        assert line.startswith(f"environment REGISTRY_AUTH: auth.{choice}")


def test_authentication_as_distribution_s_guide_has_it() -> None:
    """`docker run -e REGISTRY_AUTH=htpasswd …` with the other two variables."""
    environ = {
        "REGISTRY_AUTH": "htpasswd",
        "REGISTRY_AUTH_HTPASSWD_REALM": "Registry Realm",
        "REGISTRY_AUTH_HTPASSWD_PATH": "/auth/htpasswd",
    }
    htpasswd = load(None, environ).settings.auth.htpasswd
    assert htpasswd is not None
    assert (htpasswd.realm, htpasswd.path) == ("Registry Realm", Path("/auth/htpasswd"))


def test_no_authentication() -> None:
    """`none` is the one that there is."""
    assert load(None, {"REGISTRY_AUTH": "none"}).settings.auth.none is not None


@pytest.mark.parametrize("place", ["[::]:5000", "[::1]:5000", "[fe80::1%eth0]:5000"])
def test_an_address_of_ipv6_needs_no_quotes(place: str) -> None:
    """Though it is no YAML."""
    assert load(None, {"REGISTRY_HTTP_ADDR": place}).settings.http.addr == place


def test_value_that_is_no_yaml() -> None:
    """A value that cannot be read is an error of its variable."""
    (line,) = problems({"REGISTRY_HTTP_ADDR": "[", "REGISTRY_LOG_LEVEL": "debug"})
    assert line.startswith("environment REGISTRY_HTTP_ADDR: http.addr: is not YAML: ")


def test_file_named_by_the_environment(tmp_path: Path) -> None:
    """The variable names the file, is no warning, and gives way to the command line."""
    path = tmp_path / "named.yml"
    path.write_text("version: 0.1\nlog: {level: error}\n", encoding="utf-8")
    environ = {"REGISTRY_CONFIGURATION_PATH": str(path)}
    assert load(None, environ).settings.log.level == "error"
    assert load(None, environ).warnings == ()
    assert overlaid(tmp_path, **environ).settings.log.level == "info"
    assert load(None, {"REGISTRY_CONFIGURATION_PATH": ""}) == load(None, {})
