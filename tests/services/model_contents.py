"""Contents that the test of the model pushes: few blobs and manifests, so that they meet."""

from lading.core.digest import Digest
from lading.core.names import RepositoryName
from tests.support.contents import image, index

CONTENTS = {Digest.of(data): data for data in (b"%d" % number for number in range(5))}
ZERO, ONE, TWO, THREE, FOUR = CONTENTS.values()
IMAGES = [image(ZERO, ONE), image(ZERO, TWO), image(THREE, ONE)]
INDEXES = [index(IMAGES[:2]), index(IMAGES[1:]), index([FOUR])]
NESTED = index(INDEXES[:1])
SIGNATURE = image(FOUR, subject=IMAGES[0])
# By names that are shown when the test fails.
MANIFESTS = {
    **{f"image {number}": each for number, each in enumerate(IMAGES)},
    **{f"index {number}": each for number, each in enumerate(INDEXES)},
    "index of an index": NESTED,
    "signature": SIGNATURE,
    "signature of a signature": image(FOUR, ZERO, subject=SIGNATURE),
    "signature of the index": image(FOUR, subject=NESTED),
}
NAME_OF = {manifest.digest: name for name, manifest in MANIFESTS.items()}
NAMES = [RepositoryName("one"), RepositoryName("two")]
TAGS = ["a", "b"]
