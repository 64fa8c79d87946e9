"""The adapters of `Blobs`, `Uploads` and `Locks`: on a file system, in memory, and a cache.

Bytes get their final name here, once they were verified and are durable, and nowhere else; which
repository has them is not known here. `layout` alone says where files are.
"""
