"""Receivers on loopback that behave as Slack, Mattermost, PagerDuty and Opsgenie say that theirs do."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.adapters.sender.receivers import HttpReceiver, Posted, Reply, http_receiver


def _json(status: int, body: object, **headers: str) -> Reply:
    return Reply(status, {"Content-Type": "application/json", **headers}, json.dumps(body).encode())


@dataclass
class Service:
    """`first`: answers that come before the service's own."""

    first: list[Reply] = field(default_factory=list)
    calls: int = 0

    def answer(self, posted: Posted) -> Reply:
        self.calls += 1
        return self.first.pop(0) if self.first else self.own(posted)

    def own(self, posted: Posted) -> Reply:
        raise NotImplementedError


@dataclass
class Slack(Service):
    """`chat.postMessage`: 200 even where it refuses; a post's name is its channel and timestamp."""

    token: str = "xoxb-1234-1234-abc124"
    posts: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def own(self, posted: Posted) -> Reply:
        assert urlsplit(posted.path).path == "/api/chat.postMessage"
        if posted.headers.get("Authorization") != f"Bearer {self.token}":
            return _json(200, {"ok": False, "error": "invalid_auth"})
        post = posted.json
        channel = post["channel"] if post["channel"].startswith("C") else f"C{post['channel'].strip('#').upper()}"
        if post["channel"] == "#nowhere":
            return _json(200, {"ok": False, "error": "channel_not_found"})
        if "thread_ts" in post and (channel, post["thread_ts"]) not in self.posts:
            return _json(200, {"ok": False, "error": "thread_not_found"})
        if not post.get("blocks") or len(post["blocks"]) > 50 or any(map(_too_long, post["blocks"])):
            return _json(200, {"ok": False, "error": "invalid_blocks"})
        ts = f"17000000{self.calls:02}.000{self.calls:03}"
        self.posts[channel, ts] = post
        return _json(200, {"ok": True, "channel": channel, "ts": ts, "message": {"text": post["text"]}})


def _too_long(block: dict[str, Any]) -> bool:
    most = {"header": 150, "section": 3_000}.get(block["type"], 10_000)
    return len(block.get("text", {}).get("text", "")) > most


@dataclass
class Mattermost(Service):
    """The REST API: 201 and the post with its id; an unknown root is a 400."""

    token: str = "bottoken0123456789abcdef01"  # a receiver's of the tests
    posts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def own(self, posted: Posted) -> Reply:
        if posted.headers.get("Authorization") != f"Bearer {self.token}":
            return _json(401, {"id": "api.context.session_expired.app_error"})
        path = urlsplit(posted.path).path
        if posted.method == "GET":
            assert path == "/api/v4/teams/name/shop/channels/name/ops"
            return _json(200, {"id": "chan0000000000000000000001"})
        assert path == "/api/v4/posts"
        post = posted.json
        if post.get("root_id") and post["root_id"] not in self.posts:
            return _json(400, {"id": "api.post.create_post.root_id.app_error"})
        name = f"post{self.calls:04}"
        self.posts[name] = post
        return _json(201, {"id": name, **post})


@dataclass
class Incident:
    """An incident of a receiver's, and what happened to it."""

    state: str = "triggered"
    log: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class PagerDuty(Service):
    """Events API v2: 202; what has no routing key, or acknowledges nothing, is refused or ignored."""

    key: str = "integrationkey0123456789"
    incidents: dict[str, Incident] = field(default_factory=dict)
    opened: int = 0

    def own(self, posted: Posted) -> Reply:
        event = posted.json
        if event.get("routing_key") != self.key:
            return _json(400, {"status": "invalid event", "errors": ["Invalid routing key"]})
        if event["event_action"] == "trigger" and not {"summary", "source", "severity"} <= event["payload"].keys():
            return _json(400, {"status": "invalid event", "errors": ["payload is incomplete"]})
        key = event["dedup_key"]
        known = self.incidents.get(key)
        if event["event_action"] == "trigger" and (known is None or known.state == "resolved"):
            known = self.incidents[key] = Incident()
            self.opened += 1
        if known is not None:
            known.log.append(event)
            known.state = {"acknowledge": "acknowledged", "resolve": "resolved"}.get(event["event_action"], known.state)
        return _json(202, {"status": "success", "message": "Event processed", "dedup_key": key})


@dataclass
class Opsgenie(Service):
    """The Alert API: 202 and a request id; alerts are named by their alias."""

    key: str = "apikey-0123456789abcdef"
    alerts: dict[str, Incident] = field(default_factory=dict)
    opened: int = 0

    def own(self, posted: Posted) -> Reply:
        if posted.headers.get("Authorization") != f"GenieKey {self.key}":
            return _json(403, {"message": "Could not authenticate"})
        url, body = urlsplit(posted.path), posted.json
        rest = url.path.removeprefix("/v2/alerts")
        if not rest:
            if len(body["message"]) > 130:
                return _json(422, {"message": "Request body is not processable"})
            # As with the real one, an alias is known as long as its alert is open: another one gets a new alert.
            known = self.alerts.get(body["alias"])
            if known is None or known.state == "closed":
                known = self.alerts[body["alias"]] = Incident("open")
                self.opened += 1
            known.log.append(body)
            return _json(202, {"result": "Request will be processed", "requestId": f"r{self.calls}"})
        assert parse_qs(url.query)["identifierType"] == ["alias"]
        alias, verb = (unquote(part) for part in rest.strip("/").split("/"))
        alert = self.alerts.get(alias)
        if alert is not None:
            alert.log.append({"verb": verb, "method": posted.method, **body})
            alert.state = {"close": "closed", "acknowledge": "acknowledged"}.get(verb, alert.state)
        # It takes the request whether or not there is such an alert.
        return _json(202, {"result": "Request will be processed", "requestId": f"r{self.calls}"})


@contextmanager
def serving(service: Service) -> Iterator[HttpReceiver]:
    with http_receiver(answer=service.answer) as receiver:
        yield receiver
