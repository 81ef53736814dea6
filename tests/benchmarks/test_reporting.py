"""Tables and chart of results made by hand."""

from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks.charting import chart, points
from benchmarks.reporting import BEGIN, END, cut_scores, ratios, tables, updated_page

SVG = "{http://www.w3.org/2000/svg}"


def row(
    name: str, dataset: str, wall: float, found: int = 0, missed: int = 0, false: int = 0
) -> dict[str, Any]:
    scores = {
        "found": found,
        "missed": missed,
        "false": false,
        "found_of_kind": {"cut": [found, found + missed]},
        "offsets_seconds": [],
    }
    return {
        "name": name,
        "task": "boundaries",
        "dataset": dataset,
        "group": "cuts",
        "style": "hard cuts",
        "budget": 0,
        "wall_seconds": wall,
        "cpu_seconds": 2 * wall,
        "peak_bytes": 120_000_000,
        "runs": 1,
        "scores": {} if name == "decoding" else scores,
    }


ROWS = [
    row("decoding", "a", 1.0),
    row("exact", "a", 1.2, found=10),
    row("content-opencv", "a", 3.0, found=8, missed=2, false=2),
    row("transnetv2", "a", 30.0, found=9, missed=1),
    row("decoding", "b", 2.0),
    row("exact", "b", 2.2, found=5, missed=5),
    row("content-opencv", "b", 5.0, found=8, missed=2, false=2),
]
RESULTS = {
    "time_utc": "2030-01-01 00:00",
    "revision": "abc",
    "system": "Linux",
    "processor": "X",
    "cores": 2,
    "load_before": 0.1,
    "python": "3.11",
    "packages": {"av": "18.1.0"},
    "absent": {"decord": ["decord"]},
    "failures": [{"name": "exact", "task": "plan", "dataset": "c", "why": "it broke"}],
    "rows": ROWS,
}


def test_scores_are_added_up_and_ratios_are_medians_of_the_same_file() -> None:
    assert cut_scores(ROWS)["exact"].f1 == pytest.approx(2 * 15 / (2 * 15 + 5))
    assert ratios(ROWS, "wall_seconds") == {
        "decoding": 1.0,
        "exact": pytest.approx((1.2 + 1.1) / 2),
        "content-opencv": pytest.approx((3.0 + 2.5) / 2),
        "transnetv2": 30.0,
    }


def test_a_competitor_measured_on_a_part_is_compared_on_that_part() -> None:
    whole, part = tables(RESULTS).split("On the montages that all were run on (`a`)")
    assert "TransNetV2" not in whole.split("### Shot boundaries")[1]
    assert "| sceneline exact | 0.857 | 1.000 | 15/20 |" in whole
    assert "| sceneline exact | 1.000 | 1.000 | 10/10 |" in part
    assert "| TransNetV2 | 0.947 | 1.000 | 9/10 |" in part


def test_what_failed_and_what_was_absent_is_said() -> None:
    told = tables(RESULTS)
    assert "not measured: even spacing, decord" in told
    assert "- sceneline exact, plan on `c`: it broke" in told


def test_only_what_is_between_the_marks_of_a_page_changes() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert updated_page(page, "new") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"


def test_the_chart_shows_each_competitor_where_it_belongs() -> None:
    found = {point.name: point for point in points(RESULTS)}
    assert (found["content-opencv"].f1, found["content-opencv"].ratio) == (
        pytest.approx(0.8),
        pytest.approx(2.75),
    )
    root = ElementTree.fromstring(chart(RESULTS))
    dots = {dot.get("cx"): dot.get("class") for dot in root.iter(f"{SVG}circle")}
    assert sorted(dots.values()) == ["ours", "partly", "peer"]
    right = max(root.iter(f"{SVG}circle"), key=lambda dot: float(dot.get("cx", "")))
    assert right.get("class") == "partly"
    assert "TransNetV2 (on 1 of 2)" in [text.text for text in root.iter(f"{SVG}text")]
