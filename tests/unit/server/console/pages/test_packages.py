"""Packages in the console: taken whole or refused in words, once; given to carry; no byte too soon."""

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from litestar import Request

from server.console.edge import PLAIN_FORM_BYTES_MAX
from server.console.pages.packages import FORM_ROOM_BYTES
from server.storage import package_files, registers
from shared_schema.ids import digest
from shared_schema.package import PACKAGE_BYTES_MAX
from tests.contract.talk import ask, do
from tests.parcels import in_volumes, opened, picture
from tests.unit.server.console.desk import Answer, Console, Desk, console

MEMBER = ("squad", "person", "role")
COUNTED = ("operation", "refusal", "photo", "package", "chain")


@pytest.fixture
def desk(place: Console) -> Desk:
    made = place.desk("coordinator")
    assert place.parcels.device
    return made


def address(place: Console, more: str = "") -> str:
    return f"/campaigns/{place.season.campaign}/packages{more}"


def counts(place: Console) -> list[object]:
    return [ask(place.db, f"SELECT count(*) FROM {table}") for table in COUNTED]


def left_behind(place: Console) -> list[Path]:
    return [one for one in (place.folder / "packages" / "arriving").rglob("*") if one.is_file()]


def test_a_package_is_taken_and_its_receipt_is_given(place: Console, desk: Desk) -> None:
    """The page says what is new; the receipt opens on the tablet and answers for exactly that package."""
    photo = picture(1)
    answer = desk.send(address(place, "/take"), [("交换包 一.hcx", place.parcels.write(3, [photo]))])
    assert answer.status == 200
    for said in ("已导入", "交换包 一.hcx", "新收 3 条", "照片 1 张", "下载回执包"):
        assert said in answer.text
    assert ask(place.db, f"SELECT count(*) FROM photo WHERE sha256 = '{digest(photo)}'") == [(1,)]
    link = re.search(r'href="(/campaigns/[^"]+/file)"', answer.text)
    assert link
    file = desk.get(link[1])
    assert file.status == 200
    assert file.headers["content-disposition"].startswith("attachment;")
    assert file.headers["cache-control"] == "no-store"
    manifest, answers = opened(file.content)
    (came,) = ask(place.db, "SELECT digest FROM package WHERE direction = 'in'")
    assert (manifest.kind, manifest.device, manifest.answers) == ("receipt", place.parcels.device, *came)
    assert answers
    lines = [(one.action, one.who) for one in place.trail("package")]
    assert lines == [("package.taken", place.logins["coordinator"])]
    assert left_behind(place) == []


def test_the_same_package_again_changes_nothing_and_says_so(place: Console, desk: Desk) -> None:
    """Not one operation more; a receipt again, in case the first was lost."""
    whole = place.parcels.write(2)
    desk.send(address(place, "/take"), [("a.hcx", whole)])
    before = ask(place.db, "SELECT count(*) FROM operation")
    answer = desk.send(address(place, "/take"), [("b.hcx", whole)])
    assert "此前已导入，没有变化" in answer.text
    assert "已有 2 条" in answer.text
    assert "下载回执包" in answer.text
    assert ask(place.db, "SELECT count(*) FROM operation") == before
    came = answer.text[answer.text.index('id="came"') :]
    assert "新收 2 条" in came, "that is what it brought"
    assert "已有" not in came[: came.index("</tr></tbody>")]


def test_taken_again_after_what_was_wrong_is_right_a_package_is_no_mere_repetition(
    place: Console, desk: Desk
) -> None:
    """What waited is taken now: the page says that it is new, and the register that nothing of it waits."""
    whole = place.parcels.write(2)
    names = ("id", "campaign", "name_zh", "name_en")
    (found,) = ask(place.db, f"SELECT {', '.join(names)} FROM squad WHERE id = ?", place.parcels.squad)
    rows = ask(place.db, "SELECT squad, person, role FROM squad_member WHERE squad = ?", found[0])
    squad, members = (
        dict(zip(names, found, strict=True)),
        [dict(zip(MEMBER, row, strict=True)) for row in rows],
    )
    place.db.write(lambda conn: registers.put_squads(conn, [squad], []))
    assert "待处理 2 条" in desk.send(address(place, "/take"), [("a.hcx", whole)]).text
    place.db.write(lambda conn: registers.put_squads(conn, [squad], members))
    text = desk.send(address(place, "/take"), [("a.hcx", whole)]).text
    assert "没有变化" not in text
    came = text[text.index('id="came"') :]
    assert "新收 2 条" in came
    assert "待处理 2 条" not in came


def test_volumes_in_any_order_and_on_several_days(place: Console, desk: Desk) -> None:
    """What is missing is named, and stays to be seen; the last one brings it in."""
    parts = in_volumes(place.parcels.write(2, [picture(2) + bytes(150_000)]))
    assert len(parts) == 3
    before = counts(place)
    answer = desk.send(address(place, "/take"), [("3.hcx", parts[2]), ("1.hcx", parts[0])])
    assert "已有 2 / 3 个分卷" in answer.text
    assert "还缺第 2 卷" in answer.text
    assert "已有 1 / 3" not in answer.text, "overtaken by the next file"
    assert counts(place) == before
    assert "尚未收齐的分卷" in desk.get(address(place)).text
    answer = desk.send(address(place, "/take"), [("2.hcx", parts[1])])
    assert "新收 2 条" in answer.text
    assert "尚未收齐的分卷" not in answer.text


def test_a_set_that_will_not_become_whole_is_discarded(place: Console, desk: Desk) -> None:
    parts = in_volumes(place.parcels.write(1, [picture(3) + bytes(100_000)]))
    page = desk.send(address(place, "/take"), [("1.hcx", parts[0])]).text
    found = re.search(r'name="package" value="([0-9a-f]{64})"', page)
    assert found
    assert desk.post(address(place, "/discard"), {"package": "0" * 64}).status == 404
    assert desk.post(address(place, "/discard"), {"package": found[1]}).status == 303
    assert "尚未收齐的分卷" not in desk.get(address(place)).text
    assert place.trail("package.discarded")[0].what == found[1]


def flipped(content: bytes) -> bytes:
    at = len(content) // 2
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("damaged", "交换包损坏或不完整"),
        ("cut", "交换包损坏或不完整"),
        ("foreign", "交换包不是给这里的"),
        ("newer", "请先升级"),
        ("letter", "交换包损坏或不完整"),
        ("nothing", "交换包损坏或不完整"),
    ],
)
def test_what_is_wrong_is_refused_in_words_and_stays_on_record(
    place: Console, desk: Desk, kind: str, said: str
) -> None:
    """Nothing of it is applied; the reason stands on the page, today and later, and in the audit trail."""
    sound = place.parcels.write(2, [picture(4)])
    content = {
        "damaged": flipped(sound),
        "cut": sound[:-1],
        "foreign": place.parcels.foreign(),
        "newer": place.parcels.too_new(),
        "letter": b"Dear sirs, " * 40,
        "nothing": b"",
    }[kind]
    before = counts(place)
    answer = desk.send(address(place, "/take"), [("坏了.hcx", content)])
    assert answer.status == 200
    assert "拒收" in answer.text
    assert said in answer.text
    assert counts(place) == before
    later = desk.get(address(place)).text
    assert "坏了.hcx" in later
    assert said in later
    (line,) = place.trail("package.refused")
    assert (line.who, line.what) == (place.logins["coordinator"], "坏了.hcx")
    assert left_behind(place) == []


def test_the_receipt_of_another_campaigns_package_can_be_fetched_where_it_is_offered(
    place: Console, desk: Desk
) -> None:
    """A stick does not know whose page is open."""
    do(place.db, "UPDATE squad SET campaign = 'TRAINING' WHERE id = ?", place.parcels.squad)
    text = desk.send(address(place, "/take"), [("a.hcx", place.parcels.write(1))]).text
    link = re.search(r'href="(/campaigns/TRAINING/[^"]+/file)"', text)
    assert link
    assert desk.get(link[1]).status == 200


def test_a_bad_file_keeps_no_good_one_back(place: Console, desk: Desk) -> None:
    files = [("1.hcx", b"x" * 100), ("2.hcx", place.parcels.write(1)), ("3.hcx", place.parcels.foreign())]
    text = desk.send(address(place, "/take"), files).text
    assert (text.count("outcome bad"), text.count("outcome ok")) == (2, 1)


@pytest.mark.parametrize("csrf", ["", "0" * 64])
def test_no_byte_is_kept_without_the_forms_token(
    place: Console, desk: Desk, csrf: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even for a moment: the token stands before the first file, or the file is not opened."""
    from server.console import streaming

    opened_files: list[Path] = []
    monkeypatch.setattr(streaming, "_opened", opened_files.append)
    before = counts(place)
    answer = desk.send(address(place, "/take"), [("a.hcx", place.parcels.write(1))], csrf=csrf)
    assert answer.status == 403
    assert "csrf_missing" in answer.text
    assert (counts(place), opened_files, left_behind(place)) == (before, [], [])


@pytest.mark.parametrize("csrf", ["", "0" * 64])
def test_a_form_of_fields_alone_needs_its_token_too(place: Console, desk: Desk, csrf: str) -> None:
    assert desk.send(address(place, "/take"), [], csrf=csrf).status == 403
    assert desk.send(address(place, "/take"), []).status == 400


def test_a_file_before_the_token_is_refused(place: Console, desk: Desk) -> None:
    """As another page might put them."""
    parts = [("files", ("a.hcx", place.parcels.write(1), "x/y")), ("csrf", (None, desk.csrf))]
    answer = desk._ask("POST", address(place, "/take"), files=parts, headers={})
    assert answer.status == 403


def test_too_much_is_refused_before_it_is_read(place: Console, desk: Desk) -> None:
    """By the length it announces."""
    limit = PACKAGE_BYTES_MAX + FORM_ROOM_BYTES
    headers = {"content-length": str(limit + 1), "content-type": "multipart/form-data; boundary=x"}
    answer = desk._ask("POST", address(place, "/take"), content=b"--x", headers=headers)
    assert answer.status in {413, 507}, answer.status
    assert left_behind(place) == []


def test_a_full_disk_takes_no_package(place: Console, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Operations over the network need the room; a package can wait on its stick."""
    whole = place.parcels.write(1)
    monkeypatch.setattr(package_files, "FREE_PERCENT_MIN", 101)
    before = counts(place)
    answer = desk.send(address(place, "/take"), [("a.hcx", whole)])
    assert answer.status == 507
    assert "存储空间不足" in answer.text
    assert counts(place) == before


def test_a_form_without_a_file_is_told_so(place: Console, desk: Desk) -> None:
    assert desk.post(address(place, "/take")).status == 400
    answer = desk.send(address(place, "/take"), [("", b"")])
    assert (answer.status, "请选择交换包文件" in answer.text) == (400, True)


def test_names_of_files_are_shown_and_used_for_nothing(place: Console, desk: Desk) -> None:
    """A path, a tag and a mark that turns the reading direction come back as harmless text; no file has such a name."""
    names = ["../../evil.hcx", "<img src=x onerror=alert(1)>.hcx", "a\u202egnp.hcx", "C:\\x\\y.hcx"]
    text = desk.send(address(place, "/take"), [(one, b"x") for one in names]).text
    assert "<img src=x" not in text
    assert "\u202e" not in text
    assert "evil.hcx" in text
    assert not list(place.folder.rglob("*evil*"))


def test_a_package_for_one_tablet_and_for_a_squad(place: Console, desk: Desk) -> None:
    """Only a tablet whose key is known can be given one; it opens it, and the paper shows its code."""
    assert desk.post(address(place, "/give"), {"for": "nobody"}).status == 400
    answer = desk.post(address(place, "/give"), {"for": place.parcels.device})
    assert answer.status == 303
    page = desk.get(answer.headers["location"])
    assert "已生成" in page.text
    made = digests(answer)[0]
    manifest, answers = opened(desk.get(address(place, f"/{made}/file")).content)
    assert manifest.kind == "assignments"
    assert answers
    paper = desk.get(address(place, f"/{made}")).text
    (code,) = ask(place.db, f"SELECT code FROM package WHERE digest = '{made}'")
    assert f'class="paper-code">{code[0]}<' in paper


def test_of_a_squad_each_tablet_is_given_one_that_can_be_and_the_others_are_named(
    place: Console, desk: Desk
) -> None:
    """One whose key is not known keeps none of its colleagues from theirs; of it alone it is refused."""
    device, squad = place.parcels.device, place.parcels.squad
    others = ask(place.db, "SELECT id, name FROM device WHERE squad = ? AND id <> ?", squad, device)
    answer = desk.post(address(place, "/give"), {"for": f"squad/{squad}"})
    assert len(digests(answer)) == 1
    page = desk.get(answer.headers["location"]).text
    given = page[page.index('id="given"') : page.index('id="came"')]
    for id_, name in others:
        assert (name or id_[-8:]) in given or id_ == "T-lost", "that one was turned away"
    assert "密钥" in given
    alone = desk.post(address(place, "/give"), {"for": others[0][0]})
    assert alone.status == 409
    assert "密钥" in alone.text
    assert ask(place.db, "SELECT count(*) FROM package") == [(1,)]


def digests(answer: Answer) -> list[str]:
    """The packages that were made."""
    (made,) = parse_qs(urlsplit(answer.headers["location"]).query)["given"]
    return made.split(",")


def test_a_receipt_on_paper_says_what_it_is_for(place: Console, desk: Desk) -> None:
    """Chinese first, English under it: both codes, counts, numbers, digest, and lines to sign."""
    desk.send(address(place, "/take"), [("a.hcx", place.parcels.write(4))])
    ((receipt, code, answers),) = ask(
        place.db, "SELECT digest, code, answers FROM package WHERE kind = 'receipt'"
    )
    ((came,),) = ask(place.db, f"SELECT code FROM package WHERE digest = '{answers}'")
    text = desk.get(address(place, f"/{receipt}")).text
    paper = text[text.index('<article class="paper">') :]
    for said in (code, came, receipt, "新收 4 条", "4 new", "交换包回执", "Receipt for a package", "交付人"):
        assert said in paper, said
    assert paper.index("交换包回执") < paper.index("Receipt for a package")


def test_packages_of_another_campaign_are_not_found(place: Console, desk: Desk) -> None:
    """By whatever address."""
    assert desk.get(address(place, f"/{place.given_package}")).status == 200
    other = address(place, f"/{place.given_package}").replace(place.season.campaign, "another")
    assert desk.get(other).status == 404
    assert desk.get(other + "/file").status == 404
    assert desk.get(address(place, "/..%2f..%2fhucha.db/file")).status == 404


def test_what_was_arriving_when_the_server_was_killed_is_removed(tmp_path: Path) -> None:
    left = tmp_path / "packages" / "arriving" / "half.hcx"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    with console(tmp_path, visits=1):
        assert not left.exists()


def test_a_tablet_without_a_name_is_told_by_the_end_of_its_id(place: Console, desk: Desk) -> None:
    """What was taken is said so, whatever the tablet is called."""
    do(place.db, "UPDATE device SET name = '' WHERE id = ?", place.parcels.device)
    answer = desk.send(address(place, "/take"), [("a.hcx", place.parcels.write(1))])
    assert answer.status == 200
    outcomes = answer.text[answer.text.index('id="outcomes"') : answer.text.index('id="came"')]
    assert place.parcels.device[-8:] in outcomes


@pytest.mark.parametrize(
    "content", [bytes(PLAIN_FORM_BYTES_MAX + 1), iter([b"csrf=x"])], ids=["long", "unannounced"]
)
def test_a_form_without_files_is_not_as_large_as_a_package(
    place: Console, desk: Desk, content: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be in memory, four gigabytes of it, before its token is asked for."""

    async def read(_: object) -> None:
        raise AssertionError("it was read")

    monkeypatch.setattr(Request, "form", read)
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = desk._ask("POST", address(place, "/take"), content=content, headers=headers)
    assert answer.status == 413, answer.text
