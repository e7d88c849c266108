"""Pictures as clients send them, within bounds of size and time."""

import asyncio
import base64
import binascii
import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Any

from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from framework.inference.app.predictor import BusyError

MAX_UPLOAD_BYTES = 16 * 10**6
MAX_PICTURES = 64
# Of all requests that are being received or decoded.
MAX_TOTAL_BYTES = 256 * 10**6
# A larger upload is received and discarded up to this size: a client whose connection is closed
# while it sends never reads the answer.
MAX_DISCARDED_BYTES = 8 * MAX_UPLOAD_BYTES
UPLOAD_SECONDS = 30

EXPECTED = (
    "Send a picture as the body, one or several as multipart/form-data, or JSON: "
    '{"images": ["<base64>", ...]}.'
)


class UploadBudget:
    """Bounds the memory that all uploads take together."""

    def __init__(self, limit: int = MAX_TOTAL_BYTES) -> None:
        self._free = limit

    @contextmanager
    def open(self) -> Iterator["Upload"]:
        """Let the body receive an upload, whose bytes count until the end of the body."""
        upload = Upload(self)
        try:
            yield upload
        finally:
            self._free += upload.size

    def take(self, size: int) -> None:
        """Take bytes; raises `BusyError` if there aren't as many."""
        if size > self._free:
            raise BusyError
        self._free -= size


class Upload:
    """The body of a request, while it is received."""

    def __init__(self, budget: UploadBudget) -> None:
        self.size = 0
        self._budget = budget

    async def receive(self, request: Request) -> bytes:
        """Receive the body.

        Raises:
            BusyError: Other uploads take the memory.
            HTTPException: It is too large, or comes too slowly.
            ClientDisconnect: The client has gone away before the end.
        """
        try:
            async with asyncio.timeout(UPLOAD_SECONDS):
                return await self._receive(request)
        except TimeoutError as error:
            message = f"The request did not arrive within {UPLOAD_SECONDS} seconds."
            raise HTTPException(408, message, {"Connection": "close"}) from error

    async def _receive(self, request: Request) -> bytes:
        content, received = bytearray(), 0
        async for chunk in request.stream():
            received += len(chunk)
            if received <= MAX_UPLOAD_BYTES:
                self._budget.take(len(chunk))
                self.size += len(chunk)
                content += chunk
            elif received > MAX_DISCARDED_BYTES:
                break
        if received > MAX_UPLOAD_BYTES:
            limit = MAX_UPLOAD_BYTES // 10**6
            raise HTTPException(413, f"The image has more than {limit} MB. Make it smaller.")
        return bytes(content)


async def find_pictures(request: Request, content: bytes) -> list[bytes]:
    """Return the pictures in the body of a request, the bytes of an image file each.

    Raises:
        HTTPException: There are none, or too many.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        pictures = await _read_form(request, content)
    elif kind == "application/json":
        pictures = list(_read_json(content))
    else:
        pictures = [content] if content else []
    if not pictures:
        raise HTTPException(422, f"There is no picture in the request. {EXPECTED}")
    if len(pictures) > MAX_PICTURES:
        raise HTTPException(
            413, f"Expected {MAX_PICTURES} pictures or fewer in a request. Found {len(pictures)}."
        )
    return pictures


async def _read_form(request: Request, content: bytes) -> list[bytes]:
    async def stream() -> AsyncGenerator[bytes, None]:
        yield content

    parser = MultiPartParser(
        request.headers, stream(), max_files=MAX_PICTURES + 1, max_part_size=MAX_UPLOAD_BYTES
    )
    try:
        form = await parser.parse()
    except (MultiPartException, FormParserError) as error:
        raise HTTPException(422, f"The form is damaged: {error}. {EXPECTED}") from error
    except KeyError as error:
        raise HTTPException(422, f"The form names no boundary. {EXPECTED}") from error
    try:
        parts = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
        return [await part.read() for part in parts]
    finally:
        await form.close()


def _read_json(content: bytes) -> Iterator[bytes]:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise HTTPException(422, f"The body is no JSON. {EXPECTED}") from error
    images: Any = body
    if isinstance(body, dict):
        images = body.get("images", body.get("image", []))
    if not isinstance(images, str | list):
        raise HTTPException(422, f"Expected a list of pictures. {EXPECTED}")
    for image in [images] if isinstance(images, str) else images:
        yield _decode(image)


def _decode(image: Any) -> bytes:
    """Return the bytes of a picture in base64, with or without `data:image/png;base64,`."""
    if not isinstance(image, str):
        raise HTTPException(422, f"Found a picture that is no text. {EXPECTED}")
    head, _, data = image.rpartition(",")
    if "://" in image or (head and not head.startswith("data:")):
        raise HTTPException(422, f"URLs are not fetched. {EXPECTED}")
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise HTTPException(422, f"Found a picture that is no base64. {EXPECTED}") from error
