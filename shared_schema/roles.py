"""Who may do what, in which stage of an inspection.

Peer squads are not law enforcers: they propose measures, and only a certified officer may record
one. Whether a person may author an operation depends on the person's role alone (so that it does
not depend on the order of arrival); whether a screen offers it depends on the stage too.
"""

from collections.abc import Mapping
from typing import Literal

from shared_schema.inspection import Stage
from shared_schema.operations import KINDS, STAGE_KINDS, DisputeSettled, Operation, ScoringClosed

Role = Literal[
    "inspector", "leader", "trainee", "officer",
    "unit_contact", "coordinator", "evaluator", "sysadmin", "secadmin", "auditor",
]  # fmt: skip

SQUAD_ROLES: frozenset[Role] = frozenset({"inspector", "leader", "trainee", "officer"})
CONSOLE_ROLES: frozenset[Role] = frozenset({"coordinator", "evaluator", "sysadmin", "secadmin", "auditor"})

_LEADER_ONLY = frozenset({"dispute_settled", "deliberated", "submitted", "aborted"})
_COORDINATOR_ONLY = frozenset({"returned", "accepted", "locked"})
_SQUAD = frozenset(KINDS) - _LEADER_ONLY - _COORDINATOR_ONLY

_AUTHORS: Mapping[Role, frozenset[str]] = {
    "inspector": _SQUAD,
    "officer": _SQUAD,
    "leader": _SQUAD | _LEADER_ONLY,
    "trainee": frozenset({"note"}),
    # Settling after submission is the coordinator's when the inspection comes back disputed.
    "coordinator": _COORDINATOR_ONLY | {"dispute_settled"},
}


def may_author(role: Role, kind: str, decision: str = "") -> bool:
    """Whether a person of this role may be the author of an operation of this kind, at any time.

    Of a settlement, `decision` is the kind it decides for: whoever settles which stage the inspection
    is in must be allowed that stage. Kinds of a newer version are let through for squad members: they
    are held, not counted.
    """
    if kind not in KINDS:
        return role in SQUAD_ROLES
    allowed = _AUTHORS.get(role, frozenset())
    return kind in allowed and (decision not in STAGE_KINDS or decision in allowed)


def may_write(role: Role, operation: Operation) -> bool:
    """Whether a person of this role may be the author of this operation, at any time."""
    body = operation.body
    if isinstance(body, ScoringClosed) and body.member != operation.person and role != "leader":
        return False
    return may_author(role, operation.kind, body.decision.kind if isinstance(body, DisputeSettled) else "")


def may_now(role: Role, kind: str, stage: Stage) -> bool:
    """Whether a screen offers this kind to this role in this stage."""
    if not may_author(role, kind):
        return False
    match stage:
        case "prepared":
            return kind == "opened"
        case "opened" | "returned" | "deliberated":
            # What deliberation brings up may still be recorded; handing in needs deliberation first.
            early = kind == "submitted" and stage == "opened"
            return role in SQUAD_ROLES and kind != "opened" and not early
        case "submitted":
            return role == "coordinator" and kind in {
                "returned",
                "accepted",
                "dispute_settled",
            }
        case "accepted":
            return role == "coordinator" and kind in {"returned", "locked"}
        case "locked" | "aborted":
            return False
