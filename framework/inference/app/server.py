"""The server of a run's classifier: it loads the classifier while it answers already."""

import logging
import signal
import socket
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import uvicorn

from framework.errors import RunError
from framework.inference.app.application import build_app
from framework.inference.app.predictor import Predictor
from framework.inference.app.protocol import ImpatientProtocol
from framework.inference.picture_reader import DEFAULTS, PictureReader, ReadOptions
from framework.inference.run_summary import read_summary
from framework.utils.native_logs import start_tensorflow

logger = logging.getLogger(__name__)

LOCAL = "127.0.0.1"
# Each needs a file descriptor, of which a process has 1024 on most systems.
MAX_CONNECTIONS = 600
# For what is being answered when the server is told to end.
GRACE_SECONDS = 10


def serve(
    run: Path,
    port: int,
    host: str = LOCAL,
    token: str | None = None,
    hosts: Sequence[str] = (),
    options: ReadOptions = DEFAULTS,
) -> None:
    """Serve predictions and the page until interrupted or terminated.

    The page is served at once; the classifier loads meanwhile, and the first picture waits for it.

    Args:
        run: As `framework.inference.run_summary.read_summary` takes it.
        port: The port; 0 for any free one.
        host: The address to listen on.
        token: See `build_app`.
        hosts: Names under which clients call the server, besides its address and `localhost`.
        options: How pictures are read.

    Raises:
        RunError: The address is not to be had, or the run's classifier can't be loaded.
    """
    summary = read_summary(run)
    with _open_port(host, port) as listener, ThreadPoolExecutor(1) as loader:
        reader = loader.submit(_load_reader, summary.run, options)
        allowed = [host, LOCAL, "localhost", *hosts]
        # Who listens on all addresses and names none can't be told from whom it is called by.
        if host in ("0.0.0.0", "::") and not hosts:
            allowed = ["*"]
        app = build_app(summary, Predictor(reader), token, allowed)
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                http=ImpatientProtocol,
                ws="none",
                log_level="error",
                lifespan="off",  # Nothing starts with the server, or ends with it.
                limit_concurrency=MAX_CONNECTIONS,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )

        def stop_on_failure(loaded: Future[PictureReader]) -> None:
            if loaded.exception():
                server.should_exit = True

        reader.add_done_callback(stop_on_failure)
        url = f"http://{_name_host(host)}:{listener.getsockname()[1]}"
        logger.info("Open %s  (Ctrl+C ends it)", url + (f"/#token={token}" if token else ""))
        # Uvicorn raises its signal once more when it has ended.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        server.run(sockets=[listener])
    reader.result()


def _load_reader(run: Path, options: ReadOptions) -> PictureReader:
    start_tensorflow()
    from framework.inference.trained_classifier import load_classifier

    trained = load_classifier(run)
    # Compiles the network, so that the first drawing is read as quickly as the next.
    trained.compute([np.zeros(trained.image_shape, np.uint8)])
    return PictureReader(trained, options)


def _name_host(host: str) -> str:
    """Return a listening address as this machine calls it."""
    host = {"0.0.0.0": LOCAL, "::": "::1"}.get(host, host)
    return f"[{host}]" if ":" in host else host


def _open_port(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio turns Nagle's algorithm off, which costs 40 ms an answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # A port whose last user has just ended counts as free.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(MAX_CONNECTIONS)
    except OSError as error:
        listener.close()
        if isinstance(error, socket.gaierror) or "assign" in str(error):
            raise RunError(f"--host: {host} is no address of this machine.") from error
        raise RunError(
            f"--port: {port} can't be used: {error.strerror}. Try another: --port {port + 1}"
        ) from error
    return listener
