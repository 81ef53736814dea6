"""The OpenAPI page: what is promised there holds for a client that read nothing else."""

import json
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.service.conftest import Service

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


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/timelines"), ("GET", "/v1/timelines/{job_id}"), ("POST", "/v1/timelines"),
        ("GET", "/v1/timelines/{job_id}/export"), ("POST", "/v1/timelines/{job_id}/questions"),
        ("PUT", "/v1/timelines/{job_id}/reviews/{item}"), ("POST", "/v1/timelines/{job_id}/retry"),
        ("POST", "/v1/timelines/{job_id}/cancel"), ("DELETE", "/v1/timelines/{job_id}"),
        ("GET", "/v1/timelines/{job_id}/keyframes/{keyframe}.jpg"), ("POST", "/v1/plans"),
        ("GET", "/v1/limits"), ("GET", "/readyz"), ("GET", "/metrics"), ("POST", "/v1/session"),
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
