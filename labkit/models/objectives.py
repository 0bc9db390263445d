"""What a language model is graded on: the next token, or the spans that are missing.

A label of −100 means that no loss is due there, as it does to
`torch.nn.functional.cross_entropy` and to every model of `transformers`.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  # as everyone calls it

NO_LOSS = -100


def causal_lm_loss(
    logits: Float[Tensor, "*batch length vocab"], labels: Int[Tensor, "*batch length"]
) -> Float[Tensor, ""]:
    """Mean cross-entropy in nats of each token, given those before it.

    Args:
        logits: At position t, for the token at t + 1.
        labels: The token ids, NOT shifted: the shift by one happens once, here, as
            inside every causal model of `transformers`. Radford et al. (2018), eq. 1.
    """
    predicted = logits[..., :-1, :]  # the last has nothing left to predict
    actual = labels[..., 1:]  # nothing comes before the first
    return F.cross_entropy(
        predicted.flatten(0, -2), actual.flatten(), ignore_index=NO_LOSS
    )


def span_corruption(
    tokens: list[int],
    *,
    first_sentinel: int,
    eos_id: int,
    rate: float = 0.15,
    mean_span: float = 3.0,
    sentinels: int = 100,
    generator: torch.Generator | None = None,
) -> tuple[list[int], list[int]]:
    """Cut spans out; a sentinel stands for each, in the text and in the answer.

    Thank you <X> me to your party <Y> week. → <X> for inviting <Y> last <Z> — Raffel et
    al. (2020), figure 2 and section 3.3.4. All placements of the spans, which never
    touch, are equally likely.

    Args:
        tokens: A text, without special tokens.
        first_sentinel: <extra_id_0>; the next ones have the ids below it.
        eos_id: </s>, put at the end of both.
        rate: The share of tokens cut out, rounded to a whole number of at least 1.
        mean_span: The mean length of a span; how many there are follows from it.
        sentinels: How many there are.

    Raises:
        ValueError: if there is no token, or one is a sentinel already, or too few
            sentinels for the spans.
    """
    if not tokens or any(0 <= first_sentinel - t < sentinels for t in tokens):
        raise ValueError("a text has at least one token, and no sentinels of its own")
    spans = _random_spans(len(tokens), rate, mean_span, generator)
    if len(spans) >= sentinels:
        raise ValueError(f"{len(spans)} spans need more than {sentinels} sentinels")
    input_ids, labels = [], []
    sentinel, position = first_sentinel, 0
    for start, end in spans:
        input_ids += [*tokens[position:start], sentinel]
        labels += [sentinel, *tokens[start:end]]
        sentinel, position = sentinel - 1, end
    return [*input_ids, *tokens[position:], eos_id], [*labels, sentinel, eos_id]


def reassemble(
    input_ids: list[int],
    labels: list[int],
    *,
    first_sentinel: int,
    sentinels: int = 100,
) -> list[int]:
    """Put the spans back: the text that `span_corruption` was given.

    Args:
        labels: Or a model's answer; a sentinel that it does not mention stays.
    """
    span: list[int] = []  # what an answer says before its first sentinel is dropped
    spans: dict[int, list[int]] = {}
    for token in labels:
        if 0 <= first_sentinel - token < sentinels:
            span = spans[token] = []
        else:
            span.append(token)
    without_eos = input_ids[:-1]
    return [whole for token in without_eos for whole in spans.get(token, [token])]


def _random_spans(
    length: int, rate: float, mean_span: float, generator: torch.Generator | None
) -> list[tuple[int, int]]:
    """The (start, end) of spans to cut out of `length` tokens, in order."""
    cut = min(max(round(length * rate), 1), length)
    kept = length - cut
    count = min(max(round(cut / mean_span), 1), cut, kept + 1)  # kept tokens part them
    spans = _random_parts(cut, count, generator)
    gaps = _random_parts(kept + 2, count + 1, generator)
    gaps[0] -= 1  # the first and the last gap may be empty
    ends = (gaps[:-1] + spans).cumsum(0)
    return list(zip((ends - spans).tolist(), ends.tolist(), strict=True))


def _random_parts(
    total: int, parts: int, generator: torch.Generator | None
) -> Int[Tensor, " parts"]:
    """Sizes, each at least 1, that add up to `total`; all ways equally likely."""
    places = torch.randperm(total - 1, generator=generator)[: parts - 1] + 1
    return places.sort().values.diff(
        prepend=torch.tensor([0]), append=torch.tensor([total])
    )
