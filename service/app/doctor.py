"""Everything that the service stands on, looked at from here: each thing well, doubtful or broken, with a remedy."""

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from service.adapters.catalog import CatalogError, load
from service.adapters.kafka.configured import kafka_settings
from service.adapters.store import examined, open_reader
from service.app.notifier import build_notifier
from service.core.catalog import Catalog
from service.core.event import rfc3339
from service.core.ports import StoreAway, StoreBusy, StoreRefused
from service.settings import Settings, load_settings

_SKEW_S = 5.0
_LATE_S = 300.0
_ROWS = 1_000
_NOTICES = "the interruption's page says which; see docs/runbook.md#outbox-stuck"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the page."""

    status: Literal["ok", "warn", "fail"]
    what: str
    seen: str
    remedy: str = ""


def examine(config: Path) -> Iterator[Finding]:
    """Look at everything that a settings file names; what one thing lacks keeps no other from being looked at."""
    try:
        settings = load_settings(config)
    except CatalogError as error:
        for problem in error.problems:
            yield Finding("fail", "settings", str(problem), "mend the file")
        return
    yield Finding("ok", "settings", str(config))
    catalog = Catalog()
    try:
        loaded = load(settings.rules)
    except CatalogError as error:
        for problem in error.problems:
            yield Finding("fail", "catalogue", str(problem), "momentwatch check names the same")
    else:
        catalog = loaded.catalog
        yield from _catalogue(settings, catalog, [str(warning) for warning in loaded.warnings])
    yield from _database(settings)
    yield from _books(settings)
    yield from _brokers(settings, catalog)
    yield from _targets(settings, catalog)
    yield from _page(settings)


def _catalogue(settings: Settings, catalog: Catalog, warnings: list[str]) -> Iterator[Finding]:
    kinds = (("moment", catalog.moments), ("rule", catalog.rules), ("source", catalog.sources))
    counted = ", ".join(f"{len(found)} {kind}{'s' * (len(found) != 1)}" for kind, found in kinds)
    yield Finding("ok", "catalogue", f"{settings.rules}: {counted}")
    for warning in warnings:
        yield Finding("warn", "catalogue", warning)
    for problem in settings.problems_with(catalog):
        yield Finding("fail", "settings", str(problem), "mend the file, or declare the target")
    if not catalog.sources:
        yield Finding("fail", "catalogue", "declares no topic to read", "add a document of kind Source")


def _database(settings: Settings) -> Iterator[Finding]:
    try:
        seen = examined(settings.database.address)
    except StoreRefused as refused:
        remedy = "momentwatch db upgrade makes it; serve does too" if "no such file" in str(refused) else ""
        yield Finding("warn" if remedy else "fail", "database", str(refused), remedy)
        return
    except (StoreAway, StoreBusy) as away:
        yield Finding("fail", "database", str(away), "start it, or mend database.url; nothing is lost meanwhile")
        return
    yield Finding("ok", "database", f"{seen.where}: schema {seen.version}")
    if seen.damage:
        yield Finding("fail", "database", f"damaged: {seen.damage}", "stop the service, restore the last backup")
    if not seen.writable:
        remedy = "run the doctor as the service's user; it writes the file and its folder"
        yield Finding("warn", "database", "may not be written by whoever runs this", remedy)
    if seen.clock is None:
        year = time.gmtime().tm_year
        yield Finding("ok", "clock", f"this machine's, in {year}; SQLite has no other to compare it with")
        return
    ahead = time.time() - seen.clock
    if abs(ahead) > _SKEW_S:
        yield Finding(
            "fail", "clock", f"{ahead:+.1f} s from the database's", "let both follow NTP: live time is the wall's"
        )
    else:
        yield Finding("ok", "clock", f"{ahead:+.1f} s from the database's")


def _books(settings: Settings) -> Iterator[Finding]:
    """What the database itself says of how things went."""
    try:
        with open_reader(settings.database.address) as reader:
            counts, gaps, rows = reader.counts(), reader.gaps(), reader.outbox(limit=_ROWS)
    except (StoreAway, StoreBusy, StoreRefused):
        # Said already, with the remedy.
        return
    off = counts.read - counts.accepted.total() - counts.duplicate - counts.dead.total()
    seen = f"{counts.read:,} read, {counts.dead.total():,} dead letters, {counts.duplicate:,} duplicates"
    if off:
        yield Finding(
            "fail", "books", f"{seen}: {off:+,} unaccounted for", "momentwatch reconcile; keep database and log"
        )
    else:
        yield Finding("ok", "books", seen)
    if gaps:
        last, lost = gaps[0], sum(gap.records for gap in gaps)
        where = f"{last.partition.topic}[{last.partition.number}]"
        seen = f"{lost:,} records gone before they were read, last noticed {rfc3339(last.at)} on {where}"
        if unknown := sum(gap.after == gap.first for gap in gaps):
            seen += f"; of {unknown} ranges more, of topics made anew, nobody knows how many"
        yield Finding("warn", "gaps", seen, "keep topics longer; docs/runbook.md#records-lost")
    given_up = sum(row.state == "failed" for row in rows)
    waiting = [row for row in rows if row.state in {"waiting", "attempting"}]
    late = [row for row in waiting if row.created_at < (time.time() - _LATE_S) * 1_000_000]
    if late:
        targets = ", ".join(sorted({row.notice.target for row in late}))
        yield Finding("fail", "notices", f"{len(late)} not sent for minutes, to {targets}", "momentwatch notify --test")
    elif given_up:
        yield Finding("warn", "notices", f"{given_up:,} of the last {len(rows):,} could not be delivered", _NOTICES)
    else:
        yield Finding("ok", "notices", f"{len(waiting)} wait")


def _brokers(settings: Settings, catalog: Catalog) -> Iterator[Finding]:
    # The client takes a while to import.
    from service.adapters.kafka.kafka_python.examine import examine as of_brokers

    if settings.kafka is None:
        return
    topics = sorted({source.topic for source in catalog.sources.values()})
    try:
        for well, what, seen, remedy in of_brokers(kafka_settings(settings.kafka), topics):
            yield Finding("ok" if well else "fail", what, seen, remedy)
    except OSError as error:
        yield Finding("fail", "brokers", str(error), "check the files that kafka.security names")


def _targets(settings: Settings, catalog: Catalog) -> Iterator[Finding]:
    notifier = build_notifier(settings.send, catalog.targets)
    for name in sorted(catalog.targets):
        trouble = notifier.trouble(name)
        if trouble is None:
            yield Finding("ok", f"target {name}", "its address can be read; momentwatch notify --test sends to it")
        else:
            yield Finding("fail", f"target {name}", trouble, "mend the secret that the Target names")
    if not catalog.targets:
        yield Finding("warn", "targets", "there are none: interruptions show on the page only", "declare a Target")


def _page(settings: Settings) -> Iterator[Finding]:
    place = f"{settings.web.host}:{settings.web.port}"
    family = socket.AF_INET6 if ":" in settings.web.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.web.host, settings.web.port))
        except OSError as error:
            yield Finding(
                "warn", "page", f"{place}: {error.strerror}", "fine if that is the service; else change web.port"
            )
        else:
            yield Finding("ok", "page", f"{place} is free")
