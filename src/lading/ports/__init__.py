"""The two things a registry stands on: what is known, and where bytes live.

`Metadata` is the truth: repositories, manifests with their bytes, tags, links. `BlobStore` holds
bytes by digest, and those of uploads. Services see only these; adapters implement them; one suite
of tests per protocol runs over every adapter (`tests/contracts`).

Every write of `Metadata` is one transaction that is on disk when the call returns, unless its
docstring says otherwise. Times are seconds since the epoch, UTC, and always arguments.
"""
