"""One call over prepared findings: what is yielded, what a failure leaves, what is refused and warned of."""

import asyncio
import threading

import pytest

from analyzer import (
    AnalysisRequest,
    AnalysisRequestError,
    AnalysisStep,
    Analyzed,
    Faculty,
    Findings,
    ModelInfo,
    ModelUnavailableError,
    Perceiver,
    ScriptedModel,
    TaskName,
    Timeline,
    analyze,
)
from analyzer.requests import Clause, Policy
from sampler import Keyframe
from tests.analyzer.scenes import Box, found, keyframes, plan

BOX: Box = (0.4, 0.4, 0.5, 0.6)
PLAN = plan([0, 2, 4, 6, 8])
SEEN = [
    found(
        n,
        ("dog", BOX, 0.9),
        text=[("Good dog", (0.1, 0.1, 0.5, 0.2), 0.99)],
        tags=[("stage", 0.7)],
        unsafe=0.01,
    )
    for n in range(5)
]


def run(model: Perceiver, request: AnalysisRequest) -> list[AnalysisStep]:
    async def collect() -> list[AnalysisStep]:
        return [step async for step in analyze(PLAN, keyframes(PLAN), request, model)]

    return asyncio.run(collect())


def timeline(model: Perceiver, *tasks: TaskName, **more: object) -> Timeline:
    last = run(model, AnalysisRequest(tasks=tasks or ("events",), **more))[-1]  # type: ignore[arg-type]
    assert isinstance(last, Timeline)
    return last


def test_progress_counts_keyframes_and_the_timeline_comes_last() -> None:
    steps = run(ScriptedModel(SEEN), AnalysisRequest())
    assert steps[:-1] == [Analyzed(done, 5) for done in range(1, 6)]
    assert isinstance(steps[-1], Timeline)


def test_each_task_asked_for_has_its_result_and_no_other() -> None:
    made = timeline(ScriptedModel(SEEN), "text", "objects", "tags", "describe", "moderation")
    results = made.results
    assert made.events == ()
    assert [one.text for one in results.text or ()] == ["Good dog"]
    assert {one.tag: one.confidence for one in results.tags or ()} == {"dog": 0.9, "stage": 0.35}
    assert results.objects is not None
    assert [(one.id, one.label, len(one.boxes)) for one in results.objects.tracks] == [("t0", "dog", 5)]
    assert results.moderation is not None
    assert results.moderation.verdict == "allow"
    assert results.describe is not None
    assert results.describe.shots[0].description == "A dog, on a stage, with the text “Good dog”."
    only = timeline(ScriptedModel(SEEN), "text").results
    assert (only.tags, only.objects, only.moderation, only.describe) == (None, None, None, None)


def test_only_what_the_tasks_need_is_looked_for() -> None:
    asked: list[frozenset[Faculty]] = []

    class Noting(ScriptedModel):
        def look(self, keyframe: Keyframe, wanted: frozenset[Faculty]) -> Findings:
            asked.append(wanted)
            return super().look(keyframe, wanted)

    timeline(Noting(SEEN), "moderation", "text")
    assert set(asked) == {frozenset({"unsafe", "text"})}


def test_a_keyframe_that_fails_is_a_gap_and_the_rest_is_kept() -> None:
    made = timeline(ScriptedModel([one for one in SEEN if one.keyframe != 2]), "events")
    assert made.status == "partial"
    assert [(gap.start_seconds, gap.end_seconds, gap.reason) for gap in made.coverage.gaps] == [
        (2, 6, "model_failed")
    ]
    assert [notice.code for notice in made.warnings] == ["model_failed"]
    assert {one.label: one.evidence for one in made.events}["dog"] == (0, 1, 3, 4)


def test_when_every_keyframe_fails_there_is_a_timeline_that_says_so() -> None:
    made = timeline(ScriptedModel([]), "events", "text", "tags", "objects", "describe", "moderation")
    assert (made.status, made.events) == ("partial", ())
    assert made.coverage.longest_unseen_seconds == 10
    assert made.results.moderation is not None
    assert made.results.moderation.verdict == "review"


@pytest.mark.parametrize("task", ["ask", "documents", "custom"])
def test_what_the_local_models_cannot_serve_is_refused_in_one_line(task: TaskName) -> None:
    model = ScriptedModel(SEEN)
    with pytest.raises(AnalysisRequestError, match=f"{task}.*vision-language model") as refused:
        run(model, AnalysisRequest(tasks=("events", task), question="why?"))
    assert "\n" not in str(refused.value)
    assert model.looked == []


def test_a_tag_that_one_keyframe_of_a_shot_alone_bears_out_must_be_sure() -> None:
    scores = {0: [("hammer", 0.6), ("beach", 0.55)], 2: [("beach", 0.6), ("church", 0.8)]}
    seen = [found(n, tags=scores.get(n, ())) for n in range(5)]
    made = timeline(ScriptedModel(seen), "tags")
    assert [one.tag for one in made.results.tags or ()] == ["church", "beach"]
    asked = timeline(ScriptedModel(seen), "tags", taxonomy=("hammer",))
    assert [one.tag for one in asked.results.tags or ()] == ["hammer"]


def test_a_tag_is_no_surer_for_being_imagined_on_every_keyframe() -> None:
    """Traffic from above is a telephone at 95 %, a classroom a bath tub on all its keyframes."""
    seen = [found(n, tags=[("cellular telephone", 0.95)]) for n in range(5)]
    ((tag,),) = (timeline(ScriptedModel(seen), "tags").results.tags or (),)
    assert (tag.tag, tag.confidence) == ("cellular telephone", 0.475)


def test_a_taxonomy_restricts_the_tags_and_names_those_nobody_can_give() -> None:
    made = timeline(ScriptedModel(SEEN), "tags", taxonomy=("Dog", "happiness"))
    assert [one.tag for one in made.results.tags or ()] == ["Dog"]
    assert [(one.code, "happiness" in one.message) for one in made.warnings] == [("unknown_tag", True)]


def test_of_a_policy_the_clauses_that_can_be_judged_are_and_the_others_are_named() -> None:
    clauses = (Clause("nudity", "No nudity.", 0.2, 0.5), Clause("weapons", "No weapons."))
    seen = [found(n, unsafe=score) for n, score in enumerate([0.1, 0.3, 0.7, 0.1, 0.3])]
    made = timeline(ScriptedModel(seen), "moderation", policy=Policy("house", "7", clauses))
    result = made.results.moderation
    assert result is not None
    assert (result.policy, result.verdict) == ("house 7", "block")
    assert [(one.id, one.verdict, one.confidence) for one in result.clauses] == [
        ("nudity", "block", 0.7),
        ("weapons", "review", None),
    ]
    assert [one.keyframes for one in result.clauses[0].instances] == [(1, 2, 4)]
    assert [notice.code for notice in made.warnings] == ["clause_not_judged"]


def test_what_no_model_can_judge_is_for_a_person_and_never_allowed() -> None:
    clauses = (Clause("weapons", "No weapons."), Clause("nudity", "No nudity."))
    harmless = [found(n, unsafe=0.01) for n in range(5)]
    made = timeline(ScriptedModel(harmless), "moderation", policy=Policy("house", "7", clauses))
    result = made.results.moderation
    assert result is not None
    assert result.verdict == "review"
    assert [(one.id, one.verdict) for one in result.clauses] == [("weapons", "review"), ("nudity", "allow")]
    ((item,),) = (result.review,)
    assert (item.clause, item.keyframes, item.confidence) == ("weapons", (0, 1, 2, 3, 4), None)
    assert (item.start_seconds, item.end_seconds) == (0, 10)
    assert "a person has to" in made.warnings[0].message


def test_a_policy_none_of_which_can_be_judged_is_refused() -> None:
    with pytest.raises(AnalysisRequestError, match="none of the clauses"):
        timeline(ScriptedModel(SEEN), "moderation", policy=Policy("p", "1", (Clause("weapons", "None."),)))


def test_between_the_bands_a_person_is_asked() -> None:
    result = timeline(
        ScriptedModel([found(n, unsafe=0.7 if n == 3 else 0.0) for n in range(5)]), "moderation"
    ).results.moderation
    assert result is not None
    assert result.verdict == "review"
    assert [(one.clause, one.start_seconds, one.end_seconds, one.keyframes) for one in result.review] == [
        ("sexual", 5, 7, (3,))
    ]


def test_a_keyframe_that_fails_is_for_a_person_to_judge() -> None:
    seen = [found(n, unsafe=0.01) for n in range(5) if n != 2]
    result = timeline(ScriptedModel(seen), "moderation").results.moderation
    assert result is not None
    assert (result.verdict, [clause.verdict for clause in result.clauses]) == ("review", ["review"])
    assert result.clauses[0].explanation.endswith("; 1 of 5 keyframes could not be looked at")
    assert [(one.clause, one.start_seconds, one.end_seconds, one.keyframes) for one in result.review] == [
        ("unseen", 2, 6, (2,))
    ]


def test_relations_say_how_things_stand_in_the_picture() -> None:
    seen = [
        found(n, ("cat", (0.1, 0.4, 0.2, 0.6), 0.9), ("dog", (0.6, 0.4, 0.8, 0.6), 0.9)) for n in range(5)
    ]
    objects = timeline(ScriptedModel(seen), "objects").results.objects
    assert objects is not None
    assert [(one.subject, one.relation, one.object) for one in objects.relations] == [("t0", "left of", "t1")]
    assert [one.label for one in objects.tracks] == ["cat", "dog"]


def test_the_same_question_of_the_same_pictures_has_the_same_answer() -> None:
    first, again = (timeline(ScriptedModel(SEEN), "events") for _ in range(2))
    assert (first.id, first.events, first.summary) == (again.id, again.events, again.summary)
    assert first.id != timeline(ScriptedModel(SEEN), "text").id


def test_a_model_that_cannot_be_loaded_ends_the_run() -> None:
    class Missing(ScriptedModel):
        def look(self, keyframe: Keyframe, wanted: frozenset[Faculty]) -> Findings:
            raise ModelUnavailableError(f"{wanted} of {keyframe.index} need a package; install it")

    with pytest.raises(ModelUnavailableError, match="install it"):
        run(Missing([]), AnalysisRequest())


def test_closing_stops_after_the_keyframe_under_way() -> None:
    model = ScriptedModel(SEEN)

    async def stop_early() -> None:
        steps = analyze(PLAN, keyframes(PLAN), AnalysisRequest(), model)
        assert await anext(steps) == Analyzed(1, 5)
        await steps.aclose()
        await asyncio.sleep(0.05)

    asyncio.run(stop_early())
    assert model.looked == [0]


def test_looking_does_not_hold_up_the_event_loop() -> None:
    ticked = threading.Event()

    class Waiting(ScriptedModel):
        @property
        def info(self) -> ModelInfo:
            return ModelInfo("local", "waiting")

        def look(self, keyframe: Keyframe, wanted: frozenset[Faculty]) -> Findings:
            assert ticked.wait(10), "the event loop stood still"
            return super().look(keyframe, wanted)

    async def tick_while_looking() -> None:
        asyncio.get_running_loop().call_later(0.01, ticked.set)
        async for _ in analyze(PLAN, keyframes(PLAN), AnalysisRequest(), Waiting(SEEN)):
            pass

    asyncio.run(tick_while_looking())
