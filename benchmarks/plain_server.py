"""What people write first: a FastAPI route that calls `model.predict`.

python -m benchmarks.plain_server MODEL.keras PORT
"""

import io
import sys

import keras
import numpy as np
import uvicorn
from fastapi import FastAPI, Request
from PIL import Image
from starlette.concurrency import run_in_threadpool


def main() -> None:
    """Serve the model."""
    model = keras.models.load_model(sys.argv[1])
    _, rows, columns, channels = model.input_shape
    app = FastAPI()

    def answer(content: bytes) -> dict[str, object]:
        picture = Image.open(io.BytesIO(content)).convert("RGB" if channels == 3 else "L")
        pixels = np.asarray(picture.resize((columns, rows)), np.float32)
        probabilities = model.predict(pixels.reshape(1, rows, columns, channels), verbose=0)[0]
        best = int(probabilities.argmax())
        return {"class": best, "probability": float(probabilities[best])}

    @app.post("/predict")
    async def predict(request: Request) -> dict[str, object]:
        return await run_in_threadpool(answer, await request.body())

    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="error")


if __name__ == "__main__":
    main()
