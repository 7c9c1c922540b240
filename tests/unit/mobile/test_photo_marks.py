"""What is drawn on a photo becomes its pixels, and what is covered is gone."""

import pytest
from PIL import Image, ImageChops

from mobile import photo_marks
from mobile.photo_marks import WHOLE, Arrow, Box, Cover, Words


def canvas() -> Image.Image:
    """Noise everywhere, so that whatever is left of it can be seen."""
    return Image.effect_noise((320, 240), 120).convert("RGB")


def changed(mark: photo_marks.Mark) -> tuple[int, int, int, int] | None:
    """The box of what a mark changes."""
    before, after = Image.new("RGB", (320, 240), "grey"), Image.new("RGB", (320, 240), "grey")
    photo_marks.draw(after, [mark], 240)
    return ImageChops.difference(before, after).getbbox()


def test_a_cover_leaves_one_colour_and_takes_whole_squares_of_the_jpeg() -> None:
    """Every square of 16 pixels that it touches: a part of one would tell of the rest."""
    picture = canvas()
    photo_marks.draw(picture, [Cover(3000, 3000, 4000, 4000)], 240)
    covered = picture.crop((96, 64, 128, 96))
    assert covered.getcolors() == [(32 * 32, (0, 0, 0))]
    beside = picture.crop((128, 64, 144, 96)).getcolors(999)
    assert beside is not None
    assert len(beside) > 20


@pytest.mark.parametrize("corners", [(4000, 4000, 3000, 3000), (3000, 4000, 4000, 3000)])
def test_a_cover_is_the_same_from_whichever_corner_it_was_drawn(corners: tuple[int, int, int, int]) -> None:
    """A finger drags as it likes."""
    assert changed(Cover(*corners)) == changed(Cover(3000, 3000, 4000, 4000)) == (96, 64, 128, 96)


def test_marks_beyond_the_edge_end_at_the_edge() -> None:
    """A finger that leaves the picture covers up to its edge, the last pixel too."""
    assert changed(Cover(9000, 9000, 2 * WHOLE, 2 * WHOLE)) == (288, 208, 320, 240)
    assert changed(Cover(-50, -50, 300, 300)) == (0, 0, 16, 16)


def test_arrow_box_and_words_stand_where_they_were_put() -> None:
    """Within their corners, and a little of line and halo beyond."""
    for mark in (Arrow(2000, 2000, 6000, 6000), Box(2000, 2000, 6000, 6000)):
        left, top, right, low = changed(mark) or (0, 0, 0, 0)
        assert (64 - left, 48 - top) < (16, 16)
        assert (right - 192, low - 144) < (20, 20)
    left, top, _, _ = changed(Words(5000, 5000, "机房门")) or (0, 0, 0, 0)
    assert (abs(left - 160) < 12, abs(top - 120) < 16) == (True, True)
    box = changed(Box(2000, 2000, 6000, 6000))
    inside = Image.new("RGB", (320, 240), "grey")
    photo_marks.draw(inside, [Box(2000, 2000, 6000, 6000)], 240)
    assert box is not None
    assert inside.getpixel((128, 96)) == (128, 128, 128)


def test_a_strip_is_added_below_and_hides_nothing_of_the_scene() -> None:
    """The picture above is what it was; a narrow one needs more lines."""
    picture = canvas()
    text = "和平街道办事处\nF02\n2026-11-22 14:05\n陈向东\n第三检查组"
    whole = photo_marks.with_strip(picture, text)
    assert whole.height == 240 + photo_marks.strip_pixels(320, text)
    assert ImageChops.difference(whole.crop((0, 0, 320, 240)), picture).getbbox() is None
    assert photo_marks.strip_pixels(200, text) > photo_marks.strip_pixels(2000, text) * 200 / 2000
    assert photo_marks.with_strip(picture, "") is picture


def test_writing_the_strip_again_gives_the_same() -> None:
    """Whatever was drawn over it."""
    whole = photo_marks.with_strip(canvas(), "和平街道办事处\nF02")
    again = whole.copy()
    photo_marks.draw(again, [Cover(0, 9000, WHOLE, WHOLE)], whole.height)
    photo_marks.write_strip(again, 240, "和平街道办事处\nF02")
    assert (
        ImageChops.difference(
            again.crop((0, 240, 320, again.height)), whole.crop((0, 240, 320, whole.height))
        ).getbbox()
        is None
    )
