"""The web page in a real browser, under its strict policy: what a person does with it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FileChooser, Page, Route, expect, sync_playwright

from api.records import Keyring
from tests.service.conftest import Service, moving_square
from tests.service.test_docs import WHERE, block

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
_REFUSED = re.compile("the server responded with a status of (401|404|409|422|503) ")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no browser at {CHROMIUM}; apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser, service: Service) -> Iterator[Page]:
    """A page whose errors, refused loads and broken policies fail the test."""
    page = browser.new_page(base_url=service.url, viewport={"width": 1360, "height": 860})
    page.set_default_timeout(30_000)
    expect.set_options(timeout=15_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    # That a server refuses is for the page to tell, not for the console.
    page.on(
        "console",
        lambda said: (
            errors.append(said.text) if said.type == "error" and not _REFUSED.search(said.text) else None
        ),
    )
    yield page
    page.close()
    assert errors == []


@pytest.fixture
def film(samples: Path) -> Path:
    return samples / "doorway.mp4"


def _until(page: Page, expression: str) -> None:
    """Wait for it to be true; the page's policy forbids playwright's own way, which evaluates strings."""
    for _ in range(300):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {expression}")


def _upload(page: Page, *files: Path) -> None:
    page.goto("/")
    page.set_input_files("#files", list(files))
    # Looked at again and again: on a busy machine the moment of getting there can be over before it is waited for.
    expect(page).to_have_url(re.compile("/timelines/"), timeout=60_000)


def test_a_dropped_video_is_followed_played_and_searched(page: Page, service: Service, film: Path) -> None:
    service.model.open.clear()
    _upload(page, film)
    expect(page.locator("#job-name")).to_have_text("doorway.mp4")
    expect(page.locator("#stage")).to_have_text(re.compile("Looking"))
    page.reload()  # in mid-job: nothing is lost
    expect(page.locator("#stage")).to_have_text(re.compile("Looking"))
    service.model.open.set()

    lane = page.locator(".span.event").first
    expect(lane).to_have_text("cat")
    expect(page.locator("#status")).to_have_text("complete")
    _until(page, "player.readyState >= 2")

    page.keyboard.press("ArrowRight")
    expect(page.locator("#now small")).to_have_text(re.compile("keyframe 1 "))
    _until(page, "Math.abs(player.currentTime - keyframes[1].time_seconds) < 0.05")
    expect(page.locator("#picture .box span").first).to_have_text("cat")

    lane.click()
    expect(page.locator(".row.chosen .what")).to_have_text(re.compile("cat"))
    page.locator("#canvas").hover(position={"x": 600, "y": 40})
    expect(page.locator("#tip img")).to_be_visible()

    box = page.locator(".ruler .body").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 5)
    _until(page, "Math.abs(player.currentTime - player.duration / 2) < 0.3")
    page.keyboard.press(" ")
    _until(page, "!player.paused && state.time > duration / 2 + 0.3")
    expect(page.locator(".row.current")).not_to_have_count(0)
    page.keyboard.press(" ")
    _until(page, "player.paused")

    page.fill("#search", "nothing like this")
    expect(page.locator(".nothing")).to_have_text("Nothing matches.")

    page.locator(".home").click()
    page.fill("#search", "doorw")
    expect(page.locator(".entry b").first).to_have_text("doorway.mp4")


def test_exports_are_saved_and_one_that_cannot_be_is_told(page: Page, service: Service) -> None:
    job = service.post(moving_square(seed=207), name="Танец.gif", params={"wait": 20}).json()
    page.set_viewport_size({"width": 375, "height": 600})
    page.goto(f"/timelines/{job['id']}")
    page.select_option("#export", "chapters")
    expect(page.locator("#refused")).to_contain_text("chapters need 3 parts")
    expect(page.locator("#refused")).to_be_in_viewport()
    with page.expect_download() as download:
        page.select_option("#export", "vtt")
    assert Path(download.value.path()).read_text().startswith("WEBVTT")
    assert download.value.suggested_filename == "Танец.vtt"
    expect(page.locator("#refused")).to_be_hidden()
    expect(page).to_have_url(re.compile(job["id"]))


def test_who_comes_in_with_a_key_is_offered_all_there_is(page: Page, service: Service) -> None:
    offered = service.http.get("/v1/limits").json()["tasks"]
    keyring = Keyring(service.place.database)
    key = keyring.create("anna")
    try:
        page.goto("/")
        page.fill("#key input", key)
        page.click("#key button")
        expect(page.locator("#tasks .chip")).to_have_text(offered)
        expect(page.locator("#tasks input:checked")).to_have_count(3)
    finally:
        keyring.revoke("anna")


def test_pictures_make_a_sequence_without_a_player(page: Page, tmp_path: Path) -> None:
    files = []
    for number in range(3):
        files.append(tmp_path / f"{number}.gif")
        files[-1].write_bytes(moving_square(1, seed=number * 30 + 200))
    _upload(page, *files)
    expect(page.locator("#picture img")).to_be_visible()
    assert page.locator("#player").count() == 0


def test_what_went_wrong_is_shown_and_can_be_tried_again(
    page: Page, service: Service, tmp_path: Path
) -> None:
    nonsense = tmp_path / "notes.mp4"
    nonsense.write_text("not a film")
    _upload(page, nonsense)
    expect(page.locator("#problem")).to_be_visible()
    expect(page.locator("#stage")).to_have_text("This did not work.")
    service.model.crash = ZeroDivisionError()
    square = tmp_path / "square.gif"
    square.write_bytes(moving_square(seed=201))
    try:
        _upload(page, square)
        expect(page.locator("#retry")).to_be_visible()
    finally:
        service.model.crash = None
    page.click("#retry")
    expect(page.locator(".span.event").first).to_be_visible()


@pytest.mark.parametrize("where", ["/", "job"])
def test_a_page_outlives_a_server_that_is_away(page: Page, service: Service, where: str) -> None:
    """A proxy, or a server whose database is away, answers with 503: the page says so and goes on when that is over."""
    service.model.open.clear()
    job = service.post(moving_square(seed=206), name="outlives.gif").json()
    away = {"status": 503, "content_type": "text/plain", "body": "later"}
    try:
        page.route("**/v1/timelines**", lambda route: route.fulfill(**away))
        page.goto("/" if where == "/" else f"/timelines/{job['id']}")
        expect(page.locator("#problem")).to_have_text("The server answered with status 503.")
        page.unroute("**/v1/timelines**")
        expect(page.get_by_text("outlives.gif").first).to_be_visible()
        expect(page.locator("#problem")).to_be_hidden()
    finally:
        service.model.open.set()
    if where == "/":
        card = page.locator("#timelines li", has_text="outlives.gif")
        expect(card.locator(".badge")).to_have_text("complete")
    else:
        expect(page.locator(".span.event").first).to_be_visible()


def test_arrows_lead_through_tabs_by_keyboard_and_through_keyframes_after_a_click(
    page: Page, service: Service
) -> None:
    job = service.post(moving_square(seed=211), params={"wait": 20}).json()
    page.goto(f"/timelines/{job['id']}")
    tab = page.locator("#tabs [aria-selected=true]")
    page.get_by_role("tab", name="Shots").click()
    page.keyboard.press("ArrowRight")
    expect(tab).to_contain_text("Shots")
    expect(page.locator("#now small")).to_contain_text("keyframe 1 ")
    page.locator("#search").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(tab).to_be_focused()
    expect(tab).not_to_contain_text("Shots")


def test_what_is_focused_stays_so_while_jobs_get_on(page: Page, service: Service) -> None:
    """Who goes through the list by keyboard is not thrown out of it each time it is drawn anew."""
    old = service.post(moving_square(seed=207), name="old.gif", params={"wait": 20}).json()
    service.model.open.clear()
    running = service.post(moving_square(seed=208), name="running.gif").json()
    try:
        page.goto("/")
        page.locator(f"#timelines a[href='/timelines/{running['id']}']").focus()
        page.keyboard.press("Tab")
        expect(page.get_by_label("Delete running.gif")).to_be_focused()
        with page.expect_response(lambda answer: "/v1/timelines?" in answer.url):
            pass
    finally:
        service.model.open.set()
    card = page.locator("#timelines li", has_text="running.gif")
    expect(card.locator(".badge")).to_have_text("complete")
    expect(page.get_by_label("Delete running.gif")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator(f"#timelines a[href='/timelines/{old['id']}']")).to_be_focused()


def test_who_cancels_by_keyboard_can_try_again_from_there(page: Page, service: Service) -> None:
    service.model.open.clear()
    try:
        job = service.post(moving_square(seed=209)).json()
        page.goto(f"/timelines/{job['id']}")
        page.locator("#cancel").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#retry")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#cancel")).to_be_focused()
    finally:
        service.model.open.set()
    assert service.ended(job["id"])["status"] == "complete"


@pytest.mark.parametrize("name", ["nothing", "0" * 32])
def test_an_address_without_a_timeline_says_so(page: Page, name: str) -> None:
    page.goto(f"/timelines/{name}")
    expect(page.locator("#problem")).to_contain_text("There is no timeline at this address.")
    expect(page.locator("#progress")).to_be_hidden()
    expect(page.get_by_role("link", name="Back")).to_be_visible()


def test_a_name_has_room_on_a_phone_beside_the_buttons(page: Page, service: Service) -> None:
    page.set_viewport_size({"width": 360, "height": 780})
    job = service.post(moving_square(seed=210), name="holiday-by-the-sea.gif", params={"wait": 20}).json()
    page.goto(f"/timelines/{job['id']}")
    expect(page.locator("#name")).to_have_text("holiday-by-the-sea.gif")
    assert page.evaluate("$('name').scrollWidth <= $('name').clientWidth")
    assert page.evaluate("$('theme').offsetTop < $('name').offsetTop"), "buttons in one line, the name below"


def test_a_refusal_is_told_in_words(page: Page) -> None:
    page.goto("/")
    page.locator("summary").click()
    page.fill("input[name=start]", "10")
    page.fill("input[name=end]", "5")
    page.set_input_files("#files", {"name": "a.gif", "mimeType": "image/gif", "buffer": moving_square()})
    expect(page.locator("#problem")).to_contain_text("ends (5 s) before it starts")


def test_a_file_that_was_not_taken_can_be_chosen_again(page: Page) -> None:
    page.goto("/")
    checked = page.locator("#tasks input:checked")
    expect(checked).to_have_count(3)
    for _ in range(3):
        checked.first.uncheck(force=True)
    page.set_input_files("#files", {"name": "a.gif", "mimeType": "image/gif", "buffer": moving_square()})
    expect(page.locator("#problem")).to_have_text("Choose at least one thing to find.")
    assert page.input_value("#files") == "", "the same file once more would be no change, and not taken"


def test_a_person_decides_what_moderation_was_unsure_of(page: Page, service: Service) -> None:
    job = service.post(moving_square(seed=202), tasks=["moderation"], params={"wait": 20}).json()
    page.goto(f"/timelines/{job['id']}")
    page.locator("#reviews-count").click()
    page.fill("#reviews input", "looks fine")
    page.locator("#reviews button.allow").first.click()
    expect(page.locator("#reviews button.allow").first).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#reviews-count")).to_contain_text("1 of")
    stored = service.http.get(f"/v1/timelines/{job['id']}").json()["reviews"]
    assert [(each["verdict"], each["note"]) for each in stored] == [("allow", "looks fine")]


def test_a_decision_that_fails_says_so_beside_it(page: Page, service: Service) -> None:
    job = service.post(moving_square(seed=206), tasks=["moderation"], params={"wait": 20}).json()
    page.goto(f"/timelines/{job['id']}")
    page.locator("#reviews-count").click()

    def refuse(route: Route) -> None:
        route.fulfill(status=409, json={"detail": "somebody else was faster", "code": "taken"})

    page.route("**/reviews/*", refuse)
    first = page.locator("#reviews li").first
    page.fill("#reviews input", "a note")
    first.locator("button.allow").click()
    expect(first.locator(".problem")).to_have_text("somebody else was faster")
    assert page.input_value("#reviews input") == "a note"
    page.unroute("**/reviews/*")
    first.locator("button.allow").click()
    expect(first.locator("button.allow")).to_have_attribute("aria-pressed", "true")
    expect(first.locator(".problem")).to_be_hidden()


def test_a_name_that_is_markup_stays_text(page: Page, service: Service) -> None:
    name = "<img src=x onerror=alert(1)>.gif"
    job = service.post(moving_square(seed=203), name=name, params={"wait": 20}).json()
    page.goto("/")
    expect(page.locator(".entry b").first).to_have_text(name)
    page.goto(f"/timelines/{job['id']}")
    expect(page.locator("#name")).to_have_text(name)


@pytest.mark.parametrize("width", [390, 1360])
def test_nothing_sticks_out(page: Page, service: Service, width: int) -> None:
    long = "a very long name of a video that goes on and on without an end " * 3 + ".gif"
    job = service.post(moving_square(seed=204), name=long, params={"wait": 20}).json()
    page.set_viewport_size({"width": width, "height": 800})
    for path in ("/", f"/timelines/{job['id']}"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        unnamed = page.evaluate(
            """[...document.querySelectorAll("button, input, select, a")]
               .filter((each) => each.checkVisibility() && !each.textContent.trim() && !each.ariaLabel && !each.title
                                 && !each.labels?.length).map((each) => each.outerHTML)"""
        )
        assert json.dumps(unnamed) == "[]"


def test_a_long_name_without_blanks_stays_on_a_phone(page: Page, service: Service) -> None:
    page.set_viewport_size({"width": 375, "height": 800})
    name = "a_name_without_any_blank_" * 7 + ".gif"
    service.model.open.clear()
    job = service.post(moving_square(seed=205), name=name).json()
    paths = ("/", f"/timelines/{job['id']}")
    try:
        for path in paths:
            page.goto(path)
            expect(page.get_by_text(name).first).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") <= 375, path
    finally:
        service.model.open.set()
    assert service.ended(job["id"])["status"] == "complete"
    for path in paths:
        page.goto(path)
        expect(page.get_by_text(name).first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 375, path


def test_a_video_is_chosen_by_the_keyboard_and_the_place_for_it_is_one_stop(page: Page) -> None:
    choosers: list[FileChooser] = []

    def opened(chooser: FileChooser) -> None:
        choosers.append(chooser)

    page.on("filechooser", opened)  # from the start: one that opens before it is listened for is missed
    page.goto("/")
    expect(page.locator("#tasks input").first).to_be_visible()
    page.locator("#theme").focus()
    page.keyboard.press("Tab")
    expect(page.locator("#files")).to_be_focused()
    assert page.evaluate("getComputedStyle(document.getElementById('drop')).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    for _ in range(100):
        if choosers:
            break
        page.wait_for_timeout(50)
    page.keyboard.press("Tab")
    expect(page.locator("#tasks input").first).to_be_focused()
    assert len(choosers) == 1


def test_a_video_that_comes_before_the_page_is_drawn_is_taken(page: Page, tmp_path: Path) -> None:
    early = tmp_path / "early.gif"
    early.write_bytes(moving_square(seed=77))
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/v1/limits", hold)
    page.goto("/")
    page.set_input_files("#files", early)
    page.wait_for_timeout(300)
    for route in held:
        route.continue_()
    page.wait_for_url("**/timelines/*", wait_until="commit")
    page.unroute("**/v1/limits")


def test_the_client_in_javascript_does_what_it_says(page: Page, service: Service, film: Path) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto("/")
    program = block("js", "EventSource").replace(WHERE, service.url)
    page.evaluate(
        "const input = document.createElement('input');"
        "input.type = 'file'; input.id = 'clip'; document.body.append(input); globalThis.fileInput = input;"
    )
    page.set_input_files("#clip", [film])
    page.evaluate(f"async () => {{ {program} }}")
    for _ in range(300):
        if any("cat" in line for line in said):
            break
        page.wait_for_timeout(50)
    else:
        raise AssertionError(f"no summary in {said}")
