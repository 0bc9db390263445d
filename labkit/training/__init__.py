"""Train a model, and run it over rows."""

from labkit.training.fit import batches_of_like_length, fit, schedule
from labkit.training.history import History
from labkit.training.inference import embed, generate, mean_loss, predict

__all__ = [
    "History",
    "batches_of_like_length",
    "embed",
    "fit",
    "generate",
    "mean_loss",
    "predict",
    "schedule",
]
