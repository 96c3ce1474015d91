"""What came of a run beside what comes of the same records where nobody disturbs anything."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text

from service.adapters.store import open_store
from tests.faults.receiver import Heard
from tests.faults.stored import engine_of

OVER = "over_before_told"


def happened(url: str, *, live_until: int | None = None) -> list[tuple[Any, ...]]:
    """Interruptions with their timelines, the news made of them, who was told of what and when, and why or why not.

    Not the words of a notice: they say how things stand when it is worded. `live_until`: time goes on by the wall's
    clock, so that only what had opened by then is the same in any run, and how.
    """
    queries = [
        "SELECT id, moment, segment, rule, is_open, detected_at, resolved_at, body FROM interruptions",
        "SELECT interruption, at, what, note, author FROM timeline",
        "SELECT key, routed FROM news",
        "SELECT 'decided', interruption, at, body FROM decisions",
        "SELECT 'told', body FROM outbox",
    ]
    if live_until is not None:
        until = int(live_until)
        queries = [f"SELECT id, moment, segment, rule, detected_at FROM interruptions WHERE detected_at <= {until}"]  # noqa: S608  # a number
    engine = engine_of(url)
    try:
        with engine.connect() as connection:
            found = [tuple(row) for query in queries for row in connection.execute(text(query))]
    finally:
        engine.dispose()
    return sorted((_notice(row[1]) if row[0] == "told" else row for row in found), key=repr)


def _notice(body: str) -> tuple[Any, ...]:
    """What a notice is about, and to whom it goes."""
    notice = json.loads(body)
    return "told", notice["interruption"], notice["reason"], notice["target"], notice["message"]["key"]


def plant_gaps(of: str, url: str, called: Mapping[str, str]) -> None:
    """Let a store that is yet to be know what another one misses, of topics that are called otherwise there.

    Nothing is judged where records are missing; without that, the run that nobody disturbs would judge it.
    """
    query = (
        "SELECT p.topic, g.first, g.after, g.at, g.since, g.until FROM gaps g JOIN partitions p ON p.id = g.partition"
    )
    engine = engine_of(of)
    with engine.connect() as connection:
        missed = connection.execute(text(query)).all()
    engine.dispose()
    open_store(url, {}).close()
    engine = engine_of(url)
    with engine.begin() as connection:
        for number, (topic, *gap) in enumerate(missed):
            place = {"topic": called[topic], "number": 1000 + number}
            spot = "INSERT INTO partitions (topic, number, topic_id, retired) VALUES (:topic, :number, 'gone', true)"
            connection.execute(text(spot), place)
            row = (
                "INSERT INTO gaps (partition, first, after, at, since, until) "
                "SELECT id, :first, :after, :at, :since, :until "
                "FROM partitions WHERE topic = :topic AND number = :number"
            )
            names = ("first", "after", "at", "since", "until")
            connection.execute(text(row), place | dict(zip(names, gap, strict=True)))
    engine.dispose()


def differences(got: Sequence[Any], wanted: Sequence[Any]) -> list[str]:
    """How what happened differs from an undisturbed run, in words.

    What was over before anybody could be told of it is told to nobody, and the decision says so: of such an
    interruption, who was told is left out. That it was, and how it went, is not.
    """
    over = {row[1] for row in (*got, *wanted) if row[0] == "decided" and json.loads(row[3])["reason"] == OVER}
    got, wanted = (
        [row for row in rows if row[0] not in {"decided", "told"} or row[1] not in over] for rows in (got, wanted)
    )
    if got == wanted:
        return []
    surplus = [row for row in got if row not in wanted]
    missing = [row for row in wanted if row not in got]
    return [f"interruptions or notices differ from an undisturbed run: surplus {surplus[:2]}, missing {missing[:2]}"]


def told(url: str, heard: Mapping[str, Sequence[Heard]]) -> tuple[int, list[str]]:
    """How many notices came twice, and what is wrong: one sent and not heard, or doubled without saying so."""
    engine = engine_of(url)
    try:
        with engine.connect() as connection:
            rows = connection.execute(text("SELECT key, state, body FROM outbox")).all()
    finally:
        engine.dispose()
    problems = []
    states = {key: state for key, state, _ in rows}
    unheard = [key for key, state in states.items() if state == "sent" and key not in heard]
    surplus = heard.keys() - states.keys()
    if unheard or surplus:
        problems.append(f"notices: {len(unheard)} sent and not heard, {len(surplus)} heard and not sent")
    for key, came in heard.items():
        # Whichever came first: a sender that froze in the middle sends when it wakes, after whoever took over.
        plain = [h.title for h in came if not h.repeat]
        if len(plain) > 1:
            problems.append(f"notice {key} came {len(came)} times, {len(plain)} of them unmarked: {plain[0]}")
    news = Counter((n["interruption"], n["reason"]) for n in (json.loads(body) for _, _, body in rows))
    twice = [what for what, n in news.items() if n > 1 and what[1] in {"opened", "resolved"}]
    if twice:
        problems.append(f"told in two notices: {twice[:3]}")
    return sum(len(came) - 1 for came in heard.values()), problems
