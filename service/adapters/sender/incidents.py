"""PagerDuty and Opsgenie: a conversation is one incident there, opened, updated, acknowledged and resolved.

PagerDuty's Events API v2 knows an incident by `dedup_key`, Opsgenie's Alert API by `alias`: both are the
conversation's thread, so that whatever comes later finds it, also after a restart. apprise's own plugins cannot:
the one has no acknowledgement, and the other looks for the alert by request ids that it forgets with the process.
"""

from typing import Any
from urllib.parse import quote

import requests
from apprise import NotifyType
from apprise.plugins.opsgenie import OPSGENIE_API_LOOKUP, NotifyOpsgenie
from apprise.plugins.pagerduty import PAGERDUTY_API_LOOKUP, NotifyPagerDuty

from service.adapters.sender.forms import one_line
from service.adapters.sender.talking import Reply, Talking
from service.core.catalog import Level
from service.core.telling.route import Message

_SEVERITY: dict[Level, str] = {"critical": "critical", "high": "error", "medium": "warning", "low": "info"}
_PRIORITY: dict[Level, str] = {"critical": "P1", "high": "P2", "medium": "P3", "low": "P4"}
_SUMMARY = 1_024
_DETAIL = 15_000
_OPSGENIE_TITLE = 130
_ACTIONS = {"acknowledged": "acknowledge", "resolved": "resolve"}


class PagerDuty(Talking, NotifyPagerDuty):  # type: ignore[no-untyped-call]  # apprise types some of itself
    """An event for the incident of a conversation."""

    title_maxlen = _SUMMARY
    body_maxlen = _DETAIL
    """apprise's own puts the title into the body, which makes a summary of several lines."""

    def send(self, body: str, title: str = "", notify_type: NotifyType = NotifyType.INFO, **_: Any) -> bool:
        """Trigger it, trigger it again with what is new, acknowledge or resolve it."""
        del notify_type
        message = self.message
        action = _ACTIONS.get(message.state, "trigger")
        event: dict[str, Any] = {
            "routing_key": self.integration_key,
            "event_action": action,
            "dedup_key": message.thread,
        }
        if action == "trigger":
            event |= {
                "payload": self._payload(title, body),
                "client": self.app_id,
                "client_url": message.link,
                "links": [{"href": message.link, "text": "Open and acknowledge"}] if message.link else [],
            }
        try:
            reply = self.call(PAGERDUTY_API_LOOKUP[str(self.region_name)], event, {})
        except requests.RequestException:
            return self.broke_off()
        if not reply.good:
            return False
        if reply.body is None:
            return self.broke_off()
        self.handle = message.thread
        return True

    def _payload(self, title: str, body: str) -> dict[str, Any]:
        payload = {
            "summary": title[:_SUMMARY],
            "severity": self.severity or _SEVERITY[self.message.level],
            "source": self.source,
            "component": self.component,
            "group": self.group,
            "class": self.class_id,
            "custom_details": {"text": body[:_DETAIL], **(self.details or {})},
        }
        return {name: value for name, value in payload.items() if value}


class Opsgenie(Talking, NotifyOpsgenie):  # type: ignore[no-untyped-call]  # apprise types some of itself
    """The alert of a conversation: created, then noted on, acknowledged or closed by its alias."""

    def send(self, body: str, title: str = "", notify_type: NotifyType = NotifyType.INFO, **_: Any) -> bool:
        """One call to create it; what comes later corrects its priority and adds a note."""
        del notify_type
        message = self.message
        url = OPSGENIE_API_LOOKUP[str(self.region_name)]
        alert = f"{url}/{quote(message.thread, safe='')}"
        by_alias = "?identifierType=alias"
        note = {"source": self.app_id, "note": f"{title}\n{body}"[:25_000]}
        if self.user:
            note["user"] = self.user
        try:
            match message.state:
                case "resolved":
                    return self._took(self._ask(f"{alert}/close{by_alias}", note))
                case "acknowledged":
                    return self._took(self._ask(f"{alert}/acknowledge{by_alias}", note))
                case _ if message.root and not message.anew:
                    priority = {"priority": _PRIORITY[message.level]}
                    return self._took(self._ask(f"{alert}/priority{by_alias}", priority, "PUT")) and self._took(
                        self._ask(f"{alert}/notes{by_alias}", note)
                    )
                case _:
                    return self._took(self._ask(url, self._alert(message, title, body)))
        except requests.RequestException:
            return self.broke_off()

    def _ask(self, url: str, payload: dict[str, Any], method: str = "POST") -> Reply:
        return self.call(url, payload, {"Authorization": f"GenieKey {self.apikey}"}, method)

    def _took(self, reply: Reply) -> bool:
        if not reply.good:
            return False
        if reply.body is None:
            return self.broke_off()
        self.handle, self.took = self.message.thread, True
        return True

    def _alert(self, message: Message, title: str, body: str) -> dict[str, Any]:
        alert = {
            "message": _cut(title, _OPSGENIE_TITLE),
            "alias": message.thread,
            "description": body[:_DETAIL],
            "source": self.app_id,
            "priority": _PRIORITY[message.level],
            "details": {**self.details, "level": message.level, "link": message.link},
            "entity": self.entity,
            "user": self.user,
            "responders": self.targets,
        }
        return {name: value for name, value in alert.items() if value}


def _cut(text: str, most: int) -> str:
    text = one_line(text)
    return text if len(text) <= most else f"{text[: most - 1]}…"
