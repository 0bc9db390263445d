"""What a model reads of its rows, looked at once, before anything is computed.

On a GPU a label outside the model's classes ends the process; here it is a sentence.
"""

import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn, Protocol

import numpy as np
from torch import Tensor, nn

from labkit import validation
from labkit.errors import LabError
from labkit.validation import shown

Row = Mapping[str, Any]
NO_LOSS = nn.CrossEntropyLoss().ignore_index  # the label that it passes over
LABELS = ("labels", "label", "label_ids")  # the last two as collators rename them


class Rows(Protocol):
    """A `datasets.Dataset` or a list of dictionaries."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Any]: ...


def readable(model: nn.Module, rows: Rows) -> list[dict[str, Any]]:
    """The rows in memory, with the columns that the model reads.

    Raises:
        LabError: if there are none, or the model cannot read one; it says which.
    """
    found = validation.rows(rows)
    if "input_ids" not in found[0]:
        raise LabError(
            f"the rows have no input_ids, only {', '.join(found[0])}.",
            "Tokenize them: dataset.map(lambda row: tokenizer(row['text']))",
        )
    limits = Limits(model)
    for index, row in enumerate(found):
        limits.look_at(index, row)
    names = _columns(model)
    return [{k: v for k, v in row.items() if not names or k in names} for row in found]


def token_counts(model: nn.Module, rows: list[dict[str, Any]]) -> list[int]:
    """Tokens that the model reads of each, without padding; also of the labels, where
    it is an encoder–decoder.

    Batches of a like sum have little padding on either side, for the longer the input
    is, the longer is most often what is made of it.
    """
    counts = [_unmasked(row) for row in rows]
    if is_encoder_decoder(model) and "labels" in rows[0]:
        for index, row in enumerate(rows):
            counts[index] += int(sum(label != NO_LOSS for label in row["labels"]))
    return counts


def innermost(model: nn.Module) -> Any:
    """The transformers model in what wraps, adapts or compiles it, or `model`."""
    return next(filter(_is_transformers, model.modules()), model)


def is_encoder_decoder(model: nn.Module) -> bool:
    config = getattr(innermost(model), "config", None)
    return getattr(config, "is_encoder_decoder", False)


def label_count(model: nn.Module, inputs: Mapping[str, Tensor]) -> int:
    """How many labels the mean loss of a batch is a mean over.

    Raises:
        LabError: if the batch has no labels.
    """
    if "start_positions" in inputs:
        return len(inputs["start_positions"])
    labels = inputs.get("labels")
    if labels is None:
        raise LabError(
            f"the batches have no labels, only {', '.join(inputs)}.",
            "Name the column to be learnt `labels`, or let `collate` make it.",
        )
    causal = getattr(innermost(model), "loss_type", "") in ("ForCausalLM", None)
    if causal and not is_encoder_decoder(model) and labels.ndim == 2:
        labels = labels[:, 1:]  # the first token has nothing before it to tell it by
    return int((labels != NO_LOSS).sum())


class Limits:
    """What a model can read and learn."""

    def __init__(self, model: nn.Module) -> None:
        inner = innermost(model)
        config = getattr(inner, "config", None)
        known = _is_transformers(inner)
        table = inner.get_input_embeddings() if known else None
        self.words = getattr(table, "num_embeddings", None)  # None: not known
        self.positions = min(_position_tables(inner), default=_rotary_window(config))
        self.task = inner.loss_type if known else ""  # None is how GPT-2 says causal
        self.classes = getattr(config, "num_labels", 0)
        self.problem = getattr(config, "problem_type", None)
        self.encoder_decoder = is_encoder_decoder(model)

    def look_at(self, index: int, row: Row) -> None:
        """Raise a LabError if the model cannot read the row, or not learn from it."""
        ids = self._tokens(index, "input_ids", row.get("input_ids"))
        mask = row.get("attention_mask")
        if mask is not None and (len(mask) != len(ids) or not np.any(mask)):
            rule = "It has a 1 for each id to be read, and there is at least one."
            advice = "Keep both as the tokenizer gives them."
            _refuse(index, "attention_mask", mask, rule, advice)
        for name in ("start_positions", "end_positions"):
            if name in row:
                self._classes(index, name, row[name], len(ids))
        for name in LABELS:
            if name in row:
                self._label(index, name, row[name])

    def leave_room(self, rows: Iterable[Row], more: int) -> None:
        """Raise a LabError if a row and `more` tokens have no place together."""
        for index, row in enumerate(rows):
            length = 0 if self.encoder_decoder else _unmasked(row)
            if self.positions is not None and length + more > self.positions:
                raise LabError(
                    f"row {index} has {length} tokens, and {more} are to be added.",
                    f"The model has {self.positions} positions.",
                    "Shorten the row, or add less (generate: max_new_tokens).",
                )

    def _tokens(self, index: int, name: str, value: Any) -> Any:
        ids = _array(value)
        if ids.ndim != 1 or not ids.size or ids.dtype.kind not in "iu":
            raise LabError(
                f"row {index} has no tokens: its {name} is {shown(value)}.",
                "A row has one list of token ids, with at least one in it.",
                "Leave it out, or tokenize one text a row, without return_tensors.",
            )
        real = ids[ids != NO_LOSS] if name == "labels" else ids
        unknown = real[(real < 0) | (real >= (self.words or np.inf))]
        if self.words is not None and unknown.size:
            raise LabError(
                f"row {index}: there is the id {unknown[0]} in its {name}.",
                f"The model knows ids from 0 to {self.words - 1}.",
                "Take the tokenizer of this model, or resize_token_embeddings.",
            )
        if self.positions is not None and len(ids) > self.positions:
            raise LabError(
                f"row {index}: its {name} are {len(ids)} tokens long.",
                f"The model has {self.positions} positions.",
                f"Tokenize with truncation=True, max_length={self.positions}.",
            )
        return ids

    def _label(self, index: int, name: str, value: Any) -> None:
        ndim = _array(value).ndim
        if self.task == "ForSequenceClassification":
            several = not self.problem and self.classes > 1 and ndim
            if several or self.problem == "multi_label_classification":
                self._floats(index, name, value, "f", [(self.classes,)])
            elif self.problem == "regression" or self.classes == 1:
                shapes = [(), (1,)] if self.classes == 1 else [(self.classes,)]
                self._floats(index, name, value, "iuf", shapes)
            else:
                self._classes(index, name, value, self.classes)
        elif self.task == "ForTokenClassification":
            self._classes(index, name, value, self.classes, ndim=1)
        elif self.encoder_decoder or self.task in ("ForMaskedLM", "ForCausalLM", None):
            self._tokens(index, name, value)

    def _classes(
        self, index: int, name: str, value: Any, count: int, ndim: int = 0
    ) -> None:
        found = _array(value)
        if found.ndim == ndim and found.dtype.kind in "iu":
            real = found[found != NO_LOSS]
            if ((real >= 0) & (real < count)).all():
                return
        rule = f"{count} are known here: whole numbers from 0 to {count - 1}."
        advice = "Number them so (class_encode_column does), or set num_labels."
        _refuse(index, name, value, rule, advice)

    def _floats(
        self, index: int, name: str, value: Any, kinds: str, shapes: list[Any]
    ) -> None:
        found = _array(value)
        if found.dtype.kind not in kinds or found.shape not in shapes:
            rule = f"This model learns numbers like 0.5, {self.classes} a row."
            advice = "Convert with float(), or set the model's problem_type."
            _refuse(index, name, value, rule, advice)


def _refuse(index: int, name: str, value: Any, rule: str, advice: str) -> NoReturn:
    raise LabError(f"row {index}: its {name} is {shown(value)}.", rule, advice)


def _columns(model: nn.Module) -> set[str]:
    """What forward takes; where it hands on **kwargs, also what the wrapped takes.

    Nothing where no part says so: the model is given all columns.
    """
    names: set[str] = set()
    for part in model.modules():
        taken = inspect.signature(part.forward).parameters
        passes_on = any(p.kind is p.VAR_KEYWORD for p in taken.values())
        if passes_on or "input_ids" in taken:
            names |= taken.keys()
        if "input_ids" in names and (_is_transformers(part) or not passes_on):
            return {*names, *LABELS}
    return set()


def _is_transformers(part: nn.Module) -> bool:
    """By its own attribute, for adapters pass on those of what they adapt."""
    return "loss_type" in vars(part)


def _position_tables(model: nn.Module) -> Iterator[int]:
    """Of BERT, RoBERTa (begins after its padding), GPT-2 and BART (has an offset)."""
    names = ("position_embeddings", "embed_positions", "wpe")
    for name, part in model.named_modules():
        if isinstance(part, nn.Embedding) and name.rpartition(".")[2] in names:
            first = 0 if part.padding_idx is None else part.padding_idx + 1
            yield part.num_embeddings - getattr(part, "offset", first)


def _rotary_window(config: Any) -> int | None:
    """Of Llama: rotary positions have no table, but were trained up to here.

    None where they are stretched: then each model has a rule of its own.
    """
    rotary = getattr(config, "rope_parameters", None) or {}
    if rotary.get("rope_type") != "default":
        return None
    return getattr(config, "max_position_embeddings", None)


def _unmasked(row: Row) -> int:
    mask = row.get("attention_mask")
    return len(row["input_ids"]) if mask is None else int(sum(mask))


def _array(value: Any) -> Any:
    try:
        return np.asarray(value)
    except ValueError:  # ragged
        return np.empty(0, object)
