"""Who may use a route, and whether its use leaves a line in the audit trail. No policy, no entry."""

from typing import Any, NamedTuple

from shared_schema.roles import Role

POLICY_KEY = "policy"


class Policy(NamedTuple):
    """Roles that may use a route; `read` names the audit line each successful use leaves."""

    roles: frozenset[Role]
    public: bool = False
    read: str = ""
    streamed: bool = False
    """Whether the route reads forms with files by `streaming.arriving`, which asks for their token itself."""


PUBLIC = Policy(frozenset(), public=True)
ANYONE_SIGNED_IN = frozenset[Role]({"coordinator", "evaluator", "sysadmin", "secadmin", "auditor"})


def allow(*roles: Role, read: str = "", streamed: bool = False) -> dict[str, Any]:
    """The `opt` of a route for these roles."""
    return {POLICY_KEY: Policy(frozenset(roles), read=read, streamed=streamed)}


def allow_public() -> dict[str, Any]:
    """The `opt` of a route that needs nobody signed in: it shows nothing of anybody."""
    return {POLICY_KEY: PUBLIC}


def policy_of(opt: dict[str, Any]) -> Policy | None:
    """The policy a route declares."""
    found = opt.get(POLICY_KEY)
    return found if isinstance(found, Policy) else None
