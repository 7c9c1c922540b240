"""The console's words: every operation and every rule in both languages, and no key that is missing or idle."""

import re
import string
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from server.console.words import Words
from server.demo.plan import HERE
from server.planning.checklists import read_checklist
from server.storage.console_quarantine import AdmissionLine
from shared_schema.ids import PersonId
from shared_schema.locale.console import CONSOLE
from shared_schema.locale.terms import TERMS
from shared_schema.operations import KINDS, Answer, field_of
from shared_schema.problems import Language
from shared_schema.rules import Wording
from tests.make import ANSWERS, every_body

CONSOLE_FOLDER = Path(__file__).parents[4] / "server/console"
CHECKLIST = read_checklist((HERE / "checklist.yaml").read_bytes(), "checklist.yaml")
HAN = re.compile(r"[一-鿿]")
LANGUAGES: tuple[Language, ...] = ("zh", "en")

FAMILIES = (
    "page.", "stage_of_year.", "campaign_state.", "done.", "extra.", "limited.", "not_charged.", "gate.",
    "findings.only_", "audit.", "scores.band_", "signer.", "signed.", "abort.", "unit_kind.", "profile.",
    "draw.", "photo.", "refused.", "quarantine.settled", "revoked.", "period.", "span.",
    "paper_step.", "package_kind.", "package_step.", "custody.", "field.", "basis.", "stage.", "answer.", "rule.",
)  # fmt: skip
"""Keys put together from a code: the family is used, so its members are."""


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_operation_can_be_read(kind: str, language: Language) -> None:
    """In one line, without the names our code has for things."""
    body = every_body()[kind]
    said = Words(language).body(body, CHECKLIST)  # type: ignore[arg-type]
    assert said
    assert "{" not in said
    assert "None" not in said
    assert f"kind.{kind}" in TERMS


def test_what_two_findings_in_dispute_differ_in_is_said() -> None:
    finding = every_body()["finding"]
    other = replace(finding, occurrences=5, cause="")
    withdrawn = every_body()["finding_withdrawn"]
    told = partial(Words("zh").told_apart, people={"p-1": Wording("王芳", "Wang Fang")})
    assert told([finding, other]) == ["原因：无专人", "原因：–"], "how often stands in its words"  # type: ignore[list-item]
    assert told([finding, withdrawn]) == ["次数：3", "次数：2"]  # type: ignore[list-item]
    photo = every_body()["evidence_attached"]
    screened = [replace(photo, screened_by=person) for person in ("p-1", "p-2")]
    assert told(screened) == ["复看人：王芳", "复看人：p-2"], "whom nobody knows by the id"  # type: ignore[arg-type]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_every_kind_of_answer_can_be_read(answer: object, language: Language) -> None:
    """With or without the item it belongs to."""
    words = Words(language)
    for item in (None, *CHECKLIST.items):
        said = words.answer(answer, item)  # type: ignore[arg-type]
        assert said
        assert "{" not in said
    assert words.body(Answer("A01", answer), CHECKLIST)  # type: ignore[arg-type]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_rule_and_basis_of_the_checklist_can_be_read(language: Language) -> None:
    """English has no Chinese in it and the other way round no English words."""
    words = Words(language)
    for item in CHECKLIST.items:
        said = f"{words.rule(item)} {words.basis(item.basis)}"
        assert "law:" not in said
        assert bool(HAN.search(said)) == (language == "zh"), said


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_field_has_a_name(language: Language) -> None:
    """What a dispute is about."""
    words = Words(language)
    for body in every_body().values():
        field = field_of(body, PersonId("P-1"))  # type: ignore[arg-type]
        assert field
        family = field.partition("/")[0]
        assert words.field(field, CHECKLIST).startswith(words.t(f"field.{family}"))


def test_both_languages_take_the_same_facts() -> None:
    """A fact that only one sentence names is a mistake in the other."""
    for key, (zh, en) in CONSOLE.items():
        assert zh.strip(), key
        assert en.strip(), key
        names = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in (zh, en)]
        if key != "answer.count":  # the counting word is Chinese only
            assert names[0] == names[1], key
        assert not HAN.search(en), key


def _sources() -> str:
    files = [*CONSOLE_FOLDER.rglob("*.html"), *CONSOLE_FOLDER.rglob("*.py")]
    return "\n".join(path.read_text(encoding="utf-8") for path in files).replace("'", '"')


def test_every_key_that_is_asked_for_is_there() -> None:
    """In the catalogue of the console or of the field's terms."""
    asked = set(re.findall(r'\bt\("([\w.]+)"', _sources())) - {"key"}
    assert len(asked) > 200
    assert not {
        key for key in asked if key not in CONSOLE and key not in TERMS and not key.endswith(("_", "."))
    }


def test_no_key_lies_idle() -> None:
    """Whoever reads the catalogue reads what is shown."""
    sources = _sources()
    assert not [key for key in CONSOLE if f'"{key}"' not in sources and not key.startswith(FAMILIES)]


def test_templates_escape_everything_and_style_nothing() -> None:
    """No `safe`, no inline script, style or handler: the policy of the page forbids them, and so do we."""
    templates = list((CONSOLE_FOLDER / "templates").glob("*.html"))
    assert len(templates) > 20
    for path in templates:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\|\s*safe\b|autoescape|Markup", text), path
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|hx-on|javascript:", text), path
        assert not re.search(r'(href|src|action)="https?:', text), path


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("problem", ["op_not_proven", "inspection_unknown"])
def test_what_was_settled_by_itself_says_how(problem: str, language: Language) -> None:
    """A person's reason is that person's; of what nobody decided it is said what happened."""
    fields = dict.fromkeys(AdmissionLine._fields, "")
    line = AdmissionLine(**fields)._replace(problem=problem, device_name="平板 7")  # type: ignore[arg-type]
    said = Words(language).admitted_why(line)
    assert said
    assert ("平板 7" in said) == (problem == "op_not_proven")
    assert Words(language).admitted_why(line._replace(admitted_by="xu", why="属实")) == "属实"
