"""The work that registries are given, a file for each kind.

A work prepares a registry once (`prepare`) and is then measured in it many times (`measure`), in
turn with the others. What it returns is figures by name; `figures` says what they are.
"""

from bench.works.base import Work as Work
from bench.works.listing import Catalog, TagsList
from bench.works.manifests import REPOSITORY as MANIFESTS
from bench.works.manifests import ManifestByDigest, ManifestByTag, ManifestHead, TagPush
from bench.works.mix import MixClosed, MixOpen, repositories
from bench.works.pulls import REPOSITORY as BLOBS
from bench.works.pulls import ColdPull, LargePull, LazyRanges, ParallelRanges, SmallBlob
from bench.works.pushes import LargePush, Mount, SmallImages

WORKS: tuple[Work, ...] = (
    ManifestByTag(),
    ManifestByDigest(),
    ManifestHead(),
    SmallBlob(),
    TagsList(),
    Catalog(),
    TagPush(),
    SmallImages(),
    Mount(),
    LargePush(),
    LargePull(),
    ParallelRanges(),
    LazyRanges(),
    ColdPull(),
    MixClosed(connections=16),
    MixClosed(connections=64),
    MixOpen(rate=50),
    MixOpen(rate=200),
)

WITH_TOKENS: tuple[Work, ...] = (ManifestByTag(), SmallBlob(), MixClosed(connections=16))
"""Measured again with a bearer token in every request, for `TOKEN_REPOSITORIES`."""

TOKEN_REPOSITORIES = (MANIFESTS, BLOBS, *repositories())
