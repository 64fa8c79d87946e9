"""Object stores of the registry: from the settings to a bucket, and to who is sent there."""

from lading.blobs.s3.bucket import MIB, S3Bucket
from lading.config.object_stores import S3Section
from lading.config.settings import Settings
from lading.config.storage import StorageSection
from lading.edge.redirects import RedirectRule, agent_pattern
from lading.wiring.data_directory import DataUnusable

# The largest parts: a few of them are in memory for each upload.
_LARGEST_PART = 32 * MIB


def bucket_of(storage: StorageSection) -> S3Bucket:
    """The bucket that the settings of the driver `s3` name.

    Raises:
        DataUnusable: a file that they name cannot be read.
    """
    assert storage.s3 is not None
    s3 = storage.s3
    storage_class = "" if s3.storageclass in {"NONE", "STANDARD"} else s3.storageclass
    return S3Bucket(
        name=s3.bucket,
        region=s3.region or "us-east-1",
        endpoint=_endpoint(s3),
        public_endpoint=storage.redirect.endpoint or "",
        path_style=s3.forcepathstyle,
        root=s3.rootdirectory,
        access_key=s3.accesskey,
        secret_key="" if s3.secretkey is None else s3.secretkey.text,
        encryption=("aws:kms" if s3.keyid else "AES256") if s3.encrypt else "",
        encryption_key=s3.keyid,
        storage_class=storage_class,
        verify=not s3.skipverify,
        authorities=_authorities(s3),
        user_agent=s3.useragent or "lading",
        part_size=min(s3.chunksize, _LARGEST_PART),
        dual_stack=s3.usedualstack,
        accelerated=s3.accelerate,
        fips=s3.usefipsendpoint,
        secure=s3.secure,
    )


def redirect_rule_of(settings: Settings) -> RedirectRule:
    """The rule which clients are sent to the object store, if there is one."""
    redirect = settings.storage.redirect
    if settings.storage.driver != "s3" or redirect.disable:
        return RedirectRule()
    return RedirectRule(
        seconds=redirect.expiry.total_seconds(),
        networks=redirect.networks,
        but_networks=redirect.exceptnetworks,
        agents=[agent_pattern(text) for text in redirect.useragents],
        but_agents=[agent_pattern(text) for text in redirect.exceptuseragents],
    )


def _authorities(s3: S3Section) -> bytes:
    """The certificates of those whom the store's is to be by; empty for the usual ones.

    Raises:
        DataUnusable: their file cannot be read.
    """
    if s3.cafile is None:
        return b""
    try:
        return s3.cafile.read_bytes()
    except OSError as error:
        raise DataUnusable(
            f"the certificates of storage.s3.cafile, {s3.cafile}, cannot be read: {error.strerror};"
            " name the file of the authority that the store's certificate is by, in PEM"
        ) from error


def _endpoint(s3: S3Section) -> str:
    if not s3.regionendpoint or "://" in s3.regionendpoint:
        return s3.regionendpoint
    return f"{'https' if s3.secure else 'http'}://{s3.regionendpoint}"
