"""Conversations: what follows stands in the thread of the first post, and a pager keeps one incident."""

from collections.abc import Callable, Iterator

import pytest
from apprise.plugins.opsgenie import OPSGENIE_API_LOOKUP
from apprise.plugins.pagerduty import PAGERDUTY_API_LOOKUP
from apprise.plugins.slack import NotifySlack

from service.core.outbox import Delivery
from tests.adapters.sender import services
from tests.adapters.sender.conftest import Build
from tests.adapters.sender.receivers import HttpReceiver, Reply, message
from tests.adapters.sender.services import serving

SLACK = "slack://xoxb-1234-1234-abc124/#ops"
Send = Callable[..., Delivery]


class Talk:
    """Sends the messages of one conversation as the sending loop does: with what the first was called."""

    def __init__(self, build: Build, url: str) -> None:
        self.notifier = build(it=url)
        self.root = ""

    def send(self, **changed: object) -> Delivery:
        delivery = self.notifier.send("it", message(root=self.root, **changed))
        self.root = self.root or delivery.handle
        return delivery


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[services.Slack]:
    service = services.Slack()
    with serving(service) as receiver:
        monkeypatch.setattr(NotifySlack, "api_url", f"http://127.0.0.1:{receiver.port}/api/{{}}")
        monkeypatch.setattr(NotifySlack, "request_rate_per_sec", 0)
        yield service


@pytest.fixture
def pagerduty(monkeypatch: pytest.MonkeyPatch) -> Iterator[services.PagerDuty]:
    service = services.PagerDuty()
    with serving(service) as receiver:
        for region in PAGERDUTY_API_LOOKUP:
            monkeypatch.setitem(PAGERDUTY_API_LOOKUP, region, f"http://127.0.0.1:{receiver.port}/v2/enqueue")
        yield service


@pytest.fixture
def opsgenie(monkeypatch: pytest.MonkeyPatch) -> Iterator[services.Opsgenie]:
    service = services.Opsgenie()
    with serving(service) as receiver:
        for region in OPSGENIE_API_LOOKUP:
            monkeypatch.setitem(OPSGENIE_API_LOOKUP, region, f"http://127.0.0.1:{receiver.port}/v2/alerts")
        yield service


# --- Slack ---


def test_slack_threads_by_the_first_posts_timestamp_in_each_channel(build: Build, slack: services.Slack) -> None:
    talk = Talk(build, f"{SLACK}/#shop")
    assert talk.send().outcome == "sent"
    first = list(slack.posts)
    assert talk.send(key="worse").outcome == "sent"
    assert talk.send(key="over", state="resolved").outcome == "sent"
    posts = list(slack.posts.items())
    assert [channel for (channel, _), _ in posts] == ["COPS", "CSHOP"] * 3
    roots = {"COPS": first[0][1], "CSHOP": first[1][1]}
    assert [post.get("thread_ts") for (_, _), post in posts[:2]] == [None, None]
    assert all(post["thread_ts"] == roots[channel] for (channel, _), post in posts[2:])


def test_a_slack_post_is_made_of_blocks_with_a_button_that_is_only_a_link(build: Build, slack: services.Slack) -> None:
    Talk(build, SLACK).send(asks=True)
    (post,) = slack.posts.values()
    head, section, actions = post["blocks"]
    assert (head["type"], section["type"], actions["type"]) == ("header", "section", "actions")
    assert message().title in head["text"]["text"]
    assert post["text"] == message().title
    assert "31 customers let down" in section["text"]["text"]
    assert "Do first: <https://runbooks.example/delivery_late>" in section["text"]["text"]
    (button,) = actions["elements"]
    assert (button["url"], button["text"]["text"]) == (message().link, "Open and acknowledge")
    assert "action_id" not in button
    assert "value" not in button


def test_a_long_hostile_notice_still_fits_into_slacks_blocks(build: Build, slack: services.Slack) -> None:
    lines = tuple("&<>" * 400 for _ in range(12))
    assert Talk(build, SLACK).send(title="<&>" * 200, lines=lines).outcome == "sent"


def test_a_thread_whose_first_post_was_deleted_goes_on_beside_it(build: Build, slack: services.Slack) -> None:
    talk = Talk(build, SLACK)
    talk.send()
    slack.posts.clear()
    assert talk.send(key="worse").outcome == "sent"
    (post,) = slack.posts.values()
    assert "thread_ts" not in post


@pytest.mark.parametrize(
    ("reply", "outcome", "says", "retry_after"),
    [
        (Reply(429, {"Retry-After": "30"}, b'{"ok":false,"error":"ratelimited"}'), "failed", "answered 429", 30.0),
        (Reply(200, {}, b'{"ok":false,"error":"not_in_channel"}'), "failed", "not_in_channel", None),
        (Reply(200, {}, b'{"ok":false,"error":"<script>alert(1)</script>"}'), "failed", "no reason given", None),
        (Reply(200, {}, b'{"ok":true,"channel":"C1","ts":"17', kept_back=9), "unknown", "broke off", None),
        (Reply(200, {}, b'{"ok":true,"chan'), "unknown", "broke off", None),
        (Reply(502, {}, b"<html>bad gateway"), "failed", "answered 502", None),
        (Reply(hang_up=True), "unknown", "no answer", None),
    ],
    ids=["429", "refused", "hostile", "cut", "no-json", "502", "hang-up"],
)
def test_what_slack_answers_is_understood(
    build: Build, slack: services.Slack, reply: Reply, outcome: str, says: str, retry_after: float | None
) -> None:
    slack.first.append(reply)
    talk = Talk(build, SLACK)
    delivery = talk.send()
    assert (delivery.outcome, delivery.retry_after) == (outcome, retry_after)
    assert says in delivery.detail
    assert delivery.handle == ""
    assert talk.send().outcome == "sent"


def test_a_channel_that_refuses_leaves_what_another_took_in_doubt(build: Build, slack: services.Slack) -> None:
    delivery = Talk(build, f"{SLACK}/#nowhere").send()
    assert (delivery.outcome, "channel_not_found" in delivery.detail) == ("unknown", True)
    assert list(slack.posts) == [("COPS", next(iter(slack.posts))[1])]


# --- Mattermost ---


def test_mattermost_threads_by_the_first_posts_id_and_survives_its_loss(build: Build) -> None:
    service = services.Mattermost()
    with serving(service) as receiver:
        talk = Talk(build, f"mmost://shop@127.0.0.1:{receiver.port}/bottoken0123456789abcdef01?mode=bot&to=%23ops")
        assert talk.send().outcome == "sent"
        assert talk.send(key="over", state="resolved").outcome == "sent"
        (first, opened), (_, over) = service.posts.items()
        assert ("root_id" in opened, over["root_id"]) == (False, first)
        assert "31 customers let down" in opened["message"]
        service.posts.clear()
        assert talk.send(key="again").outcome == "sent"
        found = Reply(200, {}, b'{"id":"chan0000000000000000000001"}')
        service.first += [found, Reply(429, {"Retry-After": "5"})]
        assert talk.send(key="later").retry_after == 5.0
        service.first += [found, Reply(201, {}, b'{"id":"po', kept_back=5)]
        assert talk.send(key="half").outcome == "unknown"


# --- pagers ---


def test_pagerduty_opens_updates_acknowledges_and_resolves_one_incident(
    build: Build, pagerduty: services.PagerDuty
) -> None:
    talk = Talk(build, "pagerduty://integrationkey0123456789@apikey0123456789/momentwatch/watch")
    sent = [
        talk.send(key="opened"),
        talk.send(key="worse", level="critical"),
        talk.send(key="taken", state="acknowledged"),
        talk.send(key="over", state="resolved"),
    ]
    assert [one.outcome for one in sent] == ["sent"] * 4
    (incident,) = pagerduty.incidents.values()
    assert pagerduty.opened == 1
    assert [event["event_action"] for event in incident.log] == ["trigger", "trigger", "acknowledge", "resolve"]
    assert {event["dedup_key"] for event in incident.log} == {"thread-1"}
    assert [event["payload"]["severity"] for event in incident.log[:2]] == ["error", "critical"]
    assert incident.log[0]["payload"]["summary"] == message().title
    assert "31 customers let down" in incident.log[0]["payload"]["custom_details"]["text"]
    assert incident.log[0]["client_url"] == message().link


def test_opsgenie_creates_notes_acknowledges_and_closes_one_alert(build: Build, opsgenie: services.Opsgenie) -> None:
    talk = Talk(build, "opsgenie://apikey-0123456789abcdef")
    sent = [
        talk.send(key="opened"),
        talk.send(key="worse", level="critical", title="CRITICAL"),
        talk.send(key="taken", state="acknowledged"),
        talk.send(key="over", state="resolved"),
    ]
    assert [one.outcome for one in sent] == ["sent"] * 4
    (alert,) = opsgenie.alerts.values()
    created, priority, note, taken, closed = alert.log
    assert (created["alias"], created["priority"], created["message"]) == ("thread-1", "P2", message().title)
    assert (priority["verb"], priority["method"], priority["priority"]) == ("priority", "PUT", "P1")
    assert (note["verb"], note["note"].splitlines()[0]) == ("notes", "CRITICAL")
    assert (taken["verb"], closed["verb"], alert.state) == ("acknowledge", "close", "closed")


@pytest.mark.parametrize(
    ("pager", "url"),
    [
        ("pagerduty", "pagerduty://integrationkey0123456789@apikey0123456789/momentwatch/watch"),
        ("opsgenie", "opsgenie://apikey-0123456789abcdef"),
    ],
)
def test_what_somebody_opens_again_wakes_people_under_the_same_name(
    build: Build, request: pytest.FixtureRequest, pager: str, url: str
) -> None:
    service = request.getfixturevalue(pager)
    talk = Talk(build, url)
    for key, more in (("opened", {}), ("over", {"state": "resolved"}), ("again", {"anew": True}), ("worse", {})):
        assert talk.send(key=key, **more).outcome == "sent"
    incidents = service.incidents if pager == "pagerduty" else service.alerts
    (incident,) = incidents.values()
    assert list(incidents) == ["thread-1"]
    assert service.opened == 2, "the closed one was written to, and nobody was woken"
    assert incident.state in {"triggered", "open"}


@pytest.mark.parametrize("pager", ["pagerduty", "opsgenie"])
@pytest.mark.parametrize(
    ("reply", "outcome", "retry_after", "retryable"),
    [
        (Reply(429, {"Retry-After": "60"}, b"{}"), "failed", 60.0, True),
        (Reply(500, {}, b""), "failed", None, True),
        (Reply(400, {}, b'{"status":"invalid event"}'), "failed", None, False),
        (Reply(202, {}, b'{"status":"succ', kept_back=20), "unknown", None, True),
        (Reply(hang_up=True), "unknown", None, True),
    ],
    ids=["429", "500", "400", "half", "hang-up"],
)
def test_what_a_pager_answers_is_understood_and_a_second_try_makes_no_second_incident(  # what an answer has
    build: Build,
    request: pytest.FixtureRequest,
    pager: str,
    reply: Reply,
    outcome: str,
    retry_after: float | None,
    *,
    retryable: bool,
) -> None:
    service = request.getfixturevalue(pager)
    urls = {
        "pagerduty": "pagerduty://integrationkey0123456789@apikey0123456789/momentwatch/watch",
        "opsgenie": "opsgenie://apikey-0123456789abcdef",
    }
    talk = Talk(build, urls[pager])
    service.first.append(reply)
    delivery = talk.send()
    assert (delivery.outcome, delivery.retry_after, delivery.retryable) == (outcome, retry_after, retryable)
    assert talk.send(repeat=True).outcome == "sent"
    assert talk.send(repeat=True).outcome == "sent"
    assert len(service.incidents if pager == "pagerduty" else service.alerts) == 1


def test_only_pagers_keep_incidents(build: Build, receiver: HttpReceiver) -> None:
    notifier = build(
        pager="pagerduty://integrationkey0123456789@apikey0123456789/momentwatch/watch",
        alerts="opsgenie://apikey-0123456789abcdef",
        chat=SLACK,
        hook=f"json://127.0.0.1:{receiver.port}/",
        broken="nonsense",
    )
    assert [name for name in ("pager", "alerts", "chat", "hook", "broken") if notifier.keeps_incidents(name)] == [
        "pager",
        "alerts",
    ]
