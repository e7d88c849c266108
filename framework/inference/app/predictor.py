"""Predictions for many clients at once: what waits while a batch is read makes the next one."""

import asyncio
import io
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from framework.data.image_files import read_image
from framework.errors import RunError
from framework.inference.picture_reader import PictureReader, PreparedPicture
from framework.inference.prediction import Prediction
from framework.utils.environment import count_processors

# As large as a good camera's, 6000x4000: anyone may send one.
PIXEL_LIMIT = 24_000_000
MAX_WAITING = 256
MAX_BATCH = 64


class BusyError(Exception):
    """More pictures wait than the server takes; the client should try again."""


@dataclass(frozen=True)
class Answer:
    """A picture, and what was read in it."""

    picture: PreparedPicture
    prediction: Prediction


@dataclass(eq=False)
class _Waiting:
    """A picture that waits for the network."""

    picture: PreparedPicture
    answer: asyncio.Future[Answer] = field(default_factory=asyncio.Future)


class Predictor:
    """Reads pictures in batches, which grow with the load, and never wait for more.

    Args:
        reader: Reads pictures, once it is loaded.

    Attributes:
        waiting: Pictures that have no answer yet.
        batches: How many batches were read.
    """

    def __init__(self, reader: Future[PictureReader]) -> None:
        self.waiting = 0
        self.batches = 0
        self._reader = reader
        self._decoders = ThreadPoolExecutor(count_processors(), "decoder")
        self._network = ThreadPoolExecutor(1, "network")
        self._queue: list[_Waiting] = []
        self._worker: asyncio.Task[None] | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the classifier is loaded."""
        return self._reader.done() and self._reader.exception() is None

    async def predict(self, contents: Sequence[bytes]) -> list[Answer | RunError]:
        """Read pictures.

        Args:
            contents: The bytes of an image file each.

        Returns:
            For each its answer, or the `RunError` that says why there is none.

        Raises:
            BusyError: Too many pictures wait.
        """
        # A request that is larger than all that may wait is for an idle server.
        if self.waiting and self.waiting + len(contents) > MAX_WAITING:
            raise BusyError
        self.waiting += len(contents)
        try:
            found = await asyncio.gather(*map(self._predict_one, contents), return_exceptions=True)
        finally:
            self.waiting -= len(contents)
        answers: list[Answer | RunError] = []
        for outcome in found:
            if not isinstance(outcome, Answer | RunError):
                raise outcome
            answers.append(outcome)
        return answers

    async def _predict_one(self, content: bytes) -> Answer:
        loop = asyncio.get_running_loop()
        waiting = _Waiting(await loop.run_in_executor(self._decoders, self._prepare, content))
        self._queue.append(waiting)
        if self._worker is None:
            self._worker = asyncio.create_task(self._read_queue())
        return await waiting.answer

    def _prepare(self, content: bytes) -> PreparedPicture:
        image = read_image(io.BytesIO(content), "The image", PIXEL_LIMIT)
        return self._reader.result().prepare(image)

    async def _read_queue(self) -> None:
        """Read what waits, batch after batch, until nothing does."""
        loop = asyncio.get_running_loop()
        while self._queue:
            batch, self._queue = self._queue[:MAX_BATCH], self._queue[MAX_BATCH:]
            try:
                read = self._reader.result().read
                pictures = [each.picture for each in batch]
                predictions = await loop.run_in_executor(self._network, read, pictures)
            except Exception as error:  # It is the request's; the server goes on.
                for each in batch:
                    if not each.answer.done():
                        each.answer.set_exception(error)
            else:
                for each, prediction in zip(batch, predictions, strict=True):
                    if not each.answer.done():  # Its client may be gone.
                        each.answer.set_result(Answer(each.picture, prediction))
            self.batches += 1
        self._worker = None
