"""Builds the notifier that the settings ask for."""

from collections.abc import Callable, Mapping

from service.adapters.sender import AppriseNotifier, SenderSettings
from service.core.catalog import Target
from service.core.event import SECOND
from service.settings import Send


def build_notifier(send: Send, targets: Mapping[str, Target] | Callable[[], Mapping[str, Target]]) -> AppriseNotifier:
    """A notifier for a catalogue's targets; give a callable where the catalogue may be loaded again."""
    return AppriseNotifier(
        targets,
        SenderSettings(
            deadline_s=send.timeout / SECOND,
            allow_hosts=frozenset(send.allow_hosts),
            allow_schemes=frozenset(send.allow_schemes),
        ),
    )
