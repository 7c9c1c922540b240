"""Answers, authors and times in the words of the chosen language; pure."""

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal

from shared_schema.basis import basis_code, basis_text
from shared_schema.checklist import Checklist, Item
from shared_schema.locale.filling import fill
from shared_schema.locale.photos import PHOTOS
from shared_schema.locale.sync_center import SYNC_CENTER
from shared_schema.locale.tablet_views import TABLET_VIEWS
from shared_schema.locale.terms import TERMS
from shared_schema.operations import (
    KIND_OF,
    Actual,
    Answer,
    AnswerValue,
    Body,
    ClauseHit,
    Clauses,
    Count,
    DeviceChecked,
    EvidenceAttached,
    EvidenceRemoved,
    Finding,
    FindingDuplicateOf,
    FindingFixed,
    FindingRepeatOf,
    FindingWithdrawn,
    InterviewHeld,
    LeadChecked,
    MeasureProposed,
    NaConsent,
    NotApplicable,
    Note,
    Present,
    Ratio,
    SampleDrawn,
    SignatureRefused,
    Signed,
    UnitStated,
    Unknown,
    Value,
    YesNo,
)
from shared_schema.problems import Language
from shared_schema.rules import (
    Aggravating,
    Bonus,
    ClausesRule,
    PerOccurrenceRule,
    ShortfallRule,
    TiersRule,
    Veto,
)

Entry = Item | Aggravating | Veto | Bonus
CHINA = dt.timezone(dt.timedelta(hours=8))  # one zone for the whole country
_YEAR_10000_MS = 253_402_300_800_000 - 8 * 3_600_000  # where that zone's calendar ends

_CATALOGUE: Mapping[str, tuple[str, str]] = {**TERMS, **TABLET_VIEWS, **SYNC_CENTER, **PHOTOS}


def say(key: str, language: Language, **facts: object) -> str:
    """A sentence of the catalogue."""
    zh, en = _CATALOGUE[key]
    return fill(zh if language == "zh" else en, facts)


def when(at_ms: int) -> str:
    """A tablet's time as people write it; its clock may say anything, so years beyond the calendar are a dash."""
    if not 0 <= at_ms < _YEAR_10000_MS:
        return "—"
    moment = dt.datetime.fromtimestamp(at_ms // 1000, CHINA)
    return f"{moment:%Y-%m-%d %H:%M}"


def day(at_ms: int) -> str:
    """The day of a tablet's time (ISO); "" for what no calendar has."""
    return when(at_ms)[:10] if 0 <= at_ms < _YEAR_10000_MS else ""


def plain(points: Decimal | None) -> str:
    """Points without idle zeros: 1.5, 0, 10."""
    if points is None:
        return ""
    text = format(points, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def span(low: Decimal | None, high: Decimal | None, language: Language) -> str:
    """One figure, or from which to which."""
    if low == high:
        return plain(low)
    return say("range", language, low=plain(low), high=plain(high))


def listed(texts: Iterable[str], language: Language) -> str:
    """Names or codes beside each other."""
    return ("、" if language == "zh" else ", ").join(texts)


def in_turn(texts: Iterable[str], language: Language) -> str:
    """Statements one after another."""
    return ("；" if language == "zh" else "; ").join(texts)


def basis_texts(basis: Iterable[str], language: Language) -> tuple[str, ...]:
    """What an item or a finding rests on; an article of law or regulations by its name, anything else as written."""
    return tuple(basis_text(one, lambda key, **facts: say(key, language, **facts)) for one in basis)


def basis_codes(text: str) -> tuple[str, ...]:
    """What was written of a basis, part by part: the turn-back of `basis_texts`, in either language."""
    parts = (part.strip() for part in re.split(r"[;；\n]", text))
    return tuple(dict.fromkeys(basis_code(part) for part in parts if part))


def joined(language: Language, *parts: str) -> str:
    """Short facts on one line; the Chinese font's middle dot brings its own space."""
    return ("·" if language == "zh" else " · ").join(part for part in parts if part)


def noted(text: str, note: str, language: Language) -> str:
    """A text with a note in brackets."""
    return f"{text}（{note}）" if language == "zh" else f"{text} ({note})"


def headed(head: str, text: str, language: Language) -> str:
    """A text under what it is about."""
    return f"{head}：{text}" if language == "zh" else f"{head}: {text}"


def unit_of(entry: Entry) -> str:
    """What is counted, where the checklist says so."""
    match entry:
        case Item(rule=PerOccurrenceRule() | ShortfallRule() as rule):
            return rule.unit
        case Aggravating():
            return entry.unit
        case _:
            return ""


def answer_text(checklist: Checklist, entry: Entry, value: Answer | NotApplicable, language: Language) -> str:
    """What an item is answered with, in words."""
    if isinstance(value, NotApplicable):
        return say("answer.na", language, reason=checklist.na_reason(value.reason).read(language))
    text = _value_text(entry, value.answer, language)
    if value.from_paper or value.paper_ref:
        text += f" · {value.paper_ref or say('answer.from_paper', language)}"
    return text


def _value_text(entry: Entry, value: AnswerValue, language: Language) -> str:
    match value:
        case YesNo(ok=ok):
            return say("answer.yes" if ok else "answer.no", language)
        case Count(count=0):
            return say("answer.none", language)
        case Count(count=count):
            unit = unit_of(entry) if language == "zh" else ""
            return say("answer.count", language, count=count, unit=unit or say("answer.unit", language))
        case Clauses(hit=hit):
            texts = [_clause_text(entry, one, language) for one in hit]
            return in_turn(texts, language) or say("answer.none", language)
        case Ratio(sampled=sampled, conforming=conforming, population=population):
            text = say("answer.ratio", language, sampled=sampled, conforming=conforming)
            return text + (say("answer.population", language, population=population) if population else "")
        case Value(value=figure, sampled=sampled):
            percent = (
                isinstance(entry, Item)
                and isinstance(entry.rule, TiersRule)
                and entry.rule.value == "percent"
            )
            text = say("answer.percent" if percent else "answer.value", language, value=plain(figure))
            return text + (say("answer.sampled", language, sampled=sampled) if sampled else "")
        case Actual(actual=actual):
            required = (
                entry.rule.required
                if isinstance(entry, Item) and isinstance(entry.rule, ShortfallRule)
                else "?"
            )
            unit = unit_of(entry) if language == "zh" else ""
            return say(
                "answer.actual",
                language,
                actual=actual,
                required=required,
                unit=unit or say("answer.times", language, required=required),
            )
        case Present(present=present):
            return say("answer.present" if present else "answer.absent", language)


def _clause_text(entry: Entry, hit: ClauseHit, language: Language) -> str:
    rule = entry.rule if isinstance(entry, Item) and isinstance(entry.rule, ClausesRule) else None
    clause = next((one for one in rule.clauses if one.id == hit.clause), None) if rule else None
    text = (clause.text.read(language) if clause else "") or hit.clause
    points = hit.deduct if hit.deduct is not None else clause.deduct if clause else None
    told = say("answer.clause", language, text=text, points=plain(points)) if points is not None else text
    return headed(told, hit.reason, language) if hit.reason else told


def body_text(checklist: Checklist, body: Body, language: Language) -> str:  # noqa: C901, PLR0912 - one row a kind
    """Any body in words: what a person is shown of a value in dispute or of an operation refused."""
    match body:
        case Answer() | NotApplicable():
            entry = checklist.entry(body.item)
            return answer_text(checklist, entry, body, language) if entry else body.item
        case Note(text=text):
            return text
        case NaConsent(consents=consents):
            return say("body.consent" if consents else "body.no_consent", language)
        case Finding(fact=fact):
            return fact
        case FindingWithdrawn(reason=reason):
            return say("body.withdrawn", language, reason=reason)
        case FindingRepeatOf(earlier=earlier):
            return say("body.repeat" if earlier else "body.no_repeat", language, earlier=earlier)
        case FindingDuplicateOf(other=other):
            return say("body.duplicate" if other else "body.no_duplicate", language, other=other)
        case FindingFixed(before=before, after=after):
            return say("body.fixed", language, before=before, after=after)
        case UnitStated(statement=statement, accepts=accepts):
            return say("body.accepts" if accepts else "body.objects", language, statement=statement)
        case SampleDrawn():
            return say("body.sample", language, population=body.population_size, drawn=len(body.drawn))
        case DeviceChecked():
            return say("body.device", language, register_no=body.register_no, problems=body.problems)
        case InterviewHeld(category=category):
            told = say("body.interview", language, required=body.required, held=body.held)
            return f"{say(f'interview.{category}', language)} {told}"
        case EvidenceAttached(caption=caption):
            return say("body.photo", language, caption=caption)
        case EvidenceRemoved(reason=reason):
            return say("body.photo_removed", language, reason=reason)
        case Signed(name=name):
            return say("body.signed", language, name=name)
        case SignatureRefused(name=name, reason=reason):
            return say("body.refused", language, name=name, reason=reason)
        case MeasureProposed(what=what, reason=reason):
            return f"{say(f'measure.{what}', language)} {reason}"
        case LeadChecked(verified=verified, note=note):
            return say("body.lead" if verified else "body.no_lead", language, note=note).strip()
        case Unknown():
            return "?"
        case _:
            return say(f"kind.{KIND_OF[type(body)]}", language)
