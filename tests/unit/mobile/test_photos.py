"""Photos as kept: upright, small, without a word of where or by what they were taken."""

import errno
import os
from io import BytesIO
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from mobile import photos
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
        encoded(Image.effect_noise((200, 200), 90))[:2000],
        draw("cut", 200, 200)[:300],
    ],
)
def test_other_files_and_halves_are_refused(folder: Path, vault: Vault, content: bytes) -> None:
    """Only three formats, and only whole; nothing is left behind."""
    with pytest.raises(Problem, match="photo_type"):
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
