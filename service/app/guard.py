"""Builds the guard that the settings ask for: its heartbeat, and the way past the database."""

import logging
import uuid
from collections.abc import Callable, Mapping, Sequence

from service.adapters.heartbeat import Heartbeat
from service.core.event import SECOND
from service.core.ports import Notifier, Reader
from service.core.telling.route import Message
from service.loops.guard import Guard, Patience, Pulse
from service.settings import Settings

_LOG = logging.getLogger(__name__)


def calling(notifier: Notifier, to: Sequence[str], where: str) -> Callable[[float], None]:
    """Tells some targets, without outbox and database, that the database is away."""

    def call(seconds: float) -> None:
        key = str(uuid.uuid4())
        message = Message(
            key=key,
            thread=key,
            title="CRITICAL · momentwatch has lost its database",
            lines=(
                f"It has not answered for {seconds / 60:.0f} minutes: nothing is judged, no owner is told.",
                "Nothing is lost: bring the database back, and it goes on by itself.",
                "This notice does not come again until it was back.",
            ),
            level="critical",
            link=where,
        )
        for target in to:
            delivery = notifier.send(target, message)
            _LOG.warning("the database is away; %s was told: %s %s", target, delivery.outcome, delivery.detail)

    return call


def build_guard(settings: Settings, store: Reader, notifier: Notifier) -> Callable[[Mapping[str, Pulse]], Guard]:
    """Makes the guard over some loops."""
    section = settings.guard
    beat, emergency = section.heartbeat, section.emergency
    patience = Patience(
        stuck=section.stuck_after / SECOND,
        heartbeat=beat.interval / SECOND if beat else 60.0,
        away=emergency.after / SECOND if emergency else None,
    )
    ping = Heartbeat(beat.address) if beat else None
    call = calling(notifier, emergency.to, settings.public_url) if emergency else None
    return lambda pulses: Guard(store, pulses, patience, ping=ping, call=call)
