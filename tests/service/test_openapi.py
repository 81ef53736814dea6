"""The OpenAPI page: what is promised there holds for a client that read nothing else."""

import json
import re
import socket
from fnmatch import fnmatch
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.exports import Format
from tests.service.conftest import Service, moving_square

SNAPSHOT = Path(__file__).parent / "openapi.json"


def test_the_page_is_the_one_that_was_agreed_on(service: Service) -> None:
    """A change here is a change for every client: look at it, then write it with `make openapi`."""
    page = service.http.get("/openapi.json").json()
    page["info"]["version"] = "any"
    assert page == json.loads(SNAPSHOT.read_text("utf-8"))


def test_every_operation_names_its_answers_and_problems(service: Service) -> None:
    page = service.http.get("/openapi.json").json()
    for path, operations in page["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            assert operation.get("description"), (method, path)
            assert "default" in operation["responses"], (method, path)


def test_what_the_page_refers_to_is_there(service: Service) -> None:
    text = service.http.get("/openapi.json").text
    page = json.loads(text)
    for name in set(re.findall(r'"#/([^"]+)"', text)):
        found = page
        for part in name.split("/"):
            found = found[part]


def test_what_a_file_may_be_is_declared(service: Service) -> None:
    """A client picks its parser by what is declared."""
    links = service.post(params={"wait": 20}).json()["links"]
    operations = service.http.get("/openapi.json").json()["paths"]
    for form in get_args(Format):
        kind = (
            service.http.get(links["export"], params={"format": form})
            .headers["content-type"]
            .partition(";")[0]
        )
        if kind != "application/problem+json":
            declared = operations["/v1/timelines/{job_id}/export"]["get"]["responses"]["200"]["content"]
            assert kind in declared, form
    declared = operations["/v1/timelines/{job_id}/video"]["get"]["responses"]["200"]["content"]
    kind = service.http.get(links["video"]).headers["content-type"]
    assert any(fnmatch(kind, each) for each in declared), kind


def test_that_a_file_is_unchanged_is_declared(service: Service) -> None:
    links = service.post(params={"wait": 20}).json()["links"]
    operations = service.http.get("/openapi.json").json()["paths"]
    for path in ("/video", "/keyframes/0.jpg"):
        tag = service.http.get(links["self"] + path).headers["etag"]
        assert service.http.get(links["self"] + path, headers={"If-None-Match": tag}).status_code == 304
        declared = operations["/v1/timelines/{job_id}" + path.replace("0", "{keyframe}")]["get"]["responses"]
        assert "304" in declared, path


def test_a_method_that_is_not_there_tells_those_that_are(service: Service) -> None:
    for path, operations in service.http.get("/openapi.json").json()["paths"].items():
        place = path.replace("{job_id}", "0" * 32).replace("{finding}", "0").replace("{keyframe}", "0")
        answer = service.http.request("PATCH", place)
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed"), path
        allowed = {each.lower() for each in answer.headers["allow"].split(", ")}
        assert allowed == set(operations) | ({"head"} if "get" in operations else set()), path
    for place in ("/", f"/timelines/{'0' * 32}", "/static/app.css"):
        assert service.http.request("PATCH", place).headers["allow"] == "GET, HEAD"


def test_head_is_answered_wherever_get_is(service: Service) -> None:
    job_id = service.post(params={"wait": 20}).json()["id"]
    paths = service.http.get("/openapi.json").json()["paths"]
    places = [path for path, operations in paths.items() if "get" in operations]
    for path in (*places, "/", "/timelines/{job_id}", "/static/app.css", "/static/none", "/openapi.json"):
        place = path.format(job_id=job_id, keyframe=0)
        got, head = service.http.get(place), service.http.head(place)
        assert (head.status_code, head.content) == (got.status_code, b""), place
        for name in ("content-type", "content-length", "content-disposition", "etag", "cache-control"):
            counts = (place, name) == ("/metrics", "content-length")
            assert counts or head.headers.get(name) == got.headers.get(name), (place, name)
    assert service.http.head("/v1/plans").status_code == 405


def test_head_does_not_follow_a_job(service: Service) -> None:
    service.model.open.clear()
    try:
        events = service.post(moving_square(seed=31)).json()["links"]["events"]
        address = urlsplit(service.url)
        with socket.create_connection((address.hostname, address.port), timeout=5) as line:
            for request in (f"HEAD {events}", "GET /healthz"):
                line.sendall(f"{request} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
            said = b""
            while b'"ok"' not in said:  # which waits for the end of what was asked first
                said += line.recv(4096)
        assert b"content-type: text/event-stream" in said
    finally:
        service.model.open.set()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/timelines"), ("GET", "/v1/timelines/{job_id}"), ("POST", "/v1/timelines"),
        ("GET", "/v1/timelines/{job_id}/export"), ("POST", "/v1/timelines/{job_id}/questions"),
        ("PUT", "/v1/timelines/{job_id}/reviews/{finding}"), ("POST", "/v1/timelines/{job_id}/retry"),
        ("POST", "/v1/timelines/{job_id}/cancel"), ("DELETE", "/v1/timelines/{job_id}"),
        ("GET", "/v1/timelines/{job_id}/keyframes/{keyframe}.jpg"), ("POST", "/v1/plans"),
        ("GET", "/v1/limits"), ("GET", "/readyz"), ("GET", "/metrics"), ("POST", "/v1/session"),
        ("GET", "/v1/timelines/{job_id}/video"), ("GET", "/v1/calibration"), ("GET", "/healthz"),
        ("DELETE", "/v1/session"), ("GET", "/v1/webhooks"),
    ],
)  # fmt: skip
def test_nothing_breaks_and_nothing_undeclared_is_answered(service: Service, method: str, path: str) -> None:
    schema = schemathesis.openapi.from_url(f"{service.url}/openapi.json")
    operation = schema[path][method]
    strategy = operation.as_strategy()
    checks = [
        not_a_server_error,
        status_code_conformance,
        content_type_conformance,
        response_schema_conformance,
    ]

    @settings(
        max_examples=12,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def run(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=checks, base_url=service.url)

    run()
