"""What a classifier of digits reads on pictures of pages, and what it says of other pictures.

python run.py --config configs/cnn.json --set data_config.dataset.path=mnist.npz --output RUN
python -m benchmarks.reading --run RUN --mnist mnist.npz
"""

import argparse
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.neighbors import NearestNeighbors

from benchmarks.pictures import MAKERS, Strokes, make_pictures
from benchmarks.tables import format_table, report
from framework.inference.picture_reader import PictureReader, ReadOptions
from framework.inference.trained_classifier import TrainedClassifier, load_classifier
from framework.models.classifier import find_embedding
from framework.models.novelty import embed

FOREIGN = ("letters", "scribbles", "empty pages", "photographs")


def measure_kinds(
    trained: TrainedClassifier, strokes: Strokes, count: int, photographs: Path | None
) -> Iterator[dict[str, Any]]:
    """Yield a row for each kind of picture."""
    for kind in MAKERS:
        made: Iterable[tuple[Image.Image, str]] = make_pictures(kind, count, strokes)
        if kind == "photographs" and photographs is not None:
            made = ((Image.open(path), "") for path in sorted(photographs.rglob("*.jpg"))[:count])
            kind = "photographs, real ones"
        pictures, texts = zip(*made, strict=True)
        start = time.perf_counter()
        found = trained.predict(list(pictures))
        seconds = time.perf_counter() - start
        read = [each.predicted.replace(" ", "") for each in found]
        answered = [any(map(str.isdigit, text)) for text in read]
        right = sum(text == wanted for text, wanted in zip(read, texts, strict=True))
        yield {
            "pictures": kind,
            "number": len(read),
            "read right": right if texts[0] else "–",
            "answered with a digit": sum(answered),
            "ms a picture": 1000 * seconds / len(read),
        }


def measure_unknown(trained: TrainedClassifier, test: np.ndarray) -> float:
    """Return the share of digits `(n, 28, 28)` that are unknown."""
    return float(np.mean([not each.known for each in trained.predict(test)]))


def compare_detectors(
    trained: TrainedClassifier, mnist: Any, strokes: Strokes, count: int
) -> list[dict[str, Any]]:
    """Return the shares that two detectors call unknown, with 99 % of validation images known."""
    import keras

    model = trained.classifier.model
    last = keras.Model(model.input, find_embedding(model))
    order = np.random.default_rng(0).permutation(len(mnist["x_train"]))
    chosen = {"training": order[:20_000], "validation": order[-5000:]}

    def compute(prepared: list[np.ndarray]) -> np.ndarray:
        batch = np.stack(prepared).astype(np.float32)
        batch = np.repeat(batch, trained.image_shape[-1] // batch.shape[-1], axis=-1)
        return embed(last.predict(batch, batch_size=256, verbose=0))

    features = {
        name: compute([trained.resize(image) for image in mnist["x_train"][positions]])
        for name, positions in chosen.items()
    }
    features["test digits"] = compute([trained.resize(image) for image in mnist["x_test"]])
    reader = PictureReader(trained, ReadOptions(frame="yes"))
    for kind in ("one digit anywhere on a page", "letters", "scribbles"):
        pictures = [reader.prepare(image) for image, _ in make_pictures(kind, count, strokes)]
        features[kind] = compute([image for each in pictures for image in each.images])
    training, labels = features["training"], mnist["y_train"][chosen["training"]]
    means = np.stack([training[labels == label].mean(axis=0) for label in range(10)])
    values, vectors = np.linalg.eigh(np.cov((training - means[labels]).T))
    whiten = vectors / np.sqrt(np.maximum(values, 1e-3 * values.max()))
    neighbors = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(training)

    def mahalanobis(rows: np.ndarray) -> np.ndarray:
        differences = (rows @ whiten)[:, None] - (means @ whiten)[None]
        return np.square(differences).sum(axis=-1).min(axis=1)

    detectors = {
        "Mahalanobis": mahalanobis,
        "nearest neighbor": lambda rows: neighbors.kneighbors(rows)[0][:, 0],
    }
    rows = []
    for name, measure in detectors.items():
        threshold = np.quantile(measure(features["validation"]), 0.99, method="higher")
        shares = {
            kind: float(np.mean(measure(features[kind]) > threshold)) for kind in list(features)[2:]
        }
        rows.append({"detector": name, **shares})
    return rows


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="a run trained on MNIST")
    parser.add_argument("--mnist", type=Path, required=True, help="mnist.npz")
    parser.add_argument("--count", type=int, default=60, help="pictures of each kind")
    parser.add_argument("--photographs", type=Path, help="a folder of JPEG files")
    options = parser.parse_args()
    with np.load(options.mnist) as archive:
        mnist = dict(archive)
    strokes = Strokes(mnist["x_test"], mnist["y_test"])
    trained = load_classifier(options.run)
    rows = list(measure_kinds(trained, strokes, options.count, options.photographs))
    foreign = [row for row in rows if str(row["pictures"]).startswith(FOREIGN)]
    answered = sum(row["answered with a digit"] for row in foreign)
    unknown = measure_unknown(trained, mnist["x_test"])
    compared = format_table(compare_detectors(trained, mnist, strokes, options.count))
    report(
        "reading",
        rows,
        f"{trained.subject}, test accuracy {trained.formatted_accuracy}. Of pictures without a "
        f"digit {answered} of {sum(row['number'] for row in foreign)} are answered with one; of "
        f"MNIST's test digits {unknown:.2%} are unknown. Shares that are unknown with two "
        f"detectors, of which the second is used:\n\n{compared}\n\n",
    )


if __name__ == "__main__":
    main()
