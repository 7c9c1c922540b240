"""Photos as screen tests and pictures need them: scenes drawn by hand, a camera that gives them, and their tools."""

import itertools
import random
from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path

import segno
from PIL import Image, ImageDraw, ImageFilter

from mobile import photos
from mobile.actions import Desk
from mobile.drafts import Draft
from mobile.photo_marks import Arrow, Box, Cover, Marks
from mobile.photo_sources import PhotoSource
from mobile.settling import Journal, Settlement
from mobile.store import Store
from mobile.ui.photo_desk import PhotoTools
from mobile.vault import Vault
from shared_schema.problems import Problem
from tests.e2e import tablet_stage as stage

WIDE, HIGH = 2000, 1500
KINDS = ("door", "cabinet", "corridor", "person")


class Camera:
    """Gives these pictures one after the other, or raises; counts how often it was asked."""

    def __init__(self, pictures: Iterable[bytes | Problem]) -> None:
        self._pictures = iter(pictures)
        self.asked = 0

    def take(self) -> bytes:
        self.asked += 1
        given = next(self._pictures)
        if isinstance(given, Problem):
            raise given
        return given


def tools(
    tablet: stage.Stage, camera: PhotoSource | None, cards: tuple[Path, ...] = (), seed: str = "photos"
) -> PhotoTools:
    """What photos need on a staged tablet."""
    clock = itertools.count(stage.MORNING_MS + 9_000_000, 61_000)
    return PhotoTools(
        Vault.headless(tablet.folder),
        tablet.folder / "photos",
        lambda: camera,
        lambda: cards,
        random.Random(seed).randbytes,
        lambda: next(clock),
    )


def with_code(*texts: str) -> bytes:
    """A photograph of a cabinet on which sheets with these square codes hang, a little askew."""
    picture = Image.open(BytesIO(scene("cabinet")))
    for place, text in enumerate(texts):
        drawn = BytesIO()
        segno.make(text, micro=False, error="m").save(drawn, kind="png", scale=12, border=4)
        sheet = Image.open(drawn).convert("L").rotate(7, expand=True, fillcolor=255)
        picture.paste(sheet, (200 + 800 * place, 300))
    out = BytesIO()
    picture.save(out, "JPEG", quality=85)
    return out.getvalue()


def scene(kind: str, seed: int = 0) -> bytes:
    """A photograph of a place, drawn: a JPEG of 3 million pixels."""
    rng = random.Random(f"{kind} {seed}")
    picture = Image.new("RGB", (WIDE, HIGH))
    pen = ImageDraw.Draw(picture)
    shade = rng.randrange(-12, 12)
    for y in range(HIGH):
        light = 205 - y * 60 // HIGH + shade
        pen.line((0, y, WIDE, y), fill=(light, light - 2, light - 10))
    pen.polygon(
        ((0, HIGH), (WIDE, HIGH), (WIDE, 1230), (1500, 1150), (500, 1150), (0, 1230)), fill=(112, 104, 96)
    )
    _KINDS[kind](pen)
    soft = picture.filter(ImageFilter.GaussianBlur(1.6))
    grain = Image.effect_noise((WIDE // 2, HIGH // 2), 22).resize((WIDE, HIGH)).convert("RGB")
    out = BytesIO()
    Image.blend(soft, grain, 0.07).save(out, "JPEG", quality=88)
    return out.getvalue()


def _door(pen: ImageDraw.ImageDraw) -> None:
    pen.rectangle((660, 190, 1340, 1190), fill=(74, 66, 58))
    pen.rectangle((700, 230, 1300, 1190), fill=(151, 112, 74))
    pen.rectangle((760, 300, 1240, 640), fill=(138, 100, 64), outline=(110, 78, 48), width=6)
    pen.rectangle((760, 720, 1240, 1110), fill=(138, 100, 64), outline=(110, 78, 48), width=6)
    pen.rounded_rectangle((1205, 640, 1270, 850), 14, fill=(176, 180, 184))
    pen.ellipse((1216, 668, 1260, 712), fill=(70, 74, 78))
    pen.rectangle((1180, 752, 1256, 776), fill=(196, 200, 204))
    pen.rounded_rectangle((1420, 560, 1560, 800), 12, fill=(52, 58, 64))
    pen.rectangle((1442, 586, 1538, 650), fill=(46, 92, 60))
    for row, column in itertools.product(range(3), range(3)):
        pen.rectangle(
            (1446 + column * 32, 670 + row * 38, 1470 + column * 32, 698 + row * 38), fill=(150, 156, 160)
        )


def _cabinet(pen: ImageDraw.ImageDraw) -> None:
    for left in (420, 1010):
        pen.rectangle((left, 260, left + 570, 1200), fill=(118, 126, 132), outline=(84, 90, 96), width=8)
        for shelf in range(4):
            top = 290 + shelf * 228
            pen.rectangle(
                (left + 28, top, left + 542, top + 200), fill=(134, 142, 148), outline=(96, 102, 108)
            )
            pen.rounded_rectangle((left + 240, top + 86, left + 330, top + 112), 8, fill=(62, 66, 70))
        pen.ellipse((left + 470, 300, left + 520, 350), fill=(196, 170, 80))


def _corridor(pen: ImageDraw.ImageDraw) -> None:
    pen.polygon(((0, 0), (620, 420), (620, 1080), (0, HIGH)), fill=(188, 186, 178))
    pen.polygon(((WIDE, 0), (1380, 420), (1380, 1080), (WIDE, HIGH)), fill=(168, 166, 160))
    pen.rectangle((620, 420, 1380, 1080), fill=(214, 214, 208))
    pen.polygon(((0, 0), (WIDE, 0), (1380, 420), (620, 420)), fill=(228, 228, 222))
    pen.rectangle((860, 560, 1140, 1080), fill=(120, 92, 66))
    pen.rectangle((880, 470, 1120, 530), fill=(36, 110, 66))
    for n in range(3):
        pen.polygon(
            ((700 - n * 190, 60 + n * 6), (900 - n * 40, 60), (930, 400), (900, 400)), fill=(248, 248, 240)
        )
    pen.rounded_rectangle((1500, 300, 1610, 380), 20, fill=(60, 64, 70))
    pen.ellipse((1480, 320, 1530, 372), fill=(24, 26, 30))


def _person(pen: ImageDraw.ImageDraw) -> None:
    _corridor(pen)
    pen.ellipse((880, 560, 1080, 800), fill=(222, 178, 148))
    pen.pieslice((868, 540, 1092, 760), 180, 360, fill=(52, 42, 36))
    pen.rounded_rectangle((760, 800, 1200, 1420), 120, fill=(60, 82, 118))
    pen.rounded_rectangle((1040, 920, 1150, 990), 8, fill=(240, 240, 236))
    pen.line((1056, 944, 1134, 944), fill=(40, 40, 40), width=8)
    pen.line((1056, 966, 1114, 966), fill=(40, 40, 40), width=8)


_KINDS: dict[str, Callable[[ImageDraw.ImageDraw], None]] = {
    "door": _door,
    "cabinet": _cabinet,
    "corridor": _corridor,
    "person": _person,
}
FACE: Marks = (Cover(4150, 3500, 5600, 5450), Cover(5100, 6050, 5850, 6700))
POINTED: Marks = (Arrow(7900, 2600, 6500, 4300), Box(5900, 4100, 6500, 5900))


def play(tablet: stage.Stage, store: Store, desk: Desk) -> None:
    """A visit's photos: attached ones in every state of their way, and one that waits for a colleague."""
    given = tools(tablet, None)
    told = (
        ("F02", "door", "机房门锁与门禁", stage.LEADER, stage.SECOND),
        ("F02", "corridor", "监控覆盖走廊，机房门口有盲区", stage.LEADER, stage.THIRD),
        ("F03", "cabinet", "文件柜为普通锁", stage.SECOND, stage.LEADER),
        ("F05", "corridor", "灭火器与机房距离", stage.SECOND, stage.LEADER),
        ("E11", "door", "隔间门禁", stage.LEADER, stage.SECOND),
    )
    kept = []
    for place, (item, kind, caption, taker, screener) in enumerate(told):
        taken = photos.take(scene(kind, place), given.folder, given.vault)
        desk.attach_photo(taker, stage.VISIT, item, taken, caption=caption, screened_by=screener)
        kept.append(taken)
    for taken in kept[1:4]:
        store.photo_became(taken.sha256, "received")
    store.settle(
        Settlement(
            journal=Journal(last_success_ms=stage.MORNING_MS + 3_600_000),
            photos_held=[kept[2].sha256, kept[3].sha256],
            photos_backed_up=[kept[3].sha256],
        )
    )
    store.photo_moved(kept[0].sha256, "u-1", kept[0].size_bytes * 42 // 100)
    gone = desk.attach_photo(stage.LEADER, stage.VISIT, "F02", kept[4], screened_by=stage.SECOND)
    desk.remove_photo(stage.LEADER, stage.VISIT, gone.body.evidence, "与另一张重复")  # type: ignore[union-attr]
    draft(desk, given, "person", "F02", stage.LEADER)


def draft(desk: Desk, given: PhotoTools, kind: str, item: str, person: str) -> Draft:
    """A picture that waits for a colleague's eyes."""
    taken = photos.take(scene(kind, 99), given.folder, given.vault)
    made = Draft(
        evidence=f"ev-{kind}-{item}",
        inspection=stage.VISIT,
        item=item,
        person=person,
        at_ms=given.clock(),
        sha256=taken.sha256,
        size_bytes=taken.size_bytes,
        width=taken.width,
        height=taken.height,
    )
    desk.drafts.keep(made)
    return made
