"""Small pictures: of the pixels alone, made once, and no picture harms the server that it is made on."""

import threading
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from server.intake import thumbnail_maker
from server.intake import thumbnails as module
from server.intake.thumbnail_maker import SIDE_PIXELS, make
from server.intake.thumbnails import Thumbnails
from server.storage.photo_files import PhotoFiles
from server.storage.thumbnail_files import ThumbnailFiles
from shared_schema.ids import digest
from shared_schema.problems import Problem
from shared_schema.wire import PHOTO_PIXELS_MAX
from tests.unit.server.intake.bombs import black_png, png_that_says


class Maker:
    """A store of photos and what makes them small."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.photos = PhotoFiles(folder / "photos")
        self.files = ThumbnailFiles(folder / "small")
        self.small = Thumbnails(self.photos, self.files, seconds_max=20)

    def put(self, content: bytes) -> str:
        name = digest(content)
        self.photos.put(name, content)
        return name

    def made(self) -> list[str]:
        return sorted(path.stem for path in (self.folder / "small").rglob("*.jpg"))


@pytest.fixture
def maker(tmp_path: Path) -> Iterator[Maker]:
    made = Maker(tmp_path)
    yield made
    made.small.close()


def encoded(picture: Image.Image, kind: str = "JPEG", **more: object) -> bytes:
    out = BytesIO()
    picture.save(out, kind, **more)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photo_becomes_a_small_jpeg_and_stays_so(maker: Maker, kind: str) -> None:
    """Made when first asked for; the next time it is read, though the photo were gone by then."""
    name = maker.put(encoded(Image.new("RGB", (1600, 1200), "teal"), kind))
    small = maker.small.get(name)
    with Image.open(BytesIO(small)) as opened:
        assert (opened.format, opened.size) == ("JPEG", (SIDE_PIXELS, SIDE_PIXELS * 3 // 4))
    assert maker.made() == [name]
    maker.photos.path(name).unlink()
    assert maker.small.get(name) == small


def test_a_small_picture_is_upright_and_tells_nothing_else(maker: Maker) -> None:
    """Turned as EXIF says; then no EXIF, no place, no comment, no thumbnail inside, nothing behind its end."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "SECRET-CAMERA"
    exif.get_ifd(0x8825)[2] = (31.0, 14.0, 3.0)
    tall = encoded(Image.new("RGB", (800, 600), "navy"), exif=exif.tobytes(), comment=b"SECRET-PLACE")
    small = maker.small.get(maker.put(tall + b"SECRET-TAIL"))
    with Image.open(BytesIO(small)) as opened:
        assert opened.size == (SIDE_PIXELS * 3 // 4, SIDE_PIXELS)
        assert not opened.getexif()
    assert b"SECRET" not in small
    assert b"Exif" not in small


def test_what_is_see_through_is_put_on_white(maker: Maker) -> None:
    name = maker.put(encoded(Image.new("RGBA", (100, 100), (255, 0, 0, 0)), "PNG"))
    with Image.open(BytesIO(maker.small.get(name))) as opened:
        assert opened.getpixel((50, 50)) == (255, 255, 255)


def test_greys_of_sixteen_bits_are_greys(maker: Maker) -> None:
    """As scanners make them; none of them is as light as it is dark."""
    row = b"".join((grey * 256).to_bytes(2, "little") * 500 for grey in (60, 180))
    picture = Image.frombytes("I;16", (1000, 500), row * 500)
    with Image.open(BytesIO(maker.small.get(maker.put(encoded(picture, "PNG"))))) as opened:
        found = [opened.getpixel((x, 100)) for x in (100, 400)]
    assert found == [(60, 60, 60), (180, 180, 180)]


def test_a_picture_put_together_by_hand_is_one() -> None:
    """What is refused of such pictures is refused for its size alone."""
    with Image.open(BytesIO(black_png(300, 200))) as opened:
        opened.load()
        assert (opened.size, opened.getextrema()) == ((300, 200), (0, 0))


BOMBS = {
    "claims 1000 million pixels": png_that_says(40_000, 25_000),
    "just over the limit": png_that_says(PHOTO_PIXELS_MAX // 1000 + 1, 1000),
    "not a picture": b"%PDF-1.7 and so on",
    "another kind": encoded(Image.new("RGB", (9, 9)), "GIF"),
    "cut": encoded(Image.new("RGB", (900, 900), "teal"))[:400],
    "nothing": b"",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_bombs_are_refused_and_the_next_picture_is_made(maker: Maker, bomb: bytes) -> None:
    """Without decoding what is too large; and not tried again with the next look."""
    name = maker.put(bomb)
    for _ in range(2):
        with pytest.raises(Problem, match="photo_type"):
            maker.small.get(name)
    assert maker.made() == []
    assert maker.small.get(maker.put(encoded(Image.new("RGB", (8, 8)))))


def test_a_process_that_falls_over_is_replaced(maker: Maker) -> None:
    """As a decoder's fault would make it: the picture is given up, the server and the next picture are well."""
    good = maker.put(encoded(Image.new("RGB", (8, 8))))
    assert maker.small.get(good)
    process = maker.small._process
    assert process is not None
    process.kill()
    process.wait()
    other = maker.put(encoded(Image.new("RGB", (9, 9))))
    assert maker.small.get(other)
    assert maker.small._process is not process


def test_a_picture_that_takes_too_long_is_given_up(maker: Maker, tmp_path: Path) -> None:
    """Its process is killed; a later one is well."""
    slow = tmp_path / "slow.py"
    slow.write_text("import sys, time\nsys.stdin.buffer.read(4)\ntime.sleep(60)\n")
    impatient = Thumbnails(maker.photos, maker.files, seconds_max=0.5)
    name = maker.put(encoded(Image.new("RGB", (10, 10))))
    whole = thumbnail_maker.__file__
    try:
        thumbnail_maker.__file__ = str(slow)
        began = time.monotonic()
        with pytest.raises(Problem, match="photo_type"):
            impatient.get(name)
        assert time.monotonic() - began < 15
        assert impatient._process is None
    finally:
        thumbnail_maker.__file__ = whole
        impatient.close()


def test_the_process_has_little_of_everything(maker: Maker) -> None:
    """Memory, processor time, and not one byte to any file."""
    maker.small.get(maker.put(encoded(Image.new("RGB", (8, 8)))))
    process = maker.small._process
    assert process is not None
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    said = {line[:26].strip(): line[26:].split()[0] for line in limits.splitlines()[1:]}
    assert said["Max address space"] == str(1024**3)
    assert said["Max cpu time"] == str(module.CPU_SECONDS_MAX)
    assert said["Max file size"] == "0"
    assert Path(f"/proc/{process.pid}/environ").read_bytes() == b"", "nothing of the server's settings"


def test_processes_are_thrown_away(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PICTURES_PER_PROCESS", 2)
    seen = set()
    for side in range(1, 6):
        maker.small.get(maker.put(encoded(Image.new("RGB", (side, side)))))
        assert maker.small._process is not None
        seen.add(maker.small._process.pid)
    assert len(seen) == 3


def test_what_earlier_pictures_used_up_is_not_held_against_the_next(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that comes to its end in the middle of a good picture is replaced, and the picture is made."""
    monkeypatch.setattr(module, "CPU_SECONDS_MAX", 1)
    large = encoded(Image.new("RGB", (3000, 2500), "olive"), "PNG")
    for number in range(12):
        assert maker.small.get(maker.put(large + bytes([number])))


def test_many_at_once_are_made_once_each(maker: Maker) -> None:
    """Twelve looks at three photos: three decodings."""
    names = [maker.put(encoded(Image.new("RGB", (30, side)))) for side in (10, 20, 30)]
    found: list[bytes] = []
    asked = [
        threading.Thread(target=lambda one=name: found.append(maker.small.get(one))) for name in names * 4
    ]
    for one in asked:
        one.start()
    for one in asked:
        one.join()
    assert len(found) == 12
    assert maker.small._made == 3


def test_half_a_small_picture_is_made_again(maker: Maker) -> None:
    """They are not flushed, so a power cut may leave one."""
    name = maker.put(encoded(Image.new("RGB", (50, 50), "teal")))
    small = maker.small.get(name)
    (path,) = (maker.folder / "small").rglob("*.jpg")
    for damaged in (b"", small[:100]):
        path.write_bytes(damaged)
        assert maker.small.get(name) == small


def test_a_full_house_is_busy(maker: Maker) -> None:
    """Threads of the server are not all spent on waiting for pictures."""
    name = maker.put(encoded(Image.new("RGB", (5, 5))))
    for _ in range(module.WAITING_MAX):
        assert maker.small._places.acquire(blocking=False)
    with pytest.raises(Problem, match="busy"):
        maker.small.get(name)


def test_the_largest_photo_there_may_be_fits_into_the_memory_it_has(maker: Maker) -> None:
    """40 million pixels, as a PNG, which cannot be read at a fraction of its size."""
    side = int(PHOTO_PIXELS_MAX**0.5)
    name = maker.put(encoded(Image.new("RGB", (side, PHOTO_PIXELS_MAX // side), "teal"), "PNG"))
    with Image.open(BytesIO(maker.small.get(name))) as opened:
        assert max(opened.size) == SIDE_PIXELS


def test_a_maker_told_a_smaller_limit_keeps_to_it() -> None:
    """The control of the limit: the same picture is made under one and refused under the other."""
    picture = encoded(Image.new("RGB", (100, 100)), "PNG")
    assert make(picture, 10_000)
    assert make(picture, 9_999) == b""
