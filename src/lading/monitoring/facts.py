"""Facts of the registry as a whole, which one worker looks up now and then for all to tell.

Several replicas that share a database tell the same: their facts are no summands.
"""

from enum import IntEnum


class Fact(IntEnum):
    """Facts; times are in seconds since the epoch."""

    # When all below were last found out, and until when they may be told.
    FOUND_OUT_AT = 0
    REPOSITORIES = 1
    TAGS = 2
    # Manifests, and the bytes of their documents: with and without something that leads to them,
    # and in the trash.
    MANIFESTS_REFERENCED = 3
    MANIFESTS_UNREFERENCED = 4
    MANIFESTS_DELETED = 5
    MANIFEST_BYTES_REFERENCED = 6
    MANIFEST_BYTES_UNREFERENCED = 7
    MANIFEST_BYTES_DELETED = 8
    # Blobs in a repository, in none, and those of both kinds whose bytes are damaged.
    BLOBS_LINKED = 9
    BLOBS_UNLINKED = 10
    BLOBS_LOST = 11
    BLOB_BYTES_LINKED = 12
    BLOB_BYTES_UNLINKED = 13
    BLOB_BYTES_LOST = 14
    UPLOADS_UNFINISHED = 15
    COLLECTION_FINISHED_AT = 16
    COLLECTION_SECONDS = 17
    EXPIRY_FINISHED_AT = 18
    EXPIRY_SECONDS = 19
    # Of what a collection would remove now: when the first of it was deleted, or lost what led to
    # it, and when it was to go.
    OLDEST_GARBAGE_SINCE = 20
    OLDEST_GARBAGE_DUE_AT = 21
    DISK_FREE_BYTES = 22
    DISK_BYTES = 23
    READ_ONLY = 24
    # What is done beside collecting where bytes are in an object store.
    JOINING_FINISHED_AT = 25
    JOINING_SECONDS = 26
    REMOVAL_FINISHED_AT = 27
    REMOVAL_SECONDS = 28
    # In an object store: what nothing needs, and is deleted when nobody can be reading it any more.
    OBJECTS_UNUSED = 29
    OBJECT_BYTES_UNUSED = 30
    EXPIRE_AT = 31
    # When a worker last began to find them out, be it in vain.
    BEGUN_AT = 32
