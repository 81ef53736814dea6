"""What a request would come to, before anything is looked at or paid for."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request

from api import pipeline
from api.errors import RefusedError
from api.plans import Plan, foresee, plan_document
from api.problems import problem_of
from api.routes.guarding import Tenant
from api.routes.problems import ANY_PROBLEM
from api.routes.serving import ServerHere
from api.routes.submissions import FILES, Brought, brought
from sampler import SamplerError, SamplingPlan, source_of

router = APIRouter(prefix="/v1/plans", tags=["plans"], responses=ANY_PROBLEM)


@router.post("", response_model=Plan, openapi_extra=FILES)
async def post_plan(request: Request, server: ServerHere, _tenant: Tenant) -> Mapping[str, Any]:
    """Say what would be sampled, sent and paid. The video is looked through now and not kept."""
    async with brought(request, server) as came:
        if not came.files:
            raise RefusedError(
                422, "no_input", "a plan needs the video itself; send it as multipart/form-data"
            )
        async with server.planning:
            return await to_thread.run_sync(_planned, came)


def _planned(came: Brought) -> Mapping[str, Any]:
    paths = [file.path for file in came.files]
    source = source_of(paths, came.submission.interval)
    model = pipeline.open_model(came.submission, pipeline.Means(asks=False))
    try:
        with closing(pipeline.plan(source, came.submission, model)) as steps:
            plan = next(step for step in steps if isinstance(step, SamplingPlan))
    except SamplerError as error:
        problem = problem_of(error)
        if problem is None:
            raise
        raise RefusedError(problem.status, problem.code, _named(came, problem.message)) from error
    plan = replace(plan, media=replace(plan.media, name=came.files[0].name))
    second_look = pipeline.second_look_plan(came.submission, model)
    return plan_document(foresee(plan, came.submission.analysis_request(), model, second_look))


def _named(came: Brought, message: str) -> str:
    """The message with the names its sender knows, not those the files are stored under."""
    for file in came.files:
        message = message.replace(file.path.name, file.name)
    return message
