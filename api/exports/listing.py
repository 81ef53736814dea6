"""Shots and plans as tables: for spreadsheets and for terminals."""

import csv
import io

from api.exports.table import Grid, heading, on_terminal
from api.exports.wording import clock, lasting
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
    rows = [
        (
            str(shot.index),
            f"{clock(shot.start_seconds)} – {clock(shot.end_seconds)}",
            lasting(shot.end_seconds - shot.start_seconds),
            shot.transition,
            str(len(shot.keyframes)),
        )
        for shot in plan.shots
    ]
    table = Grid(("shot", "time", "long", "begins with", "keyframes"), rows)
    return on_terminal(heading(plan.media, len(plan.shots)), table)


def plan_table(plan: Plan) -> str:
    """The keyframes that would be looked at, as a table on a terminal."""
    rows = [
        (str(each.index), clock(each.time_seconds, decimals=3), str(each.shot), each.reason)
        for each in plan.keyframes
    ]
    table = Grid(("keyframe", "time", "shot", "why"), rows)
    amount = len(plan.keyframes)
    summary = (
        f"{amount} keyframe{'s' * (amount != 1)} by {plan.sampling} sampling, longest stretch unseen "
        f"{lasting(plan.coverage.longest_unseen_seconds)}; {_asked(plan)}"
    )
    if (again := plan.second_look).requests:
        summary += (
            f"; on top, where answers need it, a second look at up to {again.keyframes} more keyframes and "
            f"{again.larger_pictures} larger pictures in up to {again.requests} requests"
        )
    unseen = (
        f"\nnot looked at: {clock(gap.start_seconds)} – {clock(gap.end_seconds)}, {gap.reason.replace('_', ' ')}"
        for gap in plan.coverage.gaps
    )
    return on_terminal(heading(plan.media, len(plan.shots)), table, summary + "".join(unseen))


def _asked(plan: Plan) -> str:
    foreseen = plan.estimate
    if not foreseen.requests:
        return "no requests to a remote model"
    batches = f"{len(plan.batches)} batch{'es' * (len(plan.batches) != 1)}"
    tokens = f"about {foreseen.input_tokens:,} tokens in and {foreseen.output_tokens:,} out"
    return (
        f"{foreseen.requests} request{'s' * (foreseen.requests != 1)} to a model about {batches}, {tokens}, "
        f"{_price(foreseen.cost_usd)}{_at_most(foreseen.worst_cost_usd)}"
    )


def _price(usd: float | None) -> str:
    if usd is None:
        return "at an unknown price"
    return f"{usd:.2f} USD" if usd >= 1 or not usd else f"{usd:.4f} USD"


def _at_most(usd: float | None) -> str:
    return f", {_price(usd)} at most" if usd else ""
