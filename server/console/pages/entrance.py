"""Coming in and going out: sign in, sign out, the language, and where each role begins."""

from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery

from server.access import accounts
from server.console.context import LANGUAGE_COOKIE, asking, console_of, signed_in
from server.console.forms import local_path, value
from server.console.nav import home_of
from server.console.policy import ANYONE_SIGNED_IN, allow, allow_public
from server.console.render import AnyRequest, go, html, show
from server.storage import console_reads as reads
from shared_schema.problems import Problem

YEAR_SECONDS = 365 * 24 * 3600


def sign_in_address(request: AnyRequest) -> str:
    """The form, which leads back to what was asked for."""
    then = local_path(request.url.path)
    return "/sign-in" if then == "/" else f"/sign-in?{urlencode({'then': then})}"


@get("/sign-in", opt=allow_public(), sync_to_thread=False)
def sign_in_form(request: AnyRequest, then: FromQuery[str] = "/") -> Response[str]:
    """The form."""
    return _form(request, local_path(then))


def _form(request: AnyRequest, then: str, problem: Problem | None = None, login: str = "") -> Response[str]:
    console = console_of(request)
    status = 200 if problem is None else problem.kind.status
    response = html(request, "sign_in.html", status, then=then, problem=problem, login=login)
    response.set_cookie(
        console.visitor_cookie,
        asking(request).visitor,
        httponly=True,
        samesite="lax",
        secure=console.secure,
        path="/",
    )
    return response


@post("/sign-in", opt=allow_public(), status_code=200, sync_to_thread=True)
def sign_in(request: AnyRequest) -> Response[str]:
    """Checks login and password. A wrong one shows the form again and says no more than that."""
    console = console_of(request)
    login, then = value(request, "login"), local_path(value(request, "then"))
    try:
        token = accounts.sign_in(
            console.db,
            console.throttle,
            login=login,
            password=value(request, "password"),
            address="" if request.client is None else request.client.host,
            former=request.cookies.get(console.session_cookie, ""),
            now_ms=console.clock(),
            entropy=console.entropy,
        )
    except Problem as problem:
        return _form(request, then, problem, login)
    response = go(request, then)
    response.set_cookie(
        console.session_cookie, token, httponly=True, samesite="lax", secure=console.secure, path="/"
    )
    response.delete_cookie(console.visitor_cookie, path="/")
    return response


@post("/sign-out", opt=allow(*ANYONE_SIGNED_IN), status_code=200, sync_to_thread=True)
def sign_out(request: AnyRequest) -> Response[str]:
    """Ends this session on the server, not only in the browser."""
    console = console_of(request)
    asked = asking(request)
    accounts.sign_out(console.db, token=asked.token, login=signed_in(request).login, now_ms=console.clock())
    response = go(request, "/sign-in")
    response.delete_cookie(console.session_cookie, path="/")
    return response


@post("/language", opt=allow_public(), status_code=200, sync_to_thread=False)
def choose_language(request: AnyRequest) -> Response[str]:
    """Shows everything in the other language from now on."""
    response = go(request, local_path(value(request, "then")))
    response.set_cookie(
        LANGUAGE_COOKIE,
        "en" if value(request, "language") == "en" else "zh",
        max_age=YEAR_SECONDS,
        httponly=True,
        samesite="lax",
        secure=console_of(request).secure,
        path="/",
    )
    return response


@get("/", opt=allow(*ANYONE_SIGNED_IN), sync_to_thread=True)
def home(request: AnyRequest) -> Response[str]:
    """Sends each role to where its work begins."""
    found = console_of(request).db.read(reads.campaigns)
    return go(request, home_of(signed_in(request).role, found[0].id if found else ""))


@get("/campaigns/{campaign:str}", opt=allow(*ANYONE_SIGNED_IN), sync_to_thread=False)
def campaign_home(request: AnyRequest, campaign: FromPath[str]) -> Response[str]:
    """Sends each role to where its work in a campaign begins."""
    return go(request, home_of(signed_in(request).role, campaign))


@get("/welcome", opt=allow(*ANYONE_SIGNED_IN), sync_to_thread=True)
def welcome(request: AnyRequest) -> Response[str]:
    """What to do while there is no campaign yet."""
    return show(request, "welcome.html", lambda _: {})
