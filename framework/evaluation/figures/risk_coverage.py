"""The risk-coverage curve: errors among the images that are answered."""

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from framework.evaluation.figures.style import BLUE, GRAY, ORANGE, make_figure, styled
from framework.evaluation.metrics.predictions import Predictions
from framework.evaluation.metrics.selective import compute_risk_coverage, summarize_unknown


@styled
def plot_risk_coverage(predictions: Predictions, threshold: float | None, subject: str) -> Figure:
    """Draw the error rate among the images that are answered, against their share.

    Args:
        predictions: The predictions for the test images.
        threshold: The novelty above which an image is unknown; `None` if it was not measured.
        subject: What was trained on what.
    """
    figure = make_figure(6.4, 4.4, "Risk and coverage, test images", subject)
    axes = figure.subplots()
    doubts = {"least confident left out first": (-predictions.confidence, ORANGE)}
    if predictions.novelty is not None:
        doubts["least like the training images left out first"] = (predictions.novelty, BLUE)
    for label, (doubt, color) in doubts.items():
        curve = compute_risk_coverage(predictions.correct, doubt)
        name = f"{label} (area {curve.area:.3%})"
        axes.plot(curve.coverage, curve.risk, color=color, label=name)
    if threshold is not None and predictions.novelty is not None:
        found = summarize_unknown(predictions.correct, predictions.novelty, threshold)
        share = found["coverage"]
        label = f"known: {share:.1%}, of which {1 - (found['accuracy'] or 0):.2%} wrong"
        axes.axvline(share, color=GRAY, linestyle="--", linewidth=1.2, label=label)
    axes.set(xlim=(0, 1), xlabel="coverage: share of the images that are answered")
    axes.set(ylabel="risk: share of them that are wrong")
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    axes.grid(axis="y")
    figure.legend(loc="outside lower left", ncols=1)
    return figure
