"""Train a model, and run it over rows."""

from labkit.training.chats import chat_tokens
from labkit.training.decoding import generate, label_scores
from labkit.training.fit import batches_of_like_length, fit, schedule
from labkit.training.history import History
from labkit.training.inference import embed, mean_loss, predict

__all__ = [
    "History",
    "batches_of_like_length",
    "chat_tokens",
    "embed",
    "fit",
    "generate",
    "label_scores",
    "mean_loss",
    "predict",
    "schedule",
]
