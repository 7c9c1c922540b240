"""Who may do what: as a table of the field's rules, and laws over all roles, kinds and stages."""

from itertools import product
from typing import get_args

import pytest

from shared_schema.inspection import Stage
from shared_schema.operations import KINDS, STAGE_KINDS, Accepted, Locked, ScoringClosed, Submitted
from shared_schema.roles import CONSOLE_ROLES, SQUAD_ROLES, Role, may_author, may_now, may_write
from tests.make import every_body, make_answer, make_op, make_settlement

ROLES: tuple[Role, ...] = get_args(Role)
STAGES: tuple[Stage, ...] = get_args(Stage)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_somebody_may_author_every_kind_and_not_everybody(kind: str) -> None:
    """Each kind has authors; those who only look on are never among them."""
    authors = {role for role in ROLES if may_author(role, kind)}
    assert authors
    assert not authors & {"unit_contact", "evaluator", "sysadmin", "secadmin", "auditor"}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_is_offered_in_some_stage(kind: str) -> None:
    """A kind that no stage offers could never be tapped."""
    assert any(may_now(role, kind, stage) for role, stage in product(ROLES, STAGES))


def test_a_screen_offers_only_what_may_be_authored() -> None:
    """Whatever is offered now is never refused by the server for its author."""
    for role, kind, stage in product(ROLES, [*KINDS, "newer"], STAGES):
        assert may_author(role, kind) or not may_now(role, kind, stage)


@pytest.mark.parametrize(
    ("role", "kind", "allowed"),
    [
        ("inspector", "answer", True),
        ("inspector", "dispute_settled", False),
        ("inspector", "submitted", False),
        ("leader", "dispute_settled", True),
        ("leader", "submitted", True),
        ("leader", "accepted", False),
        ("leader", "returned", False),
        ("trainee", "note", True),
        ("trainee", "answer", False),
        ("officer", "measure_proposed", True),
        ("officer", "submitted", False),
        ("coordinator", "accepted", True),
        ("coordinator", "dispute_settled", True),
        ("coordinator", "answer", False),
        ("evaluator", "dispute_settled", False),
        ("sysadmin", "locked", False),
        ("inspector", "a_newer_kind", True),
        ("coordinator", "a_newer_kind", False),
    ],
)
def test_who_may_author(role: Role, kind: str, allowed: bool) -> None:
    """The rules of the field, one by one."""
    assert may_author(role, kind) is allowed


def test_settling_is_no_way_around() -> None:
    """A leader cannot accept or close an inspection by "settling" its stage; a coordinator can."""
    for decision in (Accepted(), Locked()):
        settlement = make_op(make_settlement(decision))
        assert not may_write("leader", settlement)
        assert may_write("coordinator", settlement)
    assert may_write("leader", make_op(make_settlement(Submitted())))
    assert not may_write("coordinator", make_op(make_settlement(Submitted())))
    for role in ("leader", "coordinator"):
        assert may_write(role, make_op(make_settlement(make_answer())))


def test_writing_follows_the_kind() -> None:
    """For everything but settlements, who may write an operation is who may author its kind."""
    for (kind, body), role in product(every_body().items(), ROLES):
        assert may_write(role, make_op(body)) == may_author(role, kind)


def test_before_opening_and_after_closing_nothing_is_offered() -> None:
    """A visit begins by being opened; a closed or aborted one is closed to all."""
    for role, kind in product(ROLES, KINDS):
        assert may_now(role, kind, "prepared") == (kind == "opened" and may_author(role, kind))
        assert not may_now(role, kind, "locked")
        assert not may_now(role, kind, "aborted")


def test_a_squad_leaves_a_submitted_inspection_alone() -> None:
    """After handing in, only the coordinator acts, until it is returned."""
    for role, kind in product(sorted(SQUAD_ROLES), KINDS):
        assert not may_now(role, kind, "submitted")
        assert not may_now(role, kind, "accepted")
    assert may_now("leader", "submitted", "returned")
    assert may_now("inspector", "answer", "returned")
    assert may_now("coordinator", "returned", "accepted")


@pytest.mark.parametrize("stage", ["opened", "returned", "deliberated"])
def test_at_an_open_visit_the_squad_is_offered_all_it_may_author_and_nobody_else_anything(
    stage: Stage,
) -> None:
    """But opening it once more, and handing it in before it was deliberated."""
    early = {"submitted"} if stage == "opened" else set()
    for role in ROLES:
        offered = {kind for kind in KINDS if may_now(role, kind, stage)}
        allowed = {kind for kind in KINDS if may_author(role, kind)} if role in SQUAD_ROLES else set()
        assert offered == allowed - {"opened"} - early


@pytest.mark.parametrize(
    ("stage", "kinds"),
    [("submitted", {"returned", "accepted", "dispute_settled"}), ("accepted", {"returned", "locked"})],
)
def test_what_was_handed_in_is_the_coordinators(stage: Stage, kinds: set[str]) -> None:
    """To send back, to accept, to settle; then to send back all the same or to close."""
    for role in ROLES:
        offered = {kind for kind in KINDS if may_now(role, kind, stage)}
        assert offered == (kinds if role == "coordinator" else set())


def test_a_members_scoring_is_closed_by_that_member_or_the_leader() -> None:
    own, anothers = (make_op(ScoringClosed(member), person="P-1") for member in ("P-1", "P-2"))
    for role in ("inspector", "officer"):
        assert may_write(role, own)
        assert not may_write(role, anothers)
    assert may_write("leader", anothers)


def test_handing_in_needs_deliberation() -> None:
    """From an open visit it is deliberated first."""
    assert not may_now("leader", "submitted", "opened")
    assert may_now("leader", "deliberated", "opened")
    assert may_now("leader", "submitted", "deliberated")


def test_every_role_belongs_to_squad_console_or_unit() -> None:
    """No role falls between the chairs."""
    assert set(ROLES) == SQUAD_ROLES | CONSOLE_ROLES | {"unit_contact"}
    assert set(KINDS) > STAGE_KINDS
