"""The ports that a registry stands on: what is known, and where bytes are.

`Metadata` is the truth: repositories, manifests with their bytes, tags, links. `Blobs` has bytes by
digest, `Uploads` those that are on their way there, `Locks` what keeps two apart who change the
bytes of one digest. Services see only these; adapters implement them; one suite of tests per
protocol runs over every adapter (`tests/contracts`).

Every write of `Metadata` is one transaction that is on disk when the call returns, unless its
docstring says otherwise. Times are seconds since the epoch, UTC, and always arguments.
"""
