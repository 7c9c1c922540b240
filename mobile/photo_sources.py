"""Where pictures come from: a camera behind one protocol, or files somebody brought.

A source hands over bytes and keeps nothing: cameras are asked for the picture on a pipe or in memory, so that it is
never a file that anybody could read. Only Android's camera program cannot be asked so; its file is overwritten as
soon as what it shows is safe.
"""

import importlib
import importlib.util
import os
import secrets
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from mobile.files import make_folder
from shared_schema.problems import Problem
from shared_schema.wire import PHOTO_BYTES_MAX

CAMERA_SECONDS = 30
"""Waking a camera and its exposure take up to ten; after so long it hangs."""
ANDROID_SECONDS = 600
"""A person takes the picture; the tablet locks itself before that anyway."""
PICTURES_MAX = 200
"""Of a folder the newest so many are offered: what was just taken is among them."""
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
VIDEO = Path("/dev/video0")
CAMERA = "camera"
"""The folder of pictures a camera program left, beside that of photos."""
COMMANDS = (
    "rpicam-still -n -t 500 -e jpg -o -",
    "libcamera-still -n -t 500 -e jpg -o -",
    "ffmpeg -loglevel error -f v4l2 -i /dev/video0 -frames:v 1 -c:v mjpeg -f image2pipe -",
    "fswebcam --no-banner --jpeg 95 -q -",
)
"""Programs that write a JPEG to a pipe, the best first; the last two need a camera of the kernel's own kind."""
OPENCV_FRAMES = 5
"""The first pictures after waking are dark; so many are thrown away."""


class PhotoSource(Protocol):
    """Something that gives one picture when asked."""

    def take(self) -> bytes:
        """The bytes of a picture, as yet unread. Raises camera_failed, camera_missing, photo_too_large; blocks."""


class FileSource(NamedTuple):
    """A picture in a file, such as on a camera's card."""

    path: Path

    def take(self) -> bytes:
        try:
            if self.path.stat().st_size > PHOTO_BYTES_MAX:
                raise Problem("photo_too_large", limit_bytes=PHOTO_BYTES_MAX)
            return self.path.read_bytes()
        except OSError as err:
            raise Problem("camera_failed", reason=err.strerror or str(err)) from err


class Listed(NamedTuple):
    """A picture that can be chosen."""

    path: Path
    size_bytes: int
    at_ms: int


def listing(folders: Sequence[Path]) -> tuple[Listed, ...]:
    """The pictures that lie in these folders and one level below, the newest first."""
    found = []
    for folder in folders:
        for path in _files(folder):
            if path.suffix.lower() in SUFFIXES and not path.name.startswith("."):
                try:
                    facts = path.stat()
                except OSError:
                    continue  # the card was pulled out meanwhile
                found.append(Listed(path, facts.st_size, facts.st_mtime_ns // 1_000_000))
    return tuple(sorted(found, key=lambda one: (-one.at_ms, one.path))[:PICTURES_MAX])


def _files(folder: Path) -> Iterator[Path]:
    try:
        here = sorted(folder.iterdir())
    except OSError:
        return
    for path in here:
        if path.is_file():
            yield path
        elif path.is_dir() and not path.is_symlink():
            try:
                yield from (one for one in sorted(path.iterdir()) if one.is_file())
            except OSError:
                continue


class CommandSource(NamedTuple):
    """A program that takes a picture and writes it to its standard output."""

    command: tuple[str, ...]
    seconds: float = CAMERA_SECONDS

    def take(self) -> bytes:
        try:
            done = subprocess.run(  # noqa: S603 - the command is a setting of whoever set the tablet up
                self.command, stdin=subprocess.DEVNULL, capture_output=True, timeout=self.seconds, check=False
            )
        except FileNotFoundError as err:
            raise Problem("camera_missing") from err
        except (OSError, subprocess.TimeoutExpired) as err:
            reason = f"{self.seconds:g} s" if isinstance(err, subprocess.TimeoutExpired) else str(err)
            raise Problem("camera_failed", reason=reason) from err
        if done.returncode or not done.stdout:
            told = done.stderr.decode(errors="replace").strip().splitlines()
            reason = told[-1][:120] if told else f"{self.command[0]}: {done.returncode}"
            raise Problem("camera_failed", reason=reason)
        return done.stdout


class OpenCvSource(NamedTuple):
    """A camera through OpenCV, where that is installed: its number, or the path of a clip."""

    place: str = "0"

    def take(self) -> bytes:
        try:
            cv2: Any = importlib.import_module("cv2")
        except ImportError as err:
            raise Problem("camera_missing") from err
        camera = cv2.VideoCapture(int(self.place) if self.place.isdigit() else self.place)
        try:
            frames = [frame for good, frame in (camera.read() for _ in range(OPENCV_FRAMES)) if good]
        finally:
            camera.release()
        if not frames:
            raise Problem("camera_failed", reason=f"OpenCV: {self.place}")
        good, coded = cv2.imencode(".jpg", frames[-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
        if not good:
            raise Problem("camera_failed", reason="OpenCV: imencode")
        return bytes(coded)


class AndroidSource:
    """One picture by Android's own camera program, asked by an intent through the app's FileProvider.

    Another program in front pauses this one, which locks the tablet: when the picture comes back nothing may be
    encrypted any more. So its file stays in the app's own storage, readable, until somebody has unlocked and the
    picture is safe; whoever takes it in destroys the file. Tried with a stand-in only, not yet on a device.
    """

    REQUEST = 0x4875

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"{secrets.token_hex(8)}.jpg"

    def take(self) -> bytes:
        try:
            jnius, activity = (importlib.import_module(one) for one in ("jnius", "android.activity"))
        except ImportError as err:
            raise Problem("camera_missing") from err
        ended = threading.Event()

        def back(request: int, _result: int, _intent: object) -> None:
            if request == self.REQUEST:
                ended.set()

        make_folder(self.path.parent)
        activity.bind(on_activity_result=back)
        try:
            self._ask(jnius)
            if not ended.wait(ANDROID_SECONDS):
                raise Problem("camera_failed", reason=f"{ANDROID_SECONDS} s")
        finally:
            activity.unbind(on_activity_result=back)
        if not holds(self.path):
            raise Problem("camera_failed", reason="—")
        return FileSource(self.path).take()

    def _ask(self, jnius: Any) -> None:
        java: Callable[[str], Any] = jnius.autoclass
        here = java("org.kivy.android.PythonActivity").mActivity
        intents, media = java("android.content.Intent"), java("android.provider.MediaStore")
        try:
            place = java("androidx.core.content.FileProvider").getUriForFile(
                here, f"{here.getPackageName()}.fileprovider", java("java.io.File")(str(self.path))
            )
            intent = intents(media.ACTION_IMAGE_CAPTURE)
            intent.putExtra(media.EXTRA_OUTPUT, jnius.cast("android.os.Parcelable", place))
            intent.addFlags(intents.FLAG_GRANT_WRITE_URI_PERMISSION)
            here.startActivityForResult(intent, self.REQUEST)
        except jnius.JavaException as err:
            # No camera program, or a folder that the package does not hand out.
            raise Problem("camera_missing") from err


def left_behind(photos: Path) -> Path:
    """Where a camera program's readable pictures lie until they are taken in, beside the folder of photos."""
    return photos.with_name(CAMERA)


def holds(path: Path) -> bool:
    """Whether a camera program has written anything there."""
    return path.exists() and path.stat().st_size > 0


def camera(
    setting: str, photos: Path, find: Callable[[str], str | None] = shutil.which, video: Path = VIDEO
) -> PhotoSource | None:
    """The camera that the setting names: `off`, `opencv:0`, a command; "" takes what there is. None: there is none.

    `photos` is the folder of photos, beside which Android's camera leaves its file.
    """
    if setting == "off":
        return None
    if setting.startswith("opencv"):
        return OpenCvSource(setting.partition(":")[2] or "0")
    if setting:
        return CommandSource(tuple(shlex.split(setting)))
    if hasattr(sys, "getandroidapilevel"):
        return AndroidSource(left_behind(photos))
    for command in COMMANDS:
        program, *rest = command.split()
        if find(program) and (video.exists() or "-still" in program):
            return CommandSource((program, *rest))
    if video.exists() and importlib.util.find_spec("cv2"):
        return OpenCvSource()
    return None


def card_folders(
    setting: str, roots: Sequence[Path] = (Path("/media"), Path("/run/media"))
) -> tuple[Path, ...]:
    """Where pictures are looked for: the folders of the setting, or what is plugged in and its DCIM folder."""
    if setting:
        return tuple(Path(one) for one in setting.split(os.pathsep) if one)
    plugged = [path for root in roots for path in _folders(root)]
    cards = [below for path in plugged for below in _folders(path)]
    return tuple(dict.fromkeys([*(one / "DCIM" for one in (*plugged, *cards)), *plugged, *cards]))


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    except OSError:
        return []
