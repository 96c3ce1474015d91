"""A notice as the HTML of a mail: the level, the promise, the harm in large, then a line a fact, and one button.

Styles stand on the elements, for some mail programs take no others; where a style sheet is read, a dark screen gets
dark paper. No image, no font and no script is loaded from anywhere.
"""

import re
from collections.abc import Sequence
from html import escape

from service.core.telling.route import Message

_TONES = {"critical": "#8c1d18", "high": "#b3261e", "medium": "#8a5a00", "low": "#4b5f8f"}
_OVER = "#1c6b43"
_OURS = re.compile(r"^((?:Do first: |Everything about it: )(?:.* )?)(https?://[^\s|<>]+)$")
_LABEL = re.compile(r"^(Usual|Next|Value|Complained so far|How sure|Do first|Owner|Everything about it)(:? )")
_DARK = (
    "@media (prefers-color-scheme:dark){.ground{background:#101615!important}.paper{background:#18201f!important;"
    "border-left-color:#2a3432!important;border-right-color:#2a3432!important;border-bottom-color:#2a3432!important}"
    ".ink{color:#e6ecea!important}.soft{color:#9aa8a5!important}.tone{filter:brightness(1.9)}"
    ".link{color:#6fc3dc!important}.rule{border-color:#2a3432!important}}"
    "@media (max-width:480px){.ground{padding:0!important}"
    ".paper{border-radius:0!important;padding:18px 16px!important}}"
)


def letter(message: Message, title: str, lines: Sequence[str], link: str) -> str:
    """The whole document; title and lines are plain text without breaks."""
    tone = _OVER if message.state == "resolved" else _TONES.get(message.level, "#4b5f8f")
    head, _, rest = title.partition(" · ")
    quoted = [line for line in lines if line.startswith('"')][:1]
    told = [line for line in lines if line not in quoted]
    parts = [
        f'<p class="tone" style="margin:0 0 6px;font-size:13px;font-weight:bold;letter-spacing:.05em;color:{tone}">'
        f"{escape(head if rest else '')}</p>"
        if rest
        else "",
        f'<h1 class="ink" style="margin:0;font-size:21px;line-height:1.25;color:#17211f">{escape(rest or head)}</h1>',
        *(
            f'<p class="soft" style="margin:8px 0 0;font-style:italic;color:#5b6664">{escape(line)}</p>'
            for line in quoted
        ),
        *(_first(line) for line in told[:1]),
        _button(message, link, tone),
        *(_fact(line) for line in told[1:]),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<style>{_DARK}</style></head>"
        '<body class="ground" style="margin:0;padding:22px 12px;background:#f4f5f3;'
        "font:15px/1.5 -apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif\">"
        '<div class="paper" style="max-width:600px;margin:0 auto;padding:22px 26px 24px;background:#ffffff;'
        f'border:1px solid #dfe3e0;border-top:4px solid {tone};border-radius:8px">{"".join(parts)}</div></body></html>'
    )


def linked(line: str) -> tuple[str, str]:
    """What a line says before its address, and the address; "" where there is none of ours.

    Only what comes from the catalogue or is our own becomes a link: the runbook, and the interruption's page.
    """
    found = _OURS.match(line)
    return (found[1], found[2]) if found is not None else (line, "")


def _first(line: str) -> str:
    return (
        '<p class="ink" style="margin:14px 0 0;font-size:17px;line-height:1.4;font-weight:bold;color:#17211f">'
        f"{_linked(line)}</p>"
    )


def _fact(line: str) -> str:
    found = _LABEL.match(line)
    said = _linked(line)
    if found is not None:
        label = escape(found[0])
        said = f'<span class="soft" style="color:#5b6664">{label}</span>{said.removeprefix(label)}'
    return (
        '<p class="ink rule" style="margin:0;padding:9px 0;border-top:1px solid #ecefec;color:#17211f;'
        f'overflow-wrap:anywhere">{said}</p>'
    )


def _button(message: Message, link: str, tone: str) -> str:
    if not link.startswith(("https://", "http://")):
        return '<div style="height:14px"></div>'
    label = "Open and acknowledge" if message.asks else "Open in momentwatch"
    ground = tone if message.asks else "#0f5c73"
    return (
        f'<p style="margin:18px 0 20px"><a href="{escape(link)}" style="display:inline-block;background:{ground};'
        'color:#ffffff;font-weight:bold;padding:11px 20px;border-radius:6px;text-decoration:none">'
        f"{label}</a></p>"
    )


def _linked(line: str) -> str:
    lead, address = linked(line)
    if not address:
        return escape(line)
    return f'{escape(lead)}<a href="{escape(address)}" class="link" style="color:#0f5c73">{escape(address)}</a>'
