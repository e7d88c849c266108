"""The classes as the last layer sees them: a map of the features."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from framework.data.images import Images
from framework.errors import RunError
from framework.evaluation.figures.style import make_figure, shorten, styled
from framework.evaluation.metrics.predictions import Predictions

POINTS = 1000
_FEWEST_POINTS = 5
_PERPLEXITY = 30.0  # scikit-learn's default; it must be below the number of points
_BATCH = 128
_MOST_NAMED_CLASSES = 20
_MARKERS = "osD^v<>"


def compute_features(classifier: keras.Model, images: np.ndarray) -> np.ndarray:
    """Compute what the last layer reads.

    Args:
        classifier: A flat functional model over images.
        images: `(n, rows, columns, channels)` float32 in [0, 255].

    Returns:
        `(n, features)` float32.
    """
    # A merging layer reads several arrays.
    parts = [
        keras.layers.Flatten()(part) for part in keras.tree.flatten(classifier.layers[-1].input)
    ]
    features = keras.layers.Concatenate()(parts) if len(parts) > 1 else parts[0]
    model = keras.Model(classifier.inputs[0], features)
    starts = range(0, len(images), _BATCH)
    return np.concatenate([model.predict_on_batch(images[i : i + _BATCH]) for i in starts])


@styled
def plot_embedding(
    classifier: keras.Model,
    predictions: Predictions,
    images: Images,
    class_names: Sequence[str],
    subject: str,
    seed: int = 0,
) -> Figure:
    """Draw PCA and t-SNE of the features that the last layer reads.

    Args:
        classifier: A flat functional model over images.
        predictions: The predictions for the test images.
        images: The test images.
        class_names: In the order of the probabilities.
        subject: What was trained on what.
        seed: Fixes the draw of the images and t-SNE's start.

    Raises:
        RunError: Too few images, or features that are not numbers.
    """
    count = min(POINTS, len(images))
    if count < _FEWEST_POINTS:
        raise RunError(f"report_config.embedding: {count} test images are too few for a map.")
    drawn = np.sort(np.random.default_rng(seed).choice(len(images), count, replace=False))
    of = f"all {count:,}" if count == len(images) else f"{count:,} of {len(images):,}"
    features = compute_features(classifier, images.read(drawn))
    if not np.isfinite(features).all():
        raise RunError("report_config.embedding: the features are not numbers.")
    linear = PCA(min(50, *features.shape), random_state=seed)
    neighbours = TSNE(perplexity=min(_PERPLEXITY, (count - 1) / 3), init="pca", random_state=seed)
    # So few points gain nothing from threads, which wait for each other on a busy machine.
    with threadpool_limits(1):
        components = linear.fit_transform(features)
        nearby = neighbours.fit_transform(components)
    figure = make_figure(
        11.0,
        5.6,
        "A map of the features, test images",
        f"{subject} · what the last layer reads of {of} test images, {features.shape[1]:,} numbers "
        "each · crosses are mistakes",
    )
    left, right = figure.subplots(1, 2)
    share = linear.explained_variance_ratio_[:2].sum()
    left.set_title(f"PCA, {share:.0%} of the variance")
    right.set_title(f"t-SNE of the first {components.shape[1]} components")
    true, correct = predictions.true[drawn], predictions.correct[drawn]
    _draw_points(left, components[:, :2], true, correct, class_names)
    _draw_points(right, nearby, true, correct, class_names)
    if len(class_names) <= _MOST_NAMED_CLASSES:
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", ncols=5, markerscale=1.8)
    return figure


def _draw_points(
    axes: Axes, points: np.ndarray, true: np.ndarray, correct: np.ndarray, names: Sequence[str]
) -> None:
    colours = _choose_colours(len(names))
    for label in np.unique(true):
        x, y = points[true == label].T
        right = correct[true == label]
        marker = _MARKERS[label % len(_MARKERS)]
        axes.scatter(
            x[right], y[right], s=14, color=colours[label], marker=marker, alpha=0.75, lw=0,
            label=shorten(names[label], 16),
        )  # fmt: skip
        axes.scatter(x[~right], y[~right], s=26, color=colours[label], marker="x", linewidths=1.2)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def _choose_colours(classes: int) -> np.ndarray:
    """Return `(classes, 4)` float64, RGBA; evenly spread where there are many."""
    return colormaps["turbo"](np.linspace(0.02, 0.98, classes))
