"""Who hears of a notice that could not be delivered, and that the line has an end."""

from service.core.catalog import Catalog, Owner, Target
from service.core.event import MINUTE
from service.core.routes import Escalation
from service.core.telling.desk import Reason
from service.core.telling.route import Message, Notice
from service.core.telling.undelivered import undelivered

OPS = Owner(
    "ops",
    manager="head",
    targets=("phone",),
    escalation=(Escalation(15 * MINUTE, "chat"), Escalation(30 * MINUTE, "manager")),
)
CATALOG = Catalog(
    owners={"ops": OPS, "head": Owner("head", manager="chief", targets=("head-mail",)), "chief": Owner("chief")},
    targets={name: Target(name) for name in ("phone", "chat", "head-mail", "siren")},
)


def notice(target: str = "phone", reason: Reason = "opened") -> Notice:
    message = Message(
        "k", "t", "HIGH · late", ("31 customers",), "high", link="https://x/acknowledge/of-phone", asks=True
    )
    return Notice("k", target, reason, message, "i", "m", "ops")


def test_it_goes_down_the_line_until_nobody_is_left_and_never_to_one_who_was_tried() -> None:
    given_up, heard = notice(), []
    while stand_ins := undelivered(
        given_up, "no connection", CATALOG, last=("siren",), link=lambda t: f"https://x/{t}"
    ):
        (given_up,) = stand_ins
        heard.append((given_up.target, given_up.owner, given_up.instead_of))
    assert heard == [
        ("chat", "ops", ("phone",)),
        ("head-mail", "ops", ("phone", "chat")),
        ("siren", "ops", ("phone", "chat", "head-mail")),
    ]


def test_it_says_why_it_comes_and_is_another_notice_the_same_each_time() -> None:
    (told,) = undelivered(
        notice(), "no connection; given up after 60 attempts", CATALOG, link=lambda t: f"https://x/{t}"
    )
    assert told.reason == "undelivered"
    assert told.message.title == "NOT DELIVERED · HIGH · late"
    assert told.message.lines[0] == (
        '"phone" of ops could not be reached with this, so it comes to you: no connection; given up after 60 attempts.'
    )
    assert told.message.lines[1:] == ("31 customers",)
    assert told.message.link == "https://x/chat"
    assert told.key == told.message.key != "k"
    assert undelivered(notice(), "other words", CATALOG)[0].key == told.key


def test_what_nobody_has_to_act_on_ends_where_it_is() -> None:
    for reason in ("resolved", "digest", "test", "was_open_while_away"):
        assert undelivered(notice(reason=reason), "x", CATALOG, last=("siren",)) == []
    nobody = Catalog(owners={"ops": Owner("ops", targets=("phone",))})
    assert undelivered(notice(), "x", nobody) == []
