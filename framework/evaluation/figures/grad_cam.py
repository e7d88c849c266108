"""Grad-CAM: where the network looked (Selvaraju et al., 2017, arXiv:1610.02391)."""

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from framework.evaluation.figure_data.predicted_images import HeatMaps, PredictedImages
from framework.evaluation.figures.sample_images import make_image_panels, set_caption, show_image
from framework.evaluation.figures.style import styled


@styled
def plot_grad_cam(maps: HeatMaps, test: PredictedImages) -> Figure:
    """Show what spoke for the predicted class, for wrong and right predictions.

    Args:
        maps: Of the images that are shown.
        test: The test images.
    """
    shown, count = maps.positions, len(maps.positions)
    figure, grid = make_image_panels(
        count,
        "Grad-CAM: what spoke for the predicted class, test images",
        f"{test.subject} · layer {maps.layer}, a map of {maps.heat.shape[1]}x{maps.heat.shape[2]} "
        f"· the {maps.wrong} most confident mistakes, then {count - maps.wrong} right ones",
    )
    for axes, position, image, heat in zip(grid, shown, maps.pixels, maps.heat, strict=True):
        show_image(axes, overlay_heat(image, heat))
        verdict = "✓" if test.predictions.correct[position] else "✗"
        note = "" if heat.any() else "  ·  no heat"
        set_caption(
            axes,
            f"{verdict} said: {test.name_predicted(position, 15)}\ntrue: "
            f"{test.name_true(position)}\n{test.format_confidence(position)}{note}",
        )
    return figure


def overlay_heat(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Lay a heat map over an image.

    Args:
        image: `(rows, columns, channels)` in [0, 255]; one channel or three.
        heat: `(map rows, map columns)` float32 in [0, 1].

    Returns:
        `(rows, columns, 3)` float32 in [0, 255].
    """
    rows, columns = image.shape[:2]
    smooth = Image.fromarray(heat.astype(np.float32)).resize(
        (columns, rows), Image.Resampling.BILINEAR
    )
    strength = np.asarray(smooth)[..., None]
    colors = matplotlib.colormaps["inferno"](strength[..., 0])[..., :3] * 255.0
    gray = image.mean(axis=-1, keepdims=True)
    blended: np.ndarray = (1 - 0.65 * strength) * gray + 0.65 * strength * colors
    return blended
