"""Sections `storage.s3` and `storage.redirect`: Distribution's keys, and what they become."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from lading.blobs.s3.bucket import MIB, S3Bucket
from lading.cli.config import settings_as_yaml
from lading.config.document import ConfigurationError
from lading.config.loading import Loaded, load
from lading.wiring.data_directory import DataUnusable
from lading.wiring.object_stores import bucket_of, redirect_rule_of
from lading.wiring.stores import open_registry


def loaded(tmp_path: Path, section: dict[str, Any], **environ: str) -> Loaded:
    file = tmp_path / "config.yml"
    file.write_text(yaml.safe_dump({"version": 0.1, "storage": section}))
    return load(file, environ)


def bucket(tmp_path: Path, **keys: Any) -> S3Bucket:
    found = loaded(tmp_path, {"s3": {"bucket": "images", **keys}})
    assert not found.warnings
    return bucket_of(found.settings.storage)


@pytest.mark.parametrize(
    ("keys", "own", "path_style"),
    [
        ({"region": "eu-west-1"}, "https://images.s3.eu-west-1.amazonaws.com", False),
        (
            {"region": "eu-west-1", "secure": False},
            "http://images.s3.eu-west-1.amazonaws.com",
            False,
        ),
        (
            {"region": "eu-west-1", "forcepathstyle": True},
            "https://s3.eu-west-1.amazonaws.com",
            True,
        ),
        ({"region": "cn-north-1"}, "https://images.s3.cn-north-1.amazonaws.com.cn", False),
        (
            {"region": "us-east-1", "usedualstack": True, "usefipsendpoint": True},
            "https://images.s3-fips.dualstack.us-east-1.amazonaws.com",
            False,
        ),
        (
            {"region": "us-east-1", "accelerate": True},
            "https://images.s3-accelerate.amazonaws.com",
            False,
        ),
        ({"regionendpoint": "http://minio:9000/"}, "http://images.minio:9000", False),
        ({"regionendpoint": "minio:9000", "forcepathstyle": True}, "https://minio:9000", True),
        (
            {"regionendpoint": "minio:9000", "forcepathstyle": True, "secure": False},
            "http://minio:9000",
            True,
        ),
    ],
)
def test_the_server_is_found_as_distribution_finds_it(
    tmp_path: Path, keys: dict[str, Any], own: str, path_style: bool
) -> None:
    found = bucket(tmp_path, **keys)
    assert found.own_address == found.public_address == own
    assert found.path_style == path_style


def test_the_other_keys_mean_what_they_mean_there(tmp_path: Path) -> None:
    found = bucket(
        tmp_path,
        region="eu-west-1",
        accesskey="K",
        secretkey="S",
        encrypt=True,
        keyid="arn:aws:kms:eu-west-1:1:key/2",
        skipverify=True,
        v4auth=True,
        chunksize=10 * MIB,
        rootdirectory="/some/folder/",
        storageclass="standard_ia",
        useragent="ours",
        objectacl="private",
    )
    assert found == S3Bucket(
        name="images",
        region="eu-west-1",
        access_key="K",
        secret_key="S",
        encryption="aws:kms",
        encryption_key="arn:aws:kms:eu-west-1:1:key/2",
        verify=False,
        part_size=10 * MIB,
        root="some/folder",
        storage_class="STANDARD_IA",
        user_agent="ours",
    )


def test_variables_name_the_keys(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        {"s3": {"bucket": "images", "region": "eu-west-1"}},
        REGISTRY_STORAGE_S3_BUCKET="others",
        REGISTRY_STORAGE_S3_SECRETKEY="S",
        REGISTRY_STORAGE_S3_ACCESSKEY="K",
        REGISTRY_STORAGE_S3_CHUNKSIZE="67108864",
        REGISTRY_STORAGE_REDIRECT_DISABLE="true",
    )
    made = bucket_of(found.settings.storage)
    assert (made.name, made.access_key, made.secret_key) == ("others", "K", "S")
    assert made.part_size == 32 * MIB
    assert redirect_rule_of(found.settings).seconds == 0


def test_a_secret_is_not_shown(tmp_path: Path) -> None:
    keys = {"bucket": "images", "region": "eu-west-1", "accesskey": "K", "secretkey": "hidden"}
    found = loaded(tmp_path, {"s3": keys})
    assert "hidden" not in settings_as_yaml(found.settings)
    assert "hidden" not in repr(found.settings)


def test_what_cannot_matter_is_a_warning(tmp_path: Path) -> None:
    keys = {
        "bucket": "images",
        "region": "eu-west-1",
        "multipartcopychunksize": 33554432,
        "multipartcopymaxconcurrency": 100,
        "multipartcopythresholdsize": 33554432,
        "loglevel": "debug",
    }
    assert len(loaded(tmp_path, {"s3": keys}).warnings) == 4


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ({"region": "eu-west-1", "v4auth": False}, "v4auth"),
        ({}, "region"),
        ({"region": "eu-west-1", "accesskey": "K"}, "secretkey"),
        ({"region": "eu-west-1", "secretkey": "S"}, "secretkey"),
        ({"region": "eu-west-1", "keyid": "x"}, "encrypt"),
        ({"region": "eu-west-1", "objectacl": "public-read"}, "objectacl"),
        ({"region": "eu-west-1", "chunksize": 1024}, "chunksize"),
        ({"region": "eu-west-1", "storageclass": "GLACIER"}, "storageclass"),
        ({"region": "eu-west-1", "rootdirectory": "a/../b"}, "rootdirectory"),
        ({"regionendpoint": "ftp://x"}, "regionendpoint"),
        ({"region": "eu-west-1", "bucket": "a/b"}, "bucket"),
    ],
)
def test_what_would_be_something_else_is_refused(
    tmp_path: Path, keys: dict[str, Any], key: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"storage.s3.{key}"):
        bucket(tmp_path, **keys)


def test_a_second_driver_is_refused(tmp_path: Path) -> None:
    section = {"s3": {"bucket": "images", "region": "eu-west-1"}, "inmemory": {}}
    with pytest.raises(ConfigurationError, match="keep one storage driver"):
        loaded(tmp_path, section)


def test_redirects_are_for_whom_the_operator_says(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        {
            "s3": {"bucket": "images", "region": "eu-west-1", "forcepathstyle": True},
            "redirect": {
                "endpoint": "https://blobs.example.com",
                "expiry": "5m",
                "exceptnetworks": ["10.0.0.0/8"],
                "useragents": ["docker/*"],
            },
        },
    )
    rule = redirect_rule_of(found.settings)
    assert rule.seconds == 300
    assert [str(network) for network in rule.but_networks] == ["10.0.0.0/8"]
    assert [bool(pattern.match("docker/1 go/2")) for pattern in rule.agents] == [True]
    assert bucket_of(found.settings.storage).public_address == "https://blobs.example.com"


@pytest.mark.parametrize("expiry", ["0s", "31m", "24h"])
def test_an_address_does_not_lead_anywhere_for_long(tmp_path: Path, expiry: str) -> None:
    with pytest.raises(ConfigurationError, match=r"storage\.redirect\.expiry"):
        loaded(tmp_path, {"redirect": {"expiry": expiry}})


def test_files_are_never_redirected_to(tmp_path: Path) -> None:
    assert redirect_rule_of(loaded(tmp_path, {"filesystem": {}}).settings).seconds == 0


def test_a_file_of_certificates_that_is_missing_is_named(tmp_path: Path) -> None:
    """And not taken for the place where the data is."""
    with pytest.raises(DataUnusable, match=r"storage\.s3\.cafile.*/nowhere\.pem.*No such file"):
        bucket(tmp_path, region="eu-central-1", cafile=str(tmp_path / "nowhere.pem"))


async def test_a_profile_that_is_missing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As all that is wrong with the place of the data, and not as a failure of this program."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_PROFILE", "missing")
    monkeypatch.chdir(tmp_path)
    settings = loaded(tmp_path, {"s3": {"bucket": "images", "region": "eu-west-1"}}).settings
    with pytest.raises(DataUnusable, match="no profile `missing`"):
        async with open_registry(settings):
            pass
