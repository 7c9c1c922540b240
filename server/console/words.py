"""Bodies of operations in words: what somebody answered, found or decided, for people who read the record."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from server.storage.console_quarantine import AdmissionLine
from shared_schema.apart import told_apart
from shared_schema.basis import basis_text
from shared_schema.checklist import Checklist, Item
from shared_schema.locale.console import CONSOLE
from shared_schema.locale.filling import fill
from shared_schema.locale.terms import TERMS
from shared_schema.operations import (
    Aborted,
    Accepted,
    Actual,
    Answer,
    AnswerValue,
    Body,
    Clauses,
    Count,
    Deliberated,
    DeviceChecked,
    DisputeSettled,
    EvidenceAttached,
    EvidenceRemoved,
    Finding,
    FindingDuplicateOf,
    FindingFixed,
    FindingRepeatOf,
    FindingWithdrawn,
    InterviewHeld,
    LeadChecked,
    Locked,
    MeasureProposed,
    NaConsent,
    NotApplicable,
    Note,
    Opened,
    Present,
    Ratio,
    Returned,
    SampleDrawn,
    ScoringClosed,
    SignatureRefused,
    Signed,
    Submitted,
    TakenBack,
    UnitStated,
    Unknown,
    Value,
    YesNo,
    stands_for,
)
from shared_schema.problems import Language, sentence
from shared_schema.rules import (
    BinaryRule,
    Clause,
    ClausesRule,
    PerOccurrenceRule,
    RatioRule,
    Rule,
    ShortfallRule,
    TiersRule,
)

MINUTE_MS = 60 * 1000
MINUTES_DAY = 24 * 60


class Named(Protocol):
    """Somebody with a name in both languages."""

    def read(self, language: str) -> str:
        """The name in that language."""
        ...


class Words:
    """The console's words in one language; `t("key", fact=…)` is how templates speak."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._which = 1 if language == "en" else 0

    def t(self, key: str, **facts: object) -> str:
        """The sentence of a key with its facts. A key that is nowhere is a bug and says so."""
        pair = CONSOLE.get(key) or TERMS[key]
        return fill(pair[self._which], facts) if facts else pair[self._which]

    def term(self, family: str, code: str) -> str:
        """The word for a code of a family, such as stage.opened; the code itself where there is none."""
        pair = TERMS.get(f"{family}.{code}") or CONSOLE.get(f"{family}.{code}")
        return code if pair is None else pair[self._which]

    def pick(self, zh: str | None, en: str | None) -> str:
        """The text in this language, or in the other one where it is missing."""
        return ((en or zh) if self._which else (zh or en)) or ""

    def audit(self, action: str) -> str:
        """The word for an action of the audit trail; the action itself where there is none."""
        return self.term("audit", action) if f"audit.{action}" in CONSOLE else action

    # --- tablets and quarantine ---------------------------------------------------------------------

    def apart(self, span_ms: int) -> str:
        """A length of time in its two largest parts, down to minutes."""
        minutes = abs(span_ms) // MINUTE_MS
        days, hours = minutes // MINUTES_DAY, minutes % MINUTES_DAY // 60
        if days:
            parts = [("days", days)] + ([("hours", hours)] if hours else [])
        elif hours:
            parts = [("hours", hours)] + ([("minutes", minutes % 60)] if minutes % 60 else [])
        else:
            parts = [("minutes", minutes)]
        return " ".join(self.t(f"span.{unit}", count=count) for unit, count in parts)

    def clock(self, ahead_ms: int) -> str:
        """How far a clock is off, the way one says it."""
        if abs(ahead_ms) < MINUTE_MS:
            return self.t("clock.right")
        return self.t("clock.ahead" if ahead_ms > 0 else "clock.behind", span=self.apart(ahead_ms))

    def gap(self, first: int, last: int) -> str:
        """The numbers of a tablet that have not come."""
        return self.t("tablet.gap", numbers=str(first) if first == last else f"{first}–{last}")

    def refused(self, problem: str) -> str:
        """Why an operation waits, in a few words; the code of a newer version as it is."""
        return self.term("refused", problem)

    def admitted_why(self, one: AdmissionLine) -> str:
        """Why it was let in: the coordinator's reason, or how it was settled by itself."""
        if one.admitted_by:
            return one.why
        by_device = one.problem == "op_not_proven"
        key = "quarantine.settled.op_not_proven" if by_device else "quarantine.settled"
        return self.t(key, device=one.device_name or one.device)

    def reason(self, problem: str, facts: Mapping[str, str], people: Mapping[str, Named]) -> str:
        """Why an operation waits, in a sentence, with names for people."""
        said = dict(facts)
        if "person" in said:
            said["person"] = self._named(said["person"], people)
        return sentence(problem, said, self.language)

    def _named(self, person: str, people: Mapping[str, Named]) -> str:
        return people[person].read(self.language) if person in people else person

    # --- the checklist ------------------------------------------------------------------------------

    def basis(self, articles: tuple[str, ...]) -> str:
        """The articles an item rests on."""
        return self._and.join(basis_text(article, self.t) for article in articles)

    def rule(self, item: Item) -> str:
        """How an item loses points, in one line."""
        cap = getattr(item.rule, "cap", None)
        return self._rule(item.rule) + ("" if cap is None else self.t("rule.cap", points=cap))

    def _rule(self, rule: Rule) -> str:
        match rule:
            case BinaryRule():
                return self.t("rule.binary")
            case PerOccurrenceRule(deduct=deduct, unit=unit):
                return self.t("rule.per_occurrence", unit=self._unit(unit), points=deduct)
            case ShortfallRule(required=required, deduct=deduct):
                return self.t("rule.shortfall", required=required, points=deduct)
            case ClausesRule(clauses=clauses):
                return self.t("rule.clauses", clauses=self._and.join(map(self._clause, clauses)))
            case TiersRule(tiers=tiers):
                return self.t(
                    "rule.tiers", tiers=self._and.join(f"≥{one.gte} → {one.points}" for one in tiers)
                )
            case RatioRule():
                return self.t("rule.ratio")

    def _clause(self, clause: Clause) -> str:
        if clause.range is not None:
            amount = f"{clause.range.min}–{clause.range.max}"
        else:
            amount = str(clause.deduct)
        return f"{clause.text.read(self.language)} −{amount}"

    def _unit(self, unit: str) -> str:
        """The counting word of a rule, which checklists write in Chinese only."""
        return unit if unit and self.language == "zh" else self.t("rule.unit")

    @property
    def _and(self) -> str:
        return "；" if self.language == "zh" else "; "

    # --- answers ------------------------------------------------------------------------------------

    def answer(self, value: AnswerValue, item: object = None) -> str:
        """An answer as one would say it."""
        rule = item.rule if isinstance(item, Item) else None
        match value:
            case YesNo(ok=ok):
                return self.t("answer.yes" if ok else "answer.no")
            case Count(count=count):
                unit = self._unit(rule.unit if isinstance(rule, PerOccurrenceRule) else "")
                return (
                    self.t("answer.count", count=count, unit=unit) if count else self.t("answer.none_found")
                )
            case Clauses(hit=hit):
                return self._clauses(value, rule) if hit else self.t("answer.no_clause")
            case Ratio(sampled=sampled, conforming=conforming, population=population):
                text = self.t("answer.ratio", conforming=conforming, sampled=sampled)
                return text if population is None else text + self.t("answer.population", count=population)
            case Value(value=figure, sampled=sampled):
                text = str(figure)
                return text if sampled is None else text + self.t("answer.sampled", count=sampled)
            case Actual(actual=actual):
                return self.t("answer.actual", count=actual)
            case Present(present=present):
                return self.t("answer.present" if present else "answer.absent")

    def _clauses(self, value: Clauses, rule: object) -> str:
        texts = (
            {one.id: one.text.read(self.language) for one in rule.clauses}
            if isinstance(rule, ClausesRule)
            else {}
        )
        said = []
        for hit in value.hit:
            points = "" if hit.deduct is None else f" −{hit.deduct}"
            reason = f"（{hit.reason}）" if hit.reason else ""
            said.append(f"{hit.clause}) {texts.get(hit.clause, '')}{points}{reason}".strip())
        return self._and.join(said)

    # --- any body -----------------------------------------------------------------------------------

    def told_apart(self, values: Sequence[Body], people: Mapping[str, Named]) -> Sequence[str]:
        """What each value in dispute says otherwise than the others, with names for people."""
        # A finding's words here say all of these; a withdrawal's say none.
        findings = all(isinstance(one, Finding) for one in values)
        said = ("severity", "occurrences", "device", "disposal", "due") if findings else ()
        return [
            " · ".join(each)
            for each in told_apart(values, self.t, lambda one: self._named(one, people), said)
        ]

    def body(self, body: Body, checklist: Checklist) -> str:
        """What an operation says, in one line."""
        match stands_for(body):
            case Answer(item=item_id, answer=value, paper_ref=paper):
                said = self.answer(value, checklist.entry(item_id))
                return said + (self.t("said.paper", ref=paper) if paper else "")
            case NotApplicable(reason=reason, explanation=explanation):
                why = checklist.na_reason(reason).read(self.language)
                return self.t("said.not_applicable", reason=why) + (
                    f" · {explanation}" if explanation else ""
                )
            case NaConsent(consents=consents):
                return self.t("said.consents" if consents else "said.no_consent")
            case Note(text=text):
                return text or self.t("said.note_removed")
            case Finding() as finding:
                return self._finding(finding)
            case other:
                return self._hanging(other)

    def _finding(self, finding: Finding) -> str:
        parts = [self.term("severity", finding.severity), finding.fact]
        if finding.occurrences > 1:
            parts.append(self.t("said.occurrences", count=finding.occurrences))
        if finding.device:
            parts.append(finding.device)
        parts.append(self.term("disposal", finding.disposal) + (f" {finding.due}" if finding.due else ""))
        return " · ".join(parts)

    def _hanging(self, body: Body) -> str:  # noqa: C901, PLR0912 - one row a kind
        match body:
            case FindingWithdrawn(reason=reason):
                return self.t("said.withdrawn", reason=reason)
            case FindingRepeatOf(earlier=earlier):
                return self.t("said.repeat", earlier=earlier) if earlier else self.t("said.no_repeat")
            case FindingDuplicateOf(other=other):
                return self.t("said.duplicate", other=other) if other else self.t("said.no_duplicate")
            case FindingFixed(before=before, after=after):
                return f"{before} → {after}"
            case UnitStated(statement=statement, accepts=accepts):
                return statement + (self.t("said.unit_accepts") if accepts else self.t("said.unit_objects"))
            case SampleDrawn(drawn=drawn, population_size=size):
                return self.t("said.sample", drawn=len(drawn), size=size)
            case DeviceChecked(register_no=number, problems=problems):
                return self.t("said.device", number=number, problems=problems)
            case InterviewHeld(category=category, required=required, held=held):
                return f"{self.term('interview', category)} {held} / {required}"
            case MeasureProposed(what=what, reason=reason):
                return f"{self.term('measure', what)} · {reason}"
            case LeadChecked(verified=verified, note=note):
                return self.t("said.lead_true" if verified else "said.lead_untrue") + (
                    f" · {note}" if note else ""
                )
            case other:
                return self._record(other)

    def _record(self, body: Body) -> str:  # noqa: C901, PLR0912 - one row a kind
        match body:
            case EvidenceAttached(caption=caption, sha256=sha256):
                return caption or sha256[:12]
            case EvidenceRemoved(reason=reason):
                return self.t("said.removed", reason=reason)
            case Signed(role=role, name=name, method=method):
                return f"{self.term('signer', role)} {name} · {self.term('signed', method)}"
            case SignatureRefused(role=role, name=name, reason=reason, witness=witness):
                said = self.t("said.refused", reason=reason, witness=witness)
                return f"{self.term('signer', role)} {name} · {said}"
            case Opened(members=members):
                return self.t("said.opened", count=len(members))
            case (
                Deliberated(opinion=text)
                | Submitted(remark=text)
                | Accepted(remark=text)
                | Locked(remark=text)
            ):
                return text
            case Returned(remarks=remarks):
                return self._and.join(f"{item} {text}".strip() for item, text in remarks)
            case TakenBack():
                return self.t("said.taken_back")
            case ScoringClosed(reason=reason):
                return self.t("said.scoring_closed") + (f" · {reason}" if reason else "")
            case Aborted(cause=cause, reason=reason):
                return f"{self.term('abort', cause)} · {reason}"
            case Unknown() | DisputeSettled() | _:
                return self.t("said.unknown")

    # --- fields -------------------------------------------------------------------------------------

    def field(self, field: str, checklist: Checklist) -> str:
        """What a field is about: `answer/A01` is item A01, `finding/…` a finding."""
        family, _, rest = field.partition("/")
        about = rest.split("/")[0]
        entry = checklist.entry(about) if family in {"answer", "consent", "note"} else None
        text = "" if entry is None else f" {entry.text.read(self.language)}"
        shown = about if len(about) <= 12 else about[-6:]
        return f"{self.term('field', family)} {shown}{text}".strip()
