"""The exported page, opened from disk in a real browser, under its own Content-Security-Policy."""

import base64
import hashlib
import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analyzer import Coverage, DocumentElement, Gap, Results, Table
from api.documents import timeline_document
from api.exports.rendering import render
from api.exports.wording import certainty, clock, lasting
from api.pictures import with_pictures
from sampler import Notice
from tests.api import handmade

PAGE = render(with_pictures(handmade.timeline(), {i: handmade.jpeg() for i in range(4)}), "html")


def test_the_page_names_exactly_its_own_style_and_script():
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', PAGE)
    assert policy
    inline = re.findall(r"<style>(.*?)</style>|<script>(.*?)</script>", PAGE, re.DOTALL)
    hashes = {base64.b64encode(hashlib.sha256("".join(each).encode()).digest()).decode() for each in inline}
    assert len(hashes) == 2
    assert set(re.findall(r"'sha256-([^']+)'", policy[1])) == hashes
    assert policy[1].startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy[1]


def test_the_page_holds_the_document_and_loads_nothing():
    data = re.search(r'<script type="application/json" id="document">(.*?)</script>', PAGE, re.DOTALL)
    assert data
    made = with_pictures(handmade.timeline(), {i: handmade.jpeg() for i in range(4)})
    assert json.loads(data[1]) == timeline_document(made)
    outside = PAGE.replace(data[0], "")
    assert not re.search(r"""(src|href)=["']?(?!data:)|@import|url\(""", outside)


def test_the_page_without_scripts_tells_everything_in_tables():
    page = render(handmade.of_every_task("said"), "html")
    listing = page[page.index("<noscript>") : page.index("</noscript>")]
    assert set(re.findall(r"</?([a-z0-9]+)", listing)) <= {
        "noscript", "article", "h1", "h2", "p", "table", "thead", "tbody", "tr", "th", "td", "pre",
    }  # fmt: skip
    for words in (
        "Events",
        "=HYPERLINK",
        "said left of said t1",
        "review, by the policy said",
        "model failed",
        "total",
    ):
        assert words in listing, words


class Browser:
    """Headless Chromium: opens a page, runs a script in it, gives back what the script returns."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder

    def run(self, page: str, script: str, width: int = 1400) -> Any:
        script = f"document.body.dataset.result = JSON.stringify((() => {{ {script} }})());"
        hashed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        page = page.replace("script-src ", f"script-src 'sha256-{hashed}' ", 1)
        path = self._folder / "page.html"
        path.write_text(page.replace("</body>", f"<script>{script}</script></body>"), "utf-8")
        command = [
            self._program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--no-first-run", f"--user-data-dir={self._folder / 'profile'}", f"--window-size={width},900",
            "--virtual-time-budget=2000", "--dump-dom", path.as_uri(),
        ]  # fmt: skip
        shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
        result = re.search(r'data-result="([^"]*)"', shown)
        assert result, shown[:2000]
        return json.loads(html.unescape(result[1]))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Browser:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("needs Chromium")
    return Browser(program, tmp_path_factory.mktemp("browser"))


def test_the_page_rounds_as_all_other_exports_do(browser):
    numbers = [step / 1000 for step in range(0, 4000, 25)] + [59.95, 61.25, 3599.95, 0.145, 0.285, 0.29]
    shown = browser.run(PAGE, f"return {numbers}.map((each) => [clock(each), lasting(each), sure(each)]);")
    assert shown == [[clock(each), lasting(each), certainty(each)] for each in numbers]


def test_a_reader_finds_everything_by_clicking_keys_and_searching(browser):
    seen = browser.run(
        PAGE,
        """
        const press = (key) => document.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
        const texts = (selector) => [...document.querySelectorAll(selector)].map((each) => each.textContent);
        const now = () => document.querySelector("#now small").textContent;
        const result = {title: document.title, lanes: texts(".lane .label"), events: texts(".row .what"),
          tabs: texts("#tabs button"), gaps: document.querySelectorAll(".over .gap").length,
          pictures: document.querySelectorAll(".strip img").length, scripts: document.scripts.length};
        result.first = now();
        press("ArrowRight");
        result.second = now();
        document.querySelectorAll(".row")[1].click();
        result.chosen = {now: now(), row: texts(".row.chosen .more").join(" "), bars: texts(".span.chosen")};
        press("Home");
        document.querySelector(".span.event").click();
        result.boxes = texts("#picture .box:not(.faint) span");
        press("b");
        result.boxesOff = texts("#picture .box").length;
        const search = document.getElementById("search");
        search.value = "hyperlink"; search.oninput();
        result.matching = texts(".row .what");
        result.dimmed = document.querySelectorAll(".span.filtered").length;
        search.value = ""; search.oninput();
        const tabs = [...document.querySelectorAll("#tabs button")];
        tabs.find((tab) => tab.textContent.startsWith("Text")).click();
        result.texts = texts(".row .what");
        press("t");
        result.theme = document.documentElement.dataset.theme;
        return result;
        """,
    )
    assert "owned" in seen["title"], "the name of the video is in the title, as text"
    assert seen["title"] != "owned", "no script out of the timeline ran"
    assert seen["scripts"] == 3, "its data, its own script and the one of this test"
    assert seen["lanes"][1:] == ["4 keyframes", "4 shots", "cat", "text"]
    assert seen["events"][0] == handmade.FORMULA
    assert seen["tabs"] == ["Events 2", "Shots 4", "Text 1", "Moderation 1", "About"]
    assert (seen["gaps"], seen["pictures"]) == (1, 4)
    assert seen["first"].startswith("keyframe 0 at 0:05.00")
    assert seen["second"].startswith("keyframe 1 at 0:15.00")
    assert seen["chosen"]["now"].startswith("keyframe 1 ")
    assert "starts between 0:05.0 and 0:15.0, ends between 0:15.0 and 0:25.0" in seen["chosen"]["row"]
    assert seen["chosen"]["bars"] == ["text"]
    assert len(seen["boxes"]) == 1
    assert seen["boxesOff"] == 0
    assert seen["matching"] == [handmade.FORMULA]
    assert seen["dimmed"] == 1
    assert len(seen["texts"]) == 1
    assert seen["theme"] in {"light", "dark"}


def test_the_answer_is_what_is_seen_first_and_every_task_has_its_list(browser):
    made = handmade.of_every_task("said <b>so</b>")
    result = browser.run(
        render(made, "html"),
        """
        const rows = () => [...document.querySelectorAll(".row .what")].map((row) => row.textContent);
        const tabs = [...document.querySelectorAll("#tabs button")], first = rows();
        const names = tabs.map((tab) => tab.textContent.split(" ")[0]);
        tabs[names.indexOf("Custom")].click();
        return { names, first, custom: rows(), bold: document.querySelectorAll(".row b").length };
        """,
    )
    assert result["names"] == [
        "Answer", "Events", "Shots", "Chapters", "Text", "Tags", "Objects", "Moderation", "Documents", "Custom",
        "About",
    ]  # fmt: skip
    assert result["first"] == ["said <b>so</b>", "said <b>so</b>"]
    assert json.loads(result["custom"][0]) == {"mood": "said <b>so</b>"}
    assert result["bold"] == 0


def test_what_must_be_known_is_said_before_anything_is_relied_on(browser):
    made = handmade.timeline()
    failed = replace(
        made, events=(), results=Results(), coverage=Coverage(4, 0, 40.0, (Gap(0.0, 40.0, "model_failed"),))
    )
    failed = replace(failed, warnings=tuple(Notice("model_failed", f"part {i} failed") for i in range(9)))
    script = """
        const said = () => [...document.querySelectorAll("#notices li")].map((each) => each.textContent);
        const result = {said: said(), list: document.getElementById("list").textContent};
        document.querySelector("#notices button")?.click();
        result.about = document.querySelectorAll(".about .warning").length;
        result.focused = document.activeElement.textContent;
        return result;
    """
    assert browser.run(render(failed, "html"), script) == {
        "said": ["Not looked at: 0:00.0 – 0:40.0 (model failed)", "part 0 failed", "8 more"],
        "list": "Nothing was looked at, so nothing was found.",
        "about": 9,
        "focused": "About",
    }
    calm = replace(made, warnings=(), coverage=replace(made.coverage, gaps=()))
    hidden = "return document.getElementById('notices').hidden"
    assert browser.run(render(calm, "html"), hidden)


def test_what_was_asked_for_is_what_is_open(browser):
    made = replace(handmade.timeline(), events=())
    open_tab = "return document.querySelector('#tabs [aria-selected=true]').textContent"
    assert browser.run(render(made, "html"), open_tab) == "Text 1"
    bare = replace(made, results=Results())
    assert browser.run(render(bare, "html"), open_tab) == "Events 0"


def test_tables_of_pages_are_tables_and_found_by_searching(browser):
    made = handmade.timeline()
    (text,) = made.results.text
    table = Table(("item", "price"), (("<b>tea</b>", "2"), ("milk", "1")))
    page = DocumentElement("Bill", "# Bill\n\n| item | price |\n", (table,), {}, text.instances)
    seen = browser.run(
        render(replace(made, events=(), results=Results(documents=(page,))), "html"),
        """
        const cells = () => [...document.querySelectorAll("#list :is(th, td)")].map((each) => each.textContent);
        const result = {cells: cells(), words: document.querySelector(".row .more").textContent};
        const search = document.getElementById("search");
        search.value = "milk"; search.oninput();
        result.found = document.querySelectorAll(".row").length;
        return result;
        """,
    )
    assert seen == {"cells": ["item", "price", "<b>tea</b>", "2", "milk", "1"], "words": "# Bill", "found": 1}


def test_who_works_by_keyboard_keeps_their_place(browser):
    seen = browser.run(
        PAGE,
        """
        const press = (key) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
        const here = () => {
          const there = document.activeElement;
          return (there.querySelector(".what") ?? there).textContent;
        };
        const stops = (within) => {
          const buttons = [...document.querySelectorAll(`${within} button`)];
          return buttons.filter((each) => each.tabIndex === 0).length;
        };
        const result = {tabs: stops("#tabs"), rows: stops("#list"), lanes: stops("#canvas")};
        document.querySelector("#tabs [aria-selected=true]").focus();
        press("ArrowRight");
        result.second = here();
        press("ArrowLeft"); press("ArrowLeft");
        result.last = here();
        press("ArrowRight");
        document.querySelector("#list .row").focus();
        document.activeElement.click();
        result.chosen = here();
        press("ArrowDown");
        result.next = document.activeElement.className;
        document.querySelectorAll("#tabs button")[1].click();
        document.querySelector("#list .row").focus();
        press("ArrowDown"); press("ArrowDown"); press("ArrowUp");
        result.shot = here();
        return result;
        """,
    )
    assert (seen["tabs"], seen["rows"], seen["lanes"]) == (1, 1, 0)
    assert (seen["second"], seen["last"]) == ("Shots 4", "About")
    assert seen["chosen"] == handmade.FORMULA
    assert "chosen" in seen["next"]
    assert seen["shot"] == "Shot 1"


def test_every_text_runs_in_the_direction_of_its_own_words(browser):
    made = handmade.timeline()
    hebrew = replace(made.events[0], description="\u05de\u05db\u05d5\u05e0\u05d9\u05ea.")
    seen = browser.run(
        render(replace(made, events=(hebrew, made.events[1])), "html"),
        """
        const what = document.querySelector(".row .what"), range = document.createRange();
        range.setStart(what.firstChild, what.textContent.length - 1);
        range.setEnd(what.firstChild, what.textContent.length);
        const stop = range.getBoundingClientRect();
        range.selectNodeContents(what);
        const all = range.getBoundingClientRect();
        return [stop.left === all.left, stop.right < all.right];
        """,
    )
    assert seen == [True, True], "the full stop ends the sentence, on the left"


def test_a_page_printed_shows_the_whole_list(browser):
    many = replace(handmade.timeline(), events=handmade.timeline().events * 40)
    hidden = """
        const rules = [...document.styleSheets[0].cssRules].find((each) => each.media?.mediaText === "print");
        document.adoptedStyleSheets = [new CSSStyleSheet()];
        for (const rule of rules.cssRules) document.adoptedStyleSheets[0].insertRule(rule.cssText);
        const list = document.getElementById("list"), panel = document.querySelector(".panel");
        const whole = (each) => each.scrollHeight <= each.clientHeight;
        return [whole(list), whole(panel), panel.clientWidth > 1200];
    """
    assert browser.run(render(many, "html"), hidden) == [True, True, True]


def test_the_list_stays_in_sight_whatever_stands_above_it(browser):
    result = browser.run(
        PAGE,
        """
        const tall = document.createElement("div");
        tall.style.height = "2000px";
        document.getElementById("summary").after(tall);
        const panel = document.querySelector(".panel");
        return { list: document.getElementById("list").clientHeight, scrolls: panel.scrollHeight > panel.clientHeight };
        """,
    )
    assert result["list"] > 150
    assert result["scrolls"]


def test_a_page_without_pictures_shows_where_they_would_be(browser):
    seen = browser.run(
        render(handmade.timeline(), "html"),
        """return {images: document.images.length,
                   place: document.querySelector("#picture .absent").textContent,
                   strip: document.querySelectorAll(".strip .absent").length}""",
    )
    assert seen == {"images": 0, "place": "0:05.0picture not stored", "strip": 4}


def test_nothing_sticks_out_on_a_narrow_screen(browser):
    script = "return [document.documentElement.scrollWidth, innerWidth]"
    wide, window = browser.run(PAGE, script, width=500)
    assert wide <= window
