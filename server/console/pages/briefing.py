"""What a coordinator tells squads before visits: leads to verify, which are scored blind, what is below photos."""

from litestar import Response, post
from litestar.params import FromPath

from server.access import audit
from server.console.context import console_of, signed_in
from server.console.forms import value
from server.console.pages.inspections import campaign_of
from server.console.policy import allow
from server.console.render import AnyRequest, go
from server.planning.double_scoring import PERCENT_MAX, chosen
from server.storage import briefing as store
from server.storage import console_inspection, registers
from server.storage.briefing import LeadLine
from server.storage.database import Connection
from shared_schema.ids import ID_BYTES, make_id
from shared_schema.problems import Problem

COORDINATOR = allow("coordinator")
LEAD_LENGTH_MAX = 400


@post("/inspections/{inspection:str}/leads", opt=COORDINATOR, status_code=200, sync_to_thread=True)
def add_lead(request: AnyRequest, inspection: FromPath[str]) -> Response[str]:
    """Adds a lead for the squad to verify."""
    console, who = console_of(request), signed_in(request)
    text, item, paper_ref = value(request, "text"), value(request, "item"), value(request, "paper_ref")
    if not text or len(text) > LEAD_LENGTH_MAX:
        cure = f"写明要核实什么，至多 {LEAD_LENGTH_MAX} 字 / say what to verify, at most {LEAD_LENGTH_MAX} characters"
        raise Problem("form_invalid", field="text", cure=cure)
    line = LeadLine(make_id(console.entropy(ID_BYTES)), item[:64], text, paper_ref[:LEAD_LENGTH_MAX])

    def run(conn: Connection) -> None:
        row = registers.inspection(conn, inspection)
        if row is None:
            raise Problem("not_found", what=inspection)
        if item and console_inspection.checklist_of(conn, row.checklist).entry(item) is None:
            raise Problem("item_unknown", item=item)
        store.add_lead(conn, inspection, line)
        audit.record(conn, console.clock(), who.login, "lead.add", inspection, item=item)

    console.db.write(run)
    return go(request, f"/inspections/{inspection}?done=lead#briefing")


@post(
    "/inspections/{inspection:str}/leads/{lead:str}/remove",
    opt=COORDINATOR,
    status_code=200,
    sync_to_thread=True,
)
def remove_lead(request: AnyRequest, inspection: FromPath[str], lead: FromPath[str]) -> Response[str]:
    """Takes a lead back."""
    console, who = console_of(request), signed_in(request)

    def run(conn: Connection) -> None:
        store.remove_lead(conn, inspection, lead)
        audit.record(conn, console.clock(), who.login, "lead.remove", inspection, lead=lead)

    console.db.write(run)
    return go(request, f"/inspections/{inspection}?done=lead_removed#briefing")


@post("/inspections/{inspection:str}/blind", opt=COORDINATOR, status_code=200, sync_to_thread=True)
def score_blind(request: AnyRequest, inspection: FromPath[str]) -> Response[str]:
    """Has this visit scored blind, or not; only while nothing of it was recorded."""
    console, who = console_of(request), signed_in(request)
    blind = value(request, "blind") == "y"

    def run(conn: Connection) -> None:
        if inspection not in store.untouched(conn, campaign_of(inspection)(conn)):
            raise Problem("blind_too_late")
        store.score_blind(conn, [inspection], blind=blind)
        audit.record(conn, console.clock(), who.login, "inspection.blind", inspection, blind=str(blind))

    console.db.write(run)
    return go(request, f"/inspections/{inspection}?done=blind#briefing")


@post("/campaigns/{campaign:str}/blind", opt=COORDINATOR, status_code=200, sync_to_thread=True)
def choose_blind(request: AnyRequest, campaign: FromPath[str]) -> Response[str]:
    """Has a share of the visits not begun yet scored blind, chosen by the campaign's seed."""
    console, who = console_of(request), signed_in(request)
    asked = value(request, "percent")
    if not asked.isascii() or not asked.isdigit() or int(asked) > PERCENT_MAX:
        raise Problem(
            "form_invalid", field="percent", cure="填 0 至 100 的整数 / a whole number from 0 to 100"
        )

    def run(conn: Connection) -> None:
        open_ = store.untouched(conn, campaign)
        picked = chosen(open_, int(asked), campaign)
        store.score_blind(conn, open_, blind=False)
        store.score_blind(conn, picked, blind=True)
        audit.record(conn, console.clock(), who.login, "campaign.blind", campaign, percent=asked)

    console.db.write(run)
    return go(request, f"/campaigns/{campaign}/plan#blind")


@post("/campaigns/{campaign:str}/watermark", opt=COORDINATOR, status_code=200, sync_to_thread=True)
def set_watermark(request: AnyRequest, campaign: FromPath[str]) -> Response[str]:
    """Has where and when a photo was taken, and by whom, written below it; photos taken before stay as they are."""
    console, who = console_of(request), signed_in(request)
    watermark = value(request, "watermark") == "y"

    def run(conn: Connection) -> None:
        if watermark == store.has_watermark(conn, campaign):
            return
        store.set_watermark(conn, campaign, watermark=watermark)
        audit.record(
            conn, console.clock(), who.login, "campaign.watermark", campaign, watermark=str(watermark)
        )

    console.db.write(run)
    return go(request, f"/campaigns/{campaign}/plan#watermark")
