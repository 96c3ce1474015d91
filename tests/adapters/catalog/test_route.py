"""Routes, service hours and escalation as they are written, and what is said of mistakes in them."""

from pathlib import Path

import pytest

from service.core.event import DAY, HOUR, MINUTE, SECOND
from service.core.routes import Escalation, Inhibition, Matcher, TimeInterval
from tests.adapters.catalog.helpers import CHAT, OPS, document, loaded, problems

MOMENT = document("Moment", "{owner: ops, dimensions: [region]}", name="delivered")


def test_a_node_has_from_above_what_it_does_not_say(tmp_path: Path) -> None:
    spec = """
        group_by: [owner]
        repeat_interval: 4h
        repeat_schedule: [{after: 1d, every: 24h}]
        routes:
          - matchers: ['level="critical"']
            group_by: ['...']
            receiver: chat
            routes: [{name: rio, matchers: [region=RJ], continue: true}]
          - {name: slow, group_wait: 10m}
    """
    [top] = loaded(tmp_path, OPS, CHAT, MOMENT, document("Route", spec, name="shop")).catalog.routes
    critical, slow = top.routes
    [rio] = critical.routes
    assert (top.path, critical.path, rio.path, slow.path) == ("shop", "shop/0", "shop/0/rio", "shop/slow")
    assert (top.group_by, top.group_wait, top.group_interval) == (("owner",), 30 * SECOND, 5 * MINUTE)
    assert (critical.group_by, critical.group_wait, critical.receiver) == (("...",), 0, "chat")
    assert (rio.receiver, rio.matchers, rio.go_on) == ("chat", (Matcher("region", "=", "RJ"),), True)
    assert (slow.group_wait, slow.group_interval, slow.receiver) == (10 * MINUTE, 5 * MINUTE, None)
    assert rio.repeat == ((0, 4 * HOUR), (DAY, 24 * HOUR))


def test_intervals_inhibition_hours_and_escalation_are_understood(tmp_path: Path) -> None:
    owner = """
        targets: [chat]
        manager: boss
        timeZone: Europe/London
        service_hours: [{weekdays: ["monday:friday"], times: [{start_time: "09:00", end_time: "17:30"}]}]
        escalation: [{after: 15m, receiver: chat}, {after: 1h, receiver: manager}]
    """
    route = """
        mute_time_intervals: [sales]
        inhibit_rules: [{source_matchers: [moment=a], target_matchers: ['moment=~"b|c"'], equal: [region]}]
        time_intervals:
          - name: sales
            time_intervals:
              - {months: ["november:december"], days_of_month: ["-3:-1", 1], years: [2024], location: Asia/Tokyo}
    """
    catalog = loaded(
        tmp_path,
        document("Owner", owner, name="ops"),
        document("Owner", "{}", name="boss"),
        CHAT,
        MOMENT,
        document("Route", route),
    ).catalog
    assert catalog.owners["ops"].service_hours == (
        TimeInterval(times=((540, 1050),), weekdays=((0, 4),), zone="Europe/London"),
    )
    assert catalog.owners["ops"].escalation == (Escalation(15 * MINUTE, "chat"), Escalation(HOUR, "manager"))
    assert catalog.routes[0].mute == (
        (
            "sales",
            (
                TimeInterval(
                    days_of_month=((-3, -1), (1, 1)), months=((11, 12),), years=((2024, 2024),), zone="Asia/Tokyo"
                ),
            ),
        ),
    )
    assert catalog.inhibitions == (
        Inhibition((Matcher("moment", "=", "a"),), (Matcher("moment", "=~", "b|c"),), ("region",)),
    )


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("matchers: [level]", "'level' is not a matcher; write one such as"),
        ("""matchers: ['a=~"(b"']""", "'(b' is not a regular expression"),
        ("receiver: opps", 'there is no Owner or Target "opps"; did you mean ops?'),
        ("mute_time_intervals: [nights]", 'there is no interval "nights"; declare it in time_intervals'),
        ("repeat_schedule: [{after: 1d, every: 1d}, {after: 1h, every: 1h}]", "is not later than the step before it"),
        ("escalate: [{after: 1h, receiver: ops}, {after: 1h, receiver: chat}]", "is not later than the step before"),
        ("match: {a: b}", "write matchers"),
        ("routes: [{routes: [{receiver: nobody}]}]", "spec.routes[0].routes[0].receiver: there is no Owner or Target"),
        (
            'time_intervals: [{name: n, time_intervals: [{times: [{start_time: "22:00", end_time: "06:00"}]}]}]',
            "06:00 is not after 22:00; write a night as two",
        ),
        (
            "time_intervals: [{name: n, time_intervals: [{weekdays: [mon]}]}]",
            '"mon" is not a range of weekdays; write one such as monday:sunday',
        ),
        (
            "time_intervals: [{name: n, time_intervals: [{location: London}]}]",
            '"London" is not a time zone; write one such as Europe/London',
        ),
        (
            "time_intervals: [{name: n, time_intervals: [{months: ['december:november']}]}]",
            "runs backwards; write two ranges",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place_and_a_remedy(spec: str, said: str, tmp_path: Path) -> None:
    [found] = problems(tmp_path, OPS, CHAT, MOMENT, document("Route", spec))
    assert said in found


def test_an_escalation_to_a_manager_needs_one(tmp_path: Path) -> None:
    owner = document("Owner", "{targets: [chat], escalation: [{after: 1h, receiver: manager}]}", name="ops")
    [found] = problems(tmp_path, owner, CHAT, MOMENT)
    assert "spec.escalation[0].receiver: owner has no manager" in found


def test_a_label_that_nothing_has_is_warned_of(tmp_path: Path) -> None:
    route = document("Route", "{matchers: [regoin=RJ], group_by: [region, level]}")
    found = [str(one) for one in loaded(tmp_path, OPS, CHAT, MOMENT, route).warnings if "has a label" in str(one)]
    assert len(found) == 1
    assert 'no interruption has a label "regoin": did you mean region?' in found[0]
