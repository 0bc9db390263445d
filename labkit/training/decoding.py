"""What a model writes, and how likely it finds what others wrote.

What all prompts begin with (instructions, examples) is found and computed once. In
float32 every result is the one that a prompt gives alone.
"""

import re
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import StoppingCriteria, StoppingCriteriaList

from labkit import validation
from labkit.errors import LabError
from labkit.machine import Precision
from labkit.training.batching import Input, in_order, padded, padding, run, tokenized
from labkit.training.prefix import SharedPrefix, is_ordinary, read, repeated
from labkit.training.rows import Limits, innermost, is_encoder_decoder
from labkit.validation import shown

_OWN_CACHE = (  # settings with which `generate` keeps another cache than ours
    "assistant_model",
    "cache_implementation",
    "custom_generate",
    "guidance_scale",
    "past_key_values",
    "prefill_chunk_size",
    "prompt_lookup_num_tokens",
)


def generate(
    model: Any,
    tokenizer: Any,
    inputs: Sequence[Input],
    *,
    max_new_tokens: int = 64,
    batch_size: int = 32,
    precision: Precision | None = None,
    stop: Sequence[str] = (),
    **options: Any,
) -> list[str]:
    """What the model makes of each input, in the order of the inputs.

    A decoder's inputs are padded on the left, so that each text goes on right after its
    own last token; in float32 every text is the one that the model writes alone.

    Args:
        model: A transformers encoder–decoder, or a decoder: of that the texts are what
            it adds, without the input.
        inputs: Texts, which are tokenized whole; chats that end with the user's turn,
            each a list of {"role": …, "content": …}, to which the tokenizer's template
            is applied; or rows with `input_ids`; what their `attention_mask` leaves out
            is not read.
        stop: Texts at which writing ends, as ["\\n"]; they are not in what is returned.
        options: For `model.generate`, as `num_beams=4`, or `do_sample=True,
            temperature=0.7, top_p=0.9`. Without any the most likely token is taken at
            each step, whatever the model's own generation settings say of sampling and
            beams.

    Raises:
        LabError: if there are no inputs, the model cannot read one, or has no room for
            what is to be added; if a chat is none.
    """
    validation.number("max_new_tokens", max_new_tokens, at_least=1, whole=True)
    more = options.get("num_return_sequences", 1)
    validation.number("num_return_sequences", more, at_least=1, at_most=1)
    ends = _stops(tokenizer, stop)
    rows = _prompts(model, tokenizer, inputs)
    Limits(model).leave_room(rows, max_new_tokens)
    filler = padding(tokenizer)
    usual = {"do_sample": False, "num_beams": 1, "pad_token_id": filler}
    options = usual | {"max_new_tokens": max_new_tokens} | options
    side = "right" if is_encoder_decoder(model) else "left"
    collate = partial(padded, filler, side=side)
    write = _Writer(model, tokenizer, rows, ends, options)
    texts: list[tuple[int, str]] = []
    for batch, _, written in run(model, rows, collate, batch_size, precision, write):
        said = tokenizer.batch_decode(written, skip_special_tokens=True)
        texts += zip(batch, (_cut(text, ends) for text in said), strict=True)
    return in_order(texts)


def label_scores(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Input],
    continuations: Sequence[str],
    *,
    batch_size: int = 64,
    precision: Precision | None = None,
) -> NDArray[np.float32]:
    """log p(continuation | prompt), summed over the continuation's tokens.

    Prompt and continuation are tokenized apart, so that all prompts are followed by the
    same tokens. A continuation so usually begins with a space, as " positive", and the
    prompt does not end with one. Compare continuations of unlike length with care: each
    token more makes one less likely.

    Args:
        model: A transformers decoder with its head, as `AutoModelForCausalLM`.
        prompts: As `inputs` of `generate`.
        continuations: Texts, the same for all prompts.
        batch_size: How many sequences are computed at a time, at most.
        precision: In bfloat16 logits come in steps, of 0.125 between 16 and 32: take
            "fp32" where small differences count.

    Returns:
        (prompts, continuations), at most 0. Exponentials of a row do not sum to 1: the
        model could go on with other texts.

    Raises:
        LabError: if the model is no decoder, a prompt or continuation is empty or
            unknown to the tokenizer, two continuations are the same, or a prompt and
            a continuation have no place together.
    """
    _refuse_unless_decoder(model)
    prompts = validation.items(prompts, "prompts", "texts, chats or rows")
    ends = _continuations(tokenizer, prompts, continuations)
    rows = _prompts(model, tokenizer, prompts)
    Limits(model).leave_room(rows, max(map(len, ends)))
    collate = partial(padded, padding(tokenizer), side="left")
    reader = model if hasattr(model, "generate") else innermost(model)
    score = partial(_scores, reader, SharedPrefix(reader, rows), ends, batch_size)
    found: list[tuple[int, Any]] = []
    for batch, _, scores in run(model, rows, collate, batch_size, precision, score):
        found += zip(batch, scores.cpu().numpy(), strict=True)
    return np.stack(in_order(found))


# --- writing --------------------------------------------------------------------------


class _Writer:
    """Of a batch the new tokens, or all those that an encoder–decoder writes."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        rows: list[dict[str, Any]],
        ends: list[str],
        options: dict[str, Any],
    ) -> None:
        self._model = model if hasattr(model, "generate") else innermost(model)
        self._reads_first = is_encoder_decoder(model)
        self._ends, self._tokenizer, self._options = ends, tokenizer, options
        shares = not self._reads_first and self._cache_is_ours()
        self._prefix = SharedPrefix(self._model, rows) if shares else None

    def __call__(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        options = dict(self._options)
        start = 0 if self._reads_first else input_ids.shape[1]
        if self._ends:
            criteria = [*(options.get("stopping_criteria") or [])]
            criteria.append(_Stops(self._tokenizer, self._ends, start))
            options["stopping_criteria"] = StoppingCriteriaList(criteria)
        if self._setting("repetition_penalty") and not self._reads_first:
            # To it padding is a word that was said: let it be one that was
            first = attention_mask.argmax(dim=1, keepdim=True)
            own = input_ids.gather(1, first)
            input_ids = torch.where(attention_mask > 0, input_ids, own)
        seen: dict[str, Any] = {"attention_mask": attention_mask}
        if self._prefix:
            seen = self._prefix.before(attention_mask, options["num_beams"])
        return self._model.generate(input_ids=input_ids, **seen, **options)[:, start:]

    def _cache_is_ours(self) -> bool:
        elsewhere = any(self._setting(name) is not None for name in _OWN_CACHE)
        return self._setting("use_cache") is not False and not elsewhere

    def _setting(self, name: str) -> Any:
        """As `generate` will find it: asked for, or the model's own."""
        own = self._options.get("generation_config") or self._model.generation_config
        return self._options.get(name, getattr(own, name, None))


class _Stops(StoppingCriteria):
    """A text ends when one of `ends` is in what was added to the prompt.

    Only the last tokens are looked at: those before were, when they came.
    """

    def __init__(self, tokenizer: Any, ends: list[str], start: int) -> None:
        self._tokenizer, self._ends, self._start = tokenizer, ends, start
        # A token is a byte at least, and decoded may lack what joins it to others
        self._tail = max(len(end.encode()) for end in ends) + 4

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        written = input_ids[:, self._start :].tolist()
        ended = [self._in(ids[-self._tail :]) and self._in(ids) for ids in written]
        return torch.tensor(ended, device=input_ids.device)

    def _in(self, ids: list[int]) -> bool:
        text = self._tokenizer.decode(ids, skip_special_tokens=True)
        return any(end in text for end in self._ends)


def _cut(text: str, ends: list[str]) -> str:
    """What stands before the first of them."""
    return re.split("|".join(map(re.escape, ends)), text)[0] if ends else text


def _stops(tokenizer: Any, stop: Sequence[str]) -> list[str]:
    ends = [stop] if isinstance(stop, str) else validation.texts(stop or [""], "stop")
    if not stop:
        return []
    for end in ends:
        if not end or end in tokenizer.all_special_tokens:
            raise LabError(
                f"stop holds {shown(end)}.",
                "No text can be told by it: special tokens are left out of texts.",
                "Name words or line ends; for a token pass eos_token_id=….",
            )
    return ends


# --- scores ---------------------------------------------------------------------------


def _scores(
    model: Any,
    prefix: SharedPrefix,
    ends: list[list[int]],
    batch_size: int,
    *,
    input_ids: Tensor,
    attention_mask: Tensor,
) -> Tensor:
    """(batch, continuations); the prompts are read once for all continuations."""
    seen = prefix.before(attention_mask)
    output = read(model, input_ids, **seen)
    cache = getattr(output, "past_key_values", None)
    first = torch.tensor([end[0] for end in ends], device=input_ids.device)
    scores = _log_p(output.logits[:, -1], first)
    longer = [index for index, end in enumerate(ends) if end[1:]]
    longer.sort(key=lambda index: len(ends[index]))
    at_a_time = max(1, batch_size // len(input_ids))
    for start in range(0, len(longer), at_a_time):
        group = longer[start : start + at_a_time]
        rest = [ends[index] for index in group]
        scores[:, group] += _rest(model, cache, seen["attention_mask"], rest)
    return scores


def _rest(model: Any, cache: Any, mask: Tensor, ends: list[list[int]]) -> Tensor:
    """(batch, continuations): of all tokens of each but its first."""
    batch, count = len(mask), len(ends)
    if not is_ordinary(cache, mask.shape[1]):
        raise LabError(
            "the model keeps no keys and values of what it has read.",
            f"Its cache is a {type(cache).__name__}.",
            "Take continuations of one token each, or a model with attention alone.",
        )
    ids, known = (
        pad_sequence(parts, batch_first=True).to(mask.device).repeat(batch, 1)
        for parts in (
            [torch.tensor(end) for end in ends],
            [torch.ones(len(end) - 1, dtype=mask.dtype) for end in ends],
        )
    )  # (batch × continuations, longest) and one less
    longer = torch.cat([mask.repeat_interleave(count, dim=0), known], dim=1)
    cache = repeated(cache, count)
    output = read(model, ids[:, :-1], longer, cache, last=known.shape[1])
    log_p = _log_p(output.logits[:, -known.shape[1] :], ids[:, 1:, None])[..., 0]
    return (log_p * known).sum(dim=1).view(batch, count)


def _log_p(logits: Tensor, ids: Tensor) -> Tensor:
    """(…, ids) of logits (…, vocabulary), in float32."""
    logits = logits.float()
    ids = ids.expand(*logits.shape[:-1], -1)
    return logits.gather(-1, ids) - logits.logsumexp(dim=-1, keepdim=True)


# --- what comes in --------------------------------------------------------------------


def _prompts(
    model: nn.Module, tokenizer: Any, inputs: Sequence[Input]
) -> list[dict[str, list[int]]]:
    """Rows with ids and mask; a decoder's without what the mask leaves out."""
    inputs = validation.items(inputs, "inputs", "texts, chats or rows")
    rows = tokenized(model, tokenizer, inputs)
    for index, item in enumerate(inputs):
        if isinstance(item, list | tuple) and item[-1]["role"] != "user":
            raise LabError(
                f"input {index} is a chat that ends with the assistant's turn.",
                "It is answered already.",
                "Leave its last message out, to have the model write it.",
            )
    if is_encoder_decoder(model):
        return [{k: row[k] for k in ("input_ids", "attention_mask")} for row in rows]
    seen = [
        [i for i, m in zip(row["input_ids"], row["attention_mask"], strict=True) if m]
        for row in rows
    ]
    return [{"input_ids": ids, "attention_mask": [1] * len(ids)} for ids in seen]


def _refuse_unless_decoder(model: nn.Module) -> None:
    inner, limits = innermost(model), Limits(model)
    causal = limits.task in ("ForCausalLM", None) and not limits.encoder_decoder
    if not causal or inner.get_output_embeddings() is None:
        raise LabError(
            f"{type(inner).__name__} does not tell which token comes next.",
            "Scores of continuations are a decoder's, with its head.",
            "Load it with AutoModelForCausalLM.from_pretrained(checkpoint).",
        )


def _continuations(
    tokenizer: Any, prompts: Sequence[Input], continuations: Sequence[str]
) -> list[list[int]]:
    """The tokens of each."""
    found: dict[tuple[int, ...], str] = {}
    for text in validation.texts(continuations, "continuations"):
        ids = tuple(tokenizer(text, add_special_tokens=False)["input_ids"])
        if not ids or tokenizer.unk_token_id in ids:
            raise LabError(
                f"the continuation {shown(text)} has no tokens of its own.",
                "The tokenizer has none for it, or the one for what it does not know.",
                "Take another word, that is in its vocabulary.",
            )
        if ids in found:
            raise LabError(
                f"continuations {shown(found[ids])} and {shown(text)} are the same.",
                "To the model they are the same tokens.",
                "Leave one out.",
            )
        found[ids] = text
    _refuse_two_spaces(prompts, continuations)
    return [list(ids) for ids in found]


def _refuse_two_spaces(prompts: Sequence[Input], continuations: Sequence[str]) -> None:
    begins = [text for text in continuations if text[0] == " "]
    for index, prompt in enumerate(prompts if begins else []):
        if isinstance(prompt, str) and prompt[-1:] == " ":
            raise LabError(
                f"prompt {index} ends with a space, and {begins[0]!r} begins with one.",
                "Two spaces are other tokens than one: no text goes on so.",
                "Leave the space at the prompt's end out: prompt.rstrip().",
            )
