import pytest

from analyzer import AnalysisRequest, Clause, Policy, Segment, SegmentField
from api.errors import RequestError
from api.schemas import (
    TimelineRequest,
    picture_interval,
    read_json,
    read_taxonomy,
    read_text,
    seconds_from,
    timeline_request,
)
from sampler import SampleRequest


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (90, 90.0), (1.5, 1.5), ("90", 90.0), (" 2.25 ", 2.25), ("1:30", 90.0), ("90:00", 5400.0),
        ("01:02:03.5", 3723.5), ("0:00", 0.0), ("100:00:00.001", 360000.001),
    ],
)  # fmt: skip
def test_times_as_people_write_them(written, seconds):
    assert seconds_from(written) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "abc",
        "1:60",
        "1:99",
        "1:2:3:4",
        "1:60:00",
        "-1",
        -0.5,
        "nan",
        "inf",
        float("nan"),
        None,
        [1],
        "1e999",
    ],
)
def test_what_is_no_time_is_refused(written):
    with pytest.raises(ValueError, match="is not a time"):
        seconds_from(written)


def test_defaults_are_filled_in():
    assert timeline_request(start=None, tasks=None).model_dump() == {
        "tasks": ("events",), "frames": 32, "start": None, "end": None, "sampling": "auto", "taxonomy": (),
        "ask": None, "instructions": "", "schema": None, "policy": None, "examples": (), "segments": (),
        "backend": "auto", "model": None, "context": "parallel", "max_cost": None, "max_requests": None,
        "local": (), "hints": (),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "tasks"),
    [
        ({"ask": "why?"}, ("ask",)),
        ({"ask": "why?", "tasks": ["events"]}, ("events", "ask")),
        ({"ask": "why?", "tasks": ["custom"]}, ("custom",)),
        ({"schema": {"type": "object"}}, ("custom",)),
        ({"schema": {"type": "object"}, "tasks": ["ask"], "ask": "why?"}, ("ask",)),
    ],
)
def test_a_question_and_a_schema_name_their_task(given, tasks):
    assert timeline_request(**given).tasks == tasks


def test_a_policy_and_segments_reach_the_analyzer():
    request = timeline_request(
        policy={"name": "p", "version": "2", "clauses": [{"id": "c", "description": "d", "block_from": 0.9}]},
        segments=[
            {
                "id": "s",
                "description": "d",
                "fields": [{"name": "n", "type": "integer"}],
                "min_duration": "0:02",
            }
        ],
    ).analysis_request()
    assert request.policy == Policy("p", "2", (Clause("c", "d", 0.3, 0.9),))
    assert request.segments == (Segment("s", "d", (SegmentField("n", "integer"),), 2.0, None),)
    with pytest.raises(RequestError, match="review_from"):
        timeline_request(
            policy={
                "name": "p",
                "version": "1",
                "clauses": [{"id": "c", "description": "d", "review_from": 0.9, "block_from": 0.5}],
            }
        )


def test_each_room_gets_its_part():
    request = timeline_request(
        tasks=["tags", "text"], frames=8, start="0:10", end=20, sampling="interval=0:02", taxonomy=["cat"]
    )
    assert request.sample_request() == SampleRequest(
        frames=8, sampling="interval", interval_seconds=2.0, start_seconds=10.0, end_seconds=20.0
    )
    assert request.analysis_request() == AnalysisRequest(tasks=("tags", "text"), taxonomy=("cat",))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
        ({"tasks": ["nope"]}, "tasks: Input should be 'events'.* not 'nope'"),
        ({"tasks": []}, "tasks: "),
        ({"tasks": "tags"}, "tasks: it must be a list in brackets"),
        ({"policy": 3}, "policy: it must be an object in braces"),
        ({"schema": 3}, "schema: it must be an object in braces"),
        (
            {"policy": {"name": "x", "version": "1", "clauses": [{"id": "a"}]}},
            r"policy\.clauses\.0\.\w+: Field",
        ),
        ({"tasks": ["tags", "tags"]}, "a task was asked for twice"),
        ({"frames": 0}, "frames: Input should be greater than or equal to 1, not 0"),
        ({"start": "later"}, "start: 'later' is not a time"),
        ({"start": 5, "end": 5}, "the window ends"),
        ({"end": 0}, "the window ends"),
        ({"sampling": "randomly"}, "sampling: 'randomly' is unknown; choose auto"),
        ({"sampling": "interval=soon"}, "'soon' is not a time"),
        ({"sampling": "interval=0"}, "longer than 0 s"),
        ({"backend": "crystal ball"}, "backend: "),
    ],
)
def test_impossible_requests_are_refused_in_one_line(options, said):
    with pytest.raises(RequestError, match=said) as caught:
        timeline_request(**options)
    assert "\n" not in str(caught.value)


def test_the_request_survives_its_own_json():
    request = timeline_request(tasks=["events", "text"], start="1:00", sampling="interval=2")
    assert TimelineRequest.model_validate_json(request.model_dump_json()) == request


@pytest.mark.parametrize("content", ["cat\n\n  dog \n", '["cat", "dog"]'])
def test_a_taxonomy_is_a_tag_a_line_or_a_json_list(tmp_path, content):
    path = tmp_path / "tags"
    path.write_text(content, "utf-8")
    assert read_taxonomy(path) == ("cat", "dog")


@pytest.mark.parametrize("content", [b"", b"\n \n", b"[1, 2", b"\xff\xfe"])
def test_a_bad_taxonomy_is_told(tmp_path, content):
    path = tmp_path / "tags"
    path.write_bytes(content)
    with pytest.raises(RequestError, match="write"):
        read_taxonomy(path)


def test_a_sequence_has_an_interval():
    assert picture_interval(None) is None
    assert picture_interval("0:01.5") == 1.5
    for wrong in ("0", "soon"):
        with pytest.raises(RequestError, match="interval"):
            picture_interval(wrong)


def test_tasks_served_locally_must_be_asked_for():
    request = timeline_request(tasks=["events", "text"], local=["text"])
    assert request.analysis_request().local == ("text",)
    assert request.analysis_request().for_model().tasks == ("events",)
    with pytest.raises(RequestError, match="objects is not among the tasks"):
        timeline_request(tasks=["events", "text"], local=["objects"])
    with pytest.raises(RequestError, match="local"):
        timeline_request(tasks=["events", "documents"], local=["documents"])


def test_a_mark_that_editors_put_before_text_is_passed_over(tmp_path):
    path = tmp_path / "written"
    path.write_text("cat\ndog\n", "utf-8-sig")
    assert read_taxonomy(path) == ("cat", "dog")
    assert read_text(f"@{path}") == "cat\ndog\n"
    path.write_text('{"type": "object"}', "utf-8-sig")
    assert read_json(path) == {"type": "object"}
