"""The server of a local page to draw on, which shows what the model reads.

Three static files make the page; one route, `POST /read`, classifies a drawing.
"""

import logging
import socket
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import uvicorn
from jinja2 import Environment, FileSystemLoader
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from framework.errors import RunError
from framework.inference.picture_reader import DEFAULTS, ReadOptions
from framework.inference.run_summary import RunSummary, read_summary
from framework.utils.native_logs import start_tensorflow

logger = logging.getLogger(__name__)

Reader = Callable[[bytes], dict[str, Any]]
"""From the bytes of an image file to the answer of `read_drawing`."""

PAGE = Path(__file__).with_name("page")
HOST = "127.0.0.1"
# What bounds the memory that requests can take.
MAX_UPLOAD_BYTES = 16 * 10**6
MAX_CONCURRENT_READS = 1
MAX_CONNECTIONS = 32
# A larger upload is received and discarded up to this size: a client whose connection is closed
# while it sends never reads the answer.
MAX_DISCARDED_BYTES = 8 * MAX_UPLOAD_BYTES


def serve_page(run: Path, port: int, options: ReadOptions = DEFAULTS) -> None:
    """Serve the page on this machine alone, until interrupted.

    The page is served at once; the classifier loads meanwhile, and the first drawing waits for it.

    Args:
        run: As `framework.inference.run_summary.read_summary` takes it.
        port: The port; 0 for any free one.
        options: How drawings are read.

    Raises:
        RunError: The port is in use, or the run's classifier can't be loaded.
    """
    summary = read_summary(run)
    with _open_port(port) as listener, ThreadPoolExecutor(1) as loader:
        reader = loader.submit(_load_reader, summary.run, options)
        server = uvicorn.Server(
            uvicorn.Config(
                build_app(summary, lambda content: reader.result()(content)),
                log_level="error",
                lifespan="off",  # Nothing starts with the server, or ends with it.
                limit_concurrency=MAX_CONNECTIONS,
                timeout_graceful_shutdown=1,
            )
        )

        def stop_on_failure(loaded: Future[Reader]) -> None:
            if loaded.exception():
                server.should_exit = True

        reader.add_done_callback(stop_on_failure)
        logger.info("Open http://%s:%d  (Ctrl+C ends it)", HOST, listener.getsockname()[1])
        server.run(sockets=[listener])
    reader.result()


def _load_reader(run: Path, options: ReadOptions) -> Reader:
    start_tensorflow()
    from framework.inference.app.read_drawing import read_drawing
    from framework.inference.picture_reader import PictureReader
    from framework.inference.trained_classifier import load_classifier

    trained = load_classifier(run)
    # Compiles the network, so that the first drawing is read as quickly as the next.
    trained.compute([np.zeros(trained.image_shape, np.uint8)])
    return partial(read_drawing, PictureReader(trained, options))


def _open_port(port: int) -> socket.socket:
    listener = socket.socket()
    # A port whose last user has just ended counts as free.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise RunError(
            f"--port: {port} can't be used: {error.strerror}. Try another: --port {port + 1}"
        ) from error
    return listener


def build_app(summary: RunSummary, reader: Reader) -> Starlette:
    """Build the web application: the page, and the route that reads drawings."""
    page = HTMLResponse(render_page(summary))
    limiter = anyio.CapacityLimiter(MAX_CONCURRENT_READS)

    async def show(request: Request) -> Response:
        return page

    async def read(request: Request) -> Response:
        try:
            content = await _receive_upload(request)
        except ClientDisconnect:
            return Response()  # Nobody will receive it.
        if content is None:
            limit = MAX_UPLOAD_BYTES // 10**6
            return _report_error(413, f"The image has more than {limit} MB. Make it smaller.")
        try:
            answer = await anyio.to_thread.run_sync(reader, content, limiter=limiter)
        except RunError as error:
            return _report_error(400, str(error))
        return JSONResponse(answer)

    return Starlette(
        routes=[
            Route("/", show),
            Route("/read", read, methods=["POST"]),
            Mount("/static", StaticFiles(directory=PAGE)),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])],
    )


async def _receive_upload(request: Request) -> bytes | None:
    """Receive the body of a request.

    Returns:
        The body; `None` if it has more than `MAX_UPLOAD_BYTES`.

    Raises:
        ClientDisconnect: The client has gone away before the end.
    """
    content = bytearray()
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= MAX_UPLOAD_BYTES:
            content += chunk
        elif size > MAX_DISCARDED_BYTES:
            break
    return bytes(content) if size <= MAX_UPLOAD_BYTES else None


def _report_error(status: int, message: str) -> JSONResponse:
    return JSONResponse({"text": "", "message": message, "crops": []}, status)


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
