"""The reliability diagram: accuracy against confidence."""

from dataclasses import replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from framework.evaluation.figures.style import (
    DARK_GRAY,
    GRAY,
    ORANGE,
    SKY,
    make_figure,
    show_message,
    styled,
)
from framework.evaluation.metrics.calibration import (
    CalibrationCurve,
    compute_calibration_curve,
    undo_temperature,
)
from framework.evaluation.metrics.predictions import Predictions


@styled
def plot_reliability(
    predictions: Predictions, subject: str, temperature: float | None = None
) -> Figure:
    """Draw accuracy against confidence, with the expected calibration error.

    Args:
        predictions: The predictions for the test images.
        subject: What was trained on what.
        temperature: What the logits were divided by, to show how it was before.
    """
    curve = compute_calibration_curve(predictions)
    title = "Reliability, test images"
    if not curve.counts.any():
        figure = make_figure(6.4, 1.6, title, subject)
        show_message(figure.subplots(), "The confidences are not numbers.")
        return figure
    error = f"expected calibration error {curve.expected_error:.2%} ({len(curve.counts)} bins)"
    before = None
    if temperature is not None:
        probabilities = undo_temperature(predictions, temperature)
        before = compute_calibration_curve(replace(predictions, probabilities=probabilities))
        error += f", {before.expected_error:.2%} before the temperature {temperature:.3g}"
    figure = make_figure(6.4, 6.0, title, f"{subject} · {error}")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3.2, 1.0))
    _draw_reliability(above, curve)
    if before is not None:
        shown = before.counts > 0
        above.plot(
            before.confidence[shown], before.accuracy[shown], "x", color=ORANGE, markersize=6,
            label="before the temperature",
        )  # fmt: skip
    width = curve.edges[1]
    below.bar(curve.edges[:-1] + width / 2, curve.counts, width * 0.92, color=GRAY)
    xlabel = "confidence: probability of the predicted class"
    below.set(xlim=(0, 1), xlabel=xlabel, ylabel="images")
    below.xaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    below.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    figure.legend(loc="outside lower left", ncols=3)
    return figure


def _draw_reliability(axes: Axes, curve: CalibrationCurve) -> None:
    width = curve.edges[1]
    filled = curve.counts > 0
    centers = (curve.edges[:-1] + width / 2)[filled]
    axes.bar(centers, curve.accuracy[filled], width * 0.92, color=SKY, label="accuracy in the bin")
    axes.plot(
        curve.confidence[filled], curve.accuracy[filled], "o", color=DARK_GRAY, markersize=4,
        label="at the bin's mean confidence",
    )  # fmt: skip
    axes.plot((0, 1), (0, 1), color=GRAY, linestyle="--", linewidth=1.2, label="calibrated")
    axes.set(ylim=(0, 1), ylabel="accuracy")
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    axes.grid(axis="y")
