"""What the server measures of itself, for Prometheus."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from framework.inference.app.predictor import Predictor

PREFIX = "transfer_framework"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Monitoring:
    """Counts and times requests.

    Args:
        predictor: What is asked how many pictures wait.
    """

    def __init__(self, predictor: Predictor) -> None:
        self._registry = registry = CollectorRegistry()
        names = ("path", "status")
        self._requests = Counter(f"{PREFIX}_requests", "Requests", names, registry=registry)
        self._seconds = Histogram(
            f"{PREFIX}_request_seconds",
            "Seconds of a request",
            ("path",),
            buckets=SECONDS,
            registry=registry,
        )
        self.pictures = Counter(
            f"{PREFIX}_pictures", "Pictures with a prediction", registry=registry
        )
        waiting = Gauge(
            f"{PREFIX}_waiting_pictures", "Pictures without an answer yet", registry=registry
        )
        waiting.set_function(lambda: predictor.waiting)
        batches = Gauge(f"{PREFIX}_batches", "Batches that were read", registry=registry)
        batches.set_function(lambda: predictor.batches)

    def render(self) -> bytes:
        """Return the metrics as Prometheus reads them."""
        return generate_latest(self._registry)

    def record(self, path: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)


class MonitoringMiddleware:
    """Counts the requests of an application by route, so that their names are bounded."""

    def __init__(self, app: ASGIApp, monitoring: Monitoring) -> None:
        self._app = app
        self._monitoring = monitoring

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and count it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self._monitoring.record(route, status, time.perf_counter() - started)
