"""The work that registries are given, a file for each kind.

A work prepares a registry once (`prepare`) and is then measured in it many times (`measure`), in
turn with the others.
"""

from bench.works.base import Work as Work
from bench.works.layers import LAYER_PUSHES
from bench.works.listing import Catalog, TagsList
from bench.works.manifests import ManifestByDigest, ManifestByTag, ManifestHead, TagPush
from bench.works.mix import MixClosed, MixOpen
from bench.works.pulls import ColdPull, LargePull, LazyRanges, ParallelRanges, SmallBlob
from bench.works.pushes import Mount, SmallImages

WORKS: tuple[Work, ...] = (
    *LAYER_PUSHES,
    ManifestByTag(),
    ManifestByDigest(),
    ManifestHead(),
    SmallBlob(),
    TagsList(),
    Catalog(),
    TagPush(),
    SmallImages(),
    Mount(),
    LargePull(),
    ParallelRanges(),
    LazyRanges(),
    ColdPull(),
    MixClosed(connections=16),
    MixClosed(connections=64),
    MixOpen(rate=50),
    MixOpen(rate=200),
)

WITH_TOKENS = tuple(work for work in WORKS if not isinstance(work, Mount | MixOpen))
"""Measured again where every request needs a bearer token."""
