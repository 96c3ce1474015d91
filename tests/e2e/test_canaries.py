"""Secrets and script tags planted in every field of events, and looked for wherever something leaves the service.

The whole service in one process: events in, judged, routed, and sent to receivers that behave as the real ones do.
"""

import io
import json
import logging
import re
import sqlite3
import threading
import urllib.request
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from apprise.plugins.opsgenie import OPSGENIE_API_LOOKUP
from apprise.plugins.pagerduty import PAGERDUTY_API_LOOKUP
from apprise.plugins.slack import NotifySlack

from service.adapters.catalog import load
from service.adapters.memory_source import LineSource
from service.adapters.recovery import row as recovery_row
from service.adapters.recovery import write as write_recovery
from service.adapters.sender import AppriseNotifier, SenderSettings
from service.adapters.store import open_store
from service.app.service import Options, Service
from service.core.event import HOUR, MINUTE, Micros, Partition, rfc3339
from service.core.people import place_of
from tests.adapters.sender import services
from tests.adapters.sender.receivers import HttpReceiver, Mailbox, http_receiver, smtp_server
from tests.adapters.sender.services import serving
from tests.e2e.events import MOMENT, OWNER, RULE, source, stretch
from tests.e2e.running import until, write_catalogue

START: Micros = 1_500_000_000_000_000 // HOUR * HOUR
PRIVATE = ("id", "customer", "key", "reason", "text", "channel", "url", "extra", "value")
"""Fields that nobody needs to read in a message: canaries of theirs must not be in any."""
SECRETS = {
    "slack": "xoxb-1234-1234-secretcanary1",
    "mm": "secretcanary20123456789abc",
    "pd": "secretcanary3integration",
    "pd2": "secretcanary3apikey",
    "og": "secretcanary4-0123456789ab",
    "hook": "secretcanary6",
    "phone": "secretcanary7AA",
}


def canary(of: str) -> str:
    """A text that would be a script in HTML, a call in a chat, a header in a mail and a formula in a sheet."""
    call = f"<!channel> @here [x](http://{of}.evil.example)"
    return f"=CANARY-{of}<script>alert('{of}')</script> {call}\r\nBcc: {of}@evil.example"


def hostile() -> list[bytes]:
    """Half an hour of calm, then trouble in which every field is a trap."""
    events = stretch("calm", START, START + 20 * MINUTE)
    for n in range(60):
        at = rfc3339(START + 20 * MINUTE + n * 10_000_000)
        events.append(
            _line(
                id=f"{canary('id')}{n}",
                time=at,
                type="outcome",
                moment="delivered",
                customer=f"{canary('customer')}{n}",
                outcome="broken",
                key=f"{canary('key')}{n}",
                reason=canary("reason"),
                value=12.5,
                dimensions={"region": canary("region"), canary("dimension"): canary("extra")},
            )
        )
        events.append(
            _line(
                id=f"complaint{n}",
                time=at,
                type="complaint",
                moment="delivered",
                customer=f"{canary('customer')}{n}",
                channel=canary("channel"),
                text=canary("text"),
            )
        )
    events.insert(
        100,
        _line(
            id="note",
            time=rfc3339(START + 15 * MINUTE),
            type="annotation",
            title=canary("title"),
            url=f"https://x.example/{canary('url')}",
        ),
    )
    # What cannot be taken is a dead letter, and a trap as well.
    events.append(_line(id="odd", time="yesterday", type="outcome", customer=canary("customer"), value=canary("value")))
    return events + stretch("after", START + 40 * MINUTE, START + 60 * MINUTE)


def _line(**event: Any) -> bytes:
    return json.dumps(event).encode()


@dataclass
class Heard:
    """Everything that left the service."""

    mailbox: Mailbox
    slack: services.Slack
    mattermost: services.Mattermost
    pagerduty: services.PagerDuty
    opsgenie: services.Opsgenie
    hook: HttpReceiver
    phone: HttpReceiver
    logs: str = ""
    metrics: str = ""
    pages: dict[str, str] = field(default_factory=dict)
    rows: str = ""
    sheet: str = ""

    def messages(self) -> dict[str, str]:
        """What people and programs were sent, by medium."""
        return {
            "mail": "\n".join(mail.as_string() for mail in self.mailbox.mails),
            "mail-html": "\n".join(str(m.get_body(("html",)).get_content()) for m in self.mailbox.mails),  # type: ignore[union-attr]
            "mail-text": "\n".join(str(m.get_body(("plain",)).get_content()) for m in self.mailbox.mails),  # type: ignore[union-attr]
            "slack": json.dumps(list(self.slack.posts.values()), ensure_ascii=False),
            "mattermost": json.dumps(list(self.mattermost.posts.values()), ensure_ascii=False),
            "pagerduty": json.dumps([i.log for i in self.pagerduty.incidents.values()], ensure_ascii=False),
            "opsgenie": json.dumps([i.log for i in self.opsgenie.alerts.values()], ensure_ascii=False),
            "hook": "\n".join(posted.body.decode() for posted in self.hook.posted),
            "phone": "\n".join(posted.body.decode() for posted in self.phone.posted),
        }


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Heard]:
    """The service's run, once; looked at by every test."""
    folder = tmp_path_factory.mktemp("canaries")
    logs = io.StringIO()
    handler = logging.StreamHandler(logs)
    logging.getLogger().addHandler(handler)
    monkey = pytest.MonkeyPatch()
    with ExitStack() as stack:
        stack.callback(logging.getLogger().removeHandler, handler)
        stack.callback(monkey.undo)
        got = _receivers(stack, monkey)
        _run(folder, got)
        got.logs = logs.getvalue()
        yield got


def _receivers(stack: ExitStack, monkey: pytest.MonkeyPatch) -> Heard:
    slack, mattermost = services.Slack(token=SECRETS["slack"]), services.Mattermost(token=SECRETS["mm"])
    pagerduty, opsgenie = services.PagerDuty(key=SECRETS["pd"]), services.Opsgenie(key=SECRETS["og"])
    ports = {name: stack.enter_context(serving(s)).port for name, s in (("slack", slack), ("mm", mattermost))}
    ports |= {name: stack.enter_context(serving(s)).port for name, s in (("pd", pagerduty), ("og", opsgenie))}
    hook, phone = stack.enter_context(http_receiver()), stack.enter_context(http_receiver())
    mailbox = stack.enter_context(smtp_server())
    monkey.setattr(NotifySlack, "api_url", f"http://127.0.0.1:{ports['slack']}/api/{{}}")
    for region in PAGERDUTY_API_LOOKUP:
        monkey.setitem(PAGERDUTY_API_LOOKUP, region, f"http://127.0.0.1:{ports['pd']}/v2/enqueue")
    for region in OPSGENIE_API_LOOKUP:
        monkey.setitem(OPSGENIE_API_LOOKUP, region, f"http://127.0.0.1:{ports['og']}/v2/alerts")
    urls = {
        "mail": f"mailto://127.0.0.1:{mailbox.port}/?from=w@m.example&to=ops@shop.example",
        "slack": f"slack://{SECRETS['slack']}/#ops",
        "mm": f"mmost://shop@127.0.0.1:{ports['mm']}/{SECRETS['mm']}?mode=bot&to=%23ops",
        "pd": f"pagerduty://{SECRETS['pd']}@{SECRETS['pd2']}/momentwatch/watch",
        "og": f"opsgenie://{SECRETS['og']}",
        "hook": f"json://u:{SECRETS['hook']}@127.0.0.1:{hook.port}/in",
        "phone": f"gotify://127.0.0.1:{phone.port}/{SECRETS['phone']}",
    }
    for name, url in urls.items():
        monkey.setenv(f"CANARY_{name.upper()}", url)
    return Heard(mailbox, slack, mattermost, pagerduty, opsgenie, hook, phone)


def _run(folder: Path, got: Heard) -> None:
    names = ["mail", "slack", "mm", "pd", "og", "hook", "phone"]
    targets = [{"kind": "Target", "name": name, "url": {"env": f"CANARY_{name.upper()}"}} for name in names]
    moment = {**MOMENT, "value": {"loss_probability": 0.1}}
    rules = write_catalogue(
        folder / "rules", {**OWNER, "targets": names}, *targets, moment, RULE, source("shop", "event")
    )
    catalog = load(rules).catalog
    url = f"sqlite:///{folder / 'canaries.db'}"
    store = open_store(url, catalog.moments)
    notifier = AppriseNotifier(catalog.targets, SenderSettings(allow_hosts=frozenset({"127.0.0.0/8"})))
    lines = LineSource(Partition("shop", 0, "shop"), hostile())
    options = Options(public_url="https://watch.example", port=0, live=False, watch_pause=0.05)
    service = Service(catalog, store, lines, notifier, options)
    service.start()
    try:
        until(lambda: len(got.mailbox.mails) >= 2, "an opening and its end")
        until(lambda: all(row.state == "sent" for row in store.outbox(limit=99)), "an empty outbox")
        (it,) = store.interruptions()
        mine = f"/interruptions/{it.id}"
        for page in ("/", mine, f"{mine}/people", "/moments/delivered", *_OTHERS):
            got.pages[page] = _get(f"{service.web.url.rstrip('/')}{page}")
        got.metrics = _get(f"{service.web.url.rstrip('/')}/metrics")
        sheet = io.StringIO()
        hurt = store.hurt([place_of(it, START + HOUR)], it.id, limit=99)
        write_recovery([recovery_row(each, 2) for each in hurt], sheet, "csv", identified=False)
        got.sheet = sheet.getvalue()
    finally:
        service.stop()
        assert service.close() == 0
    connection = sqlite3.connect(folder / "canaries.db")
    packed = [zlib.decompress(body) for (body,) in connection.execute("SELECT body FROM shown")]
    assert packed, "no wall was kept"
    got.rows = "\n".join([*connection.iterdump(), *(text.decode("utf-8", "replace") for text in packed)])
    connection.close()
    assert not [one for one in threading.enumerate() if one.name == "send"]


_OTHERS = ("/interruptions", f"/owners/{OWNER['name']}", "/owners", "/customers", "/silences", "/data", "/dead-letters")


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310  # our own page
        return str(answer.read().decode())


def test_every_medium_was_reached(heard: Heard) -> None:
    said = heard.messages()
    # A phone has room for the promise and the harm; PagerDuty's resolution names the incident only.
    assert [name for name, text in said.items() if "CANARY-region" not in text] == ["pagerduty", "phone"]
    assert "customers let down since" in said["phone"]
    assert "CANARY-title" in said["mail-text"]
    assert {incident.state for incident in heard.pagerduty.incidents.values()} == {"resolved"}
    assert {alert.state for alert in heard.opsgenie.alerts.values()} == {"closed"}


@pytest.mark.parametrize("name", PRIVATE)
def test_what_customers_wrote_and_are_called_is_in_no_message_log_or_metric(heard: Heard, name: str) -> None:
    for medium, text in {**heard.messages(), "logs": heard.logs, "metrics": heard.metrics}.items():
        assert f"CANARY-{name}" not in text, medium


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS.keys())
def test_no_targets_secret_is_anywhere_but_on_the_way_to_it(heard: Heard, secret: str) -> None:
    places = {**heard.messages(), "logs": heard.logs, "metrics": heard.metrics, "rows": heard.rows, **heard.pages}
    if secret == SECRETS["pd"]:
        # The key of its service is in every event, for it alone.
        del places["pagerduty"]
    for place, text in places.items():
        assert secret not in text, place


def test_nothing_of_an_event_becomes_markup_in_a_mail_or_on_a_page(heard: Heard) -> None:
    for place, text in {"mail": heard.messages()["mail-html"], **heard.pages}.items():
        assert "<script>alert" not in text, place
        assert 'href="http://region' not in text, place
    assert "&lt;script&gt;" in heard.messages()["mail-html"]
    assert any("&lt;script&gt;" in page for page in heard.pages.values())
    [people] = [text for place, text in heard.pages.items() if place.endswith("/people")]
    assert 'value="=CANARY-customer&lt;script&gt;' in people, "whom a form is about is one value, whatever it holds"


def test_nothing_of_an_event_becomes_a_mails_header(heard: Heard) -> None:
    for mail, envelope in zip(heard.mailbox.mails, heard.mailbox.envelopes, strict=True):
        assert envelope.rcpt_tos == ["ops@shop.example"]
        assert mail["Bcc"] is None
        assert "\n" not in str(mail["Subject"])


def test_nothing_of_an_event_calls_a_channel_or_becomes_a_link_in_a_chat(heard: Heard) -> None:
    for chat in ("slack", "mattermost"):
        text = heard.messages()[chat]
        assert "<!channel>" not in text
        assert not re.search(r"@here|@channel", text)
    assert "&lt;script&gt;" in heard.messages()["slack"]
    assert "](http" not in heard.messages()["mattermost"].replace("\\\\]", "")


def test_nothing_of_an_event_becomes_a_formula_in_a_sheet(heard: Heard) -> None:
    assert "CANARY-customer" in heard.sheet
    cells = [cell.strip('"') for line in heard.sheet.splitlines()[1:] for cell in line.split(",")]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@"))]


def test_a_label_of_a_metric_never_comes_from_an_events_text(heard: Heard) -> None:
    assert "CANARY" not in heard.metrics
    assert 'moment="delivered"' in heard.metrics


def test_nothing_of_an_event_is_in_a_log(heard: Heard) -> None:
    assert "CANARY" not in heard.logs
