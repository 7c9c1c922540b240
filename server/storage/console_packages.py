"""What the console reads of packages: those of a campaign's tablets, one with its receipt, and what was refused."""

import json
from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection, select

from server.storage import packages
from server.storage.packages import PackageLine, PackageRow
from server.storage.tables import audit_event

REFUSALS_READ = 500
"""So many of the newest refusals are looked through for those of one campaign."""


class RefusedLine(NamedTuple):
    """One file that was refused: what it was called, why, by whose hand."""

    at_ms: int
    who: str
    name: str
    code: str
    facts: Mapping[str, str]


def one(conn: Connection, campaign: str, digest: str) -> PackageRow | None:
    """A package, if it is of a tablet of this campaign."""
    row = packages.get(conn, digest)
    return row if row is not None and packages.campaign_of(conn, row.device) == campaign else None


def lines(conn: Connection, campaign: str, limit: int) -> tuple[list[PackageLine], list[PackageLine]]:
    """The latest packages that came in, and those that went out."""
    found = packages.lines(conn, campaign, limit)
    came = [line for line in found if line.package.direction == "in"]
    return came, [line for line in found if line.package.direction == "out"]


def refused(conn: Connection, campaign: str, limit: int) -> list[RefusedLine]:
    """The latest refusals of files handed over for this campaign, or for none by name, from the audit trail."""
    query = (
        select(audit_event.c.at_ms, audit_event.c.who, audit_event.c.what, audit_event.c.facts)
        .where(audit_event.c.action == "package.refused")
        .order_by(audit_event.c.id.desc())
        .limit(REFUSALS_READ)
    )
    found = []
    for at_ms, who, name, kept in conn.execute(query):
        facts = json.loads(kept)
        if facts.get("campaign") in (campaign, ""):
            said = {key.removeprefix("fact."): text for key, text in facts.items() if key.startswith("fact.")}
            found.append(RefusedLine(at_ms, who, name, facts.get("code", ""), said))
    return found[:limit]
