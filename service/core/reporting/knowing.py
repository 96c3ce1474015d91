"""Who knew first, interruption by interruption: once a customer has complained, the answer stands."""

from collections import Counter
from collections.abc import Mapping

from service.core.catalog import Catalog
from service.core.event import Micros
from service.core.ports import Reader
from service.core.reporting.affected import all_breaks, place_of
from service.core.reporting.lead import FOLLOW, about, first_complaint


class Knowing:
    """Remembers whose complaint was found, so that a reading looks only at what has none so far."""

    def __init__(self) -> None:
        self._leads: dict[str, tuple[str, Micros, Micros]] = {}
        self._heard: dict[str, int] = {}

    def look(self, reader: Reader, catalog: Catalog, now: Micros) -> None:
        """Look for the first complaint of every interruption that has none so far and is not long over."""
        rows = [
            row
            for row in reader.interruptions(since=now - FOLLOW)
            if row.id not in self._leads and row.moment in catalog.moments
        ]
        if not rows:
            return
        complaints = reader.complaints(None, min(row.onset for row in rows), now + 1)
        if not complaints:
            return
        for row in rows:
            heard = [voice for voice in about(row.moment, complaints) if voice.at > row.onset]
            # A customer complains after their break: without a new complaint no later break changes the answer.
            if len(heard) == self._heard.get(row.id, 0):
                continue
            self._heard[row.id] = len(heard)
            first = first_complaint(all_breaks(reader, place_of(row, now)), heard, row.onset)
            if first is not None:
                self._leads[row.id] = (row.moment, row.detected_at, first - row.detected_at)

    def lead(self, identity: str) -> Micros | None:
        """How long before the first complaint an interruption was detected; None while nobody complained."""
        known = self._leads.get(identity)
        return None if known is None else known[2]

    @property
    def first(self) -> Mapping[str, int]:
        """How many interruptions we knew before the first complaint, and how many a customer did."""
        counts = Counter("us" if lead > 0 else "customer" for _, _, lead in self._leads.values())
        return {"us": counts["us"], "customer": counts["customer"]}

    @property
    def leads(self) -> Mapping[str, Micros]:
        """Each moment's newest lead."""
        newest: dict[str, tuple[Micros, Micros]] = {}
        for moment, detected, lead in self._leads.values():
            if moment not in newest or newest[moment][0] < detected:
                newest[moment] = (detected, lead)
        return {moment: lead for moment, (_, lead) in newest.items()}
