"""The web application: predictions over HTTP, and the page to draw on."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi import Depends, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from jinja2 import Environment, FileSystemLoader
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles
from swagger_ui_bundle import swagger_ui_path

from framework import __version__
from framework.errors import RunError
from framework.inference.app.answers import (
    REQUEST_BODY,
    HealthAnswer,
    MetadataAnswer,
    PredictAnswer,
)
from framework.inference.app.drawing import describe_drawing
from framework.inference.app.monitoring import Monitoring, MonitoringMiddleware
from framework.inference.app.predictor import Answer, BusyError, Predictor
from framework.inference.app.uploads import UploadBudget, find_pictures
from framework.inference.run_summary import RunSummary

PAGE = Path(__file__).with_name("page")
RETRY_SECONDS = 1


def build_app(
    summary: RunSummary,
    predictor: Predictor,
    token: str | None = None,
    hosts: Sequence[str] = ("127.0.0.1", "localhost"),
) -> FastAPI:
    """Build the application.

    Args:
        summary: The run that answers.
        predictor: Reads pictures.
        token: What clients must send as `Authorization: Bearer TOKEN`, except for the page
            itself and `GET /health`; nothing if `None`.
        hosts: The names under which the server is called; others are refused. `*`: any.
    """
    monitoring = Monitoring(predictor)
    app = FastAPI(
        title=summary.subject,
        version=__version__,
        docs_url=None,
        redoc_url=None,
        middleware=[
            Middleware(MonitoringMiddleware, monitoring=monitoring),
            Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts)),
        ],
    )
    _add_pages(app, summary)
    _add_predictions(app, predictor, monitoring, _make_guard(token))
    _add_records(app, summary, predictor, monitoring, _make_guard(token))
    _add_errors(app)
    return app


def _make_guard(token: str | None) -> Callable[[Request], None]:
    """Return a dependency that refuses requests without the token, and those of other sites."""

    def check(request: Request) -> None:
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
            raise HTTPException(403, f"Requests of other sites are refused. Found {origin!r}.")
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token is not None and not secrets.compare_digest(given.encode(), token.encode()):
            message = "Send the token of the server: Authorization: Bearer TOKEN"
            raise HTTPException(401, message, {"WWW-Authenticate": "Bearer"})

    return check


def _add_pages(app: FastAPI, summary: RunSummary) -> None:
    """Add the page to draw on, and the description of the API."""
    page = HTMLResponse(render_page(summary))

    @app.get("/", include_in_schema=False)
    async def show_page() -> Response:
        return page

    @app.get("/docs", include_in_schema=False)
    async def show_docs() -> Response:
        return get_swagger_ui_html(
            openapi_url="openapi.json",
            title=summary.subject,
            swagger_js_url="swagger/swagger-ui-bundle.js",
            swagger_css_url="swagger/swagger-ui.css",
            swagger_favicon_url="data:,",
        )

    app.mount("/static", StaticFiles(directory=PAGE))
    app.mount("/swagger", StaticFiles(directory=swagger_ui_path))


def _add_predictions(
    app: FastAPI, predictor: Predictor, monitoring: Monitoring, guard: Callable[[Request], None]
) -> None:
    """Add the routes that take pictures."""
    budget = UploadBudget()

    async def read(
        request: Request, find: Callable[[Request, bytes], Awaitable[list[bytes]]]
    ) -> list[Answer | RunError]:
        with budget.open() as upload:
            content = await upload.receive(request)
            answers = await predictor.predict(await find(request, content))
        monitoring.pictures.inc(sum(isinstance(each, Answer) for each in answers))
        return answers

    @app.post(
        "/predict",
        dependencies=[Depends(guard)],
        response_model=PredictAnswer,
        response_model_exclude_none=True,
        openapi_extra={"requestBody": REQUEST_BODY},
    )
    async def predict(request: Request) -> Any:
        """Predict one picture or several: as the body, as a form, or as base64 in JSON."""
        answers = await read(request, find_pictures)
        if len(answers) == 1 and isinstance(answers[0], RunError):
            raise HTTPException(422, str(answers[0]))
        return JSONResponse({"predictions": list(map(_describe, answers))})

    @app.post("/read", dependencies=[Depends(guard)], include_in_schema=False)
    async def read_drawing(request: Request) -> Response:
        async def find(request: Request, content: bytes) -> list[bytes]:
            return [content]

        (answer,) = await read(request, find)
        if isinstance(answer, RunError):
            raise HTTPException(400, str(answer))
        return JSONResponse(describe_drawing(answer.picture, answer.prediction))


def _describe(answer: Answer | RunError) -> dict[str, Any]:
    if isinstance(answer, Answer):
        return answer.prediction.describe()
    return {"error": str(answer)}


def _add_records(
    app: FastAPI,
    summary: RunSummary,
    predictor: Predictor,
    monitoring: Monitoring,
    guard: Callable[[Request], None],
) -> None:
    """Add what says how the server is, and what answers."""

    @app.get("/health", responses={503: {"model": HealthAnswer}})
    async def show_health() -> HealthAnswer:
        """Answer 200 once the classifier is loaded, and 503 before."""
        if not predictor.is_ready:
            return JSONResponse({"status": "loading"}, 503)  # type: ignore[return-value]
        return HealthAnswer(status="ok")

    @app.get("/metadata", dependencies=[Depends(guard)])
    async def show_metadata() -> MetadataAnswer:
        """Say which classifier answers, and what it takes."""
        return MetadataAnswer(
            subject=summary.subject,
            classes=summary.environment.get("class_names", []),
            input_shape=list(summary.config.data_config.image_shape.as_tuple),
            test_accuracy=summary.test_accuracy,
            model_sha256=summary.environment.get("model", {}).get("sha256"),
            framework=__version__,
        )

    @app.get("/metrics", dependencies=[Depends(guard)], response_class=Response)
    async def show_metrics() -> Response:
        """Return counts and times, as Prometheus reads them."""
        return Response(monitoring.render(), media_type="text/plain; version=0.0.4")


def _add_errors(app: FastAPI) -> None:
    """Answer errors alike: `detail`, and what the page shows."""

    @app.exception_handler(HTTPException)
    async def report(request: Request, error: HTTPException) -> Response:
        body = {"detail": error.detail, "text": "", "message": error.detail, "crops": []}
        shown = body if request.url.path == "/read" else {"detail": error.detail}
        return JSONResponse(shown, error.status_code, error.headers)

    @app.exception_handler(BusyError)
    async def report_busy(request: Request, error: BusyError) -> Response:
        message = "The server is busy. Try again."
        return JSONResponse({"detail": message}, 503, {"Retry-After": str(RETRY_SECONDS)})

    @app.exception_handler(ClientDisconnect)
    async def end(request: Request, error: ClientDisconnect) -> Response:
        return Response()  # Nobody will receive it.


def render_page(summary: RunSummary) -> str:
    """Render the page: the canvas, and the run that reads it."""
    templates = Environment(loader=FileSystemLoader(PAGE), autoescape=True)
    reads_characters = summary.appearance.framing is not None
    return templates.get_template("draw.html").render(
        subject=summary.subject,
        run=summary.run,
        accuracy=summary.formatted_accuracy,
        invitation="Draw one digit or several" if reads_characters else "Draw something",
    )
