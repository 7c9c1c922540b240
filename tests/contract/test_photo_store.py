"""What every store of photos does: the disk, and a real S3-compatible server."""

import os
import random
import threading
from pathlib import Path

import pytest

from server.storage.photo_store import PhotoStore, open_photo_store
from shared_schema.ids import digest
from shared_schema.problems import Problem
from tests.contract.files import picture
from tests.contract.s3 import ObjectServer

KILLS = int(os.environ.get("S3_KILLS", "1"))
PUTS_BEFORE = 10
"""So many photos are taken before the kill."""
PUTS_MAX = 2_000
"""More than any store takes before it is killed."""
PHOTO = picture(1)
NAME = digest(PHOTO)


@pytest.fixture(params=["disk", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> PhotoStore:
    """An empty store of either kind."""
    if request.param == "disk":
        return open_photo_store("", tmp_path / "photos")
    server: ObjectServer = request.getfixturevalue("objects")
    return open_photo_store(f"{server.address}&prefix={tmp_path.name}", tmp_path)


def partial_of(tmp_path: Path, content: bytes) -> Path:
    (tmp_path / "photos").mkdir(exist_ok=True)
    path = tmp_path / "photos" / "partial"
    path.write_bytes(content)
    return path


def test_what_is_kept_is_there(store: PhotoStore, tmp_path: Path) -> None:
    """Whole, under its hash, and no longer where it was; twice is once."""
    assert not store.has(NAME)
    with pytest.raises(Problem, match="not_found"):
        store.get(NAME)
    for _ in range(2):
        path = partial_of(tmp_path, PHOTO)
        store.keep(NAME, path)
        assert not path.exists()
        assert store.has(NAME)
        assert store.get(NAME) == PHOTO


def test_bytes_are_put_under_their_own_hash_only(store: PhotoStore) -> None:
    with pytest.raises(Problem, match="photo_wrong_hash"):
        store.put(NAME, PHOTO + b"!")
    assert not store.has(NAME)
    store.put(NAME, PHOTO)
    store.put(NAME, PHOTO)
    assert store.get(NAME) == PHOTO


@pytest.mark.parametrize(
    "name", ["", "..", "../" * 20 + "x" * 4, "x" * 64, NAME.upper(), NAME + "\n", NAME[:-1] + "/"]
)
def test_nothing_but_a_hash_is_a_name(store: PhotoStore, name: str, tmp_path: Path) -> None:
    for ask in (store.has, store.get, lambda one: store.put(one, PHOTO)):
        with pytest.raises(Problem, match="not_found"):
            ask(name)
    with pytest.raises(Problem, match="not_found"):
        store.keep(name, partial_of(tmp_path, PHOTO))


@pytest.mark.parametrize("address", ["http://photos", "s3://", "s3://photos?endpint=x", "photos"])
def test_an_address_with_a_mistake_is_refused_by_its_name(address: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="photo_store"):
        open_photo_store(address, tmp_path)


def test_an_object_that_was_changed_is_not_handed_out(objects: ObjectServer, tmp_path: Path) -> None:
    """Whoever can write to the bucket cannot put another picture in the place of one."""
    from obstore.store import S3Store

    store = open_photo_store(objects.address, tmp_path)
    store.put(NAME, PHOTO)
    raw: S3Store = store._store  # type: ignore[attr-defined]
    raw.put(NAME, PHOTO + b"!")
    with pytest.raises(Problem, match="not_found"):
        store.get(NAME)


def test_a_store_that_is_gone_is_busy(tmp_path: Path) -> None:
    """And the bytes stay where they are."""
    store = open_photo_store(
        "s3://photos?endpoint=http://127.0.0.1:9&region=x&access_key_id=a&secret_access_key=b", tmp_path
    )
    path = partial_of(tmp_path, PHOTO)
    for run in (lambda: store.has(NAME), lambda: store.keep(NAME, path), lambda: store.get(NAME)):
        with pytest.raises(Problem, match="busy"):
            run()
    assert path.read_bytes() == PHOTO


@pytest.mark.parametrize("seed", range(KILLS))
def test_a_store_killed_under_load_loses_nothing_it_took(seed: int, tmp_path: Path) -> None:
    """Photos are put while the server is killed; each that was taken is there once it has started again."""
    taken, killed, refused = set[int](), threading.Event(), threading.Event()
    server = ObjectServer(tmp_path)
    server.start()
    store = open_photo_store(server.address, tmp_path)

    def put_until_killed() -> None:
        for number in range(PUTS_MAX):
            try:
                store.put(digest(picture(number, 200_000)), picture(number, 200_000))
            except Problem:
                if killed.is_set():
                    refused.set()
                    return
            else:
                taken.add(number)

    thread = threading.Thread(target=put_until_killed)
    thread.start()
    try:
        while len(taken) < PUTS_BEFORE and thread.is_alive():
            thread.join(0.01)
        thread.join(random.Random(seed).uniform(0, 0.3))
        killed.set()
        server.kill()
        thread.join()
        assert refused.is_set(), "the kill met no put"
        assert len(taken) >= PUTS_BEFORE
        server.start()
        for number in taken:
            content = picture(number, 200_000)
            assert store.get(digest(content)) == content
    finally:
        killed.set()
        server.stop()
        thread.join()
