"""The console's router: every page with its policy, behind one edge."""

from typing import Any

import structlog
from litestar import Response, Router
from litestar.exceptions import HTTPException

from server.console import edge
from server.console.context import asking, console_of
from server.console.pages import (
    actions,
    briefing,
    enrolments,
    entrance,
    files,
    inspections,
    packages,
    photos,
    progress,
    quarantine,
    registers,
    scores,
    system,
    tablets,
)
from server.console.render import AnyRequest, go, html, is_fragment
from shared_schema.problems import Problem

FORM_BYTES_MAX = 256 * 1024
REFERENCE_BYTES = 4

log = structlog.get_logger(__name__)


def on_problem(request: AnyRequest, problem: Problem) -> Response[Any]:
    """A Problem as a page; somebody whose session is over is asked to sign in and comes back here."""
    if problem.code == "not_signed_in" and request.method == "GET":
        return go(request, entrance.sign_in_address(request))
    language = asking(request).language
    facts = {"problem": problem, "message": problem.message(language), "status_code": problem.kind.status}
    if is_fragment(request):
        # The page stays as it is, typed text and all; only its notice changes.
        response = html(request, "notice.html", problem.kind.status, **facts)
        response.headers.update({"HX-Retarget": "#notice", "HX-Reswap": "innerHTML"})
        return response
    return html(request, "problem.html", problem.kind.status, **facts)


def on_http_exception(request: AnyRequest, err: HTTPException) -> Response[Any]:
    """What the framework refuses, in our words."""
    if err.status_code == 404:
        return on_problem(request, Problem("not_found", what=request.url.path))
    if err.status_code == 413:
        limit = request.route_handler.resolve_request_max_body_size() or FORM_BYTES_MAX
        return on_problem(request, Problem("request_too_large", limit_bytes=limit))
    if err.status_code < 500:
        return on_problem(request, Problem("request_malformed", where=request.url.path))
    return on_bug(request, err)


def on_bug(request: AnyRequest, err: Exception) -> Response[Any]:
    """A bug: logged whole under a reference, told to nobody else."""
    reference = console_of(request).entropy(REFERENCE_BYTES).hex()
    log.error("console bug", reference=reference, path=request.url.path, exc_info=err)
    return on_problem(request, Problem("internal", reference=reference))


router = Router(
    path="/",
    route_handlers=[
        files.static,
        files.page_margins,
        entrance.sign_in_form,
        entrance.sign_in,
        entrance.sign_out,
        entrance.choose_language,
        entrance.home,
        entrance.campaign_home,
        entrance.welcome,
        progress.progress,
        progress.plan,
        inspections.inspections,
        inspections.inspection,
        inspections.trace,
        inspections.history,
        inspections.operation,
        actions.accept,
        actions.lock,
        actions.return_form,
        actions.send_back,
        actions.settle,
        briefing.add_lead,
        briefing.remove_lead,
        briefing.score_blind,
        briefing.choose_blind,
        briefing.set_watermark,
        photos.photo,
        photos.thumbnail,
        packages.packages,
        packages.package,
        packages.package_file,
        packages.take,
        packages.give,
        packages.discard,
        scores.scores,
        scores.scores_csv,
        scores.scores_xlsx,
        scores.scores_json,
        scores.freeze_scores,
        registers.units,
        registers.people,
        registers.findings,
        registers.checklists,
        registers.checklist,
        quarantine.quarantine,
        quarantine.refused,
        quarantine.admit,
        tablets.tablets,
        tablets.tablet,
        tablets.revoke,
        tablets.hand_over,
        enrolments.make_code,
        enrolments.withdraw,
        system.accounts,
        system.lock_account,
        system.audit_trail,
    ],
    middleware=[edge.Edge()],
    guards=[edge.check_policy],
    before_request=edge.check_form,
    exception_handlers={Problem: on_problem, HTTPException: on_http_exception, Exception: on_bug},
    request_max_body_size=FORM_BYTES_MAX,
    include_in_schema=False,
)
"""Mounted by `server.app`, which hands over the parts with `context.install(app.state, Console(…))`."""
