"""The page for programs: `service.core.weekly.page` as JSON, keys in its order."""

import msgspec

from service.core.weekly.page import Page


def as_json(page: Page) -> str:
    """One JSON object, times as RFC 3339 in UTC, with a line break at its end."""
    return msgspec.json.format(msgspec.json.encode(page), indent=2).decode() + "\n"
