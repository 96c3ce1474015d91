"""Over TLS: a send can be cut all the same, and a mail goes by STARTTLS with its login."""

import ipaddress
import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.adapters.sender.conftest import Build
from tests.adapters.sender.receivers import Mailbox, Reply, http_receiver, message, smtp_server


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of 127.0.0.1, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    place = tmp_path_factory.mktemp("tls") / "server.pem"
    place.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return place


@pytest.fixture
def context(certificate: Path) -> ssl.SSLContext:
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(certificate)
    return made


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_a_dripping_target_is_cut_under_tls_too(build: Build, context: ssl.SSLContext) -> None:
    with http_receiver(Reply(drip_s=10), tls=context) as receiver:
        notifier = build(hook=f"jsons://127.0.0.1:{receiver.port}/?verify=no", deadline_s=1.0)
        started = time.monotonic()
        assert notifier.send("hook", message()).outcome == "unknown"
        assert time.monotonic() - started < 2.5
        assert receiver.cut.wait(2)


def test_a_certificate_that_nobody_vouches_for_is_refused(build: Build, context: ssl.SSLContext) -> None:
    with http_receiver(tls=context) as receiver:
        delivery = build(hook=f"jsons://127.0.0.1:{receiver.port}/").send("hook", message())
        assert (delivery.outcome, delivery.detail) == ("failed", "no connection")
        assert not receiver.posted


LOGIN = ("watch", "pa55-word")


def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
    known = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode()) == LOGIN
    return AuthResult(success=known, handled=False)


class _Secured(Controller):
    """Wants STARTTLS and a login."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[union-attr]  # it was started
        super()._trigger_server()  # type: ignore[no-untyped-call]  # aiosmtpd types some of itself


@pytest.mark.parametrize(
    ("password", "outcome", "detail"),
    [("pa55-word", "sent", "taken for 1"), ("wrong-word", "failed", "the server answered 535")],
)
def test_a_mail_goes_by_starttls_with_its_login(
    build: Build,
    context: ssl.SSLContext,
    password: str,
    outcome: str,
    detail: str,
) -> None:
    mailbox = Mailbox()
    controller = _Secured(
        mailbox,
        hostname="127.0.0.1",
        port=0,
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        authenticator=authenticate,
    )
    controller.start()
    try:
        url = f"mailtos://watch:{password}@127.0.0.1:{controller.port}/"
        notifier = build(ops=f"{url}?from=watch@shop.example&to=ops@shop.example&verify=no")
        delivery = notifier.send("ops", message())
    finally:
        controller.stop()
    assert (delivery.outcome, delivery.detail, delivery.retryable) == (outcome, detail, True)
    assert len(mailbox.mails) == (outcome == "sent")


def test_a_server_without_starttls_is_not_written_to_in_the_clear(build: Build) -> None:
    with smtp_server() as mailbox:
        url = f"mailtos://127.0.0.1:{mailbox.port}/?from=watch@shop.example&to=ops@shop.example"
        delivery = build(ops=url).send("ops", message())
        assert delivery.outcome == "failed"
        assert not mailbox.mails
