"""What a language model is asked to predict: three ways to make text its own label.

Each takes the token ids of a text and returns what the model reads, `input_ids`, and
what it is graded on, `labels`. A label of −100 means that no loss is due there, as it
does to `torch.nn.functional.cross_entropy` and to every model of `transformers`.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  # as everyone calls it

NO_LOSS = -100


def masked_lm(
    input_ids: Int[Tensor, "*batch length"],
    special_tokens_mask: Int[Tensor, "*batch length"] | Bool[Tensor, "*batch length"],
    *,
    mask_id: int,
    vocab_size: int,
    rate: float = 0.15,
    word_ids: Int[Tensor, "*batch length"] | None = None,
    generator: torch.Generator | None = None,
) -> tuple[Int[Tensor, "*batch length"], Int[Tensor, "*batch length"]]:
    """Hide some tokens; their labels are what they were.

    Of the tokens chosen, 80 % become [MASK], 10 % a random token, and 10 % stay, so
    that the model cannot trust the tokens it sees — Devlin et al. (2019), section 3.1
    and appendix A.1.

    Args:
        special_tokens_mask: The tokenizer's: 1 for [CLS], [SEP] and padding, which are
            never chosen.
        rate: The probability of a token to be chosen. A short text may get none.
        word_ids: The tokenizer's, with a number such as −1 for its None. The pieces of
            a word are then chosen together (whole-word masking), but changed singly.

    Returns:
        `input_ids` with tokens hidden, and `labels`; the arguments are not changed.
    """

    def draw() -> Float[Tensor, "*batch length"]:
        return torch.rand(input_ids.shape, generator=generator, device=input_ids.device)

    lot, change = draw(), draw()
    if word_ids is not None:
        begins = word_ids.diff(prepend=word_ids[..., :1]) != 0
        lot = lot.gather(-1, begins.cumsum(-1))  # one lot a word, not one a token
    chosen = (lot < rate) & ~special_tokens_mask.bool()
    labels = input_ids.masked_fill(~chosen, NO_LOSS)

    random_ids = torch.randint(
        vocab_size, input_ids.shape, generator=generator, device=input_ids.device
    )
    hidden = torch.where(chosen & (change < 0.9), random_ids, input_ids)
    hidden = hidden.masked_fill(chosen & (change < 0.8), mask_id)
    return hidden, labels


def causal_lm(
    input_ids: Int[Tensor, "*batch length"],
    attention_mask: Int[Tensor, "*batch length"] | None = None,
) -> tuple[Int[Tensor, "*batch length"], Int[Tensor, "*batch length"]]:
    """Predict each token from those before it; the labels are the text, NOT shifted.

    The shift by one happens once, where the loss is computed: in `causal_lm_loss`, and
    inside every causal model of `transformers`. Radford et al. (2018), equation 1.

    Args:
        attention_mask: The tokenizer's: no loss is due where it is 0. Going by the mask
            and not by the id keeps the loss at a real end-of-text token where padding
            borrows its id, as is usual with GPT-2.
    """
    if attention_mask is None:
        return input_ids, input_ids.clone()
    return input_ids, input_ids.masked_fill(attention_mask == 0, NO_LOSS)


def causal_lm_loss(
    logits: Float[Tensor, "*batch length vocab"], labels: Int[Tensor, "*batch length"]
) -> Float[Tensor, ""]:
    """Mean cross-entropy in nats of each token, given those before it.

    Args:
        logits: At position t, for the token at t + 1.
        labels: Not shifted; see `causal_lm`.
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
