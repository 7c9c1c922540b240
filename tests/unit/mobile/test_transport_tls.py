"""Which servers a tablet believes: those that stand on the certificate it was given, and no others."""

import datetime as dt
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mobile.sync import Sync
from mobile.transport import HttpTransport, Offline, Rejected
from mobile.views import sync_row
from shared_schema.problems import Language, Problem
from tests.unit.mobile.world import Server, Tablet

LOOPBACK = "127.0.0.1"


class Authority:
    """One's own authority: its certificate, and what it has signed for this machine."""

    def __init__(self, folder: Path, name: str, *, named: str = LOOPBACK) -> None:
        key, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        root = _certificate(subject, subject, key.public_key(), authority=True).sign(key, hashes.SHA256())
        leaf = (
            _certificate(x509.Name([]), subject, own.public_key(), authority=False)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(named))]), True)
            .sign(key, hashes.SHA256())
        )
        self.pem, self.served = folder / f"{name}.pem", folder / f"{name}-server.pem"
        self.pem.write_bytes(root.public_bytes(serialization.Encoding.PEM))
        secret = own.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.served.write_bytes(leaf.public_bytes(serialization.Encoding.PEM) + secret)


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, authority: bool
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(1))
        .not_valid_after(now + dt.timedelta(1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )


class _Fine(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "4")
        self.end_headers()
        self.wfile.write(b"fine")

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A tablet that hangs up is what is looked for."""


@contextmanager
def served(by: Authority) -> Iterator[str]:
    """The address of a server with this authority's certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(by.served)
    http = _Server((LOOPBACK, 0), _Fine)
    http.socket = context.wrap_socket(http.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"https://{LOOPBACK}:{http.server_address[1]}"
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def reached(url: str, authority: str) -> bool:
    """Whether a tablet that was given this file talks to the server, or says that it does not trust it."""
    transport = HttpTransport(url, connect_seconds=5, authority=authority)
    try:
        return transport.sync(b"x", {}) == b"fine"
    except Rejected as err:
        if err.problem.code != "server_untrusted":
            raise
        return False
    finally:
        transport.close()


def test_a_server_of_ones_own_authority_is_believed_and_no_other(tmp_path: Path) -> None:
    """Whoever sits in between with another authority's certificate gets nothing."""
    ours, other = Authority(tmp_path, "ours"), Authority(tmp_path, "other")
    with served(ours) as url:
        assert reached(url, str(ours.pem))
        assert not reached(url, str(other.pem))
        assert not reached(url, "")
    with served(other) as url:
        assert not reached(url, str(ours.pem))


def test_a_certificate_for_another_address_is_not_believed(tmp_path: Path) -> None:
    """One's own authority has signed for other machines too."""
    elsewhere = Authority(tmp_path, "elsewhere", named="192.0.2.1")
    with served(elsewhere) as url:
        assert not reached(url, str(elsewhere.pem))


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_of_a_file_that_cannot_be_read_no_server_is_believed(
    tmp_path: Path, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    """The tablet goes on without a server, and the log says why."""
    ours, file = Authority(tmp_path, "ours"), tmp_path / "file.pem"
    if content is not None:
        file.write_bytes(content)
    with served(ours) as url:
        assert not reached(url, str(file))
    assert str(file) in caplog.text


def exchanges(tablet: Tablet, transport: HttpTransport) -> Sync:
    """The tablet's exchanges with another server."""
    photos = tablet.folder / "photos"
    return Sync(tablet.store, tablet.vault, transport, photos, entropy=bytes, clock=lambda: tablet.clock_ms)


@pytest.mark.parametrize(
    ("language", "cure"), [("zh", "HUCHA_TABLET_AUTHORITY"), ("en", "Check the server's address")]
)
def test_a_server_that_is_not_trusted_is_not_said_to_be_offline(
    tmp_path: Path, one: Tablet, language: Language, cure: str
) -> None:
    """What is wrong and what to do stands where a person looks, and it is tried again."""
    with served(Authority(tmp_path, "stranger")) as url:
        transport = HttpTransport(url, connect_seconds=5)
        report = exchanges(one, transport).once()
        transport.close()
    assert (report.outcome, report.problem) == ("failed", "server_untrusted")
    row = sync_row(one.store.sync_state(), language)
    assert row.word == "failed"
    assert cure in row.text
    assert one.store.journal().retry


def test_a_first_start_says_that_the_server_is_not_trusted(tmp_path: Path, server: Server) -> None:
    """And the code is not used up: it never left."""
    tablet = Tablet(tmp_path, server, "T-5", enrolled=False)
    with served(Authority(tmp_path, "stranger")) as url:
        transport = HttpTransport(url, connect_seconds=5)
        with pytest.raises(Problem, match="server_untrusted"):
            exchanges(tablet, transport).enrol("code")
        transport.close()
    tablet.close()


def test_a_server_that_does_not_answer_is_offline_still(tmp_path: Path) -> None:
    """Nobody at the address, over HTTPS as over HTTP."""
    with served(Authority(tmp_path, "gone")) as url:
        pass
    transport = HttpTransport(url, connect_seconds=5)
    with pytest.raises(Offline):
        transport.sync(b"x", {})
    transport.close()
