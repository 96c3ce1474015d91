"""The pages in a real browser: what people do on them, by hand and by keyboard, with scripts and without."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from service.adapters.store import open_store
from service.adapters.web.server import WebServer
from service.adapters.web.settings import WebSettings
from service.core.catalog import Catalog, Moment, Owner
from service.core.event import HOUR, Outcome
from service.core.handling import Action
from service.core.interruption import Change
from service.core.standing import Judgement
from tests.adapters.web.apps import app_of
from tests.adapters.web.hostile import hostile_world, paths
from tests.adapters.web.world import NOW, World, interruption, stamp

CATALOG = Catalog(
    owners={"ops": Owner("ops", "Delivery operations")},
    moments={
        "arrives": Moment(
            "arrives", "ops", title="Arrives", promise="It is with you by the day we told you.", dimensions=("region",)
        )
    },
)
LATE = interruption("arrives", (), NOW - 3 * HOUR, NOW - 2 * HOUR)
_VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (one) => window.violations.push(one.violatedDirective));
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; nothing is downloaded."""
    path = shutil.which("chromium")
    assert path is not None, "needs chromium: make system-packages"
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield one
        one.close()


@dataclass
class Desk:
    """A service, and somebody in front of it. `bad`: what the browser complained of."""

    world: World
    url: str
    context: BrowserContext
    bad: list[str] = field(default_factory=list)

    def page(self, path: str = "") -> Page:
        page = self.context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: self.bad.append(str(error)))
        page.on("console", lambda said: self.bad.append(said.text) if said.type in {"error", "warning"} else None)
        page.add_init_script(_VIOLATIONS)
        page.goto(f"{self.url}{path}")
        return page

    def refused(self, page: Page) -> list[str]:
        found: list[str] = page.evaluate("window.violations")
        return found


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[World, str]]:
    """A moment with an interruption that nobody has, over a database."""
    store = open_store(f"sqlite:///{tmp_path / 'pages.db'}", CATALOG.moments)
    world = World(CATALOG, store)
    world.take(
        [
            Outcome(
                id=str(i),
                time=stamp(NOW - 3 * HOUR + i * 60_000_000),
                moment="arrives",
                customer=f"c{i % 40}",
                outcome="broken" if i % 3 else "kept",
                dimensions={"region": "RJ" if i % 2 else "SP"},
            )
            for i in range(120)
        ]
    )
    world.judge("arrives", Judgement(NOW, (Change("opened", NOW - 2 * HOUR, LATE),)))
    with WebServer(app_of(world, settings=WebSettings(clock="event", keep=0.0, refresh=2)), "127.0.0.1", 0) as server:
        yield world, server.url
    store.close()


@pytest.fixture
def desk(browser: Browser, served: tuple[World, str]) -> Iterator[Desk]:
    world, url = served
    context = browser.new_context()
    yield Desk(world, url, context)
    context.close()


def verbs(world: World) -> list[str]:
    return [one.verb for one in world.store.actions(LATE.id)]


def test_from_the_wall_to_the_end_of_it_by_hand(desk: Desk) -> None:
    page = desk.page()
    expect(page).to_have_title("1 moment unreliable. · momentwatch")
    page.get_by_role("link", name="nobody has it").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Arrives is unreliable")
    page.get_by_role("button", name="I have it").click()
    expect(page.get_by_text("acknowledged").first).to_be_visible()
    page.get_by_text("Assign, note, level, help").click()
    page.get_by_label("Assign to").fill("depot <b>Rio</b>")
    page.get_by_role("button", name="Assign").click()
    expect(page.get_by_text("assigned to depot <b>Rio</b>").first).to_be_visible()
    page.get_by_text("Assign, note, level, help").click()
    page.get_by_label("Note").fill("Two drivers ill")
    page.get_by_role("button", name="Write").click()
    expect(page.get_by_text("Two drivers ill")).to_be_visible()
    page.get_by_role("button", name="Useful").click()
    page.get_by_role("button", name="It is over").click()
    expect(page.get_by_role("button", name="Open again")).to_be_visible()
    assert verbs(desk.world) == ["acknowledge", "assign", "annotate", "mark", "resolve"]
    assert desk.refused(page) == []
    assert desk.bad == []


def test_a_silence_is_made_and_ended(desk: Desk) -> None:
    page = desk.page("silences")
    page.get_by_label("What, one matcher a line").fill('moment="arrives"')
    page.get_by_label("Why").fill("stocktaking")
    page.get_by_label("For how long").fill("a while")
    page.get_by_role("button", name="Silence").click()
    expect(page.get_by_text("is not a duration")).to_be_visible()
    page.go_back()
    page.get_by_label("For how long").fill("2h")
    page.get_by_label("Remind before its end").fill("20m")
    page.get_by_role("button", name="Silence").click()
    expect(page.get_by_text("stocktaking")).to_be_visible()
    expect(page.get_by_text("reminded 20 min before")).to_be_visible()
    page.get_by_role("button", name="End now").click()
    expect(page.get_by_text("None: everything is told.")).to_be_visible()


def test_customers_are_made_good_with_from_the_recovery_list(desk: Desk) -> None:
    page = desk.page(f"interruptions/{LATE.id}")
    expect(page.get_by_text("40 to contact, 0 contacted, 0 made good.")).to_be_visible()
    page.get_by_role("button", name="I have it").click()
    page.get_by_role("link", name="To the customers").click()
    page.get_by_label("Choose c7", exact=True).check()
    page.get_by_label("Choose c8", exact=True).check()
    page.get_by_label("Note").fill("<i>a voucher</i>")
    page.get_by_role("button", name="Contacted", exact=True).click()
    expect(page.get_by_role("link", name="2 contacted")).to_be_visible()
    page.get_by_role("link", name="2 contacted").click()
    expect(page.get_by_role("row")).to_have_count(3)
    expect(page.get_by_role("row", name="c7")).to_contain_text("<i>a voucher</i>")
    page.get_by_role("button", name="Made good").click()
    expect(page.get_by_text("nobody is chosen")).to_be_visible()
    wall = desk.page()
    expect(wall.get_by_text("· 38 to contact")).to_be_visible()
    assert desk.bad == ["Failed to load resource: the server responded with a status of 422 (Unprocessable Entity)"]


def test_everything_is_done_by_keyboard_alone(desk: Desk) -> None:
    page = desk.page()

    def tab_to(name: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if name in page.evaluate("document.activeElement.innerText || document.activeElement.name || ''"):
                # Whoever cannot use a mouse has to see where they are.
                assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
                return
        pytest.fail(f"{name} is not reached by Tab")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    tab_to("nobody has it")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Arrives is unreliable")
    tab_to("I have it")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Give it back")).to_be_visible()
    tab_to("Assign, note, level, help")
    page.keyboard.press("Enter")
    tab_to("note")
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    expect(page.get_by_text("by keyboard")).to_be_visible()
    assert verbs(desk.world) == ["acknowledge", "annotate"]


def test_without_javascript_everything_is_read_and_done(browser: Browser, served: tuple[World, str]) -> None:
    world, url = served
    with browser.new_context(java_script_enabled=False) as context:
        page = Desk(world, url, context).page()
        page.get_by_role("link", name="nobody has it").click()
        expect(page.locator(".chart.wide")).to_be_visible()
        page.get_by_role("button", name="I have it").click()
        expect(page.get_by_role("button", name="Give it back")).to_be_visible()
        # No script tells of it: the page loads itself anew.
        world.store.act(Action(LATE.id, NOW, "annotate", "bob", note="from elsewhere"))
        expect(page.get_by_text("from elsewhere")).to_be_visible()


def test_what_others_do_appears_by_itself_and_nothing_written_is_lost(desk: Desk) -> None:
    page = desk.page(f"interruptions/{LATE.id}")
    expect(page.get_by_role("button", name="I have it")).to_be_visible()
    desk.world.store.act(Action(LATE.id, NOW, "acknowledge", "bob"))
    expect(page.get_by_text("by bob").first).to_be_visible()
    page.get_by_text("Assign, note, level, help").click()
    page.get_by_label("Note").fill("half a th")
    desk.world.store.act(Action(LATE.id, NOW, "annotate", "bob", note="news of bob"))
    expect(page.get_by_text("There is something new.")).to_be_visible()
    expect(page.get_by_label("Note")).to_have_value("half a th")
    page.get_by_role("button", name="Write").click()
    expect(page.get_by_text("half a th")).to_be_visible()
    expect(page.get_by_text("news of bob")).to_be_visible()
    assert desk.refused(page) == []
    assert desk.bad == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_every_page_without_scrolling_sideways(
    browser: Browser, served: tuple[World, str], scheme: str
) -> None:
    world, url = served
    with browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=scheme) as context:  # type: ignore[arg-type]  # one of the two
        page = Desk(world, url, context).page()
        for path in ("", "interruptions", f"interruptions/{LATE.id}", "moments/arrives", "owners/ops", "data"):
            page.goto(f"{url}{path}")
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= 390, path
            for link in page.locator("nav[aria-label=Pages] a").all():
                box = link.bounding_box()
                assert box is not None
                assert 0 <= box["x"] <= box["x"] + box["width"] <= 390, "every page is reached from every page"


def test_script_tags_in_every_field_do_not_run(browser: Browser, tmp_path: Path) -> None:
    moments = hostile_world()[0].catalog.moments
    store = open_store(f"sqlite:///{tmp_path / 'hostile.db'}", moments)
    world, identity = hostile_world(store)
    with WebServer(app_of(world), "127.0.0.1", 0) as server, browser.new_context() as context:
        desk = Desk(world, server.url, context)
        page = desk.page()
        for path in set(paths(identity)) - {"/customers"}:
            page.goto(f"{server.url}{path[1:]}")
            assert "<script>" in (page.text_content("main") or ""), f"{path} shows nothing that was planted"
            assert page.evaluate("window.ran") is None, path
            assert desk.refused(page) == [], "what is refused by the policy alone was not escaped"
        assert desk.bad == []
    store.close()
