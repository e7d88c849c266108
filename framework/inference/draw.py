"""A local page to draw on, which says what the model reads.

Gradio serves the page and its style; the drawing itself is a canvas of our own, on which
a person can draw at once, and one route, `POST /read`, answers.
"""

from __future__ import annotations

import html
import logging
import os
import socket
from functools import partial
from importlib.resources import files

# Before Gradio is imported: it shall call nobody.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import anyio
import gradio
import numpy as np
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.middleware.base import RequestResponseEndpoint
from starlette.middleware.trustedhost import TrustedHostMiddleware

from framework.errors import RunError
from framework.inference.drawing import read_drawing
from framework.inference.ink import FRAMINGS
from framework.inference.loading import TrainedClassifier

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
# Bytes of a picture file, pictures read at a time, and open connections: what bounds the
# memory that requests can take.
LARGEST_UPLOAD = 16 * 10**6
READERS = 1
MOST_CONNECTIONS = 32
# Bytes that are heard out, kept or not: who is cut short while sending never reads the answer.
MOST_HEARD = 8 * LARGEST_UPLOAD


def serve_page(trained: TrainedClassifier, port: int) -> None:
    """Serves the page on this machine alone, until interrupted.

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


def build_app(trained: TrainedClassifier) -> FastAPI:
    """Builds the web application: the page, and the route that reads drawings."""
    app = FastAPI(openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])
    readers = anyio.CapacityLimiter(READERS)

    @app.middleware("http")
    async def refuse_other_posts(request: Request, go_on: RequestResponseEndpoint) -> Response:
        # Gradio's own routes for uploads and events are of no use to this page.
        if request.method not in ("GET", "HEAD") and request.url.path != "/read":
            return _say_error(405, "Only pictures are read here, by POST /read.")
        return await go_on(request)

    @app.post("/read")
    async def read(request: Request) -> Response:
        picture = bytearray()
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size <= LARGEST_UPLOAD:
                picture += chunk
            elif size > MOST_HEARD:
                break
        if size > LARGEST_UPLOAD:
            limit = LARGEST_UPLOAD // 10**6
            return _say_error(413, f"The image has more than {limit} MB. Make it smaller.")
        try:
            answer = await anyio.to_thread.run_sync(
                partial(read_drawing, trained, bytes(picture)), limiter=readers
            )
        except RunError as error:
            return _say_error(400, str(error))
        return JSONResponse(answer)

    return gradio.mount_gradio_app(
        app,
        build_page(trained),
        path="/",
        server_name=HOST,
        theme=gradio.themes.Base(font="sans-serif", font_mono="monospace"),
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        pwa=False,
    )


def _say_error(status: int, message: str) -> JSONResponse:
    return JSONResponse({"text": "", "message": message, "crops": []}, status)


def build_page(trained: TrainedClassifier) -> gradio.Blocks:
    """Builds the page: the canvas, and which run reads it."""
    page = files("framework.inference") / "page"
    accuracy = trained.test_accuracy
    reads_characters = trained.data_name in FRAMINGS
    with gradio.Blocks(title="Draw", analytics_enabled=False) as blocks:
        gradio.HTML(
            html_template=(page / "draw.html").read_text("utf-8"),
            css_template=(page / "draw.css").read_text("utf-8"),
            js_on_load=(page / "draw.js").read_text("utf-8"),
            subject=html.escape(trained.subject),
            run=html.escape(str(trained.run)),
            accuracy="unknown" if accuracy is None else f"{100 * accuracy:.2f} %",
            invitation="Draw one digit or several" if reads_characters else "Draw something",
        )
    return blocks
