"""A classifier that `save_pretrained` wrote: texts in, probabilities out."""

import json
from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from labkit.errors import LabError

MANY_LABELS = "multi_label_classification"  # as transformers names the kind


class Classifier:
    """A model and its tokenizer, from a folder alone; nothing is downloaded.

    Attributes:
        are_named: Whether somebody gave the labels names.

    Raises:
        LabError: if the folder holds no whole classifier.
    """

    def __init__(self, folder: Path) -> None:
        _look_at(folder)
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(folder)
            self.model = AutoModelForSequenceClassification.from_pretrained(folder)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise LabError(
                f"{folder} cannot be loaded.",
                f"transformers says: {str(error).splitlines()[0]}",
                "Save the model and its tokenizer again, both into this folder.",
            ) from error
        config = self.model.config
        self.name = folder.resolve().name
        self.labels = [config.id2label[n] for n in range(config.num_labels)]
        self.are_named = self.labels != [f"LABEL_{n}" for n in range(len(self.labels))]
        self.max_length = min(
            self.tokenizer.model_max_length,
            getattr(config, "max_position_embeddings", None) or 512,
        )
        self._has_many = config.problem_type == MANY_LABELS
        if self.tokenizer.pad_token is None or len(self.labels) < 2:
            raise LabError(
                f"{folder} cannot be served.",
                "A tokenizer with a padding token and two labels or more are wanted.",
                "Set tokenizer.pad_token, or train a classifier, and save it again.",
            )
        if config.pad_token_id is None:  # a decoder finds the last token by it
            config.pad_token_id = self.tokenizer.pad_token_id
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model.to(self.device).eval()

    def tokens(self, texts: list[str]) -> list[list[int]]:
        """What the model reads of each text: a longer one is cut."""
        read = self.tokenizer(texts, truncation=True, max_length=self.max_length)
        return read["input_ids"]

    @torch.inference_mode()
    def probabilities(self, rows: list[list[int]]) -> list[list[float]]:
        """One forward call; a number for each label of each row."""
        batch = self.tokenizer.pad({"input_ids": rows}, return_tensors="pt")
        logits = self.model(**batch.to(self.device)).logits.float()
        found = logits.sigmoid() if self._has_many else logits.softmax(dim=-1)
        return found.tolist()


def _look_at(folder: Path) -> None:
    """Refuse what is no saved classifier, before transformers guesses a head."""
    if (folder / "adapter_config.json").exists():
        raise LabError(
            f"{folder} holds an adapter, not a whole model.",
            "Its base model is elsewhere.",
            "Save model.merge_and_unload() and the tokenizer, and serve that folder.",
        )
    advice = "Write it with model.save_pretrained(F) and tokenizer.save_pretrained(F)."
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        named = config.get("architectures") or []
    except (OSError, ValueError, AttributeError) as error:
        why = "It has no config.json to read."
        if not folder.is_dir():
            why = "There is no such folder."
        elif inside := sorted(path.parent for path in folder.glob("*/config.json")):
            advice = f"Did you mean {inside[-1]}?"  # as a Trainer's checkpoint-500
        raise LabError(f"{folder} is no saved model.", why, advice) from error
    if not any("ForSequenceClassification" in str(name) for name in named):
        raise LabError(
            f"{folder} holds no classifier of texts.",
            f"Its config.json names {', '.join(map(str, named)) or 'no architecture'}.",
            "Fine-tune AutoModelForSequenceClassification, and save that.",
        )
    if not (folder / "tokenizer_config.json").exists():
        raise LabError(f"{folder} has no tokenizer.", "The model reads tokens.", advice)
