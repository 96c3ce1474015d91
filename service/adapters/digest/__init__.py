"""The week's page for people and programs: plain text, an HTML mail, JSON."""

from service.adapters.digest.html import as_html
from service.adapters.digest.machine import as_json
from service.adapters.digest.notice import notices
from service.adapters.digest.text import as_text

__all__ = ["as_html", "as_json", "as_text", "notices"]
