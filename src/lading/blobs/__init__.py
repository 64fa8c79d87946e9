"""The adapters of `Blobs`, `Uploads` and `Locks`: on a file system, in memory, and a cache."""
