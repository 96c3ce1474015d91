"""The notifier: finds a target's URL, puts the message into its medium's form, sends it within a deadline."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType
from apprise.plugins.base import NotifyBase
from apprise.plugins.email.base import NotifyEmail

from service.adapters.sender.address import SCHEMES, Allowed, BadTarget, url_of
from service.adapters.sender.forms import MACHINE, MAIL, form
from service.adapters.sender.incidents import Opsgenie, PagerDuty
from service.adapters.sender.mail import Post
from service.adapters.sender.mattermost import Mattermost
from service.adapters.sender.redact import Secrets, guard_logs
from service.adapters.sender.slack import Slack
from service.adapters.sender.talking import Talking
from service.adapters.sender.verdict import http_verdict, overdue_verdict
from service.adapters.sender.wire import Wire
from service.core.catalog import Target
from service.core.outbox import Delivery
from service.core.telling.route import Message

_log = logging.getLogger(__name__)

_PLUGINS: Mapping[str, type[Talking]] = {
    "slack": Slack,
    "mmost": Mattermost,
    "mmosts": Mattermost,
    "pagerduty": PagerDuty,
    "opsgenie": Opsgenie,
}
"""Where a conversation or an incident is the receiver's own; whatever else there is goes by apprise's plugins."""
INCIDENTS = frozenset({"pagerduty", "opsgenie"})

_GRACE_S = 1.0
"""How long a send that was cut gets to come to its end."""


@dataclass(frozen=True, slots=True)
class SenderSettings:
    """How long a whole send may take, whatever the target drips; what may be sent to though not public.

    `allow_hosts`: names, addresses or networks. `allow_schemes`: the only ones to use; empty: all of ours.
    """

    deadline_s: float = 20.0
    allow_hosts: frozenset[str] = field(default_factory=frozenset)
    allow_schemes: frozenset[str] = field(default_factory=frozenset)


class AppriseNotifier:
    """Sends to targets by name; safe from any thread. What had no answer in time is unknown, not failed."""

    def __init__(
        self,
        targets: Mapping[str, Target] | Callable[[], Mapping[str, Target]],
        settings: SenderSettings | None = None,
        secrets: Secrets | None = None,
    ) -> None:
        self._targets = targets
        self._settings = settings or SenderSettings()
        self._secrets = secrets or Secrets()
        self._allowed = Allowed(self._settings.allow_hosts)
        narrowed = self._settings.allow_schemes
        self._schemes = SCHEMES & narrowed if narrowed else SCHEMES
        guard_logs(self._secrets)

    def send(self, target: str, message: Message) -> Delivery:
        """One attempt; never raises on a target's trouble."""
        try:
            scheme, server = self._server(target)
        except BadTarget as trouble:
            # Worth another try: whoever reads this may mend the secret within the day.
            return Delivery("failed", self._secrets.hide(str(trouble)))
        delivery = self._within_deadline(scheme, server, message)
        return msgspec.structs.replace(delivery, detail=self._secrets.hide(delivery.detail))

    def trouble(self, target: str) -> str | None:
        """What is wrong with a target's address, nothing sent; None where it can be used."""
        try:
            self._server(target)
        except BadTarget as trouble:
            return self._secrets.hide(str(trouble))
        return None

    def keeps_incidents(self, target: str) -> bool:
        """Whether a target has incidents of its own, which are to be acknowledged where ours are."""
        try:
            scheme, _ = self._server(target)
        except BadTarget:
            return False
        return scheme in INCIDENTS

    def _server(self, name: str) -> tuple[str, NotifyBase]:
        targets = self._targets() if callable(self._targets) else self._targets
        target = targets.get(name)
        if target is None:
            raise BadTarget(f'target "{name}" is not in the catalogue; declare it, or take it from its owner')
        url = url_of(target, self._schemes)
        self._secrets.learn(url)
        asset = AppriseAsset(
            app_id="momentwatch",
            app_desc="momentwatch",
            app_url="",
            async_mode=False,
            image_url_mask="",
            secure_logging=True,
        )
        scheme = url.partition("://")[0].lower()
        plugin = _PLUGINS.get(scheme)
        server = plugin.of(url, asset) if plugin is not None else Apprise.instantiate(url, asset=asset)
        if not isinstance(server, NotifyBase):
            raise BadTarget(
                f"target \"{name}\": apprise cannot read its URL; see the scheme's page in apprise's manual"
            )
        # The URL may say otherwise; it has no say in this.
        server.redirects = False
        server.socket_connect_timeout = server.socket_read_timeout = min(10.0, self._settings.deadline_s)
        if scheme in MAIL and getattr(server, "pgp_mode", "no") != "no":
            raise BadTarget(f'target "{name}": pgp= is not supported; take it out of the URL')
        return scheme, server

    def _within_deadline(self, scheme: str, server: NotifyBase, message: Message) -> Delivery:
        """Send in a thread of its own: apprise's timeout starts anew with every byte that it reads."""
        wire = Wire(self._allowed)
        done: list[Delivery] = []
        post = (
            Post(server, message, wire, min(10.0, self._settings.deadline_s))
            if isinstance(server, NotifyEmail) and scheme in MAIL
            else None
        )

        def work() -> None:
            wire.watch()
            try:
                done.append(post.send() if post is not None else _over_http(scheme, server, message, wire))
            except Exception as error:  # noqa: BLE001  # a plugin's mistake is the target's trouble, not ours
                kind = type(error).__name__
                _log.warning("a notice could not be sent: %s in %s", kind, type(server).__name__)
                outcome = Delivery("unknown" if wire.handed_over else "failed", f"error in the sender ({kind})")
                done.append(http_verdict(wire, worked=False) if wire.answers or wire.refused else outcome)

        thread = threading.Thread(target=work, name="send", daemon=True)
        thread.start()
        thread.join(self._settings.deadline_s)
        if thread.is_alive():
            # Judged before the cut: what the cut itself breaks says nothing about the target.
            verdict = (post.delivery if post is not None else None) or overdue_verdict(wire, self._settings.deadline_s)
            wire.cancel()
            thread.join(_GRACE_S)
            return verdict
        wire.close()
        return done[0] if done else Delivery("unknown", "the sender's thread ended early")


def _over_http(scheme: str, server: NotifyBase, message: Message, wire: Wire) -> Delivery:
    if isinstance(server, Talking):
        server.message = message
    else:
        _adopt(scheme, server, message)
    shown = form(message, scheme, server.body_maxlen)
    worked = server.notify(
        title=shown.title, body=shown.body, notify_type=_type(message), body_format=NotifyFormat.TEXT
    )
    if not isinstance(server, Talking):
        return http_verdict(wire, worked=bool(worked))
    # What the plugin read in an answer says more than its status, unless that was no yes to begin with.
    said = server.verdict if wire.answers and wire.answers[-1].good else None
    delivery = said or http_verdict(wire, worked=bool(worked), in_part=server.took)
    if delivery.outcome == "failed" and server.took:
        # One of several channels has it.
        delivery = Delivery("unknown", f"accepted in part, then {delivery.detail}", retry_after=delivery.retry_after)
    return msgspec.structs.replace(delivery, handle=server.handle)


def _adopt(scheme: str, server: Any, message: Message) -> None:
    """Hand the notice's key and thread on, where the medium has a place for them."""
    if scheme in MACHINE:
        server.payload_extras = {
            "key": message.key,
            "thread": message.thread,
            "level": message.level,
            "state": message.state,
            "link": message.link,
            "repeat": message.repeat if scheme.startswith("json") else str(message.repeat).lower(),
            **server.payload_extras,
        }
        server.headers = {"Idempotency-Key": message.key, **server.headers}
    elif scheme == "splunk" and message.thread:
        server.entity_id = message.thread
    elif scheme == "gchat" and message.thread:
        server.thread_key = message.thread


def _type(message: Message) -> NotifyType:
    if message.state == "resolved":
        return NotifyType.SUCCESS
    if message.state == "none":
        return NotifyType.INFO
    return {
        "critical": NotifyType.FAILURE,
        "high": NotifyType.FAILURE,
        "medium": NotifyType.WARNING,
        "low": NotifyType.INFO,
    }[message.level]
