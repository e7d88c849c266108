"""HTTP for clients that may be silent, or slow on purpose."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_SECONDS = 10
"""How long a client may take until its request, without the body, has arrived."""


class ImpatientProtocol(H11Protocol):
    """Closes connections on which no request begins, or none comes to the end of its headers.

    Uvicorn itself waits for them forever, each with a place among the open connections.
    """

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Receive a part of a request."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        if self._timer is not None:
            self._timer.cancel()

    def _watch(self) -> None:
        if self._answers():
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        elif self._timer is None:
            self._timer = self.loop.call_later(REQUEST_SECONDS, self._give_up)

    def _answers(self) -> bool:
        """Whether a request has arrived that has no answer yet."""
        return self.cycle is not None and not self.cycle.response_complete

    def _give_up(self) -> None:
        self._timer = None
        if not self._answers() and not self.transport.is_closing():
            self.transport.close()
