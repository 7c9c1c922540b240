"""Photos as kept: upright, small, without a word of where or by what they were taken."""

import errno
import os
import stat
import struct
import time
from io import BytesIO
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from mobile import photos
from mobile.photo_marks import Arrow, Cover
from mobile.player import draw
from mobile.vault import Vault
from shared_schema.ids import digest
from shared_schema.problems import Problem
from shared_schema.wire import PHOTO_BYTES_MAX


def encoded(picture: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    out = BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.headless(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "photos"


def taken_in(content: bytes, folder: Path, vault: Vault) -> Image.Image:
    taken = photos.take(content, folder, vault)
    kept = photos.fetch(taken.sha256, folder, vault)
    assert kept is not None
    assert (digest(kept), len(kept)) == (taken.sha256, taken.size_bytes)
    picture = Image.open(BytesIO(kept))
    assert (picture.format, picture.size) == ("JPEG", (taken.width, taken.height))
    return picture


def test_what_the_camera_wrote_is_gone_and_the_picture_is_upright(folder: Path, vault: Vault) -> None:
    """Place, time, device and the thumbnail of before are not kept; the turn they ask for is made."""
    source = Image.new("RGB", (400, 200), "white")
    source.paste("red", (0, 0, 200, 200))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # turn right to stand upright
    exif[ExifTags.Base.Make] = "SpyCam"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (39.0, 5.0, 1.0)
    content = encoded(source, exif=exif, comment=b"secret room")
    assert b"SpyCam" in content
    kept = taken_in(content, folder, vault)
    assert kept.size == (200, 400)
    red, green, _ = kept.convert("RGB").getpixel((100, 50))  # type: ignore[misc]
    assert (red > 200, green < 60) == (True, True)
    assert not dict(kept.getexif())
    for path in folder.iterdir():
        assert not any(trace in vault.fetch(path) for trace in (b"SpyCam", b"secret room", b"Exif"))


@pytest.mark.parametrize(
    ("tag", "kind"), [(0x010F, 11), (0x011A, 2), (0x0128, 1)], ids=["maker", "resolution", "unit"]
)
def test_whatever_else_the_camera_wrote_the_picture_is_taken_in_upright(
    folder: Path, vault: Vault, tag: int, kind: int
) -> None:
    """Cameras write a maker that is a number, or a resolution in letters; of all that only the turn is read."""
    turned = struct.pack(">HHIHH", ExifTags.Base.Orientation, 3, 1, 6, 0)
    fields = struct.pack(">H", 2) + turned + struct.pack(">HHII", tag, kind, 1, 0x00010001) + bytes(4)
    content = encoded(Image.new("RGB", (60, 40)), exif=b"Exif\0\0MM\0*" + struct.pack(">I", 8) + fields)
    assert taken_in(content, folder, vault).size == (40, 60)


def test_a_large_picture_is_made_smaller_and_has_a_thumbnail(folder: Path, vault: Vault) -> None:
    """At most 1600 pixels on its longer side, 256 for the thumbnail; a small one is not made larger."""
    assert taken_in(encoded(Image.new("RGB", (4000, 3000))), folder, vault).size == (1600, 1200)
    assert taken_in(encoded(Image.new("RGB", (300, 100), "blue")), folder, vault).size == (300, 100)
    taken = photos.take(encoded(Image.new("RGB", (1000, 500), "green")), folder, vault)
    with Image.open(BytesIO(vault.fetch(photos.thumbnail_path(folder, taken.sha256)))) as thumbnail:
        assert thumbnail.size == (256, 128)


@pytest.mark.parametrize("mode", ["RGBA", "P", "L", "LA", "CMYK", "1"])
def test_pictures_of_any_colours_are_taken(folder: Path, vault: Vault, mode: str) -> None:
    """What is transparent becomes white."""
    kind = "JPEG" if mode == "CMYK" else "PNG"
    kept = taken_in(encoded(Image.new(mode, (32, 32)), kind), folder, vault)
    assert kept.mode == "RGB"
    if mode in ("RGBA", "LA"):
        assert min(kept.getpixel((5, 5))) > 250  # type: ignore[arg-type]


def test_greys_of_sixteen_bits_are_greys(folder: Path, vault: Vault) -> None:
    """As scanners make them: what is kept is all that there will be of it, and must not be white all over."""
    row = b"".join((grey * 256).to_bytes(2, "little") * 50 for grey in (60, 180))
    picture = taken_in(encoded(Image.frombytes("I;16", (100, 50), row * 50), "PNG"), folder, vault)
    assert [picture.getpixel((x, 25)) for x in (20, 80)] == [(60, 60, 60), (180, 180, 180)]


def test_webp_is_taken_too(folder: Path, vault: Vault) -> None:
    """JPEG, PNG and WebP."""
    assert taken_in(encoded(Image.new("RGB", (32, 32)), "WEBP"), folder, vault).size == (32, 32)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a picture",
        encoded(Image.new("RGB", (8, 8)), "GIF"),
        encoded(Image.new("RGB", (8, 8)), "TIFF"),
        encoded(Image.new("RGB", (8, 8)), "BMP"),
    ],
)
def test_other_files_are_refused(folder: Path, vault: Vault, content: bytes) -> None:
    """Only three formats; nothing is left behind."""
    with pytest.raises(Problem, match="photo_type"):
        photos.take(content, folder, vault)
    assert not folder.exists()


@pytest.mark.parametrize(
    "content",
    [
        encoded(Image.effect_noise((200, 200), 90))[:2000],
        draw("cut", 200, 200)[:300],
        encoded(Image.effect_noise((4000, 3000), 90).convert("RGB"))[:-90_000],
    ],
)
def test_halves_are_refused(folder: Path, vault: Vault, content: bytes) -> None:
    """A picture is taken whole or not at all, and the person is told that it is not."""
    with pytest.raises(Problem, match="photo_damaged"):
        photos.take(content, folder, vault)
    assert not folder.exists()


def test_too_many_bytes_or_pixels_are_refused(tmp_path: Path, folder: Path, vault: Vault) -> None:
    """A small file may unfold into more than the memory there is."""
    with pytest.raises(Problem, match="photo_too_large"):
        photos.take(b"x" * (PHOTO_BYTES_MAX + 1), folder, vault)
    big = tmp_path / "big.jpg"
    with big.open("wb") as file:
        file.truncate(PHOTO_BYTES_MAX + 1)
    with pytest.raises(Problem, match="photo_too_large"):
        photos.take_file(big, folder, vault)
    for side in (6400, 20_000):  # more than we take, and more than the decoder dares
        bomb = encoded(Image.new("1", (side, side)), "PNG")
        with pytest.raises(Problem, match="photo_too_many_pixels"):
            photos.take(bomb, folder, vault)


def test_a_file_that_changed_or_went_is_not_handed_out(tmp_path: Path, folder: Path, vault: Vault) -> None:
    """The name is the hash of the content, and is checked at each reading."""
    source = tmp_path / "photo.png"
    source.write_bytes(draw("a door", 64, 48))
    taken = photos.take_file(source, folder, vault)
    path = photos.photo_path(folder, taken.sha256)
    path.write_bytes(path.read_bytes()[:-1])
    assert photos.fetch(taken.sha256, folder, vault) is None
    path.unlink()
    assert photos.fetch(taken.sha256, folder, vault) is None


def test_the_same_picture_gives_the_same_photo(folder: Path, vault: Vault) -> None:
    """Taken twice it is one file; another picture is another."""
    first, again = (photos.take(draw("a", 64, 48), folder, vault) for _ in range(2))
    assert first == again
    assert photos.take(draw("b", 64, 48), folder, vault).sha256 != first.sha256


# --- marks, covers, destruction ----------------------------------------------------------------------------

STAMP = "和平街道办事处\nF02\n2026-11-22 14:05\n陈向东"


def pixels(sha256: str, folder: Path, vault: Vault) -> Image.Image:
    content = photos.fetch(sha256, folder, vault)
    assert content is not None
    return Image.open(BytesIO(content)).convert("RGB")


def test_what_is_covered_is_in_no_file_any_more(folder: Path, vault: Vault) -> None:
    """The covered picture has another hash; neither it nor its thumbnail shows what was there; the old files are
    written over, which whoever still holds them open can see.
    """
    source = Image.new("RGB", (1200, 800), "white")
    source.paste("red", (400, 300, 700, 500))
    first = photos.take(encoded(source), folder, vault)
    links = []
    for path in (photos.photo_path(folder, first.sha256), photos.thumbnail_path(folder, first.sha256)):
        links.append(path.with_suffix(".still-open"))
        os.link(path, links[-1])
    covered = photos.redraw(first.sha256, folder, vault, [Cover(3200, 3600, 6000, 6400)])
    assert covered.sha256 != first.sha256
    # Until the caller has written the new name down, the old one is there.
    assert photos.fetch(first.sha256, folder, vault) is not None
    photos.destroy(first.sha256, folder)
    assert photos.fetch(first.sha256, folder, vault) is None
    for link in links:
        assert set(link.read_bytes()) == {0}
        link.unlink()
    assert photos.held(folder) == (covered.sha256,)
    small = Image.open(BytesIO(photos.fetch_thumbnail(covered.sha256, folder, vault) or b"")).convert("RGB")
    for picture in (pixels(covered.sha256, folder, vault), small):
        assert not [one for _, one in picture.getcolors(1 << 20) or () if one[0] > 120 and one[1] < 60]  # type: ignore[index]


def test_a_stamp_is_written_below_and_again_after_marks(folder: Path, vault: Vault) -> None:
    """The picture keeps its shape over it, within the same limit, and no mark reaches it."""
    taken = photos.take(encoded(Image.new("RGB", (900, 1800), "white")), folder, vault, STAMP)
    plain = photos.take(encoded(Image.new("RGB", (900, 1800), "white")), folder, vault)
    assert (plain.height, taken.height <= 1600, taken.sha256 != plain.sha256) == (1600, True, True)
    again = photos.redraw(taken.sha256, folder, vault, [Cover(0, 8000, 10_000, 10_000)], STAMP)
    before, after = (pixels(one.sha256, folder, vault) for one in (taken, again))
    assert before.size == after.size
    strip = (0, after.height - 20, after.width, after.height)
    assert len(after.crop(strip).convert("1").getcolors() or ()) == 2, "the words are there still"
    assert after.getpixel((10, after.height * 8 // 10)) < (10, 10, 10)  # type: ignore[operator]
    with pytest.raises(Problem, match="not_found"):
        photos.redraw("0" * 64, folder, vault, [Arrow(0, 0, 5, 5)])


def test_a_full_disk_keeps_nothing_half(folder: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever of the two files it is that finds no room; what was there before stays."""
    before = photos.take(draw("before", 64, 48), folder, vault)
    real = os.fsync
    written: list[int] = []

    for full_at in (1, 2):
        written.clear()

        def fsync(descriptor: int, full_at: int = full_at) -> None:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                written.append(descriptor)
                if len(written) == full_at:
                    raise OSError(errno.ENOSPC, "No space left on device")
            real(descriptor)

        monkeypatch.setattr(os, "fsync", fsync)
        with pytest.raises(Problem, match="disk_full"):
            photos.take(draw("after", 64, 48), folder, vault)
        assert {path.name.partition(".")[0] for path in folder.iterdir()} == {before.sha256}
        written.clear()
        with pytest.raises(Problem, match="disk_full"):
            photos.take(draw("before", 64, 48), folder, vault)
        monkeypatch.setattr(os, "fsync", real)
        assert photos.fetch(before.sha256, folder, vault) is not None


def test_twelve_million_pixels_take_less_than_400_ms_of_the_processor(folder: Path, vault: Vault) -> None:
    """With the stamp: decoded at half its size, because that is all that is wanted."""
    noise = Image.effect_noise((500, 375), 60).resize((4000, 3000)).convert("RGB")
    content = encoded(noise, quality=92)
    spent = []
    for _ in range(4):
        began = time.process_time()
        photos.take(content, folder, vault, STAMP)
        spent.append(time.process_time() - began)
    assert min(spent) < 0.4


@pytest.mark.parametrize(("code", "said"), [(errno.ENOSPC, "disk_full"), (errno.EIO, "disk_failing")])
@pytest.mark.parametrize("at", ["mkdir", "open", "fsync", "replace"])
def test_storage_that_is_full_or_failing_is_said_and_nothing_is_left(
    folder: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch, at: str, code: int, said: str
) -> None:
    """It was a bug to the screens before, told as nothing that a person can put right."""

    def fails(*_: object, **__: object) -> None:
        raise OSError(code, "a fault of the test")

    picture = draw("x", 64, 48)
    with monkeypatch.context() as patched:
        patched.setattr(os, at, fails)
        with pytest.raises(Problem, match=said):
            photos.take(picture, folder, vault)
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    taken = photos.take(picture, folder, vault)
    assert photos.fetch(taken.sha256, folder, vault) is not None
