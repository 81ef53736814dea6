"""The exported page, opened from disk in a real browser, under its own Content-Security-Policy."""

import base64
import hashlib
import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from api.documents import timeline_document
from api.exports.rendering import render
from api.exports.wording import certainty, clock, lasting
from api.pictures import with_pictures
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
    assert seen["tabs"] == ["Events 2", "Shots 4", "Text 1", "About"]
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
