"""Every table, once. Analysts may query the score tables directly; docs/data.md says what they hold.

Three families: the registers (what a coordinator enters), the log (operations as received: the only
truth about inspections) and the rows (a pure function of log and checklist, replaced whole with each
exchange, and made again by `hucha rebuild`).
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
)

SCHEMA_VERSION = 2

metadata = MetaData()


class Points(TypeDecorator[str]):
    """Exact decimals as canonical strings: NUMERIC on PostgreSQL, TEXT on SQLite, which has no decimals."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(Numeric() if dialect.name == "postgresql" else Text())

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else str(value)


def _id(name: str, *, primary_key: bool = False, nullable: bool = False) -> Column[str]:
    return Column(name, String(64), primary_key=primary_key, nullable=nullable)


meta = Table(
    "meta",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

# --- registers -------------------------------------------------------------------------------------

unit = Table(
    "unit",
    metadata,
    _id("id", primary_key=True),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("parent_area", Text, nullable=False),
    Column("parent_system", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("contact", Text, nullable=False),
    Column("profile", Text, nullable=False),  # JSON: flag -> bool
)

person = Table(
    "person",
    metadata,
    _id("id", primary_key=True),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    _id("unit"),
    Column("experienced", Boolean, nullable=False),
    Column("certified_no", Text, nullable=False),
    Column("certified_until", String(10), nullable=False),
)

inventory = Table(
    "inventory",
    metadata,
    _id("unit", primary_key=True),
    Column("register_no", String(64), primary_key=True),
    Column("classified", Boolean, nullable=False),
    Column("department", Text, nullable=False),
    Column("kind", String(32), nullable=False),
)

earlier_finding = Table(
    "earlier_finding",
    metadata,
    _id("id", primary_key=True),
    _id("unit"),
    Column("year", Integer, nullable=False),
    _id("item"),
    Column("fact", Text, nullable=False),
    Column("open", Boolean, nullable=False),
)

checklist = Table(
    "checklist",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("code", String(64), nullable=False),
    Column("version", String(32), nullable=False),
    Column("title_zh", Text, nullable=False),
    Column("title_en", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),  # canonical JSON, the bytes the hash is over
    UniqueConstraint("code", "version"),
)

campaign = Table(
    "campaign",
    metadata,
    _id("id", primary_key=True),
    Column("year", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("title_zh", Text, nullable=False),
    Column("title_en", Text, nullable=False),
    Column("checklist", String(64), nullable=False),
    Column(
        "state", String(16), nullable=False
    ),  # draft, approved, open, scoring, under_review, published, archived
    Column("draw_seed", Text, nullable=False),
    Column(
        "draw", Text, nullable=False
    ),  # JSON: the draw's inputs hash and result, so that anyone can repeat it
    Column("watermark", Boolean, nullable=False, server_default=false()),  # what is written under photos
    Column(
        "screening", Boolean, nullable=False, server_default=false()
    ),  # a photo counts only once another member has looked at it
)

squad = Table(
    "squad",
    metadata,
    _id("id", primary_key=True),
    _id("campaign"),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
)

squad_member = Table(
    "squad_member",
    metadata,
    _id("squad", primary_key=True),
    _id("person", primary_key=True),
    Column("role", String(16), nullable=False),
)

inspection = Table(
    "inspection",
    metadata,
    _id("id", primary_key=True),
    _id("campaign"),
    _id("unit"),
    _id("squad"),
    Column("planned_date", String(10), nullable=False),
    Column("checklist", String(64), nullable=False),
    _id("responsible_person"),
    Column("last_number", BigInteger, nullable=False, server_default="0"),
    Column("log_head", String(64), nullable=False, server_default=""),  # of the operation with that number
    Column(
        "blind", Boolean, nullable=False, server_default=false()
    ),  # no member sees another's answers at first
    Index("inspection_squad", "squad"),
    Index("inspection_campaign", "campaign"),
)

lead = Table(
    "lead",
    metadata,
    _id("id", primary_key=True),
    _id("inspection"),
    Column("item", String(64), nullable=False),  # "" for none
    Column("text", Text, nullable=False),
    Column("paper_ref", Text, nullable=False),
    Index("lead_inspection", "inspection"),
)

# --- who may come in -------------------------------------------------------------------------------

account = Table(
    "account",
    metadata,
    _id("login", primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("disabled", Boolean, nullable=False),
)

session = Table(
    "session",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    _id("login"),
    Column("csrf", String(64), nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("seen_at_ms", BigInteger, nullable=False),
)

enrolment = Table(
    "enrolment",
    metadata,
    Column("code_hash", String(64), primary_key=True),
    _id("device"),  # the id the tablet will get
    _id("squad"),
    Column("expires_at_ms", BigInteger, nullable=False),
    Column("used_at_ms", BigInteger, nullable=True),
    Column("holder", String(64), nullable=False, server_default=""),  # the person it is handed to
    Column("replaces", String(64), nullable=False, server_default=""),  # the tablet it takes over from
)

device = Table(
    "device",
    metadata,
    _id("id", primary_key=True),
    _id("squad"),
    Column("name", Text, nullable=False),
    Column("platform", Text, nullable=False),
    Column("app", Text, nullable=False),
    Column("public_key", String(64), nullable=False),
    Column("enrolled_at_ms", BigInteger, nullable=False),
    Column("seen_at_ms", BigInteger, nullable=True),
    Column("revoked_at_ms", BigInteger, nullable=True),
    Column("revoked_why", Text, nullable=False, server_default=""),
    Column("replaced_by", String(64), nullable=False, server_default=""),
    Column("holder", String(64), nullable=False, server_default=""),
    Column("sealing_key", String(64), nullable=False, server_default=""),  # X25519, raw, hex
    Column("clock_ahead_ms", BigInteger, nullable=True),  # of its clock before ours, at the last contact
    Column("told_revoked_at_ms", BigInteger, nullable=True),  # when it was answered that it is
)

device_holder = Table(
    "device_holder",
    metadata,
    _id("device", primary_key=True),
    Column("since_ms", BigInteger, primary_key=True),
    Column("person", String(64), nullable=False),
    Column("given_by", String(64), nullable=False),
    Column("why", Text, nullable=False),
)

clock_jump = Table(
    "clock_jump",
    metadata,
    _id("device", primary_key=True),
    Column("at_ms", BigInteger, primary_key=True),  # by our clock
    Column("ahead_before_ms", BigInteger, nullable=False),
    Column("ahead_ms", BigInteger, nullable=False),
)

told = Table(
    "told",
    metadata,
    _id("device", primary_key=True),
    Column(
        "content", LargeBinary, nullable=False
    ),  # JSON: how far the tablet has read, and what it has been told
)

package = Table(
    "package",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("direction", String(8), nullable=False),  # in, out
    Column("kind", String(16), nullable=False),  # request, receipt, assignments
    _id("device"),
    Column("code", String(16), nullable=False),  # eight letters of its signature, for people to compare
    Column("answers", String(64), nullable=False),  # of a receipt: the package it is for
    Column("operations", Integer, nullable=False),
    Column("photos", Integer, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("by", String(64), nullable=False),
    Column("facts", Text, nullable=False),  # JSON: what became of its operations, the numbers it carries
    Index("package_device", "device", "at_ms"),
)

audit_event = Table(
    "audit_event",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("who", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("what", Text, nullable=False),
    Column("facts", Text, nullable=False),  # JSON
)

# --- the log ---------------------------------------------------------------------------------------

operation = Table(
    "operation",
    metadata,
    _id("id", primary_key=True),
    _id("inspection"),
    Column("number", BigInteger, nullable=False),  # counted per inspection, without gaps: the cursor of news
    _id("person"),
    _id("device"),
    _id("epoch"),
    Column("seq", BigInteger, nullable=False),
    Column("prev", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("received_at_ms", BigInteger, nullable=False),
    Column("held", Boolean, nullable=False),
    Column("raw", LargeBinary, nullable=False),  # the bytes as received
    # SHA-256 over the inspection's log up to here: of this column one number before, and this hash. Names all that
    # a tablet has read, so that a server restored from a backup notices when its log has gone another way since.
    Column("log_head", String(64), nullable=False),
    UniqueConstraint("inspection", "number"),
    Index("operation_chain", "device", "epoch", "seq"),
)

chain = Table(
    "chain",
    metadata,
    _id("device", primary_key=True),
    _id("epoch", primary_key=True),
    Column("seq", BigInteger, nullable=False),  # the last number held without a gap
    Column("hash", String(64), nullable=False),
    Column("backed_up", BigInteger, nullable=False, server_default="0"),  # the last number a backup holds
    Column("backed_hash", String(64), nullable=False, server_default=""),  # of the operation with that number
)

backed_log = Table(
    "backed_log",
    metadata,
    _id("inspection", primary_key=True),
    Column("number", BigInteger, nullable=False),  # the last number of its log that a backup holds
)

signed_head = Table(
    "signed_head",
    metadata,
    _id("device", primary_key=True),
    _id("epoch", primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("hash", String(64), primary_key=True),
    Column(
        "signature", String(128), nullable=False
    ),  # the tablet's Ed25519, hex: it answers for all before, too
)

admission = Table(
    "admission",
    metadata,
    Column("hash", String(64), primary_key=True),
    _id("op"),
    _id("device"),
    Column("problem", String(64), nullable=False),  # why it had been refused
    Column("admitted_by", String(64), nullable=False),  # "" where it was settled by itself
    Column("why", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)

refusal = Table(
    "refusal",
    metadata,
    _id("device", primary_key=True),
    Column("hash", String(64), primary_key=True),
    Column("problem", String(64), nullable=False),
    Column("facts", Text, nullable=False),  # JSON
    Column("received_at_ms", BigInteger, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    # Who, where and its place in the tablet's chain, as far as the envelope can be read ("" and 0 otherwise).
    Column("op", String(64), nullable=False),
    Column("inspection", String(64), nullable=False),
    Column("person", String(64), nullable=False),
    Column("epoch", String(64), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("prev", String(64), nullable=False),
    Index("refusal_chain", "device", "epoch", "seq"),
    Index("refusal_hash", "hash"),
)

photo = Table(
    "photo",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("media_type", String(32), nullable=False),
    _id("device"),
    Column("received_at_ms", BigInteger, nullable=False),
    Column("backed_up", Boolean, nullable=False, server_default=false()),
    Column("receipted_at_ms", BigInteger, nullable=True),  # when a signed receipt first named it
)

state = Table(
    "state",
    metadata,
    _id("inspection", primary_key=True),
    Column("number", BigInteger, nullable=False),  # the last log number folded in
    Column("content", LargeBinary, nullable=False),
)

# --- rows: a function of log and checklist ---------------------------------------------------------

score_sheet = Table(
    "score_sheet",
    metadata,
    _id("inspection", primary_key=True),
    _id("campaign"),
    _id("unit"),
    _id("squad"),
    Column("number", BigInteger, nullable=False),
    Column("stage", String(16), nullable=False),
    Column("status", String(32), nullable=False),
    Column("percent", Points, nullable=True),  # null while anything is open
    Column("percent_low", Points, nullable=True),
    Column("percent_high", Points, nullable=True),
    Column("grade", String(32), nullable=True),
    Column("grade_low", String(32), nullable=True),
    Column("grade_high", String(32), nullable=True),
    Column("base_low", Points, nullable=True),
    Column("base_high", Points, nullable=True),
    Column("applicable", Points, nullable=True),
    Column("aggravating", Points, nullable=True),
    Column("items_open", Integer, nullable=False),
    Column("disputes", Integer, nullable=False),
    Column("held", Integer, nullable=False),
    Column("checklist", String(64), nullable=False),
    Column("engine", String(32), nullable=False),
    Column("sheet", LargeBinary, nullable=False),  # canonical JSON of the whole ScoreSheet with its traces
    Index("score_sheet_campaign", "campaign"),
)

score_section = Table(
    "score_section",
    metadata,
    _id("inspection", primary_key=True),
    _id("section", primary_key=True),
    Column("points_max", Points, nullable=False),
    Column("applicable", Points, nullable=True),
    Column("earned_low", Points, nullable=True),  # null where nothing of the section applies
    Column("earned_high", Points, nullable=True),
)

score_item = Table(
    "score_item",
    metadata,
    _id("inspection", primary_key=True),
    _id("item", primary_key=True),
    _id("section"),
    Column("points_max", Points, nullable=False),
    Column("earned_low", Points, nullable=True),
    Column("earned_high", Points, nullable=True),
    Column("status", String(32), nullable=False),
)

score_deduction = Table(
    "score_deduction",
    metadata,
    _id("inspection", primary_key=True),
    _id("item", primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("points", Points, nullable=False),
    Column("rule", String(32), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("text_zh", Text, nullable=False),
    Column("text_en", Text, nullable=False),
    Column("ops", Text, nullable=False),  # space-separated ids, as the next four
    Column("persons", Text, nullable=False),
    Column("devices", Text, nullable=False),
    Column("findings", Text, nullable=False),
    Column("evidence", Text, nullable=False),
)

finding = Table(
    "finding",
    metadata,
    _id("inspection", primary_key=True),
    _id("finding", primary_key=True),
    _id("item"),
    Column("severity", String(16), nullable=False),
    Column("cause", Text, nullable=False),
    Column("fact", Text, nullable=False),
    Column("basis", Text, nullable=False),
    Column("common", Boolean, nullable=False),
    Column("occurrences", Integer, nullable=False),
    Column("register_no", Text, nullable=False),
    Column("disposal", String(16), nullable=False),
    Column("due", String(10), nullable=False),
    Column("fixed", Boolean, nullable=False),
    Column("repeat_of", String(64), nullable=False),
    Column("duplicate_of", String(64), nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    Column("disputed", Boolean, nullable=False),
    _id("person"),
    _id("op"),
)

dispute = Table(
    "dispute",
    metadata,
    _id("inspection", primary_key=True),
    Column("field", Text, primary_key=True),
    Column("item", String(64), nullable=False),
    Column("values_count", Integer, nullable=False),
)

checked_device = Table(
    "checked_device",
    metadata,
    _id("inspection", primary_key=True),
    Column("register_no", String(400), primary_key=True),
    Column("classified", Boolean, nullable=False),
    Column("problems", Integer, nullable=False),
    Column("tool_report", Text, nullable=False),
)

interview = Table(
    "interview",
    metadata,
    _id("inspection", primary_key=True),
    _id("interview", primary_key=True),
    Column("category", String(16), nullable=False),
    Column("required", Integer, nullable=False),
    Column("held", Integer, nullable=False),
)

evidence = Table(
    "evidence",
    metadata,
    _id("inspection", primary_key=True),
    _id("evidence", primary_key=True),
    _id("item"),
    Column("finding", String(64), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("media_type", String(32), nullable=False),
    Column("caption", Text, nullable=False),
    _id("person"),
    _id("device"),
    _id("op"),
    Index("evidence_sha256", "sha256"),
    Index("evidence_device", "device"),
)

ROWS = (
    score_sheet,
    score_section,
    score_item,
    score_deduction,
    finding,
    dispute,
    checked_device,
    interview,
    evidence,
)
"""The tables that `rebuild` makes again, in the order they are written."""

# --- frozen ----------------------------------------------------------------------------------------

freeze = Table(
    "freeze",
    metadata,
    _id("id", primary_key=True),
    _id("campaign"),
    Column("at_ms", BigInteger, nullable=False),
    _id("by"),
    Column("engine", String(32), nullable=False),
)

frozen_sheet = Table(
    "frozen_sheet",
    metadata,
    _id("freeze", primary_key=True),
    _id("inspection", primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("checklist", String(64), nullable=False),
    Column("percent", Points, nullable=True),
    Column("grade", String(32), nullable=True),
    Column("sheet", LargeBinary, nullable=False),
    Column("findings", LargeBinary, nullable=False),  # JSON: the rows of `finding` as they stood
)
