import asyncio
import json
import socket
from base64 import b64encode
from collections import Counter
from random import Random

import pytest

from analyzer.conversation import ModelProfile
from analyzer.errors import (
    AnalysisRequestError,
    BudgetExceededError,
    ModelError,
    ModelUnavailableError,
    QuestionTooLargeError,
    TurnedAwayError,
    UnreachedError,
)
from analyzer.models.openai import Endpoint, OpenAIModel, open_model
from analyzer.models.openai.profiles import find_profile
from analyzer.models.openai.retries import RetryPolicy
from analyzer.spending import Ledger
from tests.analyzer.talk import question
from tests.oracle import broken_envelope, dropped, oracle, status

KEY = "sk-or-v1-very-secret"
SCHEMA = {"type": "object"}
HASTY = RetryPolicy(base_seconds=0.01)
PRICED = ModelProfile("m", input_usd_per_million=10.0, output_usd_per_million=10.0)


def echo(asked):
    return {"frames": asked.frames}


async def ask_all(server, questions, *, ledger=None, model="qwen/qwen3-vl-32b-instruct", **options):
    endpoint = Endpoint(server.url, model, KEY, concurrency=options.pop("concurrency", 8))
    profile = options.pop("profile", None) or ModelProfile(model)
    client = OpenAIModel(endpoint, profile, policy=options.pop("policy", HASTY), random=Random(1), **options)
    async with client:
        ledger = ledger or Ledger()
        return await asyncio.gather(*(client.ask(q, ledger) for q in questions), return_exceptions=True)


def ask(server, *questions, **options):
    return asyncio.run(ask_all(server, questions or [question(0, schema=SCHEMA)], **options))


def test_a_question_is_posted_with_its_key_and_answered():
    with oracle(echo) as server:
        (reply,) = ask(server, question(3, 4, schema=SCHEMA))
    (asked,) = server.asked
    assert asked.path == "/v1/chat/completions"
    assert asked.headers["Authorization"] == f"Bearer {KEY}"
    assert asked.body["model"] == "qwen/qwen3-vl-32b-instruct"
    assert json.loads(reply.text) == {"frames": [3, 4]}
    assert (reply.usage.requests, reply.usage.retries) == (1, 0)
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (200, 50)


@pytest.mark.parametrize(
    "fault", [status(429), status(503), status(408), status(529), dropped, broken_envelope], ids=str
)
def test_what_heals_is_asked_again_and_counted(fault):
    ledger = Ledger()
    with oracle(echo, faults=[fault, fault]) as server:
        (reply,) = ask(server, ledger=ledger)
    assert json.loads(reply.text) == {"frames": [0]}
    assert (ledger.usage.requests, ledger.usage.retries) == (3, 2)
    assert ledger.usage == reply.usage
    assert len(server.paid) == 1


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, ModelError),
        (401, ModelUnavailableError),
        (403, ModelUnavailableError),
        (404, ModelUnavailableError),
        (413, QuestionTooLargeError),
        (422, ModelError),
    ],
)
def test_what_cannot_heal_is_asked_once(code, kind):
    with oracle(echo, faults=[status(code, f"no, {KEY} will not do")] * 9) as server:
        (error,) = ask(server)
    assert type(error) is kind
    assert len(server.asked) == 1
    assert KEY not in str(error)
    assert f"HTTP {code}: no, [key] will not do" in str(error)


@pytest.mark.parametrize("code", [200, 401])
@pytest.mark.parametrize("before", range(270, 310, 5))
def test_no_part_of_a_key_is_left_where_a_long_message_is_cut(code, before):
    def long(handler, _asked, _text):
        said = {"error": {"code": 401, "message": f"{'x' * before} {KEY} is not a key"}}
        handler.send(code, json.dumps(said))

    with oracle(echo, faults=[long]) as server:
        (error,) = ask(server)
    assert isinstance(error, ModelUnavailableError)
    assert "HTTP 401: xxx" in str(error)
    assert KEY[:4] not in str(error)


def test_a_password_in_the_address_is_not_shown_in_the_form_it_is_sent_in():
    async def refused(url):
        async with OpenAIModel(Endpoint(url, "m"), ModelProfile("m"), policy=HASTY) as client:
            with pytest.raises(ModelUnavailableError) as caught:
                await client.ask(question(0, schema=SCHEMA), Ledger())
            return str(caught.value)

    sent = b64encode(b"user:p@ss").decode()
    with oracle(echo, faults=[status(401, f"who is Basic {sent} or p@ss or p%40ss?")]) as server:
        error = asyncio.run(refused(server.url.replace("//", "//user:p%40ss@")))
    assert server.asked[0].headers["Authorization"] == f"Basic {sent}"
    assert "who is Basic [key] or [key] or [key]?; check the API key" in error


def test_retry_after_holds_back_everybody():
    slept = []

    async def sleep(seconds):
        slept.append(seconds)
        await asyncio.sleep(0)

    busy = status(429, Retry_After="7")
    with oracle(echo, faults=[busy]) as server:
        ask(server, *(question(n, schema=SCHEMA) for n in range(4)), sleep=sleep, concurrency=1)
    assert len(slept) >= 4
    assert all(6.0 < seconds <= 7.0 for seconds in slept)


def test_a_server_that_asks_for_an_hour_is_given_up():
    with oracle(echo, faults=[status(503, Retry_After="3600")] * 9) as server:
        (error,) = ask(server)
    assert isinstance(error, ModelUnavailableError)
    assert len(server.asked) == 1


def test_a_server_that_says_when_to_come_back_loses_no_question():
    def busy(number, _asked):
        return status(429, "Rate limit exceeded", Retry_After="0.001") if number % 3 else None

    with oracle(echo, faults=busy) as server:
        outcomes = ask(server, *(question(n, schema=SCHEMA) for n in range(40)))
    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
    assert len(server.paid) == 40
    assert len(server.asked) > 100


def test_a_server_that_only_ever_says_when_to_come_back_is_given_up_after_ten_minutes():
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    with oracle(echo, faults=lambda _number, _asked: status(429, "busy", Retry_After="100")) as server:
        (error,) = ask(server, sleep=sleep)
    assert type(error) is ModelError
    assert str(error) == "question events.b0: HTTP 429: busy; given up after 7 attempts"
    assert sum(slept) <= 600


def test_giving_up_says_after_how_many_attempts():
    with oracle(echo, faults=lambda _number, _asked: status(500, "boom")) as server:
        (error,) = ask(server, policy=RetryPolicy(attempts=3, base_seconds=0.01))
    assert type(error) is ModelError
    assert str(error) == "question events.b0: HTTP 500: boom; given up after 3 attempts"
    assert len(server.asked) == 3


@pytest.mark.parametrize("before", range(240, 300, 12))
def test_a_response_that_is_no_json_is_quoted_without_any_part_of_the_key(before):
    def page(handler, _asked, _text):
        handler.send(200, f"<title>Sign in</title>{'x' * before} {KEY}")

    with oracle(echo, faults=[page]) as server:
        (error,) = ask(server, policy=RetryPolicy(attempts=1))
    assert "the response is not JSON; it begins: <title>Sign in</title>xx" in str(error)
    assert KEY[:4] not in str(error)
    assert len(str(error)) < 400


def test_after_several_lost_questions_the_endpoint_is_left_alone():
    async def run(server):
        once = RetryPolicy(attempts=1)
        async with OpenAIModel(Endpoint(server.url, "m"), PRICED, policy=once) as model:
            for _ in range(5):
                with pytest.raises(ModelError):
                    await model.ask(question(0), Ledger())
            with pytest.raises(ModelUnavailableError, match="5 questions in a row"):
                await model.ask(question(0), Ledger())

    with oracle(echo, faults=lambda _number, _asked: status(500)) as server:
        asyncio.run(run(server))
    assert len(server.asked) == 5


def test_nobody_at_the_address_is_said_so():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://user:pw@127.0.0.1:{held.getsockname()[1]}/v1?token=x"

        async def run():
            async with OpenAIModel(Endpoint(url, "m"), PRICED, policy=HASTY) as model:
                assert model.info.base_url == url.replace("user:pw@", "").replace("?token=x", "")
                await model.ask(question(0), Ledger())

        with pytest.raises(ModelUnavailableError, match="cannot be reached") as caught:
            asyncio.run(run())
    assert "pw" not in str(caught.value)
    assert "token" not in str(caught.value)


def test_a_limit_is_not_blamed_for_a_server_out_of_reach():
    with oracle(echo) as server:
        pass
    (error,) = ask(server, ledger=Ledger(max_requests=1))
    assert isinstance(error, UnreachedError)
    assert "cannot be reached" in str(error)


def test_a_server_without_schemas_is_understood_and_remembered():
    def answer(asked):
        return echo(asked)

    def faults(_number, asked):
        form = asked.body.get("response_format")
        return form and status(400, f"response_format {form['type']} is not supported")

    async def run(server):
        async with OpenAIModel(Endpoint(server.url, "m"), PRICED, policy=HASTY) as model:
            await model.ask(question(0, schema=SCHEMA), Ledger())
            await model.ask(question(1, schema=SCHEMA), Ledger())

    with oracle(answer, faults=faults) as server:
        asyncio.run(run(server))
    forms = [asked.body.get("response_format", {}).get("type") for asked in server.asked]
    assert forms == ["json_schema", "json_object", None, None]


def test_a_model_that_answers_in_fewer_tokens_is_shown_as_many_pictures():
    def faults(_number, asked):
        most = "max_tokens is too large: 4096. This model supports at most 2048 completion tokens."
        return status(400, most) if asked.body["max_tokens"] > 2048 else None

    with oracle(echo, faults=faults) as server:
        (reply,) = ask(server, question(*range(8), schema=SCHEMA))
    assert json.loads(reply.text) == {"frames": list(range(8))}
    assert [asked.body["max_tokens"] for asked in server.asked] == [4096, 2048]


def test_each_answer_lands_on_the_question_that_asked():
    questions = [question(n, n + 1, n + 2, schema=SCHEMA, id=f"events.b{n}") for n in range(0, 120, 3)]
    with oracle(echo, delay=0.01) as server:
        replies = ask(server, *questions, concurrency=6)
    for asked, reply in zip(questions, replies, strict=True):
        assert json.loads(reply.text) == {"frames": [k.index for k in asked.keyframes]}
    assert server.most_under_way <= 6


def test_an_outage_that_each_question_would_survive_alone_is_survived_by_many():
    questions = [question(n, schema=SCHEMA, id=f"events.b{n}") for n in range(16)]
    failed = Counter()

    def faults(_number, asked):
        failed[asked.frames[0]] += 1
        return status(503) if failed[asked.frames[0]] < HASTY.attempts else None

    with oracle(echo, faults=faults) as server:
        replies = ask(server, *questions)
    assert [json.loads(reply.text)["frames"] for reply in replies] == [[n] for n in range(16)]


def test_the_last_allowed_request_is_the_last_that_is_sent():
    ledger = Ledger(max_requests=3)
    with oracle(echo, faults=[status(503)]) as server:
        outcomes = ask(server, *(question(n, schema=SCHEMA) for n in range(5)), ledger=ledger)
    assert len(server.asked) == 3
    assert sum(isinstance(outcome, BudgetExceededError) for outcome in outcomes) == 3
    assert ledger.usage.requests == 3


def test_whoever_reaches_a_limit_while_told_to_wait_is_told_so():
    for fault, kind in (
        (status(429, Retry_After="0.01"), TurnedAwayError),
        (status(503), BudgetExceededError),
    ):
        with oracle(echo, faults=[fault]) as server:
            (error,) = ask(server, ledger=Ledger(max_requests=1))
        assert type(error) is kind


def test_money_stops_before_it_is_spent():
    asked = [question(n, schema=SCHEMA, max_output_tokens=1000) for n in range(9)]
    worst, each = PRICED.cost_usd(round(asked[0].input_tokens(PRICED) * 1.25), 1000), PRICED.cost_usd(100, 50)
    ledger = Ledger(max_cost_usd=worst + 3.5 * each)
    with oracle(echo, delay=0.05) as server:
        outcomes = ask(server, *asked, ledger=ledger, profile=PRICED)
    assert len(server.asked) == 4
    assert sum(isinstance(outcome, BudgetExceededError) for outcome in outcomes) == 5
    assert ledger.usage.cost_usd == pytest.approx(4 * each)


def test_what_requests_under_way_could_cost_only_makes_the_others_wait():
    asked = [question(n, schema=SCHEMA, max_output_tokens=1000) for n in range(9)]
    worst = PRICED.cost_usd(round(asked[0].input_tokens(PRICED) * 1.25), 1000)
    with oracle(echo, delay=0.05) as server:
        outcomes = ask(server, *asked, ledger=Ledger(max_cost_usd=worst * 2.5), profile=PRICED)
    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
    assert server.most_under_way == 2


def test_a_cost_limit_on_a_model_without_a_price_is_refused_before_anything_is_sent():
    with oracle(echo) as server:
        (error,) = ask(server, ledger=Ledger(max_cost_usd=1.0))
    assert isinstance(error, BudgetExceededError)
    assert server.asked == []


def test_a_request_that_was_cut_off_counts_as_perhaps_paid():
    ledger = Ledger()
    with oracle(echo, faults=[dropped]) as server:
        ask(server, ledger=ledger, profile=PRICED)
    assert ledger.at_risk_usd > 0
    assert ledger.reserved_usd == 0


def test_cancelling_leaves_nothing_reserved():
    ledger = Ledger()

    async def run(server):
        async with OpenAIModel(Endpoint(server.url, "m"), PRICED) as model:
            asking = asyncio.create_task(model.ask(question(0), ledger))
            await asyncio.sleep(0.2)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking

    with oracle(echo, delay=0.5) as server:
        asyncio.run(run(server))
    assert ledger.reserved_usd == 0
    assert ledger.at_risk_usd > 0


def recorded(server, folder, *, replay=False):
    async def run():
        where = {"replay": folder} if replay else {"record": folder}
        async with open_model(Endpoint(server, "m", KEY), **where) as model:
            return [await model.ask(question(n, schema=SCHEMA), Ledger()) for n in range(3)]

    return asyncio.run(run())


def test_a_record_answers_byte_for_byte_with_no_network(tmp_path):
    odd = '{"frames":   [1],\n "text": "Grüße \\u2028 😀"}'
    with oracle(
        lambda _asked: odd, faults=[status(429, f"{KEY} is busy", Retry_After="0.01"), dropped]
    ) as server:
        first = recorded(server.url, tmp_path)
        sent = len(server.asked)
    assert sent == 5
    again = recorded("http://nowhere.invalid/v1", tmp_path, replay=True)
    assert again == first
    assert first[0].text == odd


def test_records_hold_no_key_and_no_picture(tmp_path):
    with oracle(echo, faults=[status(503, f"{KEY} is busy", Retry_After="0")]) as server:
        recorded(server.url, tmp_path)
    written = [path.read_text() for path in tmp_path.iterdir()]
    assert len(written) == 4
    for text in written:
        assert KEY not in text
        assert "base64" not in text
        assert "sha256:" in text


def test_a_missing_or_damaged_record_says_so(tmp_path):
    with pytest.raises(ModelUnavailableError, match=r"nothing was recorded for this request .* record again"):
        recorded("http://nowhere.invalid/v1", tmp_path, replay=True)
    with oracle(echo) as server:
        recorded(server.url, tmp_path)
    for path in tmp_path.iterdir():
        path.write_text("{")
    with pytest.raises(ModelUnavailableError, match="is damaged"):
        recorded("http://nowhere.invalid/v1", tmp_path, replay=True)


def test_the_key_shows_nowhere():
    endpoint = Endpoint("https://openrouter.ai/api/v1", "qwen/qwen3-vl-32b-instruct", KEY)
    assert KEY not in repr(endpoint)
    assert endpoint.completions_url == "https://openrouter.ai/api/v1/chat/completions"
    assert endpoint.headers["X-Title"] == "sceneline"
    assert "HTTP-Referer" in endpoint.headers
    assert "X-Title" not in Endpoint("http://127.0.0.1:8000/v1/", "m").headers


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"base_url": "openrouter.ai/api/v1"}, "is not the address of a model server"),
        ({"base_url": "file:///etc"}, "is not the address of a model server"),
        ({"model": ""}, "no model is named"),
        ({"api_key": "sk-\n"}, "the API key holds characters"),
        ({"concurrency": 0}, "at least 1"),
    ],
)
def test_an_endpoint_that_cannot_work_is_refused(fields, message):
    with pytest.raises(AnalysisRequestError, match=message):
        Endpoint(**{"base_url": "http://127.0.0.1/v1", "model": "m"} | fields)


def test_profiles_are_found_by_the_longest_pattern_and_users_come_first(tmp_path):
    assert find_profile("qwen/qwen3-vl-32b-instruct").input_usd_per_million == 0.104
    mine = find_profile("unsloth/Qwen3-VL-8B-Instruct-GGUF")
    assert (mine.patch_pixels, mine.input_usd_per_million) == (32, None)
    assert find_profile("some/new-model") == ModelProfile("some/new-model")
    own = tmp_path / "models.toml"
    own.write_text('[[profile]]\nname = "qwen/*"\nmax_images = 5\ninput_usd_per_million = 0\n')
    assert find_profile("qwen/qwen3-vl-32b-instruct", own).max_images == 5
    assert find_profile("other/qwen3-vl", own).max_images == 64


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[profile]", "are not TOML"),
        ('[[profile]]\nname = "m"\nmax_pictures = 5\n', "are wrong at 0.max_pictures"),
        ('[[profile]]\nname = "m"\nmax_images = 0\n', "at least 1"),
    ],
)
def test_a_profile_file_that_makes_no_sense_is_refused(tmp_path, text, message):
    own = tmp_path / "models.toml"
    own.write_text(text)
    with pytest.raises(AnalysisRequestError, match=message):
        find_profile("m", own)
    with pytest.raises(AnalysisRequestError, match="cannot be read"):
        find_profile("m", tmp_path / "absent.toml")
