"""end-2 with `Range`: parts of blobs (RFC 9110, section 14)."""

import email
import email.policy

import pytest

from tests.support.client import Answer
from tests.support.pushes import Repository, digest_of

# Every byte tells where it is, for 2048 is less than 256 times 256.
DATA = b"".join(number.to_bytes(2, "big") for number in range(1024))


@pytest.mark.endpoint("end-2", "GET")
@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("500-1499", 500, 1499),
        ("500-", 500, 2047),
        ("-500", 1548, 2047),
        ("2000-5000", 2000, 2047),
        ("-5000", 0, 2047),
        ("0-", 0, 2047),
        ("0-0", 0, 0),
        ("2047-2047", 2047, 2047),
        ("0-999999999999999999", 0, 2047),
    ],
)
def test_a_part_is_sent_as_asked(
    repository: Repository, asked: str, first: int, last: int, algorithm: str
) -> None:
    digest = repository.push_blob(DATA, algorithm)

    answer = repository.ask("GET", f"/blobs/{digest}", range=f"bytes={asked}")

    assert answer.status == 206
    assert answer.body == DATA[first : last + 1]
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/2048"
    assert answer.headers["Content-Length"] == str(last - first + 1)
    assert answer.headers["Docker-Content-Digest"] == digest
    assert answer.headers["ETag"] == f'"{digest}"'


@pytest.mark.endpoint("end-2", "GET")
@pytest.mark.parametrize("asked", ["500-0", "5000-10000", "2048-", "-0", "9999999999999999999-"])
def test_a_part_outside_the_blob_cannot_be_sent(repository: Repository, asked: str) -> None:
    """And the answer tells how long the blob is (RFC 9110, 15.5.17)."""
    digest = repository.push_blob(DATA)

    answer = repository.ask("GET", f"/blobs/{digest}", range=f"bytes={asked}")

    assert answer.status == 416
    assert answer.codes == ["RANGE_INVALID"]
    assert answer.headers["Content-Range"] == "bytes */2048"


@pytest.mark.endpoint("end-2", "GET")
@pytest.mark.parametrize("asked", ["0-0", "0-", "-1", "0-4194303"])
def test_nothing_has_no_parts(repository: Repository, asked: str) -> None:
    """It is sent whole, to clients that ask for the first so many bytes of everything."""
    digest = repository.push_blob(b"")

    answer = repository.ask("GET", f"/blobs/{digest}", range=f"bytes={asked}")

    assert answer.status == 200
    assert answer.headers["Content-Length"] == "0"


@pytest.mark.endpoint("end-2", "GET")
@pytest.mark.parametrize(
    "header",
    [
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=0-1,x",
        "lines=0-1",
        "0-1",
        "bytes=0",
        "bytes=--1",
        "bytes=" + ",".join(f"{at}-{at}" for at in range(2048)),
    ],
)
def test_what_is_no_set_of_ranges_or_too_large_a_one_is_not_obeyed(
    repository: Repository, header: str
) -> None:
    """The status says so: "A server MAY ignore the Range header field" (RFC 9110, 14.2)."""
    digest = repository.push_blob(DATA)

    answer = repository.ask("GET", f"/blobs/{digest}", range=header)

    assert answer.status == 200
    assert answer.body == DATA


def parts_of(answer: Answer) -> list[tuple[str, bytes]]:
    """The parts of an answer, as a program reads them that knows MIME: the range, and the bytes."""
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + answer.body, policy=email.policy.HTTP)
    assert message.is_multipart()
    assert not message.defects
    found = []
    for part in message.iter_parts():
        assert part.get_content_type() == "application/octet-stream"
        found.append((str(part["Content-Range"]), bytes(part.get_content())))
    return found


@pytest.mark.endpoint("end-2", "GET")
@pytest.mark.parametrize("times", [1, 200], ids=["small", "large"])
@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("0-1,8-9", [(0, 1), (8, 9)]),
        ("500-699, 0-99", [(500, 699), (0, 99)]),
        ("0-0,-1", [(0, 0), (-1, -1)]),
        ("0-9,10-19", [(0, 9), (10, 19)]),
        ("100-199,150-249,9-9", [(100, 249), (9, 9)]),
        ("0-9,99999999-,20-29", [(0, 9), (20, 29)]),
        (
            ",".join(f"{at * 2}-{at * 2}" for at in range(1000)),
            [(n * 2, n * 2) for n in range(1000)],
        ),
    ],
)
def test_several_parts_are_sent_in_one_answer(
    repository: Repository,
    times: int,
    asked: str,
    expected: list[tuple[int, int]],
    algorithm: str,
) -> None:
    """As `multipart/byteranges` (RFC 9110, 14.6), which podman and stargz ask for."""
    data = DATA * times
    size = len(data)
    digest = repository.push_blob(data, algorithm)

    answer = repository.ask("GET", f"/blobs/{digest}", range=f"bytes={asked}")

    assert answer.status == 206
    assert "Content-Range" not in answer.headers
    assert answer.headers["Content-Length"] == str(len(answer.body))
    assert answer.headers["Docker-Content-Digest"] == digest
    assert answer.headers["ETag"] == f'"{digest}"'
    within = [(first % size, last % size) for first, last in expected]
    assert parts_of(answer) == [
        (f"bytes {first}-{last}/{size}", data[first : last + 1]) for first, last in within
    ]


@pytest.mark.endpoint("end-2", "GET")
def test_large_parts_are_sent_between_small_ones(repository: Repository) -> None:
    data = DATA * 1000
    digest = repository.push_blob(data)
    asked = [(0, 9), (1000, 900_000), (900_001, 900_010), (1_000_000, 2_000_000), (2_047_999, 0)]
    spec = ",".join(f"{first}-{last or ''}" for first, last in asked)

    answer = repository.ask("GET", f"/blobs/{digest}", range=f"bytes={spec}")

    assert [body for _, body in parts_of(answer)] == [
        data[first : last + 1 if last else None] for first, last in asked
    ]


@pytest.mark.endpoint("end-2", "GET")
@pytest.mark.parametrize("asked", ["0-99,50-149", "0-149,9999-", "0-149,0-149"])
def test_ranges_of_which_one_part_is_left_get_that_part(repository: Repository, asked: str) -> None:
    """Without a multipart, which a client may not expect."""
    digest = repository.push_blob(DATA)

    answer = repository.ask("GET", f"/blobs/{digest}", range=f"bytes={asked}")

    assert answer.status == 206
    assert answer.headers["Content-Range"] == "bytes 0-149/2048"
    assert answer.body == DATA[:150]


@pytest.mark.endpoint("end-2", "GET")
@pytest.mark.parametrize("asked", ["5000-,-0", "0-1,5-4"])
def test_ranges_that_cannot_be_sent_are_refused(repository: Repository, asked: str) -> None:
    digest = repository.push_blob(DATA)

    answer = repository.ask("GET", f"/blobs/{digest}", range=f"bytes={asked}")

    assert answer.status == 416
    assert answer.headers["Content-Range"] == "bytes */2048"


@pytest.mark.endpoint("end-2", "GET")
def test_several_parts_are_sent_only_of_the_blob_that_the_client_means(
    repository: Repository,
) -> None:
    digest = repository.push_blob(DATA)

    def ask(tag: str) -> Answer:
        path = f"/blobs/{digest}"
        return repository.ask("GET", path, range="bytes=0-9,20-29", if_range=tag)

    assert ask(f'"{digest}"').status == 206
    assert ask('"sha256:another"').body == DATA


@pytest.mark.endpoint("end-2", "GET")
def test_a_part_is_sent_only_of_the_blob_that_the_client_means(repository: Repository) -> None:
    """`If-Range` (RFC 9110, 13.1.5)."""
    digest = repository.push_blob(DATA)

    def ask(tag: str) -> int:
        return repository.ask("GET", f"/blobs/{digest}", range="bytes=0-9", if_range=tag).status

    assert ask(f'"{digest}"') == 206
    assert ask(f'"{digest_of(b"another")}"') == 200
    assert ask(f'W/"{digest}"') == 200
    assert ask("Mon, 01 Jan 2024 00:00:00 GMT") == 200


@pytest.mark.endpoint("end-2", "GET")
def test_a_client_that_has_the_blob_gets_no_part_of_it(repository: Repository) -> None:
    """`If-None-Match` comes before `Range` (RFC 9110, 13.2.2)."""
    digest = repository.push_blob(DATA)

    answer = repository.ask(
        "GET", f"/blobs/{digest}", if_none_match=f'"{digest}"', range="bytes=0-9"
    )

    assert answer.status == 304


@pytest.mark.endpoint("end-2", "HEAD")
@pytest.mark.parametrize("asked", ["0-9", "0-1,8-9"])
def test_a_head_is_that_of_the_whole_blob(repository: Repository, asked: str) -> None:
    """`Range` is defined for GET only (RFC 9110, 14.2)."""
    digest = repository.push_blob(DATA)

    answer = repository.ask("HEAD", f"/blobs/{digest}", range=f"bytes={asked}")

    assert answer.status == 200
    assert answer.headers["Content-Length"] == "2048"


@pytest.mark.endpoint("end-2", "GET")
def test_parts_fetched_over_many_connections_make_the_blob(repository: Repository) -> None:
    """As containerd fetches a layer."""
    data = DATA * 300
    digest = repository.push_blob(data)
    step = len(data) // 7

    parts = [
        repository.ask("GET", f"/blobs/{digest}", range=f"bytes={at}-{at + step - 1}").body
        for at in range(0, len(data), step)
    ]

    assert b"".join(parts) == data
