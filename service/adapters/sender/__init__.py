"""Sends messages to targets that apprise URLs name."""

from service.adapters.sender.notifier import AppriseNotifier, SenderSettings
from service.adapters.sender.redact import Secrets, guard_logs

__all__ = ["AppriseNotifier", "Secrets", "SenderSettings", "guard_logs"]
