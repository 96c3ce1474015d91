"""The page as plain text: for a terminal wrapped under its titles, for a mail a sentence a line."""

from textwrap import TextWrapper

from service.adapters.digest.bars import bars, drawn
from service.adapters.digest.lines import Line, dateline, headline, lines
from service.adapters.digest.words import plain
from service.core.weekly.page import Page

_WIDTH = 100
_TITLE = 29


def as_text(page: Page) -> str:
    """For a terminal of a hundred columns."""
    out = [headline(page), dateline(page), ""]
    for line in lines(page):
        out += _wrapped(line)
        if line.chart:
            out += _chart(page)
    return "\n".join(out) + "\n"


def mail_lines(page: Page) -> tuple[str, ...]:
    """The most important first: what customers met before the mission, since a phone shows two lines."""
    made = lines(page)
    first = [str(sentence) for sentence in made[1].sentences[:1]]
    rest = [f"{line.number}. {line.title}: {' '.join(str(sentence) for sentence in line.sentences)}" for line in made]
    return (*first, dateline(page), *rest, *(row.strip() for row in _chart(page)))


def _wrapped(line: Line) -> list[str]:
    out: list[str] = []
    lead = f"{line.number:>2} {line.title}".ljust(_TITLE)
    for sentence in line.sentences:
        wrap = TextWrapper(_WIDTH, initial_indent=lead, subsequent_indent=" " * _TITLE, break_long_words=True)
        out += wrap.wrap(str(sentence))
        lead = " " * _TITLE
    return out


def _chart(page: Page) -> list[str]:
    if page.chart is None:
        return []
    chart = bars(page.chart)
    indent = " " * _TITLE
    title = f"{plain(chart.title, 200)}; shaded: its limits; full width: {chart.top}"
    out = TextWrapper(_WIDTH, initial_indent=indent, subsequent_indent=indent).wrap(title)
    for bar in chart.rows:
        flag = {"worse": " outside", "better": " better"}.get(bar.verdict, "")
        shown = f"|{drawn(bar):<40}|{flag}" if bar.share else bar.says
        out.append(f"{indent}{bar.week} {bar.share:>6} {shown}".rstrip())
    return out
