"""The page's sentences: twelve lines, always in this order, each with what is known or what would make it so."""

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from service.adapters.digest.words import (
    Words,
    counted,
    lasting,
    listed,
    number,
    one,
    percent,
    place,
    plain,
    value,
)
from service.core.catalog import LEVELS
from service.core.weekly.limits import LEAST, METHOD
from service.core.weekly.page import Due, KnownFirst, Lead, Met, MomentWeek, OpenOne, Page, Step, Story
from service.core.weekly.suggestions import WEEKS as MARKED_WEEKS
from service.core.weekly.suggestions import of_owner

Tone = Literal["bad", "good", "plain", "unknown"]
UNKNOWN = "Not known yet"
_MOST = 5
"""Entries of a list; a page has an end."""


class Sentence(msgspec.Struct, frozen=True, gc=False):
    """One statement; `strong` is what the eye should find, and stands first."""

    text: str
    strong: str = ""
    tone: Tone = "plain"

    def __str__(self) -> str:
        return f"{self.strong} {self.text}".strip()


class Line(msgspec.Struct, frozen=True, gc=False):
    """A line of the page; `chart`: the chart stands below it."""

    number: int
    title: str
    sentences: tuple[Sentence, ...]
    chart: bool = False


def headline(page: Page) -> str:
    """The mail's subject: the week and what customers met in it."""
    week = f"Week {page.week}"
    seen = [met for met in page.met if met.attempts]
    if not seen:
        return f"{week}: nothing was seen"
    met = seen[0]
    if met.unit == "customers" or met.moments > 1:
        return f"{week}: {met.broken:,} of {counted(met.attempts, 'promises')} broken"
    return f"{week}: promise broken on {met.broken:,} of {counted(met.attempts, met.unit)}"


def dateline(page: Page) -> str:
    """Which days, and as known when."""
    words = Words(page)
    known = "as known on" if page.over else "not over yet; as known on"
    return f"{words.span(page.start_at, page.end_at)}, {known} {words.stamp(page.as_of)}"


def lines(page: Page) -> list[Line]:
    """All of them, in order."""
    words = Words(page)
    made = [
        ("Mission", _mission(page)),
        ("What customers met", _met(page)),
        ("Which promise", _which(page, words)),
        ("Did we know first?", _known_first(page.known_first, words)),
        ("The vital few", _vital(page)),
        ("Still not well", _unwell(page, words)),
        ("Customers gained and lost", _customers(page, words)),
        ("Owners", _owners(page, words)),
        ("Falls due next week", _due(page.due)),
        ("Two customers", _stories(page.stories, words)),
        ("What we did not see", _unseen(page)),
        ("Decisions asked", iter([_unknown("needs a record of decisions and what came of them")])),
    ]
    return [
        Line(at, title, tuple(sentences), chart=title == "Which promise")
        for at, (title, sentences) in enumerate(made, 1)
    ]


def _unknown(needs: str, lead: str = "") -> Sentence:
    return Sentence(f"{lead}{UNKNOWN}; {needs}.", tone="unknown")


# --- 1 to 3 ---


def _mission(page: Page) -> Iterator[Sentence]:
    if page.mission:
        yield Sentence("", plain(page.mission, 400))
    else:
        yield _unknown("write it as digest.mission of the settings")
    for promised in page.promises[:_MOST]:
        yield Sentence(f'{plain(promised.title)}: "{plain(promised.promise, 300)}"')
    if not page.promises:
        yield _unknown("write each moment's promise in the customer's words", "The promise: ")


def _met(page: Page) -> Iterator[Sentence]:
    seen = [met for met in page.met if met.attempts]
    if not seen:
        yield Sentence("Nothing fell due and nothing was heard of in this week.", tone="unknown")
    for met in seen:
        outside = any(each.unit == met.unit and each.verdict == "worse" for each in page.moments)
        yield _met_one(met, "bad" if outside else "plain")
    for met in seen:
        if met.promised:
            kept = met.promised - min(met.let_down, met.promised)
            head = f"{counted(met.promised, 'customers')} had a promise due; {kept:,} had all kept;"
            yield Sentence(f"{met.let_down:,} did not.", head, "bad" if met.let_down else "plain")
    if any(met.unit == "customers" and met.promised is None for met in seen):
        yield _unknown(
            "needs promise events with keys: of outcomes without one only counts are stored",
            "How many distinct customers had all of theirs kept: ",
        )


def _met_one(met: Met, tone: Tone) -> Sentence:
    kept = f"{met.attempts - met.broken:,}"
    if met.moments == 1 and met.unit != "customers":
        verb = "was" if met.attempts == 1 else "were"
        head = f"{counted(met.attempts, met.unit)} {verb} due; {met.broken:,} broke their promise,"
        return Sentence(f"{kept} kept it.", head, tone)
    whose = "" if met.unit == "customers" else f" on {plain(met.unit, 40)}"
    head = f"{counted(met.attempts, 'promises')}{whose} fell due; {met.broken:,} were broken,"
    return Sentence(f"which let down {counted(met.let_down, met.unit)}; {kept} were kept.", head, tone)


def _which(page: Page, words: Words) -> Iterator[Sentence]:
    for week in page.moments:
        yield _moment(week, words)
    if not page.moments:
        yield _unknown("declare a moment")


def _moment(week: MomentWeek, words: Words) -> Sentence:
    if week.share is None:
        return Sentence(f"{plain(week.title)}: nothing fell due.", tone="unknown")
    head = f"{plain(week.title)}: {week.broken:,} of {week.attempts:,} broken ({percent(week.share)})"
    tone: Tone = "plain"
    if week.usual is None:
        tail = "what is usual is not known yet: no week before it was seen"
    elif week.lower is None or week.upper is None:
        weeks = counted(week.weeks, "weeks")
        tail = f"usual {number(week.usual)}, from {weeks}; limits need {LEAST}"
    else:
        limits = f"{percent(week.lower)} to {percent(week.upper)}"
        tail = f"usual {number(week.usual)}; inside its limits, {limits}"
        if week.verdict == "worse":
            tone, tail = "bad", f"usual {number(week.usual)}; outside its limits, {limits}"
        elif week.verdict == "better":
            tone, tail = "good", f"usual {number(week.usual)}; better than its limits, {limits}"
    return Sentence(f"{tail}.{_worth(week, words)}", f"{head};", tone)


def _worth(week: MomentWeek, words: Words) -> str:
    if week.broken_value_minor <= 0:
        return ""
    worth = words.money(week.broken_value_minor)
    if week.loss_probability is None:
        return f" Value of what broke: {worth}."
    risk = words.money(week.broken_value_minor * week.loss_probability)
    return f" At risk {risk}, {percent(week.loss_probability)} of {worth}."


# --- 4 to 6 ---


def _known_first(known: KnownFirst, words: Words) -> Iterator[Sentence]:
    opened = sorted(known.opened, key=lambda lead: (not lead.drew, -LEVELS.index(lead.level), lead.opened_at))
    drew = [lead for lead in opened if lead.drew]
    if not opened:
        yield Sentence("No interruption opened in this week.")
    elif drew:
        yield from _leads(drew, len(opened) - len(drew), words)
    else:
        # The gravest are shown, in the order in which they came.
        shown = sorted(opened[:_MOST], key=lambda lead: lead.opened_at)
        said = "; ".join(f"{_named(lead)}, {words.time(lead.opened_at)}" for lead in shown)
        yield Sentence(f"{said}{_more(len(opened))}.", f"{counted(len(opened), 'interruptions')} opened:")
        if known.heard:
            yield Sentence("Nobody whom they let down has complained so far.")
    if not known.heard:
        yield _unknown("needs complaint events", "Ahead of complaints: ")
    elif known.let_down:
        let_down, complained = known.let_down, known.complained
        yield Sentence(f"{complained:,} of the {let_down:,} let down this week have complained since.")


def _leads(drew: Sequence[Lead], silent: int, words: Words) -> Iterator[Sentence]:
    ahead = sum(lead.ahead for lead in drew)
    rest = f"; {silent:,} more opened and drew none so far" if silent else ""
    tone: Tone = "good" if ahead == len(drew) else "bad"
    noun = counted(len(drew), "interruptions").partition(" ")[2]
    yield Sentence(f"{noun} that drew complaints we knew before they came{rest}.", f"{ahead} of {len(drew)}", tone)
    ranked = sorted(drew, key=lambda lead: (-(lead.lead_s or 0.0), lead.opened_at))
    yield Sentence(_led(ranked[0], words), "Best:" if len(drew) > 1 else "")
    if len(drew) > 1:
        yield Sentence(_led(ranked[-1], words), "Worst:")


def _led(lead: Lead, words: Words) -> str:
    head = f"{_named(lead)} opened {words.time(lead.opened_at)}"
    if lead.lead_s is None:
        return f"{head}."
    side = "before" if lead.lead_s > 0 else "after"
    what = "complaints rose" if lead.against == "rise" else "the first of them complained"
    return f"{head}, {lasting(lead.lead_s)} {side} {what}."


def _named(one: Lead | OpenOne) -> str:
    where = place(one.dimensions) or (f"most of all {place(one.most)}" if one.most else "")
    return f"{plain(one.title)} ({where})" if where else plain(one.title)


def _more(count: int, most: int = _MOST) -> str:
    return f"; and {count - most} more" if count > most else ""


def _vital(page: Page) -> Iterator[Sentence]:
    found = page.vital_few
    worst = page.moments[0] if page.moments else None
    if worst is None or worst.share is None or not worst.broken:
        yield Sentence("Nothing broke that a segment could carry.")
        return
    if found is None:
        text = (
            "no segment stands out from its own usual"
            if worst.usual is None or worst.broken > worst.usual
            else "no more broke than usual"
        )
        yield Sentence(f"{plain(worst.title)}: {text}.")
        return
    shares = [
        f"{plain(found.dimension, 40)} {value(share.value)} {share.broken:,} of {share.attempts:,} "
        f"(usual {number(share.usual)})"
        for share in found.few
    ]
    yield Sentence("; ".join(shares) + ".", f"{plain(worst.title)}:", "bad" if worst.verdict == "worse" else "plain")
    stated = (
        f"With the {found.unstated:,} whose {plain(found.dimension, 40)} is not stated, together "
        if found.unstated
        else "Together "
        if len(found.few) > 1
        else ""
    )
    if stated:
        yield Sentence(f"{stated}{found.together:,} of the {found.of:,}.")


def _unwell(page: Page, words: Words) -> Iterator[Sentence]:
    unwell = page.unwell
    if unwell.open:
        said = "; ".join(_open(one, words) for one in unwell.open[:_MOST])
        verb = "interruption was" if len(unwell.open) == 1 else "interruptions were"
        when = "when the week ended" if page.over else "so far"
        head = f"{len(unwell.open)} {verb} open {when}:"
        yield Sentence(f"{said}{_more(len(unwell.open))}.", head, "bad")
    else:
        yield Sentence(f"No interruption was open {'when the week ended' if page.over else 'so far'}.")
    if unwell.waiting is None:
        yield _unknown("needs promises with a due time", "Customers still waiting: ")
    else:
        of = f"of the {counted(unwell.let_down, 'customers')} let down by a due time still wait for what was promised"
        yield Sentence(f"{of}.", f"{unwell.waiting:,}", "bad" if unwell.waiting else "plain")
        tone: Tone = "plain" if unwell.contacted or not unwell.let_down else "bad"
        yield Sentence("of the let down were contacted or made good with so far.", f"{unwell.contacted:,}", tone)
    for each in page.repeated:
        if each.customers:
            of = f"of the {counted(each.customers, 'customers')} let down in {each.days} days were so"
            yield Sentence(f"{of} twice or more, {each.thrice:,} three times or more.", f"{each.twice:,}")


def _open(one: OpenOne, words: Words) -> str:
    text = f"{_named(one)}, {one.level}, since {words.time(one.onset_at)}"
    if one.resolved_at is not None:
        return f"{text}, resolved {words.time(one.resolved_at)}"
    return text if one.state == "open" else f"{text}, {one.state}"


# --- 7 to 9 ---


def _customers(page: Page, words: Words) -> Iterator[Sentence]:
    known = page.customers
    if known is None:
        yield _unknown("needs customer events (joined, left, grew, shrank, referred)")
        return
    worth = f" ({words.money(known.left_value_minor)})" if known.left_value_minor else ""
    parts = [f"+{known.joined:,} joined", f"\N{MINUS SIGN}{known.left:,} left{worth}"]
    others = ((known.grew, "grew"), (known.shrank, "shrank"), (known.referred, "referred others"))
    parts += [f"{count:,} {word}" for count, word in others if count]
    yield Sentence(f"{', '.join(parts)}.")
    if known.left:
        lived = f"{known.left_let_down:,} of the {known.left:,} who left had a promise broken"
        yield Sentence(f"{lived} in this week or the {known.weeks} before; how many would by chance is not known yet.")


def _owners(page: Page, words: Words) -> Iterator[Sentence]:
    for owner in page.owners:
        issues = "; ".join(f"{_named(each)} since {words.day(each.onset_at)}" for each in owner.open[:2])
        more = f"; and {len(owner.open) - 2} more" if len(owner.open) > 2 else ""  # noqa: PLR2004  # two live issues an owner
        yield Sentence(f"{issues}{more}." if issues else "nothing open.", f"{plain(owner.title)}:")
        for idea in of_owner(page.suggestions, owner.owner):
            what = f"Rule {plain(idea.rule)}" if idea.rule else f"The watch of {plain(idea.moment)}"
            noise = idea.noise >= idea.too_late
            verdict = f"{idea.noise if noise else idea.too_late} were {'noise' if noise else 'too late'}"
            yield Sentence(f"{what}: of {idea.marked} marked in {MARKED_WEEKS} weeks {verdict}: {idea.says}.")
    yield _unknown("needs their issues and actions with due dates", "Actions overdue: ")


def _due(due: Sequence[Due] | None) -> Iterator[Sentence]:
    if due is None:
        yield _unknown("needs promise events, which say what falls due when")
        return
    for each in due:
        if not each.promised:
            yield Sentence("no promise known so far falls due.", f"{plain(each.title)}:")
            continue
        text = f"{each.promised:,} known so far; {each.open:,} open"
        if each.misses is not None:
            low, middle, high = each.misses
            text += f", of which about {middle:,} ({low:,} to {high:,}) will miss"
            if each.worst is not None:
                dimension, value, misses, still_open = each.worst
                text += f", {misses:,} of the {still_open:,} in {plain(dimension, 40)} {plain(value, 40)}"
        elif each.usual_share is not None and each.share is not None:
            text += (
                f". At the usual share {number(each.usual_share * each.promised)} will miss, "
                f"at this week's {number(each.share * each.promised)}"
            )
        text += "."
        yield Sentence(text, f"{plain(each.title)}:")


# --- 10 and 11 ---


def _stories(told: Sequence[Story], words: Words) -> Iterator[Sentence]:
    for story in told:
        steps = "; ".join(_step(step, words) for step in story.steps)
        yield Sentence(f"{steps}.", f"{one(story.unit).capitalize()} {story.pseudonym}:")
    if not told:
        yield Sentence("Nobody was let down.", tone="good")


def _step(step: Step, words: Words) -> str:
    at = words.time(step.at)
    if step.what == "complained":
        return f"{at} complained"
    if step.what == "kept_late":
        return f"{at} {plain(step.title)}: kept after all"
    reason = f" ({plain(step.reason, 60)})" if step.reason else ""
    where = ", ".join(f"{plain(name, 40)} {value(of)}" for name, of in sorted(step.dimensions.items())[:4])
    return f"{at} {plain(step.title)}: broken{reason}{f', {where}' if where else ''}"


def _unseen(page: Page) -> Iterator[Sentence]:
    unseen = page.unseen
    if unseen.blind:
        blind = listed([f"{plain(b.title)} {number(b.hours)} of {number(b.of_hours)} hours" for b in unseen.blind])
        yield Sentence(f"{blind}.", "Blind:", "bad")
    else:
        yield Sentence("No blind hours.")
    missing = [
        f"{percent(each.unstated / each.attempts)} of {plain(each.title)} carry no {plain(each.dimension, 40)}"
        for each in unseen.unstated
        if each.unstated
    ]
    if missing:
        yield Sentence(f"{listed(missing)}.")
    elif unseen.unstated:
        yield Sentence("Every attempt carries every dimension.")
    if unseen.learning:
        yield Sentence(f"{listed([plain(title) for title in unseen.learning])}: still learning what is usual, now.")
    yield Sentence(
        f"Of {counted(unseen.read, 'records')} read since the store was made, {unseen.dead:,} could not be read and "
        f"{unseen.late:,} came late."
    )
    for moved in page.moved:
        told = "; ".join(plain(line, 300) for line in moved.lines)
        yield Sentence(f"{told}.", f"{plain(moved.title)}, goalposts moved:")
    if not page.moved:
        yield Sentence("No goalposts moved: nothing re-dated or cancelled, no more time given, no terms loosened.")
    yield Sentence(f"Limits are {METHOD}.")
    yield _unknown("needs a record of them", "What was recaptured or prevented: ")
