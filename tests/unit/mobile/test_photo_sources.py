"""Where pictures come from, without any camera: programs, files, and what is said when there is none."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mobile import photo_sources
from mobile.photo_sources import (
    AndroidSource,
    CommandSource,
    FileSource,
    OpenCvSource,
    camera,
    card_folders,
    listing,
)
from shared_schema.problems import Problem
from shared_schema.wire import PHOTO_BYTES_MAX
from tests.unit.mobile.java import Java, JavaError


def python(code: str) -> tuple[str, ...]:
    """A camera program that runs this code."""
    return sys.executable, "-c", code


def test_a_command_gives_what_it_writes_and_leaves_no_file(tmp_path: Path, monkeypatch: Any) -> None:
    """The picture comes through a pipe."""
    monkeypatch.chdir(tmp_path)
    source = CommandSource(python(r"import sys; sys.stdout.buffer.write(b'\xff\xd8picture')"))
    assert source.take() == b"\xff\xd8picture"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import sys; sys.exit('no cameras available')", "no cameras available"),
        ("pass", f"{sys.executable}: 0"),
        ("import time; time.sleep(9)", "0.5 s"),
    ],
)
def test_a_command_that_gives_nothing_says_why(code: str, reason: str) -> None:
    """Its last words, its number, or that it hangs."""
    with pytest.raises(Problem) as caught:
        CommandSource(python(code), 0.5 if "sleep" in code else 20).take()
    assert (caught.value.code, caught.value.facts["reason"]) == ("camera_failed", reason)


def test_a_program_that_is_not_there_is_no_camera() -> None:
    """As where none was ever installed."""
    with pytest.raises(Problem, match="camera_missing"):
        CommandSource(("/nowhere/libcamera-still",)).take()


def test_opencv_and_android_are_missing_where_they_are_not_installed(
    tmp_path: Path, monkeypatch: Any
) -> None:
    """Both are optional, and the person is told so in a sentence."""
    monkeypatch.setitem(sys.modules, "cv2", None)
    for source in (OpenCvSource(), AndroidSource(tmp_path)):
        with pytest.raises(Problem, match="camera_missing"):
            source.take()


def test_opencv_gives_the_last_of_some_frames_and_lets_go_of_the_camera(monkeypatch: Any) -> None:
    """The first are dark. A stand-in for the library, which is not among the pins."""
    opened: list[Any] = []

    class Capture:
        def __init__(self, place: object) -> None:
            self.place, self.read_count, self.released = place, 0, False
            opened.append(self)

        def read(self) -> tuple[bool, str]:
            self.read_count += 1
            return self.place != 9, f"frame {self.read_count}"

        def release(self) -> None:
            self.released = True

    module = ModuleType("cv2")
    module.VideoCapture = Capture  # type: ignore[attr-defined]
    module.IMWRITE_JPEG_QUALITY = 1  # type: ignore[attr-defined]
    module.imencode = lambda kind, frame, _: (True, f"{kind} {frame}".encode())  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cv2", module)
    assert OpenCvSource("2").take() == b".jpg frame 5"
    with pytest.raises(Problem, match="camera_failed"):
        OpenCvSource("9").take()
    assert [(one.place, one.released) for one in opened] == [(2, True), (9, True)]


def asked(java: Java, source: AndroidSource, write: bytes | None) -> None:
    """The camera program writes its file, or none, and is left."""

    def start(_intent: object, request: int) -> None:
        if write is not None:
            source.path.write_bytes(write)
        for back in (java.results[0], java.results[0]):
            back(request - 1, 0, None)  # of another program
            back(request, -1, None)

    java.answers["Activity.startActivityForResult"] = start


def test_androids_camera_is_asked_for_a_file_that_stays_until_it_is_safe(
    tmp_path: Path, monkeypatch: Any
) -> None:
    """Through the provider, one file of the app's own; two pictures are two files."""
    java = Java().install(monkeypatch)
    source = AndroidSource(tmp_path / "camera")
    asked(java, source, b"\xff\xd8picture")
    assert source.take() == b"\xff\xd8picture"
    assert source.path.read_bytes() == b"\xff\xd8picture"
    assert java.of("File") == (str(source.path),)
    assert java.of("FileProvider.getUriForFile")[1] == "cn.hucha.huchatablet.fileprovider"
    assert java.of("Intent") == ("android.media.action.IMAGE_CAPTURE",)
    assert java.of("Intent.putExtra")[0] == "output"
    assert java.of("Intent.addFlags") == (2,)
    assert java.results == []
    assert AndroidSource(tmp_path / "camera").path != source.path


@pytest.mark.parametrize("written", [None, b""])
def test_a_camera_program_that_is_left_without_a_picture_is_told(
    tmp_path: Path, monkeypatch: Any, written: bytes | None
) -> None:
    java = Java().install(monkeypatch)
    source = AndroidSource(tmp_path)
    asked(java, source, written)
    with pytest.raises(Problem, match="camera_failed"):
        source.take()
    assert java.results == []


@pytest.mark.parametrize("where", ["Activity.startActivityForResult", "FileProvider.getUriForFile"])
def test_a_device_without_a_camera_program_has_no_camera(
    tmp_path: Path, monkeypatch: Any, where: str
) -> None:
    """Java's exception is a sentence, and no bug."""

    def refuse(*_: object) -> None:
        raise JavaError("ActivityNotFoundException")

    java = Java().install(monkeypatch)
    java.answers[where] = refuse
    with pytest.raises(Problem, match="camera_missing"):
        AndroidSource(tmp_path).take()
    assert java.results == []


def test_the_setting_names_the_camera(tmp_path: Path) -> None:
    """Nothing set: the best program there is; off is off; a command with its arguments."""
    video = tmp_path / "video0"

    def found(*programs: str) -> Any:
        return camera("", tmp_path, lambda name: name if name in programs else None, video)

    assert camera("off", tmp_path) is None
    assert camera("opencv:3", tmp_path) == OpenCvSource("3")
    assert camera("take --to '-'", tmp_path) == CommandSource(("take", "--to", "-"))
    assert found() is None
    assert found("ffmpeg") is None  # without a camera of the kernel's it would only fail
    assert found("libcamera-still").command[0] == "libcamera-still"
    video.touch()
    assert found("fswebcam", "ffmpeg").command[0] == "ffmpeg"


def test_pictures_on_cards_are_listed_newest_first(tmp_path: Path) -> None:
    """Of folders and one level below; other files, hidden ones and folders that are gone are passed over."""
    card = tmp_path / "card"
    (card / "100CANON").mkdir(parents=True)
    for place, name in enumerate(("a.jpg", "100CANON/b.JPG", "c.png", "d.txt", ".e.jpg", "100CANON/f.webp")):
        path = card / name
        path.write_bytes(b"x" * place)
        times = (1_000_000_000 + place, 1_000_000_000 + place)
        import os

        os.utime(path, times)
    found = listing((card, tmp_path / "gone"))
    assert [(one.path.name, one.size_bytes) for one in found] == [
        ("f.webp", 5),
        ("c.png", 2),
        ("b.JPG", 1),
        ("a.jpg", 0),
    ]
    assert found[0].at_ms == 1_000_000_005_000


def test_cards_are_found_where_they_are_plugged_in(tmp_path: Path) -> None:
    """Both ways in which systems mount them; a setting takes their place."""
    (tmp_path / "media/user/CARD/DCIM").mkdir(parents=True)
    found = card_folders("", (tmp_path / "media", tmp_path / "run"))
    assert tmp_path / "media/user/CARD/DCIM" in found
    assert card_folders("/a:/b") == (Path("/a"), Path("/b"))


def test_a_file_too_large_or_gone_is_refused(tmp_path: Path) -> None:
    """Before it is read."""
    big = tmp_path / "big.jpg"
    with big.open("wb") as file:
        file.truncate(PHOTO_BYTES_MAX + 1)
    with pytest.raises(Problem, match="photo_too_large"):
        FileSource(big).take()
    with pytest.raises(Problem, match="camera_failed"):
        FileSource(tmp_path / "gone.jpg").take()
    assert photo_sources.PICTURES_MAX > 0
