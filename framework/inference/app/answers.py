"""The bodies of answers; FastAPI describes them in the OpenAPI page."""

from pydantic import BaseModel, Field


class Candidate(BaseModel):
    """A class and its probability."""

    name: str = Field(alias="class")
    probability: float


class CharacterAnswer(BaseModel):
    """The prediction for a character of a picture with several."""

    row: int = Field(description="The number of its line, from 0 at the top")
    predicted: str
    confidence: float
    known: bool
    top: list[Candidate]


class PictureAnswer(BaseModel):
    """The prediction for a picture, or why there is none."""

    predicted: str | None = Field(None, description='The most probable class, or "unknown"')
    confidence: float | None = None
    known: bool | None = Field(None, description="Whether it is like the training images")
    top: list[Candidate] | None = None
    characters: list[CharacterAnswer] | None = None
    note: str | None = None
    error: str | None = Field(None, description="Why the picture could not be read")


class PredictAnswer(BaseModel):
    """The predictions for the pictures of a request, in order."""

    predictions: list[PictureAnswer]


class HealthAnswer(BaseModel):
    """Whether the classifier is loaded."""

    status: str


class MetadataAnswer(BaseModel):
    """What answers here."""

    subject: str
    classes: list[str]
    input_shape: list[int] = Field(description="Rows, columns, channels")
    test_accuracy: float | None
    model_sha256: str | None
    framework: str


REQUEST_BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {
                    "images": {"type": "array", "items": {"type": "string", "format": "binary"}}
                },
            }
        },
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {
                    "images": {"type": "array", "items": {"type": "string", "format": "byte"}}
                },
            }
        },
    },
}
"""What `POST /predict` takes; see `framework.inference.app.uploads`."""
