"""Templates to answers: one Jinja environment that escapes everything, and what each page is given."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Request, Response
from litestar.response import Redirect
from markupsafe import Markup

from server.console import figures
from server.console.assets import asset_url
from server.console.context import asking, console_of
from server.console.nav import rail
from server.console.words import Words
from server.storage import console_reads as reads
from server.storage.database import Connection
from shared_schema.look import GLYPHS
from shared_schema.problems import Problem

FOLDER = Path(__file__).parent
HTML = "text/html; charset=utf-8"
AnyRequest = Request[Any, Any, Any]
Load = Callable[[Connection], Mapping[str, Any]]

_icons: dict[str, str] = json.loads((FOLDER / "icons.json").read_text(encoding="utf-8"))


def icon(name: str) -> Markup:
    """An icon of the one family, drawn in the colour of the text around it."""
    return Markup('<svg class="icon" viewBox="0 96 960 960" aria-hidden="true"><path d="{}"/></svg>').format(
        _icons[name]
    )


@cache
def environment() -> Environment:
    """The one environment. Undefined names are errors, and nothing is ever marked as safe in a template."""
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(
        asset=asset_url,
        icon=icon,
        glyphs=GLYPHS,
        points=figures.points,
        places_of=figures.places_of,
        span=figures.span,
        share=figures.share,
        rate=figures.rate,
        moment=figures.moment,
        size=figures.size,
    )
    return made


def is_fragment(request: AnyRequest) -> bool:
    """Whether htmx asks for a part of a page."""
    return request.headers.get("hx-request") == "true"


def html(request: AnyRequest, template: str, status: int = 200, **given: Any) -> Response[str]:
    """A template as an answer, with what every template is given."""
    asked = asking(request)
    words = Words(asked.language)
    content = (
        environment()
        .get_template(template)
        .render(
            t=words.t,
            term=words.term,
            tx=words.pick,
            words=words,
            lang=asked.language,
            who=asked.who,
            csrf=asked.csrf,
            here=_here(request),
            **given,
        )
    )
    return Response(content, status_code=status, media_type=HTML)


def _here(request: AnyRequest) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def show(
    request: AnyRequest,
    template: str,
    load: Load,
    *,
    page: str = "",
    campaign: str | Callable[[Connection], str] | None = None,
    status: int = 200,
) -> Response[str]:
    """A page with its frame, all read in one snapshot. Raises not_found for a campaign there is none of."""
    who = asking(request).who

    def read(conn: Connection) -> dict[str, Any]:
        found = reads.campaigns(conn)
        chosen = campaign(conn) if callable(campaign) else campaign
        if chosen is None:
            chosen = found[0].id if found else ""
        current = next((one for one in found if one.id == chosen), None)
        if chosen and current is None:
            raise Problem("not_found", what=chosen)
        return {"campaigns": found, "campaign": current, **load(conn)}

    given = console_of(request).db.read(read)
    current = given["campaign"]
    groups = [] if who is None else rail(who.role, current.id if current else "", page)
    if current and "version" not in given:
        given["version"] = f"{current.id} {figures.moment(console_of(request).clock())}"
    return html(request, template, status, page=page, rail=groups, **given)


def part(request: AnyRequest, template: str, load: Load) -> Response[str]:
    """A part of a page, without its frame."""
    return html(request, template, **console_of(request).db.read(load))


def go(request: AnyRequest, url: str) -> Response[Any]:
    """Sends the browser on: after a form by redirect, after htmx by its own header."""
    if is_fragment(request):
        return Response("", media_type=HTML, headers={"HX-Redirect": url})
    return Redirect(url, status_code=303)
