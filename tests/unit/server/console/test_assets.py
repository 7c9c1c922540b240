"""Static files: tokens from one source, glyphs the font has, addresses that change with the content."""

import re

from fontTools.ttLib import TTFont

from server.console.assets import FOLDER, asset_url, assets, page_css, tokens_css
from shared_schema.look import GLYPHS


def test_the_style_sheet_names_no_colour_of_its_own() -> None:
    """Every colour is a token; shadows are the ink, thinned."""
    text = assets()["console.css"].content.decode()
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b(?![\w-]*[,{ ])", text)
    assert {colour.strip() for colour in re.findall(r"rgb\(([\d ]+)/", text)} == {"27 36 48"}
    used = set(re.findall(r"var\(--([\w-]+)", text))
    made = set(re.findall(r"--([\w-]+):", tokens_css()))
    assert used <= made


def test_every_glyph_is_in_the_shipped_font() -> None:
    """A box instead of a state would tell nothing."""
    for name in ("NotoSansSC-Regular.woff2", "NotoSansSC-SemiBold.woff2"):
        font = TTFont(FOLDER / "fonts" / name)
        assert not [glyph for glyph in GLYPHS.values() if ord(glyph) not in font.getBestCmap()]


def test_an_assets_address_changes_with_its_content() -> None:
    """So that browsers may keep it for ever."""
    assert re.fullmatch(r"/static/[0-9a-f]{12}/console\.css", asset_url("console.css"))
    assert len({asset_url(name).split("/")[2] for name in assets()}) == len(assets())


def test_nothing_gets_out_of_a_printed_pages_margin() -> None:
    """The version is text between quotes whatever it holds."""
    text = page_css("内部", "a'}body{background:url(//x)}\\")
    assert text.count("'") == 6
    assert "url" not in text.replace("bodybackground:url", "")
