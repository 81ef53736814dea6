"""Shots and plans as tables: for spreadsheets and for terminals."""

import csv
import io

from api.exports.table import grid, heading, on_terminal
from api.exports.wording import clock
from api.plans import Plan


def shots_csv(plan: Plan) -> str:
    """The shots as comma-separated values with a header; times in seconds."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(("index", "start_seconds", "end_seconds", "transition", "keyframes"))
    for shot in plan.shots:
        keyframes = " ".join(str(index) for index in shot.keyframes)
        rows.writerow((shot.index, shot.start_seconds, shot.end_seconds, shot.transition, keyframes))
    return out.getvalue()


def shots_table(plan: Plan) -> str:
    """The shots as a table on a terminal."""
    table = grid("shot", "time", "long", "begins with", "keyframes")
    for shot in plan.shots:
        table.add_row(
            str(shot.index),
            f"{clock(shot.start_seconds)} – {clock(shot.end_seconds)}",
            f"{shot.end_seconds - shot.start_seconds:.1f} s",
            shot.transition,
            str(len(shot.keyframes)),
        )
    return on_terminal(heading(plan.media, len(plan.shots)), table)


def plan_table(plan: Plan) -> str:
    """The keyframes that would be looked at, as a table on a terminal."""
    table = grid("keyframe", "time", "shot", "why")
    for keyframe in plan.keyframes:
        table.add_row(
            str(keyframe.index), clock(keyframe.time_seconds, decimals=3), str(keyframe.shot), keyframe.reason
        )
    summary = (
        f"{len(plan.keyframes)} keyframes by {plan.sampling} sampling, longest stretch unseen "
        f"{plan.coverage.longest_unseen_seconds:.1f} s; {plan.estimate.requests} requests to a model, "
        f"{_price(plan.estimate.cost_usd)}"
    )
    if (again := plan.second_look).requests:
        summary += (
            f"; on top, where answers need it, a second look at up to {again.keyframes} more keyframes and "
            f"{again.larger_pictures} larger pictures in up to {again.requests} requests"
        )
    return on_terminal(heading(plan.media, len(plan.shots)), table, summary)


def _price(usd: float | None) -> str:
    return "at an unknown price" if usd is None else f"{usd:.2f} USD"
