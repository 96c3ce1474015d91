"""The page as an HTML mail: tables and inline styles, for clients drop the rest; a style sheet only serves phones."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from service.adapters.digest.bars import bars
from service.adapters.digest.lines import dateline, headline, lines
from service.core.weekly.page import Page

_COLOURS = {"plain": "#7f9793", "bad": "#b3261e", "good": "#1c6b43", "band": "#dfe8e6", "none": "#ffffff"}
_TONES = {"bad": "#b3261e", "good": "#1c6b43", "plain": "#17211f", "unknown": "#5b6664"}


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("service.adapters.digest"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("week.html")


def as_html(page: Page, link: str = "") -> str:
    """A complete document; `link`: the pages of the service, where it has an address."""
    return _template().render(
        title=headline(page),
        dateline=dateline(page),
        lines=lines(page),
        chart=bars(page.chart) if page.chart is not None else None,
        colours=_COLOURS,
        tones=_TONES,
        link=link if link.startswith(("https://", "http://")) else "",
    )
