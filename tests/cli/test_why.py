"""`lading why DIGEST`: to people, and to programs."""

import json
from pathlib import Path

from tests.support.lading import lading_serve
from tests.support.pushes import Repository, digest_of


def test_why_says_what_keeps_something(tmp_path: Path) -> None:
    with lading_serve(tmp_path) as registry:
        repository = Repository(registry.client, "library/hello")
        digest = repository.push_image("latest", b"layer")
        alone = repository.push_blob(b"alone")

        def lading(*words: str) -> str:
            return registry.run("why", *words).stdout.decode()

        assert lading(digest_of(b"layer")).splitlines() == [
            "library/hello",
            f"    tag latest → manifest {digest} → this layer",
        ]
        assert "a client was told that it is there" in lading(alone)
        (found,) = json.loads(lading("--json", digest))["repositories"]
        (reason,) = found["reasons"]
        assert found["repository"] == "library/hello"
        assert (reason["cause"], reason["path"]["tag"]) == ("tag", "latest")
        assert reason["path"]["steps"] == [{"kind": "manifest", "digest": digest}]
        repository.ask("DELETE", f"/blobs/{alone}")
        assert lading(alone) == "No repository has it: the next collection takes it.\n"

        for text, reason in (
            (digest_of(b"never"), b"no blob and no manifest"),
            ("sha256:0", b"not a digest"),
        ):
            done = registry.run("why", text, check=False)
            assert done.returncode != 0
            assert reason in done.stderr
