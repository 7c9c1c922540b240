"""System: accounts for the system administrator, the audit trail for the auditor."""

import json
from collections.abc import Mapping
from typing import Any

from litestar import Response, get, post
from litestar.params import FromQuery

from server.access import audit
from server.console.context import console_of, signed_in
from server.console.forms import value
from server.console.policy import allow
from server.console.render import AnyRequest, go, show
from server.storage import accounts as store
from server.storage.database import Connection
from shared_schema.problems import Problem

AUDIT_ROWS = 100
DONE = frozenset({"account_locked", "account_opened"})
AUDIT_ACTIONS = (
    "sign_in",
    "sign_out",
    "denied",
    "read",
    "operation",
    "freeze",
    "tablet",
    "package",
    "account",
)


@get("/accounts", opt=allow("sysadmin"), sync_to_thread=True)
def accounts(request: AnyRequest, done: FromQuery[str] = "") -> Response[str]:
    """Every account, its role, and whether it is open."""
    return show(
        request,
        "accounts.html",
        lambda conn: {"rows": store.accounts(conn), "done": done if done in DONE else ""},
        page="accounts",
    )


@post("/accounts/lock", opt=allow("sysadmin"), status_code=200, sync_to_thread=True)
def lock_account(request: AnyRequest) -> Response[str]:
    """Locks an account, which ends its sessions with the next request, or opens it again."""
    console, who = console_of(request), signed_in(request)
    login, disabled = value(request, "login"), value(request, "disabled") == "yes"
    if login == who.login:
        raise Problem("form_invalid", field=login, cure="不能停用自己的账号 / not your own account")
    now_ms = console.clock()

    def run(conn: Connection) -> None:
        if store.account_of(conn, login) is None:
            raise Problem("not_found", what=login)
        store.set_disabled(conn, login, disabled)
        audit.record(conn, now_ms, who.login, "account.locked" if disabled else "account.opened", login)

    console.db.write(run)
    return go(request, f"/accounts?done=account_{'locked' if disabled else 'opened'}")


@get("/audit", opt=allow("auditor", read="read.audit"), sync_to_thread=True)
def audit_trail(
    request: AnyRequest,
    who: FromQuery[str] = "",
    action: FromQuery[str] = "",
    before: FromQuery[int | None] = None,
) -> Response[str]:
    """Who did what, newest first. It names records; it never shows what is in them."""

    def load(conn: Connection) -> Mapping[str, Any]:
        rows = store.audit_events(
            conn,
            who=who,
            action=action if action in AUDIT_ACTIONS else "",
            before_id=before,
            limit=AUDIT_ROWS + 1,
        )
        return {
            "rows": rows[:AUDIT_ROWS],
            "facts": {row.id: sorted(json.loads(row.facts).items()) for row in rows},
            "more": rows[AUDIT_ROWS - 1].id if len(rows) > AUDIT_ROWS else None,
            "people": store.audit_people(conn),
            "actions": AUDIT_ACTIONS,
            "by_who": who,
            "by_action": action,
        }

    return show(request, "audit.html", load, page="audit")
