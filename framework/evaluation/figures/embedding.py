"""An embedding of the features that the last layer reads: PCA and t-SNE."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from framework.errors import RunError
from framework.evaluation.figure_data.predicted_images import EmbeddedImages, PredictedImages
from framework.evaluation.figures.style import make_figure, styled
from framework.utils.text import shorten

_MIN_POINTS = 5
_PERPLEXITY = 30.0  # scikit-learn's default; it must be below the number of points
_MAX_NAMED_CLASSES = 20
_MARKERS = "osD^v<>"


@styled
def plot_embedding(embedded: EmbeddedImages, test: PredictedImages) -> Figure:
    """Draw PCA and t-SNE of the features that the last layer reads.

    Args:
        embedded: The features of some of the test images.
        test: The test images; their seed determines the start of t-SNE too.

    Raises:
        RunError: Too few images, or features that are not numbers.
    """
    total, seed = len(test.predictions), test.seed
    drawn, features = embedded.positions, embedded.features
    if (count := len(drawn)) < _MIN_POINTS:
        raise RunError(f"report_config.embedding: {count} test images are too few for a map.")
    of = f"all {count:,}" if count == total else f"{count:,} of {total:,}"
    if not np.isfinite(features).all():
        raise RunError("report_config.embedding: the features are not numbers.")
    pca = PCA(min(50, *features.shape), random_state=seed)
    tsne = TSNE(perplexity=min(_PERPLEXITY, (count - 1) / 3), init="pca", random_state=seed)
    # So few points gain nothing from threads, which wait for each other on a busy machine.
    with threadpool_limits(1):
        components = pca.fit_transform(features)
        points = tsne.fit_transform(components)
    figure = make_figure(
        11.0,
        5.6,
        "A map of the features, test images",
        f"{test.subject} · what the last layer reads of {of} test images, "
        f"{features.shape[1]:,} numbers each · crosses are mistakes",
    )
    left, right = figure.subplots(1, 2)
    share = pca.explained_variance_ratio_[:2].sum()
    left.set_title(f"PCA, {share:.0%} of the variance")
    right.set_title(f"t-SNE of the first {components.shape[1]} components")
    true, correct = test.predictions.true[drawn], test.predictions.correct[drawn]
    _draw_points(left, components[:, :2], true, correct, test.class_names)
    _draw_points(right, points, true, correct, test.class_names)
    if len(test.class_names) <= _MAX_NAMED_CLASSES:
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", ncols=5, markerscale=1.8)
    return figure


def _draw_points(
    axes: Axes, points: np.ndarray, true: np.ndarray, correct: np.ndarray, names: Sequence[str]
) -> None:
    colors = colormaps["turbo"](np.linspace(0.02, 0.98, len(names)))
    for label in np.unique(true):
        x, y = points[true == label].T
        right = correct[true == label]
        marker = _MARKERS[label % len(_MARKERS)]
        axes.scatter(
            x[right], y[right], s=14, color=colors[label], marker=marker, alpha=0.75, lw=0,
            label=shorten(names[label], 16),
        )  # fmt: skip
        axes.scatter(x[~right], y[~right], s=26, color=colors[label], marker="x", linewidths=1.2)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
