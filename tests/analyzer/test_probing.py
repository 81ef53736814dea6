"""Trying out a server that really looks at the drawn film, and servers that fall short in known ways."""

import asyncio
import io
import json

import numpy as np
import pytest
from PIL import Image

from analyzer.conversation import ModelProfile
from analyzer.films import draw_film
from analyzer.models.openai import Endpoint, OpenAIModel, find_profile, with_profile
from analyzer.models.openai.retries import RetryPolicy
from analyzer.probing import Count, Finding, is_stalled, probe, tokens_each, with_picture_tokens
from analyzer.spending import Ledger
from tests.analyzer.talk import question
from tests.oracle import Asked, garbage, oracle, status, thought

NUMBERS = {k.jpeg: n for k, n in zip(draw_film().keyframes, draw_film().numbers, strict=True)}
TOKENS = {(640, 352): 220, (320, 176): 55}


def box_of(jpeg: bytes, colour: str) -> list[int] | None:
    """Where the pixels of a colour are, on the grid of 0 to 1000."""
    pixels = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"), dtype=int)
    main, other = (0, 2) if colour == "red" else (2, 0)
    rows, columns = np.nonzero(pixels[..., main] - pixels[..., other] > 100)
    if not len(rows):
        return None
    height, width = pixels.shape[:2]
    corners = (
        columns.min() / width,
        rows.min() / height,
        (columns.max() + 1) / width,
        (rows.max() + 1) / height,
    )
    return [round(1000 * corner) for corner in corners]


def look(asked: Asked):
    """What a model that sees everything says; to the question how many pictures there are, their number."""
    if "pictures`" not in json.dumps(asked.body):
        return str(len(asked.shown))
    shapes = []
    for colour in ("red", "blue"):
        boxes = {shown.index: box for shown in asked.shown if (box := box_of(shown.jpeg, colour))}
        if boxes:
            first, last = min(boxes), max(boxes)
            shapes.append({"colour": colour, "first_frame": first, "last_frame": last, "box": boxes[first]})
    pictures = [{"frame": shown.index, "number": NUMBERS[shown.jpeg]} for shown in asked.shown]
    return {"pictures": pictures, "shapes": shapes}


def counting(most: int = 1000, tokens=TOKENS.__getitem__, then=None):
    """A server that takes in so many pictures and says nothing of the others it was sent."""

    def fault(handler, asked, text):
        sizes = [Image.open(io.BytesIO(shown.jpeg)).size for shown in asked.shown[:most]]
        handler.pictures = 0
        usage = {"prompt_tokens": 60 + sum(tokens(size) + 14 for size in sizes), "completion_tokens": 9}
        send = type(handler).send.__get__(handler)  # one handler serves a whole connection

        def with_usage(code, body, **headers):
            document = json.loads(body)
            send(
                code, json.dumps({**document, **({"usage": usage} if "usage" in document else {})}), **headers
            )

        handler.send = with_usage
        (then or (lambda handler, _asked, text: handler.say(text)))(handler, asked, text)

    return lambda _number, _asked: fault


def try_out(faults=None, profile=None, answer=look):
    async def run(url):
        policy = RetryPolicy(attempts=2, base_seconds=0.01)
        model = OpenAIModel(
            Endpoint(url, "m", "sk-secret"), profile or ModelProfile("m", max_images=20), policy=policy
        )
        async with model:
            return [step async for step in probe(model)]

    with oracle(answer, faults=faults or counting()) as server:
        steps = asyncio.run(run(server.url))
    said = {step.said.partition(":")[0]: step for step in steps if isinstance(step, Finding)}
    profiles = [step for step in steps if isinstance(step, ModelProfile)]
    return said, profiles[0] if profiles else None, server


def test_of_a_server_that_sees_everything_is_well():
    said, profile, server = try_out()
    assert [finding.said for finding in said.values() if not finding.well] == []
    assert said["pictures counted"].said.startswith("pictures counted: 234 tokens each at 640 × 352")
    assert "8 of the 8 numbers" in said["sight"].said
    assert "8 of the 8" in said["order"].said
    assert said["times"].said == "times: 0.00 s off on average"
    assert float(said["boxes"].said.split()[1].rstrip("%")) < 1.0
    assert (
        said["largest batch that works"].said == "largest batch that works: 20 pictures, the profile's limit"
    )
    assert "held to their JSON Schema" in said["form"].said
    assert "the answer stands in the field content" in said
    assert (profile.max_images, profile.patch_pixels, profile.schema_support) == (20, 32, "json_schema")
    assert len(server.asked) <= 10


def test_pictures_that_are_dropped_are_found_out():
    said, profile, _ = try_out(counting(most=4))
    assert said["pictures counted"].well
    assert said["largest batch that works"].said.startswith(
        "largest batch that works: 4 pictures; more did not: of 8"
    )
    assert (profile.max_images, profile.images_per_batch) == (4, 4)
    assert "4 of the 4 numbers" in said["sight"].said


def test_a_server_that_counts_no_picture_is_told_of():
    said, _, _ = try_out(counting(most=0))
    assert not said["pictures counted"].well
    assert "drops pictures" in said["pictures counted"].said


def test_a_server_without_json_schema_is_spoken_to_in_words_and_remembered():
    def faults(number, asked):
        refused = asked.body.get("response_format", {}).get("type") == "json_schema"
        return (
            status(400, "response_format json_schema is not supported")
            if refused
            else counting()(number, asked)
        )

    said, profile, _ = try_out(faults)
    assert "no json_schema" in said["form"].said
    assert said["sight"].well
    assert profile.schema_support == "json_object"
    with oracle(look) as server:
        asyncio.run(ask_with(server.url, profile))
    assert all(asked.body.get("response_format", {}).get("type") != "json_schema" for asked in server.asked)


async def ask_with(url: str, profile: ModelProfile) -> None:
    async with OpenAIModel(Endpoint(url, "m"), profile) as model:
        await model.ask(question(0, schema={"type": "object"}), Ledger())


def test_what_an_earlier_trial_found_is_tried_anew():
    said, profile, _ = try_out(profile=ModelProfile("m", max_images=2, schema_support="prompt"))
    assert "held to their JSON Schema" in said["form"].said
    assert (profile.max_images, profile.schema_support) == (ModelProfile("m").max_images, "json_schema")


def test_what_was_not_read_at_all_has_no_order():
    def blind(asked):
        return look(asked) if "pictures`" not in json.dumps(asked.body) else {"pictures": [], "shapes": []}

    said, *_ = try_out(answer=blind)
    assert not said["order"].well
    assert said["order"].said == "order: cannot be told, none of the numbers drawn was read"


def test_a_refused_key_is_one_line_and_nothing_more_is_asked():
    said, profile, server = try_out(lambda _n, _a: status(401, "no such key sk-secret"))
    assert [finding.well for finding in said.values()] == [True, False]
    assert "401" in said["authorised"].said
    assert "sk-secret" not in said["authorised"].said
    assert (profile, len(server.asked)) == (None, 1)


def test_a_server_that_is_not_there_is_not_reachable():
    with oracle(look) as server:
        url = server.url

    async def run():
        policy = RetryPolicy(attempts=1)
        async with OpenAIModel(Endpoint(url, "m"), ModelProfile("m"), policy=policy) as model:
            return [step async for step in probe(model)]

    (only,) = asyncio.run(run())
    assert not only.well
    assert only.said.startswith("reachable: ")


def test_a_model_that_sees_nothing_gets_an_honest_report():
    def blind(asked):
        answer = look(asked)
        if isinstance(answer, str):
            return "I see one."
        frame = asked.shown[0].index
        return {"pictures": [{"frame": frame, "number": 1}], "shapes": []}

    said, profile, _ = try_out(answer=blind)
    assert said["pictures counted"].well
    assert "0 of the 8 numbers" in said["sight"].said
    assert not any(said[name].well for name in ("sight", "order", "times", "boxes"))
    assert profile is not None
    said, profile, _ = try_out(counting(then=garbage))
    assert not said["answers"].well
    assert profile is not None


def test_pictures_out_of_order_are_found_out():
    def turned(asked):
        answer = look(asked)
        if isinstance(answer, dict):
            numbers = [picture["number"] for picture in answer["pictures"]][::-1]
            for picture, number in zip(answer["pictures"], numbers, strict=True):
                picture["number"] = number
            for shape in answer["shapes"]:
                shape["last_frame"] += 1
        return answer

    said, _, _ = try_out(answer=turned)
    assert said["sight"].well
    assert not said["order"].well
    assert float(said["times"].said.split()[1]) == pytest.approx((1.2 + 1.5) / 4, abs=0.006)


def test_it_is_told_where_the_answer_stands():
    said, _, _ = try_out(counting(then=thought))
    assert "the answer stands in the field thinking" in said


def test_a_batch_the_server_refuses_ends_the_doubling():
    def faults(number, asked):
        return status(400, "at most 8 images") if len(asked.shown) > 8 else counting()(number, asked)

    said, profile, _ = try_out(faults)
    assert said["largest batch that works"].said.startswith(
        "largest batch that works: 8 pictures; more did not:"
    )
    assert profile.max_images == 8


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        (lambda _: 256, (256, 32)),
        (lambda size: size[0] * size[1] // 28**2, (None, 28)),
        (TOKENS.get, (None, 32)),
    ],
)
def test_how_pictures_are_counted_is_measured(tokens, expected):
    _, profile, _ = try_out(counting(tokens=tokens))
    assert (profile.fixed_image_tokens, profile.patch_pixels) == expected


def test_tokens_by_hand():
    counts = [Count(1, 100, 0.0), Count(2, 200, 0.0), Count(4, 400, 0.0)]
    assert tokens_each(counts) == 100
    assert not is_stalled(counts)
    assert is_stalled([*counts, Count(8, 400, 0.0)])
    assert tokens_each([Count(1, 0, 0.0), Count(2, 0, 0.0)]) is None
    assert with_picture_tokens(ModelProfile("m"), 234, None) == ModelProfile("m")


def test_a_profile_takes_the_place_of_the_one_of_its_name_and_of_nothing_else(tmp_path):
    mine = '# my notes\n[[profile]]\nname = "other/*"\nmax_images = 3\n\n[[profile]]\nname = "m"\npatch_pixels = 5\n'
    text = with_profile(mine, ModelProfile("m", max_images=7, schema_support="prompt"))
    path = tmp_path / "profiles.toml"
    path.write_text(text, "utf-8")
    assert text.startswith("# my notes\n")
    assert text.count('"m"') == 1
    assert find_profile("m", path) == ModelProfile("m", max_images=7, schema_support="prompt")
    assert find_profile("other/x", path).max_images == 3
    assert with_profile(text, find_profile("m", path)) == text
    assert with_profile("", ModelProfile("m")).startswith("[[profile]]\n")
