"""Where bytes live: the `BlobStore` port on a file system and in memory."""
