"""Quarantine: what was refused is kept; some of it a person may admit after all, with a reason."""

from server.intake import projection
from server.storage import chains, op_log, registers
from server.storage.database import Connection
from shared_schema.answers import check_answer
from shared_schema.operations import Operation, Unknown, read
from shared_schema.problems import Problem

ADMISSIBLE = frozenset(
    {
        "op_late",
        "op_not_proven",
        "author_not_allowed",
        "device_revoked",
        "inspection_unknown",
        "photo_not_screened",
    }
)
"""What is about who, where and when. What an operation says wrongly nobody can make right."""


def admit(conn: Connection, device: str, hash_: str, *, admitted_by: str, why: str, now_ms: int) -> Operation:
    """Takes an operation of a tablet into the log after all; the tablets learn it as news.

    Raises not_found, not_admissible, form_invalid (no reason), inspection_unknown, op_id_reused, and what
    makes an answer wrong; then nothing is changed.
    """
    found = op_log.refusal(conn, device, hash_)
    if found is None:
        raise Problem("not_found", what=hash_[:12])
    problem, raw = found
    if problem not in ADMISSIBLE:
        raise Problem("not_admissible", problem=problem)
    if not why.strip():
        raise Problem("form_invalid", field="why", cure="请写明补收理由 / say why it is admitted")
    operation = read(raw)
    op_log.lock(conn, [operation.inspection])
    row = registers.inspection(conn, operation.inspection)
    if row is None:
        raise Problem("inspection_unknown", inspection=operation.inspection)
    if not isinstance(operation.body, Unknown):
        checklist = projection.checklist_of(conn, row.checklist)
        check_answer(checklist, operation.body, lambda: projection.versions_of(conn, checklist))
    known = op_log.known(conn, [operation.id])
    if operation.id in known:
        raise Problem("op_id_reused", op=operation.id)
    span = op_log.admit(
        conn, operation, problem=problem, admitted_by=admitted_by, why=why.strip(), now_ms=now_ms
    )
    # A colleague may have brought it: it is here now as its own tablet's, whose receipt may reach further.
    place = (operation.seq, operation.prev, operation.hash)
    chains.advance(conn, {(operation.device, operation.epoch): [place]})
    projection.project(conn, {row.id: {span.last: operation}})
    return operation
