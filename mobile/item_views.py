"""The items of a section as rows, and one item whole; pure."""

from typing import Any

from mobile.briefing_views import lead_rows, open_leads
from mobile.reader import Reader, control_of, text_of
from mobile.rows import Badge, ClauseRow, DeductionRow, ItemDetail, ItemRow, NaReason, NoteRow, PhotoRow
from mobile.visit import Visit
from mobile.words import Entry, basis_texts, in_turn, plain, unit_of, when
from shared_schema.checklist import Checklist, Item, Term
from shared_schema.ids import FieldKey, ItemId, OpId, PersonId
from shared_schema.inspection import Cell
from shared_schema.operations import Answer, NotApplicable
from shared_schema.problems import Language
from shared_schema.profile import holds
from shared_schema.roles import may_author
from shared_schema.rules import ClausesRule
from shared_schema.sheet import ItemLine


def item_rows(visit: Visit, section: str, person: PersonId, language: Language = "zh") -> tuple[ItemRow, ...]:
    """The items of one section."""
    reader = Reader(visit, person, language)
    entries = next((entries for key, _, entries in reader.sections() if key == section), ())
    may_answer = "answer" in reader.may()
    return tuple(_item_row(reader, entry, may_answer=may_answer) for entry in entries)


FILTERS = ("open", "problem", "disputed", "mine", "photo")
"""What the items of the whole checklist can be narrowed to; the word of each is `filter.<name>`."""


def filtered_rows(
    visit: Visit, only: str, person: PersonId, language: Language = "zh"
) -> tuple[ItemRow, ...]:
    """The items of all sections that are open, have a problem, are in dispute, are this person's, or allow photos."""
    reader = Reader(visit, person, language)
    may_answer = "answer" in reader.may()
    entries = [entry for _, _, section in reader.sections() for entry in section]
    return tuple(
        _item_row(reader, entry, may_answer=may_answer) for entry in entries if _passes(reader, entry, only)
    )


def _passes(reader: Reader, entry: Entry, only: str) -> bool:
    match only:
        case "mine":
            cell = reader.item(entry.id).answer
            return cell is not None and any(one.person == reader.person for one in cell.standing)
        case "photo":
            return isinstance(entry, Item) and entry.photo != "forbidden"
        case _:
            return reader.state(entry.id) == only


def _item_row(reader: Reader, entry: Entry, *, may_answer: bool) -> ItemRow:
    state, cell = reader.state(entry.id), reader.item(entry.id).answer
    agreed = cell.value if cell is not None and not cell.disputed else None
    return ItemRow(
        item=ItemId(entry.id),
        code=entry.id,
        text=text_of(entry, reader.language),
        state=state,
        state_text=reader.say(f"item.{state}"),
        summary=reader.summary(entry.id),
        control=control_of(entry),
        value=agreed.answer if isinstance(agreed, Answer) else None,
        badges=_badges(reader, entry),
        may_answer=may_answer,
        seen=_ops(cell),
    )


def _badges(reader: Reader, entry: Entry) -> tuple[Badge, ...]:
    item = reader.item(entry.id)
    notes = sum(bool(cell.value.text) for cell in item.notes)
    findings = len(list(reader.live_findings(entry.id)))
    photos = reader.visit.photos_on.get(entry.id, 0)
    with_points = entry if isinstance(entry, Item) else None
    given: list[Badge] = []

    def badge(kind: Any, number: int) -> None:
        if number:
            given.append(Badge(kind, reader.say(f"badge.{kind}"), number))

    badge("remark", sum(one == entry.id for one, _ in reader.remarks()))
    badge("lead", open_leads(reader, entry.id))
    badge("dispute", int(item.answer is not None and item.answer.disputed))
    badge("refused", reader.visit.refused_on.get(entry.id, 0))
    badge("finding", findings)
    badge("note", notes)
    badge("earlier", sum(one.item == entry.id and one.open for one in reader.visit.assignment.earlier))
    badge("photo", photos)
    if with_points is not None:
        badge("photo_allowed", int(with_points.photo != "forbidden" and not photos))
        badge("key", int(with_points.key))
        badge("abort", int(with_points.abort))
    return tuple(given)


def item_detail(visit: Visit, item: ItemId, person: PersonId, language: Language = "zh") -> ItemDetail:
    """One item. Raises item_unknown."""
    reader = Reader(visit, person, language)
    entry, held, line = reader.entry(item), reader.item(item), reader.line(item)
    cell, state = held.answer, reader.state(item)
    by_number = visit.checklist.by_number(item)
    may = reader.may() - ({"note", "finding"} if by_number else set())
    with_points = entry if isinstance(entry, Item) else None
    consent, note = _own(held.consents, person), _own(held.notes, person)
    notes = [(one, cell.field) for cell in held.notes for one in cell.standing if one.value.text]
    return ItemDetail(
        item=item,
        field=FieldKey(f"answer/{item}"),
        code=item,
        text=text_of(entry, language),
        guidance=with_points.guidance.read(language) if with_points else "",
        section=next(title for _, title, entries in reader.sections() if entry in entries),
        state=state,
        state_text=reader.say(f"item.{state}"),
        control=control_of(entry),
        unit=unit_of(entry),
        clauses=_clauses(entry, language),
        values=reader.values(cell),
        disputed=cell is not None and cell.disputed,
        current=_current(cell, person),
        methods=_words(visit.checklist.methods, with_points.method, language) if with_points else "",
        basis=in_turn(basis_texts(entry.basis, reader.language), reader.language),
        evidence=_words(visit.checklist.evidence, with_points.evidence, language) if with_points else "",
        photo_allowed=with_points is not None and with_points.photo != "forbidden",
        photo_text=_photo_text(reader, visit.checklist, with_points),
        na_reasons=tuple(
            NaReason(
                code, visit.checklist.na_reason(code).read(language), holds(code, visit.assignment.profile)
            )
            for code in (with_points.na if with_points else ())
        ),
        consents=_consents(reader, item),
        may_consent="na_consent" in may and bool(_awaited(cell, consent, person)),
        may=may,
        own_note=note.value.text if note is not None else "",
        notes=tuple(
            NoteRow(reader.name(one.person), one.value.text, when(one.at_ms), one.person == person)
            for one, _ in notes
        ),
        findings=tuple(reader.finding_row(one) for one in reader.findings(item)),
        photos=tuple(
            PhotoRow(
                one.value.evidence,
                one.value.sha256,
                one.value.caption,
                reader.name(one.person),
                when(one.at_ms),
                one.op,
            )
            for one in visit.inspection.photos(item)
        ),
        deductions=tuple(
            DeductionRow(reader.say("points.off", points=plain(one.charged)), reader.charge(item, one))
            for one in (line.deductions if isinstance(line, ItemLine) else ())
        ),
        points_text=reader.points(item),
        paper_ref=_paper_ref(cell, person),
        by_number=by_number,
        seen=_ops(cell),
        note_seen=_ops(note),
        consent_seen=_ops(consent),
        consent_reason=_awaited(cell, consent, person),
        from_paper=(answer := _current(cell, person)) is not None and answer.from_paper,
        earlier=tuple(reader.earlier(item)),
        remarks=tuple(text for one, text in reader.remarks() if one == item),
        leads=lead_rows(reader, item),
        consent_from=_consent_from(reader, state, cell),
    )


def _consent_from(
    reader: Reader, state: str, cell: Cell[Answer | NotApplicable] | None
) -> tuple[tuple[PersonId, str], ...]:
    """The members other than its author, while this person's own N/A waits for one of them."""
    if cell is None or state != "na_without_consent" or "na_consent" not in reader.may():
        return ()
    authors = {one.person for one in cell.standing if isinstance(one.value, NotApplicable)}
    if reader.person not in authors:
        return ()
    return tuple(
        (PersonId(one.person), reader.name(one.person))
        for one in reader.visit.assignment.members
        if one.person not in authors and may_author(one.role, "na_consent")
    )


def _ops(cell: Cell[Any] | None) -> tuple[OpId, ...]:
    return () if cell is None else cell.ops


def _own(cells: tuple[Cell[Any], ...], person: PersonId) -> Cell[Any] | None:
    """This person's own note or consent: the field is named after the person."""
    return next((cell for cell in cells if cell.field.endswith(f"/{person}")), None)


def _current(cell: Cell[Answer | NotApplicable] | None, person: PersonId) -> Answer | None:
    """What the form starts from: one's own standing answer in a dispute, else what stands."""
    if cell is None:
        return None
    standing = [one.value for one in cell.standing if not cell.disputed or one.person == person]
    return next((one for one in standing if isinstance(one, Answer)), None)


def _paper_ref(cell: Cell[Answer | NotApplicable] | None, person: PersonId) -> str:
    answer = _current(cell, person)
    return "" if answer is None else answer.paper_ref


def _awaited(cell: Cell[Answer | NotApplicable] | None, consent: Cell[Any] | None, person: PersonId) -> str:
    """The reason of somebody else's N/A that waits for this person's word; "" when none does."""
    reasons = [
        one.value.reason
        for one in (cell.standing if cell else ())
        if isinstance(one.value, NotApplicable) and one.person != person
    ]
    given = consent.value.reason if consent is not None and consent.value.consents else ""
    return next((reason for reason in reasons if reason != given), "")


def _consents(reader: Reader, item: str) -> tuple[str, ...]:
    """Who stands behind the N/A."""
    held = reader.item(item)
    reasons = {
        one.value.reason
        for one in (held.answer.standing if held.answer else ())
        if isinstance(one.value, NotApplicable)
    }
    return tuple(
        reader.name(cell.standing[0].person)
        for cell in held.consents
        if not cell.disputed and cell.value.consents and cell.value.reason in reasons
    )


def _clauses(entry: Entry, language: Language) -> tuple[ClauseRow, ...]:
    if not isinstance(entry, Item) or not isinstance(entry.rule, ClausesRule):
        return ()
    return tuple(
        ClauseRow(
            clause=one.id,
            text=one.text.read(language) or one.id,
            points=plain(one.deduct),
            low=plain(one.range.min) if one.range else "",
            high=plain(one.range.max) if one.range else "",
            step=plain(one.range.step) if one.range else "",
        )
        for one in entry.rule.clauses
    )


def _words(terms: tuple[Term, ...], codes: tuple[str, ...], language: Language) -> str:
    texts = {term.code: term.text.read(language) for term in terms}
    return ("、" if language == "zh" else "; ").join(texts.get(code) or code for code in codes)


def _photo_text(reader: Reader, checklist: Checklist, entry: Item | None) -> str:
    if entry is None:
        return reader.say("photo.forbidden")
    term = next((one for one in checklist.photos if one.code == entry.photo), None)
    text = term.text.read(reader.language) if term else ""
    return text or reader.say(f"photo.policy.{entry.photo}")
