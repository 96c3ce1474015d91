"""How the pages speak of money and time, and whom they answer."""

from dataclasses import dataclass
from typing import Literal

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
"""Names under which a page on the loopback may be asked for; any other was rebound from outside."""


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Display and access.

    `currency`: code of the one reporting currency. `time_zone`: IANA name in which pages show times and cut
    days. `hosts`: names without ports that requests may carry, "*" for any. `clock`: whether "now" is the
    wall's or the events' own. `keep`: seconds for which an answer is reused. `refresh`: seconds after which
    the wall reloads. `ideal`: customer segments, the ideal one first. `contact_cost`: of a complaint, in minor units.
    """

    currency: str = "EUR"
    minor_digits: int = 2
    time_zone: str = "UTC"
    hosts: tuple[str, ...] = LOOPBACK
    clock: Literal["live", "event"] = "live"
    keep: float = 2.0
    refresh: int = 30
    ideal: tuple[str, ...] = ()
    contact_cost: int | None = None
    shown: tuple[tuple[str, str], ...] = ()
    """The settings as they were loaded, by name and without secrets, for the page that shows them."""
    metrics: bool = True
    """Whether the page has /metrics as well; False where it has a listener of its own."""
