"""A local page to draw on, which says what the model reads.

Three static files make the page, and one route, `POST /read`, answers it.
"""

from __future__ import annotations

import logging
import socket
from functools import partial
from pathlib import Path

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
from framework.inference.app.read_drawing import read_drawing
from framework.inference.polarity import FRAMINGS
from framework.inference.trained_classifier import TrainedClassifier

logger = logging.getLogger(__name__)

PAGE = Path(__file__).with_name("page")
HOST = "127.0.0.1"
# Bytes of a picture file, pictures read at a time, and open connections: what bounds the
# memory that requests can take.
LARGEST_UPLOAD = 16 * 10**6
READERS = 1
MOST_CONNECTIONS = 32
# Bytes that are heard out, kept or not: who is cut short while sending never reads the answer.
MAX_PENDING_REQUESTS = 8 * LARGEST_UPLOAD


def serve_page(trained: TrainedClassifier, port: int) -> None:
    """Serve the page on this machine alone, until interrupted.

    Args:
        trained: The classifier that reads.
        port: The port; 0 for any that is free.

    Raises:
        RunError: The port is taken.
    """
    with _open_port(port) as listener:
        app = build_app(trained)
        # Compiles the network, so that the first drawing is read as quickly as the next.
        trained.predict_prepared([np.zeros(trained.image_shape, np.uint8)])
        logger.info("Open http://%s:%d  (Ctrl+C ends it)", HOST, listener.getsockname()[1])
        settings = uvicorn.Config(
            app,
            log_level="error",
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=1,
        )
        uvicorn.Server(settings).run(sockets=[listener])


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


def build_app(trained: TrainedClassifier) -> Starlette:
    """Build the web application: the page, and the route that reads drawings."""
    page = HTMLResponse(render_page(trained))
    readers = anyio.CapacityLimiter(READERS)

    async def show(request: Request) -> Response:
        return page

    async def read(request: Request) -> Response:
        try:
            picture = await _receive_picture(request)
        except ClientDisconnect:
            return Response()  # Nobody is there to read it.
        if picture is None:
            limit = LARGEST_UPLOAD // 10**6
            return _say_error(413, f"The image has more than {limit} MB. Make it smaller.")
        try:
            answer = await anyio.to_thread.run_sync(
                partial(read_drawing, trained, picture), limiter=readers
            )
        except RunError as error:
            return _say_error(400, str(error))
        return JSONResponse(answer)

    return Starlette(
        routes=[
            Route("/", show),
            Route("/read", read, methods=["POST"]),
            Mount("/static", StaticFiles(directory=PAGE)),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])],
    )


async def _receive_picture(request: Request) -> bytes | None:
    """Receive the body of a request.

    Returns:
        The body; `None` where it has more than `LARGEST_UPLOAD` bytes.

    Raises:
        ClientDisconnect: The client has gone away before the end.
    """
    picture = bytearray()
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= LARGEST_UPLOAD:
            picture += chunk
        elif size > MAX_PENDING_REQUESTS:
            break
    return bytes(picture) if size <= LARGEST_UPLOAD else None


def _say_error(status: int, message: str) -> JSONResponse:
    return JSONResponse({"text": "", "message": message, "crops": []}, status)


def render_page(trained: TrainedClassifier) -> str:
    """Render the page: the canvas, and which run reads it."""
    templates = Environment(loader=FileSystemLoader(PAGE), autoescape=True)
    accuracy = trained.test_accuracy
    reads_characters = trained.data_name in FRAMINGS
    return templates.get_template("draw.html").render(
        subject=trained.subject,
        run=trained.run,
        accuracy="unknown" if accuracy is None else f"{100 * accuracy:.2f} %",
        invitation="Draw one digit or several" if reads_characters else "Draw something",
    )
