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

from mobile.transport import HttpTransport, Offline

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
    """Whether a tablet that was given this file talks to the server."""
    transport = HttpTransport(url, connect_seconds=5, authority=authority)
    try:
        return transport.sync(b"x", {}) == b"fine"
    except Offline:
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
    """The tablet goes on offline, and the log says why."""
    ours, file = Authority(tmp_path, "ours"), tmp_path / "file.pem"
    if content is not None:
        file.write_bytes(content)
    with served(ours) as url:
        assert not reached(url, str(file))
    assert str(file) in caplog.text
