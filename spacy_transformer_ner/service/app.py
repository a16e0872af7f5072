"""The HTTP application."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from math import isfinite
from pathlib import Path
from typing import Any, Optional

from fastapi import FastAPI, HTTPException, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.security import HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST
from spacy.language import Language
from starlette.staticfiles import StaticFiles

from .. import __version__
from ..annotation.schema import VERSION
from .batching import Batcher, QueueFullError, UnavailableError, cost_of
from .messages import EntitiesRequest, EntitiesResponse, ModelResponse, Problem
from .metrics import Metrics
from .middleware import Guard
from .settings import Settings
from .tagger import Answer, Tagger

logger = logging.getLogger("uvicorn.error")
STATIC = Path(__file__).parent / "static"
PAGES = {"/": "page.html", "/docs": "docs.html"}
PATHS = frozenset((*PAGES, "/v1/entities", "/v1/model", "/health", "/ready", "/metrics"))
PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The body is not JSON"},
    401: {"model": Problem, "description": "The token is missing or wrong"},
    408: {"model": Problem, "description": "The body did not arrive in time"},
    413: {"model": Problem, "description": "A text or the request is too long"},
    422: {"model": Problem, "description": "A value is missing, unknown or of a wrong type"},
    429: {"model": Problem, "description": "The queue is full. Wait as long as Retry-After says"},
    503: {"model": Problem, "description": "The service is stopping, or the pipeline is broken"},
}
# Characters of a message, which may quote a long key of the request.
MAX_DETAIL = 500
FIGURES = ("ents_p", "ents_r", "ents_f")


def create_app(nlp: Language, settings: Settings) -> FastAPI:
    """Create the application, and warm its pipeline up.

    nlp (Language): The pipeline. Nothing else may use it meanwhile.
    settings (Settings): The settings.
    RETURNS (FastAPI): The application. Its lifespan starts and stops the thread of the
        pipeline.
    RAISES: InputError if the pipeline has no transformer_ner, or fails.
    """
    tagger = Tagger(nlp)
    tagger.warm_up()
    metrics = Metrics()
    batcher = Batcher(tagger.tag, settings.limits.queue, metrics)
    service = Service(tagger, batcher, settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        batcher.start()
        yield
        await asyncio.to_thread(batcher.stop)

    app = FastAPI(
        title="spacy-transformer-ner",
        version=__version__,
        description=f"Named entities found by the pipeline {service.pipeline['name']}.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.add_middleware(
        Guard, limits=settings.limits, token=settings.token, metrics=metrics, paths=PATHS
    )
    app.mount("/static", StaticFiles(directory=STATIC))
    bearer = [Security(HTTPBearer(auto_error=False))] if settings.token else []

    for path, name in PAGES.items():
        app.add_api_route(path, page(name), include_in_schema=False)

    @app.post(
        "/v1/entities",
        response_model=EntitiesResponse,
        responses=PROBLEMS,
        dependencies=bearer,
        summary="Find the entities of texts",
    )
    async def entities(request: Request, body: EntitiesRequest) -> Response:
        return await service.entities(request, body)

    @app.get(
        "/v1/model",
        response_model=ModelResponse,
        responses={401: PROBLEMS[401], 200: {"description": "The pipeline"}},
        dependencies=bearer,
        summary="Describe the pipeline",
    )
    async def model() -> Response:
        return JSONResponse(service.model)

    @app.get("/health", responses={503: PROBLEMS[503]}, summary="Is the pipeline intact?")
    @app.get("/ready", responses={503: PROBLEMS[503]}, summary="Is the pipeline warm?")
    async def ready() -> dict[str, str]:
        if not batcher.is_ready:
            raise HTTPException(503, batcher.broken or "the service is stopping")
        return {"status": "ok"}

    @app.get("/metrics", dependencies=bearer, summary="Metrics for Prometheus")
    async def show_metrics() -> Response:
        return Response(metrics.render(), media_type=CONTENT_TYPE_LATEST)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return refuse(error.errors())

    return app


def page(name: str) -> Any:
    """name (str): The name of a static page.
    RETURNS (Callable): The endpoint that returns it."""

    async def show() -> Response:
        return FileResponse(STATIC / name)

    return show


def refuse(errors: Sequence[Mapping[str, Any]]) -> Response:
    """Describe the first error of a request, without its input.

    errors (Sequence[Mapping]): The errors that pydantic found.
    RETURNS (Response): 400 if the body is not JSON, else 422.
    """
    error = errors[0]
    if error["type"] == "json_invalid":
        return JSONResponse({"detail": "The body is not JSON."}, status_code=400)
    place = ".".join(map(str, error["loc"][1:])) or "the body"
    message = error["msg"]
    if error["type"] == "string_unicode":
        message = "The string has lone surrogates, which are no characters"
    return JSONResponse({"detail": f"{place}: {message}."[:MAX_DETAIL]}, status_code=422)


class Service:
    """Answers the requests of the API.

    tagger (Tagger): The pipeline.
    batcher (Batcher): Its queue.
    settings (Settings): The settings.

    Its `model` is a ModelResponse.
    """

    def __init__(self, tagger: Tagger, batcher: Batcher, settings: Settings):
        meta = tagger.nlp.meta
        self.batcher = batcher
        self.settings = settings
        self.labels = tagger.recogniser.labels
        self.has_scores = tagger.recogniser.spans_key is not None
        self.pipeline = {
            "name": f"{meta['lang']}_{meta['name']}",
            "version": str(meta.get("version", "")),
        }
        self.model = {
            "pipeline": self.pipeline,
            "version": VERSION,
            "lang": meta["lang"],
            "description": str(meta.get("description", "")),
            "labels": list(self.labels),
            "threshold": tagger.recogniser.threshold,
            "label_thresholds": dict(tagger.recogniser.label_thresholds),
            "performance": figures(meta.get("performance") or {}),
            "limits": {"text": settings.limits.text, "texts": settings.limits.texts},
        }

    async def entities(self, request: Request, body: EntitiesRequest) -> Response:
        """Find the entities of the texts of a request.

        request (Request): The request, whose client may leave.
        body (EntitiesRequest): Its body.
        RETURNS (Response): An EntitiesResponse, or a Problem.
        """
        self._check(body)
        if self.settings.log_texts:
            for text in body.texts:
                logger.info("Text: %r", text)
        try:
            waiting = self.batcher.submit(body.texts, body.options())
        except QueueFullError as error:
            raise HTTPException(
                429, "The queue is full.", headers={"retry-after": str(error.retry_after)}
            ) from None
        except UnavailableError as error:
            raise HTTPException(503, str(error)) from None
        answers = asyncio.gather(*map(asyncio.wrap_future, waiting))
        try:
            found = await unless_disconnected(request, answers)
        except UnavailableError as error:
            raise HTTPException(503, str(error)) from None
        if found is None:  # nobody reads this response
            return Response(status_code=499)
        results = [answer.to_dict() for answer in found]
        return JSONResponse({"version": VERSION, "pipeline": self.pipeline, "results": results})

    def _check(self, body: EntitiesRequest) -> None:
        """RAISES: HTTPException if the request is too large, or cannot be answered."""
        limits = self.settings.limits
        if len(body.texts) > limits.texts:
            raise HTTPException(
                413,
                f"The request has {len(body.texts):,} texts, but the limit is {limits.texts:,}.",
            )
        for row, text in enumerate(body.texts):
            if len(text) > limits.text:
                raise HTTPException(
                    413,
                    f"texts.{row} has {len(text):,} characters, but the limit is {limits.text:,}.",
                )
        if sum(map(cost_of, body.texts)) > limits.queue:
            raise HTTPException(
                413, f"The texts have more than {limits.queue:,} characters. Send fewer at once."
            )
        unknown = sorted(set(body.label_thresholds or ()) - set(self.labels))
        if unknown:
            detail = (
                f"label_thresholds: the pipeline has no label {unknown[0][:100]!r}. Its labels are "
            )
            raise HTTPException(422, f"{detail}{', '.join(self.labels)}."[:MAX_DETAIL])
        if body.candidates is not None and not self.has_scores:
            raise HTTPException(
                422, "candidates: the pipeline stores no scores: its spans_key is null."
            )


async def unless_disconnected(
    request: Request, answers: "asyncio.Future[list[Answer]]"
) -> Optional[list[Answer]]:
    """Wait for answers, and cancel them if the client leaves.

    request (Request): The request, whose body has been read.
    answers (Future[list[Answer]]): The answers.
    RETURNS (list[Answer] | None): The answers; None if the client has left.
    RAISES: UnavailableError if the pipeline fails on every text.
    """

    async def left() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    watch = asyncio.create_task(left())
    try:
        futures: list[asyncio.Future[Any]] = [answers, watch]
        await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
        return answers.result() if answers.done() else None
    finally:
        watch.cancel()
        answers.cancel()


def figures(performance: Mapping[str, Any]) -> dict[str, Any]:
    """performance (Mapping): The performance in the meta of a pipeline.
    RETURNS (dict): Precision, recall and F-score, of all entities and per label."""
    found: dict[str, Any] = {
        name: performance[name] for name in FIGURES if is_number(performance.get(name))
    }
    per_type = performance.get("ents_per_type")
    if isinstance(per_type, dict):
        found["ents_per_type"] = {
            label: {name: row[name] for name in "prf"}
            for label, row in per_type.items()
            if isinstance(row, dict) and all(is_number(row.get(name)) for name in "prf")
        }
    return found


def is_number(value: object) -> bool:
    """value (object): A value.
    RETURNS (bool): Whether JSON has this number."""
    return isinstance(value, (int, float)) and isfinite(value)
