"""Pictures, with words for those who do not see them."""

from labkit.plots._old import (
    DASHES,
    MARKERS,
    attention_heat_map,
    curves,
    differences,
    learning_curve,
    loss_against_tokens,
    training_curve,
)
from labkit.plots.explorers import (
    attention_explorer,
    mask_explorer,
    softmax_explorer,
    span_corruption_explorer,
)
from labkit.plots.figures import (
    PALETTE,
    Picture,
    axes,
    bars,
    coloured_tokens,
    confusion_matrix,
    heat_map,
    histogram,
    lines,
    reliability_diagram,
)
from labkit.plots.tables import table

__all__ = [
    "DASHES",
    "MARKERS",
    "PALETTE",
    "Picture",
    "attention_explorer",
    "attention_heat_map",
    "axes",
    "bars",
    "coloured_tokens",
    "confusion_matrix",
    "curves",
    "differences",
    "heat_map",
    "histogram",
    "learning_curve",
    "lines",
    "loss_against_tokens",
    "mask_explorer",
    "reliability_diagram",
    "softmax_explorer",
    "span_corruption_explorer",
    "table",
    "training_curve",
]
