"""Train a model, and run it over rows."""

from labkit.training.fit import (
    History,
    MakeOptimizer,
    adamw,
    batches_of_like_length,
    fit,
    mean_loss,
    predict,
    schedule,
)
from labkit.training.generation import generate

__all__ = [
    "History",
    "MakeOptimizer",
    "adamw",
    "batches_of_like_length",
    "fit",
    "generate",
    "mean_loss",
    "predict",
    "schedule",
]
