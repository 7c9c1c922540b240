"""`hucha checklist`: checks a checklist file, and runs worked scoring examples."""

from pathlib import Path

import click

from server.planning.checklists import check_file
from server.planning.worked_cases import test_file

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
