"""Results as Markdown: what was found, what it took, next to one another."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, median
from typing import Any

from benchmarks.runners import COMPETITORS, Name
from benchmarks.scoring import CutScore
from tests.truth import Manner

BEGIN, END = "<!-- results -->", "<!-- end of results -->"
_MANNERS: tuple[Manner, ...] = ("cut", "dissolve", "fade", "wipe", "push", "iris")
_MEGABYTE = 1_000_000

Row = Mapping[str, Any]
"""A row of the results file."""


def updated_page(page: str, found: str) -> str:
    """The page with these results between its marks."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{found.strip()}\n\n{END}{after}"


def tables(results: Mapping[str, Any]) -> str:
    """Everything that was measured."""
    rows: list[Row] = results["rows"]
    parts = [
        _conditions(results),
        _part("Shot boundaries", cut_table(rows)),
        _part("F1 by kind of montage", style_table(rows)),
        _part("Shots and events a keyframe hits", recall_table(rows)),
        _part("Long videos", long_table(rows)),
        _part(
            "Skimming a cut every four seconds, by where sync frames are: CPU over decoding",
            ratio_table(of_group(rows, "skimming"), "cpu_seconds"),
        ),
        _part(
            "Other codecs and sizes: boundaries, time over decoding",
            ratio_table(of_group(rows, "codecs"), "wall_seconds"),
        ),
        _part("Are the stated times true?", time_table(rows)),
        _failures(results),
    ]
    return "\n\n".join(part for part in parts if part)


def cut_scores(rows: Iterable[Row]) -> dict[Name, CutScore]:
    """Added up over datasets, for those who looked for boundaries."""
    scores: dict[Name, CutScore] = {}
    for row in rows:
        if row["task"] == "boundaries" and row["scores"]:
            scores[row["name"]] = scores.get(row["name"], CutScore()) + _score(row)
    return scores


def ratios(rows: Sequence[Row], measure: str) -> dict[Name, float]:
    """The median over datasets of what boundaries took, over what decoding alone took on the same file."""
    floor = {row["dataset"]: row[measure] for row in rows if row["name"] == "decoding"}
    found: dict[Name, list[float]] = defaultdict(list)
    for row in rows:
        if row["task"] == "boundaries" and row["dataset"] in floor:
            found[row["name"]].append(row[measure] / floor[row["dataset"]])
    return {name: median(values) for name, values in found.items()}


def of_group(rows: Iterable[Row], group: str) -> list[Row]:
    """The rows of one group of datasets."""
    return [row for row in rows if row["group"] == group]


def cut_table(rows: Sequence[Row]) -> str:
    """Who finds what, at what cost; those who were measured on a part only are compared with all on that part."""
    chosen = of_group(rows, "cuts")
    if not chosen:
        return ""
    measured = _datasets_of(chosen)
    most = max(len(datasets) for datasets in measured.values())
    part = set.intersection(*measured.values())
    text = _cut_table([row for row in chosen if len(measured[row["name"]]) == most])
    if len(part) < most:
        told = ", ".join(f"`{dataset}`" for dataset in sorted(part))
        text += f"\n\nOn the montages that all were run on ({told}):\n\n"
        text += _cut_table([row for row in chosen if row["dataset"] in part])
    return text


def _datasets_of(rows: Iterable[Row]) -> dict[Name, set[str]]:
    found: dict[Name, set[str]] = defaultdict(set)
    for row in rows:
        found[row["name"]].add(row["dataset"])
    return found


def _cut_table(rows: Sequence[Row]) -> str:
    scores, wall, cpu = cut_scores(rows), ratios(rows, "wall_seconds"), ratios(rows, "cpu_seconds")
    head = ["", "F1", "precision", *(f"recall: {manner}" for manner in _MANNERS), "time", "CPU", "memory"]
    lines = []
    for name in _in_order(wall):
        of_name = [row for row in rows if row["name"] == name]
        score = scores.get(name)
        found = [f"{score.f1:.3f}", f"{score.precision:.3f}", *_recalls(score)] if score else []
        found += [""] * (2 + len(_MANNERS) - len(found))
        peak = max(row["peak_bytes"] for row in of_name) / _MEGABYTE
        lines.append([_told(name), *found, f"{wall[name]:.2f} ×", f"{cpu[name]:.2f} ×", f"{peak:.0f} MB"])
    return _table(head, lines)


def _recalls(score: CutScore) -> list[str]:
    counts = [score.found_of_kind.get(manner) for manner in _MANNERS]
    return [f"{count[0]}/{count[1]}" if count else "" for count in counts]


def style_table(rows: Sequence[Row]) -> str:
    """F1 by style of montage, one column a competitor."""
    chosen = [row for row in of_group(rows, "cuts") if row["scores"]]
    styles = list(dict.fromkeys(row["style"] for row in chosen))
    measured = _datasets_of(chosen)
    names = [name for name in _in_order(measured) if len(measured[name]) == max(map(len, measured.values()))]
    lines = []
    for style in styles:
        scores = cut_scores(row for row in chosen if row["style"] == style)
        lines.append([style, *(f"{scores[name].f1:.3f}" if name in scores else "" for name in names)])
    return _table(["", *(_told(name) for name in names)], lines)


def recall_table(rows: Sequence[Row]) -> str:
    """Share of events, and of shots, within which a keyframe lies, by budget."""
    chosen = [row for row in of_group(rows, "events") if row["task"] == "plan"]
    budgets = sorted({row["budget"] for row in chosen})
    lines = []
    for style in dict.fromkeys(row["style"] for row in chosen):
        for measure, told in (("event_recall", "events"), ("shot_recall", "shots")):
            hit = [row for row in chosen if row["style"] == style and measure in row["scores"]]
            if measure == "shot_recall" and "still" in style:
                continue
            for name in _in_order({row["name"] for row in hit}):
                cells = [
                    _mean(r["scores"][measure] for r in hit if r["name"] == name and r["budget"] == b)
                    for b in budgets
                ]
                lines.append([f"{style}: {told}", _told(name), *cells])
    return _table(["", "", *(f"{budget} keyframes" for budget in budgets)], lines)


def long_table(rows: Sequence[Row]) -> str:
    """What a long file takes: to find its boundaries, and from the file to 32 pictures."""
    chosen = of_group(rows, "long")
    lines = []
    for dataset in dict.fromkeys(row["dataset"] for row in chosen):
        here = [row for row in chosen if row["dataset"] == dataset]
        floor = next((row["wall_seconds"] for row in here if row["name"] == "decoding"), None)
        floor_cpu = next((row["cpu_seconds"] for row in here if row["name"] == "decoding"), None)
        for row in here:
            f1 = f"{_score(row).f1:.3f}" if row["task"] == "boundaries" and row["scores"] else ""
            task = "boundaries" if row["task"] == "boundaries" else f"{row['budget']} pictures"
            wall = f"{row['wall_seconds'] / floor:.2f} ×" if floor else ""
            cpu = f"{row['cpu_seconds'] / floor_cpu:.2f} ×" if floor_cpu else ""
            peak = f"{row['peak_bytes'] / _MEGABYTE:.0f} MB"
            told = [row["style"], _told(row["name"]), "" if row["name"] == "decoding" else task]
            lines.append([*told, f"{row['wall_seconds']:.1f} s", wall, cpu, peak, f1])
    return _table(["", "", "task", "time", "over decoding", "CPU over decoding", "memory", "F1"], lines)


def ratio_table(rows: Sequence[Row], measure: str) -> str:
    """Ratio to decoding and F1, by style."""
    names = [name for name in _in_order({row["name"] for row in rows}) if name != "decoding"]
    lines = []
    for style in dict.fromkeys(row["style"] for row in rows):
        here = [row for row in rows if row["style"] == style]
        wall, scores = ratios(here, measure), cut_scores(here)
        lines.append(
            [
                style,
                *(
                    f"{wall[n]:.2f} × (F1 {scores[n].f1:.3f})" if n in wall and n in scores else ""
                    for n in names
                ),
            ]
        )
    return _table(["", *(_told(name) for name in names)], lines)


def time_table(rows: Sequence[Row]) -> str:
    """How many delivered pictures are not from the time they are said to be from."""
    chosen = of_group(rows, "times")
    names = _in_order({row["name"] for row in chosen})
    lines = []
    for dataset in dict.fromkeys(row["dataset"] for row in chosen):
        by_name = {row["name"]: row["scores"] for row in chosen if row["dataset"] == dataset}
        style = next(row["style"] for row in chosen if row["dataset"] == dataset)
        lines.append([f"{style} (`{dataset}`)", *(_times_told(by_name.get(name)) for name in names)])
    return _table(["wrong of delivered, largest error", *(_told(name) for name in names)], lines)


def _times_told(scores: Mapping[str, Any] | None) -> str:
    if scores is None:
        return ""
    told = f"{scores['wrong']} of {scores['delivered']}"
    return f"{told}, {scores['largest_error_seconds']:.2f} s" if scores["wrong"] else told


def _conditions(results: Mapping[str, Any]) -> str:
    packages = ", ".join(f"{name} {number}" for name, number in results["packages"].items())
    absent = ", ".join(_told(name) for name in results["absent"])
    return (
        f"Measured {results['time_utc']} UTC at revision `{results['revision']}` on {results['cores']} cores "
        f"({results['processor']}, {results['system']}, load {results['load_before']} before the run), Python "
        f"{results['python']}, {packages}."
        + (f" Not installed, so not measured: {absent}." if absent else "")
    )


def _failures(results: Mapping[str, Any]) -> str:
    """One line for all that failed alike."""
    where: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for one in results["failures"]:
        where[one["name"], one["task"], one["why"]].append(f"`{one['dataset']}`")
    lines = [
        f"- {_told(name)}, {task} on {', '.join(dict.fromkeys(datasets))}: {why}"
        for (name, task, why), datasets in where.items()
    ]
    return _part("Failed", "\n".join(lines))


def _part(title: str, body: str) -> str:
    return f"### {title}\n\n{body}" if body else ""


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    if not lines:
        return ""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _in_order(names: Iterable[str]) -> list[Name]:
    present = set(names)
    return [name for name in COMPETITORS if name in present]


def _told(name: str) -> str:
    return next((entry.told for known, entry in COMPETITORS.items() if known == name), name)


def _mean(values: Iterable[float]) -> str:
    kept = list(values)
    return f"{fmean(kept):.2f}" if kept else ""


def _score(row: Row) -> CutScore:
    scores = row["scores"]
    kinds = {manner: tuple(count) for manner, count in scores["found_of_kind"].items()}
    return CutScore(
        scores["found"], scores["missed"], scores["false"], kinds, tuple(scores["offsets_seconds"])
    )
