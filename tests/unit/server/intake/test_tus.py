"""What the headers of tus requests say, and which of them say nothing that can be understood."""

import pytest

from server.intake import tus
from shared_schema.problems import Problem
from shared_schema.wire import PHOTO_BYTES_MAX, UPLOAD_MEDIA_TYPE
from tests.contract.files import metadata

HASH = "ab" * 32
PART = {"upload-offset": "7", "content-type": UPLOAD_MEDIA_TYPE}


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"upload-length": "5"}, tus.Creation(5, "", "", False, 0)),
        ({"upload-length": "5", "upload-metadata": ""}, tus.Creation(5, "", "", False, 0)),
        (
            {"upload-length": "5", "upload-metadata": "empty,blank "},
            tus.Creation(5, "empty,blank", "", False, 0),
        ),
        (
            {"upload-length": "5", "content-length": "5", "content-type": UPLOAD_MEDIA_TYPE},
            tus.Creation(5, "", "", True, 5),
        ),
        (
            {"upload-length": "5", "transfer-encoding": "chunked", "content-type": UPLOAD_MEDIA_TYPE},
            tus.Creation(5, "", "", True, None),
        ),
    ],
)
def test_a_new_upload(given: dict[str, str], read: tus.Creation) -> None:
    assert tus.read_creation(given) == read


def test_the_hash_may_be_named_beforehand() -> None:
    """In hex of either case, among other things that only come back as they were given."""
    header = metadata(filename="门.jpg", sha256=HASH.upper())
    assert tus.read_creation({"upload-length": "5", "upload-metadata": header}) == tus.Creation(
        5, header, HASH, False, 0
    )


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "request_malformed"),
        ({"upload-length": "-1"}, "request_malformed"),
        ({"upload-length": "5.0"}, "request_malformed"),
        ({"upload-length": "٥"}, "request_malformed"),
        ({"upload-length": "9" * 16}, "request_malformed"),
        ({"upload-defer-length": "1"}, "request_malformed"),
        ({"upload-defer-length": "1", "upload-length": "5"}, "request_malformed"),
        ({"upload-length": "0"}, "photo_type"),
        ({"upload-length": str(PHOTO_BYTES_MAX + 1)}, "photo_too_large"),
        ({"upload-length": "5", "content-length": "1"}, "upload_media_type"),
        ({"upload-length": "5", "content-length": "1", "content-type": "image/jpeg"}, "upload_media_type"),
        (
            {"upload-length": "5", "content-length": "6", "content-type": UPLOAD_MEDIA_TYPE},
            "request_too_large",
        ),
        ({"upload-length": "5", "upload-metadata": "a !!!"}, "request_malformed"),
        ({"upload-length": "5", "upload-metadata": "a YQ==,a YQ=="}, "request_malformed"),
        ({"upload-length": "5", "upload-metadata": ",,"}, "request_malformed"),
        ({"upload-length": "5", "upload-metadata": "a " + "A" * 5000}, "request_malformed"),
        ({"upload-length": "5", "upload-metadata": metadata(sha256="abc")}, "request_malformed"),
    ],
)
def test_a_new_upload_that_is_none(given: dict[str, str], code: str) -> None:
    with pytest.raises(Problem, match=code):
        tus.read_creation(given)


def test_a_part() -> None:
    assert tus.read_part({**PART, "content-length": "3"}) == tus.Part(7, 3)
    assert tus.read_part({**PART, "transfer-encoding": "chunked"}) == tus.Part(7, None)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"content-type": "application/octet-stream"}, "upload_media_type"),
        ({"content-type": ""}, "upload_media_type"),
        ({"upload-offset": ""}, "request_malformed"),
        ({"upload-offset": "-7"}, "request_malformed"),
        ({"upload-offset": "seven"}, "request_malformed"),
        ({"content-length": "x"}, "request_malformed"),
    ],
)
def test_a_part_that_is_none(change: dict[str, str], code: str) -> None:
    with pytest.raises(Problem, match=code):
        tus.read_part({**PART, **change})


@pytest.mark.parametrize("version", ["", "0.2.2", "1.0.1", "1", "1.0.0, 0.2.2"])
def test_another_version_is_not_spoken(version: str) -> None:
    with pytest.raises(Problem, match="tus_version_unsupported"):
        tus.check_version({"tus-resumable": version} if version else {})
    tus.check_version({"tus-resumable": "1.0.0"})


def test_a_network_that_lets_only_post_through_is_no_hindrance() -> None:
    assert tus.method_of("POST", {"x-http-method-override": "patch"}) == "PATCH"
    assert tus.method_of("HEAD", {}) == "HEAD"
