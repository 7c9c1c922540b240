"""`hucha checklist` checks a checklist file and runs worked scoring examples; what `hucha plan` says of a plan."""

from pathlib import Path

import click

from server.planning.campaign import Plan
from server.planning.checklists import Out, check_file
from server.planning.worked_cases import test_file

VISITS_SHOWN = 3
_FILE = click.Path(path_type=Path)


@click.group("checklist")
def checklist_commands() -> None:
    """Check a checklist file, or worked scoring examples. Writes nothing."""


@checklist_commands.command("check")
@click.argument("file", type=_FILE)
@click.option("--language", type=click.Choice(["zh", "en"]), default="en", help="Language of the messages.")
@click.pass_context
def check(context: click.Context, file: Path, language: str) -> None:
    """Name everything wrong with the checklist in FILE, by line and item, with its cure."""
    context.exit(check_file(file, click.echo, "zh" if language == "zh" else "en"))


@checklist_commands.command("test")
@click.argument("cases", type=_FILE)
@click.option("--language", type=click.Choice(["zh", "en"]), default="en", help="Language of the messages.")
@click.pass_context
def test(context: click.Context, cases: Path, language: str) -> None:
    """Run the worked examples in CASES through the real scoring and print every difference."""
    context.exit(test_file(cases, click.echo, "zh" if language == "zh" else "en"))


def tell_plan(plan: Plan, out: Out) -> None:
    """Says what a plan came to: the draw, each squad with its members, and its first visits."""
    drawn, season = plan.drawn, plan.registers.season
    out(f"{plan.code} {season.campaign.title.zh} / {season.campaign.title.en}")
    out(f"抽签 draw: seed {drawn.seed}, inputs {drawn.inputs_hash}")
    for team in plan.teams:
        members = ", ".join(f"{one.person.name_zh} {one.person.id} ({one.role})" for one in team.members)
        out(f"{team.name_zh} {team.name_en} ({len(team.visits)}): {members}")
        shown = ", ".join(f"{one.day} {one.unit}" for one in team.visits[:VISITS_SHOWN])
        out(f"  {shown}{' …' if len(team.visits) > VISITS_SHOWN else ''}")
    for one in drawn.forced:
        out(f"只有 {one.squad} 可去 {one.unit} / only {one.squad} may visit {one.unit}")
    out(f"{len(plan.teams)} 个检查组 squads, {len(drawn.assignments)} 次检查 visits")
