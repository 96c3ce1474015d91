"""The page as notices: one a target, with a key that is the week's, so that it is sent once whatever happens."""

import uuid
from collections.abc import Sequence

from service.adapters.digest.html import as_html
from service.adapters.digest.lines import headline
from service.adapters.digest.text import mail_lines
from service.core.telling.route import Message, Notice
from service.core.weekly.page import Page

_NAMESPACE = uuid.UUID("2b0c6a0e-58a3-5c0e-8f4f-5a0a2f5c7d19")


def notices(page: Page, targets: Sequence[str], link: str = "") -> list[Notice]:
    """One for each target."""
    title, said, html = headline(page), mail_lines(page), as_html(page, link)
    made = []
    for target in dict.fromkeys(targets):
        key = notice_key(page.week, target)
        message = Message(key=key, thread=key, title=title, lines=said, level="low", link=link, html=html)
        made.append(Notice(key, target, "digest", message))
    return made


def notice_key(week: str, target: str) -> str:
    """The same for a week and a target, whoever asks."""
    return str(uuid.uuid5(_NAMESPACE, f"{week}\x1f{target}"))
