"""The server over HTTP: who may come in, what is refused and how, and what every answer carries."""

import asyncio
import contextlib
import io
import json
import socket
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import httpx
import msgspec
import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mobile.transport import HttpTransport, Rejected
from server.access import devices, patience
from server.app import configure_logs, running
from server.settings import Settings
from server.storage.database import Database
from shared_schema import wire
from shared_schema.ids import DeviceId
from shared_schema.operations import Note
from shared_schema.wire import EnrolReply, EnrolRequest, ProblemReply
from tests.contract.files import metadata, pass_for, picture
from tests.contract.plan import CHECKLIST, plan
from tests.contract.talk import ask
from tests.make import Scribe, make_request

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
PUBLIC = KEY.public_key().public_bytes_raw().hex()
JPEG = picture(1)
NAME = sha256(JPEG).hexdigest()
ITEM = CHECKLIST.items[0].id


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """An open database with the small campaign; every tablet of it has the same key."""
    settings = Settings(data=tmp_path_factory.mktemp("server"), port=0, log_level="error")
    with Database.open(settings.database_url) as database:
        database.write(lambda conn: plan(conn, public_key=PUBLIC))
        yield database


@pytest.fixture(scope="module")
def http(db: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of the running server."""
    settings = Settings(data=tmp_path_factory.mktemp("photos"), port=0, log_level="error")
    with running(settings, db) as url, httpx.Client(base_url=url, trust_env=False) as client:
        yield client


def signed(content: bytes, device: str = "D-1", key: Ed25519PrivateKey = KEY) -> dict[str, str]:
    """The headers of a tablet that signs these bytes."""
    return {wire.DEVICE_HEADER: device, wire.SIGNATURE_HEADER: key.sign(content).hex()}


def problem(reply: httpx.Response) -> str:
    """The code of a refusal, which says the same in two languages and shows no trace."""
    found = msgspec.json.decode(reply.content, type=ProblemReply)
    assert found.zh
    assert found.en
    assert reply.headers["content-type"] == "application/json"
    assert b"Traceback" not in reply.content
    return f"{reply.status_code} {found.code}"


# --- tablets ---------------------------------------------------------------------------------------


def test_an_exchange_over_http(http: httpx.Client) -> None:
    body = wire.encode(make_request([Scribe().write(Note(ITEM, "x"))]))
    reply = http.post("/sync", content=body, headers=signed(body))
    assert reply.status_code == 200
    assert [one.status for one in wire.read_reply(reply.content).statuses] == ["accepted"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({wire.DEVICE_HEADER: "D-99"}, "401 device_unknown"),
        ({wire.DEVICE_HEADER: ""}, "401 device_unknown"),
        ({wire.SIGNATURE_HEADER: "00" * 64}, "401 signature_invalid"),
        ({wire.SIGNATURE_HEADER: ""}, "401 signature_invalid"),
        ({wire.SIGNATURE_HEADER: "not hex"}, "401 signature_invalid"),
        ({wire.SIGNATURE_HEADER: Ed25519PrivateKey.generate().sign(b"other").hex()}, "401 signature_invalid"),
    ],
)
def test_who_is_not_a_tablet_of_ours_is_turned_away(
    http: httpx.Client, change: dict[str, str], code: str
) -> None:
    body = wire.encode(make_request())
    assert problem(http.post("/sync", content=body, headers={**signed(body), **change})) == code


def test_a_body_changed_on_the_way_is_noticed(http: httpx.Client) -> None:
    body = wire.encode(make_request())
    assert problem(http.post("/sync", content=body + b" ", headers=signed(body))) == "401 signature_invalid"


def test_a_tablet_cannot_speak_for_another(http: httpx.Client) -> None:
    body = wire.encode(make_request(device="D-2"))
    assert problem(http.post("/sync", content=body, headers=signed(body))) == "400 request_malformed"


def test_a_revoked_tablet_is_told_so_and_nothing_else_from_now_on(http: httpx.Client, db: Database) -> None:
    body = wire.encode(make_request(device="D-22"))
    headers = signed(body, "D-22")
    assert http.post("/sync", content=body, headers=headers).status_code == 200
    db.write(lambda conn: devices.revoke(conn, "D-22", 1))
    reply = wire.read_reply(http.post("/sync", content=body, headers=headers).content)
    assert (reply.revoked, reply.assignments, reply.news) == (True, None, ())


def test_limits(http: httpx.Client) -> None:
    big = b"x" * (wire.REQUEST_BYTES_MAX + 1)
    assert problem(http.post("/sync", content=big, headers=signed(big))) == "413 request_too_large"
    # The same without a length announced.
    chunks = (big[at : at + 65536] for at in range(0, len(big), 65536))
    assert problem(http.post("/sync", content=chunks, headers=signed(big))) == "413 request_too_large"
    assert problem(http.post("/enrol", content=b"x" * 20_000)) == "413 request_too_large"


HEAD = b"POST /sync HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n"


@pytest.mark.parametrize(
    ("parts", "answer"),
    [
        ([HEAD + b"\r\n", b"only this"], b"HTTP/1.1 503"),
        ([HEAD + b"\r\n"], b"HTTP/1.1 503"),
        ([HEAD], b""),
        ([b"P", b"O", b"S", b"T", b" /"], b""),
        ([], b""),
        ([b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n", b"GET /he"], b"HTTP/1.1 200"),
    ],
    ids=["body", "no body", "head", "byte by byte", "nothing", "second head"],
)
def test_who_stalls_is_given_up(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch, parts: list[bytes], answer: bytes
) -> None:
    monkeypatch.setattr(patience, "STALL_SECONDS", 0.3)

    async def stall() -> bytes:
        reader, writer = await asyncio.open_connection(http.base_url.host, http.base_url.port)
        for part in parts:
            writer.write(part)
            await asyncio.sleep(0.05)
        heard = await asyncio.wait_for(reader.read(12), 3)
        if not heard.endswith(b"503"):
            await asyncio.wait_for(reader.read(), 3)  # until the server closes
        writer.close()
        await writer.wait_closed()
        return heard

    assert asyncio.run(stall()) == answer


def test_more_connections_than_there_is_room_for_are_asked_to_come_again(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 503 at once that says busy and when to come; those that are in are served, and others when one leaves."""
    monkeypatch.setattr("server.app.CONNECTIONS_MAX", 3)
    with running(Settings(data=tmp_path, port=0, log_level="error"), db) as url:
        clients = [httpx.Client(base_url=url, trust_env=False) for _ in range(3)]
        assert [one.get("/healthz").status_code for one in clients] == [200, 200, 503]
        tablet = HttpTransport(url)
        with pytest.raises(Rejected) as caught:
            tablet.sync(b"{}", {})
        problem = caught.value.problem
        assert (problem.code, problem.retry, problem.facts) == ("busy", True, {"wait_seconds": "5"})
        assert problem.zh, "and says so in our words"
        tablet.close()
        for one in clients[1:]:
            one.close()
        assert clients[0].get("/healthz").status_code == 200
        clients[0].close()


def sending(url: str, size_bytes: int, sent_bytes: int) -> socket.socket:
    """Somebody who has sent so much of a request of that size, and signed nothing."""
    host, port = url.removeprefix("http://").split(":")
    line = socket.create_connection((host, int(port)), timeout=10)
    line.sendall(b"POST /sync HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % size_bytes)
    line.sendall(bytes(sent_bytes))
    return line


def test_large_requests_that_nobody_has_signed_do_not_fill_the_memory(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next large one is asked to come again while they are on their way in, and small ones pass."""
    monkeypatch.setattr("server.intake.routes.ARRIVING_BYTES_MAX", 300_000)
    small = wire.encode(make_request())
    large = small + b" " * 200_000
    with (
        running(Settings(data=tmp_path, port=0, log_level="error"), db) as url,
        httpx.Client(base_url=url, trust_env=False) as client,
    ):
        lines = [sending(url, 250_000, 149_000) for _ in range(2)]
        wait_for(lambda: client.post("/sync", content=large, headers=signed(large)).status_code == 503)
        assert problem(client.post("/sync", content=large, headers=signed(large))) == "503 busy"
        assert client.post("/sync", content=small, headers=signed(small)).status_code == 200
        for line in lines:
            line.close()
        wait_for(lambda: client.post("/sync", content=large, headers=signed(large)).status_code == 200)


def test_a_line_that_breaks_in_the_middle_of_a_request_is_no_bug(
    db: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It happens all the time in the field, and what is logged as a bug is to be looked at."""
    with running(Settings(data=tmp_path, port=0, log_level="info"), db) as url:
        sending(url, 9000, 4000).close()
        said = ""

        def told() -> bool:
            nonlocal said
            said += capsys.readouterr().err
            return '"path": "/sync"' in said

        wait_for(told)
    assert '"event": "bug"' not in said
    assert '"code": "busy"' in said


def wait_for(comes: Callable[[], bool]) -> None:
    """Until it is so."""
    deadline = time.monotonic() + 10
    while not comes():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


# --- enrolment -------------------------------------------------------------------------------------


def test_a_code_makes_one_tablet_once(http: httpx.Client, db: Database) -> None:
    db.write(lambda conn: devices.make_enrolment(conn, "S-1", "AB12-CD34", "T-1", 10**15))
    asks = wire.encode(EnrolRequest(code="ab12 cd34", public_key=PUBLIC, name="平板一", app="1.0"))
    first = http.post("/enrol", content=asks)
    assert msgspec.json.decode(first.content, type=EnrolReply).device == "T-1"
    # The first reply may have been lost: the same tablet asks again and is answered the same.
    assert http.post("/enrol", content=asks).content == first.content
    other = wire.encode(EnrolRequest(code="AB12CD34", public_key="11" * 32))
    assert problem(http.post("/enrol", content=other)) == "403 enrolment_code_invalid"
    body = wire.encode(make_request(device="T-1"))
    assert http.post("/sync", content=body, headers=signed(body, "T-1")).status_code == 200
    assert ask(db, "SELECT name, app, squad FROM device WHERE id = 'T-1'") == [("平板一", "1.0", "S-1")]


def test_guessing_codes_is_slowed_down(db: Database, tmp_path: Path) -> None:
    guess = wire.encode(EnrolRequest(code="guess", public_key=PUBLIC))
    with (
        running(Settings(data=tmp_path, port=0, log_level="error"), db) as url,
        httpx.Client(base_url=url) as client,
    ):
        answers = [problem(client.post("/enrol", content=guess)) for _ in range(31)]
    assert answers[0] == "403 enrolment_code_invalid"
    assert answers[-1] == "429 sign_in_throttled"


# --- photos ----------------------------------------------------------------------------------------


def test_a_photo_travels_through_tus(http: httpx.Client, db: Database) -> None:
    """Over real HTTP; what else tus says is tested where it is made."""
    headers = pass_for(db, time.time_ns() // 1_000_000)
    told = {"upload-length": str(len(JPEG)), "upload-metadata": metadata(sha256=NAME)}
    begun = http.post("/files/", headers={**headers, **told})
    assert begun.status_code == 201
    where = begun.headers["location"]
    part = {"content-type": wire.UPLOAD_MEDIA_TYPE}
    assert (
        http.patch(where, content=JPEG[:9], headers={**headers, **part, "upload-offset": "0"}).status_code
        == 204
    )
    wrong = http.patch(where, content=JPEG, headers={**headers, **part, "upload-offset": "0"})
    assert problem(wrong) == "409 upload_offset"
    rest = {**headers, **part, "upload-offset": "9", "x-http-method-override": "PATCH"}
    assert http.post(where, content=JPEG[9:], headers=rest).status_code == 204
    looked = http.head(where, headers=headers)
    assert (looked.status_code, looked.headers["upload-offset"]) == (200, str(len(JPEG)))
    assert ask(db, "SELECT sha256, size_bytes, media_type, device FROM photo") == [
        (NAME, len(JPEG), "image/jpeg", DeviceId("D-1"))
    ]


@pytest.mark.parametrize("name", ["..", "..%2f..%2fetc%2fpasswd", "x" * 64, NAME + "/0", "%00", "CON"])
def test_an_upload_has_no_other_name_than_ours(http: httpx.Client, db: Database, name: str) -> None:
    reply = http.head(f"/files/{name}", headers=pass_for(db, time.time_ns() // 1_000_000))
    assert reply.status_code in {404, 405}


# --- every answer ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/healthz", "/nothing/here", "/sync", "/schema/openapi.json"])
def test_every_answer_carries_the_security_headers(http: httpx.Client, path: str) -> None:
    headers = http.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "server" not in headers


def test_the_wrong_way_to_ask_is_answered_in_our_words(http: httpx.Client) -> None:
    assert problem(http.get("/sync")).startswith("405 ")
    assert problem(http.get("/files")).startswith("405 ")


def test_openapi_describes_what_tablets_call(http: httpx.Client) -> None:
    found = http.get("/schema/openapi.json").json()
    assert found["openapi"].startswith("3.1")
    asked = found["paths"]["/sync"]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    assert asked == "#/components/schemas/ExchangeRequest"
    schemas = found["components"]["schemas"]
    assert set(schemas["ExchangeRequest"]["required"]) == {"device"}
    assert "receipt" in schemas["ExchangeReply"]["properties"]
    named = {text.rpartition("/")[2] for text in _references(found)}
    assert named <= schemas.keys()
    assert {"/enrol", "/sync", "/healthz"} <= found["paths"].keys()


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


@pytest.mark.parametrize("path", ["/schema/redoc", "/schema/swagger", "/schema/elements", "/schema/rapidoc"])
def test_no_page_that_needs_the_internet_is_served(http: httpx.Client, path: str) -> None:
    assert http.get(path).status_code == 404


def test_a_bug_is_answered_with_a_reference_and_nothing_else(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def crash(*_: object, **__: object) -> bytes:
        raise ZeroDivisionError("a secret of the house")

    monkeypatch.setattr("server.intake.routes.exchange", crash)
    body = wire.encode(make_request())
    reply = http.post("/sync", content=body, headers=signed(body))
    assert problem(reply) == "500 internal"
    assert b"secret" not in reply.content


def test_the_app_closes_the_database_it_opened(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, port=0, log_level="error")
    with running(settings) as url:
        assert set(httpx.get(f"{url}/healthz").json()) == {"server"}
    Database.open(settings.database_url).close()  # nobody holds it any more


def test_logs_are_json_lines_without_content(
    db: Database, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = "只有分队知道的话"
    with running(Settings(data=tmp_path, port=0, log_level="info"), db) as url:
        body = wire.encode(make_request([Scribe(epoch="E-log").write(Note(ITEM, secret))]))
        assert httpx.post(f"{url}/sync", content=body, headers=signed(body)).status_code == 200
    lines = [msgspec.json.decode(line) for line in capfd.readouterr().err.splitlines()]
    assert "exchange" in {line["event"] for line in lines}
    assert secret not in str(lines)


def test_logs_go_where_standard_error_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not where it was when the server was made. What cannot be written is no reason to fail: the disk may be full."""
    was, now = io.StringIO(), io.StringIO()
    monkeypatch.setattr("sys.stderr", was)
    configure_logs("info")
    log = structlog.get_logger()
    was.close()
    log.error("a closed file")
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr("sys.stderr", full)
        log.error("a full disk")
        with contextlib.suppress(OSError):
            full.close()
    monkeypatch.setattr("sys.stderr", now)
    log.info("heard")
    assert json.loads(now.getvalue())["event"] == "heard"
