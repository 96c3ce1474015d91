"""Which URLs and addresses a notice may go to; and secrets, which nobody may read in a log."""

import io
import logging
import socket
from pathlib import Path
from typing import Any

import pytest

from service.adapters.sender import AppriseNotifier, Secrets, SenderSettings, guard_logs
from service.adapters.sender.address import SCHEMES, Allowed
from service.adapters.sender.redact import HIDDEN
from service.core.catalog import Target
from tests.adapters.sender.conftest import Build
from tests.adapters.sender.receivers import HttpReceiver, Reply, http_receiver, message

NOBODY: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    "url",
    [
        "syslog://",
        "dbus://",
        "file:///etc/passwd",
        "exec://ls",
        "windows://",
        "gnome://",
        "macosx://",
        "mqtt://127.0.0.1/topic",
        "https://127.0.0.1/",
        "smpp://u:p@127.0.0.1/1/2",
        "apprise://127.0.0.1/token",
        "hunter2-not-a-url",
        "",
        "json://127.0.0.1/\njson://127.0.0.2/",
    ],
)
def test_a_scheme_that_is_not_allowed_is_never_used(build: Build, url: str) -> None:
    delivery = build(odd=url).send("odd", message())
    assert (delivery.outcome, delivery.retryable) == ("failed", True)
    assert "hunter2" not in delivery.detail


def test_every_scheme_is_one_that_apprise_knows() -> None:
    from apprise.manager_plugins import NotificationManager

    known = NotificationManager()  # type: ignore[no-untyped-call]  # apprise types some of itself
    assert [scheme for scheme in sorted(SCHEMES) if scheme not in known] == []


def test_the_schemes_may_be_narrowed(receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_URL", f"json://127.0.0.1:{receiver.port}/")
    settings = SenderSettings(allow_hosts=frozenset({"127.0.0.1"}), allow_schemes=frozenset({"mailtos"}))
    delivery = AppriseNotifier({"hook": Target("hook", url_env="HOOK_URL")}, settings).send("hook", message())
    assert delivery.detail == 'target "hook": scheme json:// is not allowed; allowed are mailtos'
    assert not receiver.posted


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104  # an address to refuse
        "224.0.0.1",
        "2130706433",
        "127.1",
    ],
)
@pytest.mark.parametrize("scheme", ["json", "mailto"])
def test_what_is_not_public_is_refused(build: Build, host: str, scheme: str) -> None:
    tail = "?from=a@b.example&to=c@d.example" if scheme == "mailto" else ""
    notifier = build(inside=f"{scheme}://{host}:9/{tail}", allow=NOBODY, deadline_s=2.0)
    delivery = notifier.send("inside", message())
    assert delivery.outcome == "failed"
    # apprise reads some of these as no host at all, which is as good.
    assert "not public" in delivery.detail or "apprise cannot read" in delivery.detail or scheme == "mailto"


def test_nothing_reaches_loopback_unless_it_is_allowed(build: Build, receiver: HttpReceiver) -> None:
    url = f"json://127.0.0.1:{receiver.port}/"
    refused = build(hook=url, allow=NOBODY).send("hook", message())
    assert refused.detail == "the target leads to 127.0.0.1, which is not public; name it in allow_hosts"
    assert not receiver.posted
    assert build(hook=url, allow=frozenset({"127.0.0.1"})).send("hook", message()).outcome == "sent"


def resolving_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Let every name resolve to the next of these addresses, as a hostile name server would."""
    real = socket.getaddrinfo
    left = list(addresses)

    def lookup(host: Any, *args: Any, **kwargs: Any) -> Any:
        # The real one tells the audit hook; its answer is replaced.
        real("127.0.0.1", *args, **kwargs)
        address = left.pop(0) if len(left) > 1 else left[0]
        return real(address, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)


def test_a_name_that_resolves_to_a_private_address_is_refused_at_the_connection(
    build: Build, receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However innocent it looked a moment before: what is checked is what is connected to."""
    resolving_to(monkeypatch, "127.0.0.1")
    delivery = build(hook=f"json://hooks.example:{receiver.port}/", allow=NOBODY).send("hook", message())
    assert "not public" in delivery.detail
    assert not receiver.posted


def test_a_name_that_is_allowed_may_be_private(build: Build, receiver: HttpReceiver) -> None:
    notifier = build(hook=f"json://localhost:{receiver.port}/", allow=frozenset({"LOCALHOST"}))
    assert notifier.send("hook", message()).outcome == "sent"


@pytest.mark.parametrize(
    ("address", "admitted"),
    [
        ("8.8.8.8", True),
        ("2001:4860:4860::8888", True),
        ("10.1.2.3", True),
        ("10.2.0.1", False),
        ("::ffff:10.2.0.1", False),
        ("::ffff:10.1.0.1", True),
        ("64:ff9b::a02:1", False),
        ("2002:7f00:1::", False),
        ("fe80::1%eth0", False),
        ("name.example", False),
        ("/run/socket", False),
        ("", False),
    ],
)
def test_addresses_are_judged_by_where_they_lead(address: str, *, admitted: bool) -> None:
    assert Allowed({"10.1.0.0/16"}).admits(address, None) is admitted


# --- where the URL comes from ---


def test_a_changed_secret_is_used_without_a_restart(build: Build, receiver: HttpReceiver, tmp_path: Path) -> None:
    notifier = build(hook=f"json://127.0.0.1:{receiver.port}/old")
    notifier.send("hook", message())
    (tmp_path / "hook").write_text(f"json://127.0.0.1:{receiver.port}/new", encoding="utf-8")
    notifier.send("hook", message())
    assert [posted.path for posted in receiver.posted] == ["/old", "/new"]


def test_a_url_may_come_from_the_environment(receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_URL", f"json://127.0.0.1:{receiver.port}/")
    targets = {"hook": Target("hook", url_env="HOOK_URL"), "none": Target("none", url_env="NOT_SET")}
    notifier = AppriseNotifier(targets, SenderSettings(allow_hosts=frozenset({"127.0.0.1"})))
    assert notifier.send("hook", message()).outcome == "sent"
    assert "NOT_SET is empty" in notifier.send("none", message()).detail
    assert "not in the catalogue" in notifier.send("gone", message()).detail


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    delivery = AppriseNotifier({"t": Target("t", url_file=missing)}).send("t", message())
    assert missing in delivery.detail


# --- secrets ---

CANARIES = ("pa55-canary", "t0ken-canary-path", "qu3ry-canary-value", "us3r-canary-token")


def careless(text: str) -> None:
    raise OSError(text)


@pytest.mark.parametrize("port", ["open", "shut"])
def test_no_secret_of_a_url_is_in_any_log_or_detail(build: Build, port: str) -> None:
    """Everything is logged, tracebacks too, by everybody; and still."""
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with http_receiver(Reply(403), Reply(403)) as receiver:
            at = receiver.port if port == "open" else 1
            notifier = build(
                hook=f"jsons://watch:{CANARIES[0]}@127.0.0.1:{at}/{CANARIES[1]}?+X-Key={CANARIES[2]}",
                plain=f"json://watch:{CANARIES[0]}@127.0.0.1:{at}/{CANARIES[1]}?+X-Key={CANARIES[2]}",
                mail=f"mailto://watch:{CANARIES[0]}@127.0.0.1:{at}/?from=a@b.example&to=c@d.example",
                push=f"pover://{CANARIES[3]}@{CANARIES[1]}",
                bad=f"slack://{CANARIES[1]}/{CANARIES[2]}",
                worse=f"exec://{CANARIES[1]}",
                deadline_s=2.0,
            )
            details = [
                notifier.send(name, message()).detail for name in ("hook", "plain", "mail", "push", "bad", "worse")
            ]
            # A careless line of somebody else's.
            try:
                careless(f"Max retries exceeded with url: /{CANARIES[1]}?k={CANARIES[2]}")
            except OSError:
                logging.getLogger("some.library").exception("could not reach %s", f"https://x:{CANARIES[0]}@y/")
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
    text = heard.getvalue() + "\n".join(details)
    assert "could not reach" in text
    assert HIDDEN in text
    assert [canary for canary in CANARIES if canary in text] == []


def test_guarding_twice_hides_once(caplog: pytest.LogCaptureFixture) -> None:
    secrets = Secrets()
    secrets.learn("json://u:s3cr3t-word@h/")
    guard_logs(secrets)
    factory = logging.getLogRecordFactory()
    guard_logs(secrets)
    assert logging.getLogRecordFactory() is factory
    logging.getLogger("x").warning("it is %s", "s3cr3t-word")
    assert caplog.messages == [f"it is {HIDDEN}"]


def test_a_secret_is_hidden_however_it_is_spelt() -> None:
    secrets = Secrets()
    secrets.learn("json://watch:pa%2Fss%20word@shop.example/")
    for spelt in ("pa/ss word", "pa%2Fss%20word", "pa/ss%20word"):
        assert secrets.hide(f"no answer from {spelt} so far") == f"no answer from {HIDDEN} so far"


def test_words_that_are_no_secret_stay_readable() -> None:
    secrets = Secrets()
    secrets.learn("mailto://u:pw@smtp.shop.example/?from=watch@shop.example&to=ops@shop.example")
    line = "mail to ops@shop.example by smtp.shop.example"
    assert secrets.hide(line) == line
