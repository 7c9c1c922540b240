"""A Problem as the server answers it: status and bytes, from one place."""

from shared_schema.problems import Problem
from shared_schema.wire import ProblemReply, encode


def facts_of(problem: Problem) -> dict[str, str]:
    """The facts of a problem as they travel."""
    return {name: str(value) for name, value in problem.facts.items()}


def reply(problem: Problem) -> tuple[int, bytes]:
    """The HTTP status of a problem, and its body."""
    body = ProblemReply(
        code=problem.code,
        zh=problem.message("zh"),
        en=problem.message("en"),
        retry=problem.kind.retry,
        facts=facts_of(problem),
    )
    return problem.kind.status, encode(body)
