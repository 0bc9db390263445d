"""What a learner may run on the attention set: few points, and each teaches."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812

from labkit.exercises import Case, cell_of, ruled_out, two_tables

INF = float("inf")
WRITTEN_OVER = "A tensor that was given is another afterwards: change a copy of it."


def same(got: object, wrong: torch.Tensor) -> bool:
    """Whether a result is what a mistake gives."""
    if not isinstance(got, torch.Tensor) or got.shape != wrong.shape:
        return False
    return bool(torch.isclose(got.double(), wrong.double(), atol=1e-4).all())


def one_of(*wrong: torch.Tensor) -> Callable[[object], bool]:
    """A mistake that people make in more than one way."""
    return lambda got: any(same(got, other) for other in wrong)


def stays(run: Callable[..., object], *given: torch.Tensor) -> bool:
    """Whether the tensors that are given hold the same numbers afterwards."""
    before = [tensor.clone() for tensor in given]
    run(*given)
    return all(map(torch.equal, before, given))


SCORES = torch.tensor([[1.0, 2.0, 4.0], [3.0, 0.0, 0.0]])
OTHER_WAY = "The weights sum to 1 along another dimension than `dim`."
OVERFLOWS = "exp(1000) overflows to infinity, and ∞/∞ is NaN: move the largest score to 0 first."
ROW_LARGEST = SCORES.amax(-1, keepdim=True)

QUERY = torch.tensor([[2.0, 0.0, 1.0, 0.0], [0.0, 3.0, 0.0, 1.0]])
KEY = torch.tensor([[1.0, 0.0, 2.0, 0.0], [0.0, 1.0, 0.0, 1.0], [1.0, 1.0, 1.0, 1.0]])
VALUE = torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]])
SEES = torch.tensor([[True, False, True], [True, True, False]])
PRODUCTS = QUERY @ KEY.T


def weights_for(scores: torch.Tensor, dim: int = -1) -> list[torch.Tensor]:
    weights = torch.softmax(scores, dim)
    return [weights @ VALUE, weights]


def seen(mask: torch.Tensor) -> list[torch.Tensor]:
    return weights_for((PRODUCTS / 2).masked_fill(~mask, -INF))


def hidden_after() -> list[torch.Tensor]:
    weights = torch.softmax(PRODUCTS / 2, -1) * SEES
    return [weights @ VALUE, weights]


def row_of(got: object, row: int) -> torch.Tensor:
    """A query's weights, where a pair came back."""
    _, weights = got
    return weights[row]


FIRST_ONLY = torch.tensor([[False, False, False], [True, True, False]])
NOWHERE = [part.clone() for part in seen(SEES)]
NOWHERE[0][0] = NOWHERE[1][0] = 0

# Two texts of two heads, and a dimension of 1 between.
IN_FRONT = [part.expand(2, 1, 2, *part.shape).clone() for part in (QUERY, KEY, VALUE)]
IN_FRONT[0][1] = IN_FRONT[0][1].flip(-2)
FRONT_SEES = SEES.expand(2, 1, 1, 2, 3).clone()
FRONT_SEES[1] = SEES.flip(0)
FRONT_SEES[1, 0, 0, 0, 0] = False


def in_front(mask: torch.Tensor | None = None, dim: int = -1) -> list[torch.Tensor]:
    query, key, value = IN_FRONT
    hidden = torch.tensor(False) if mask is None else ~mask
    weights = torch.softmax((query @ key.mT / 2).masked_fill(hidden, -INF), dim)
    return [weights @ value, weights]


# The first key is hidden: its scores are 12,000 above those of the others.
LOW = torch.tensor([[100.0, 1, 0, 0], [100.0, 0, 1, 0]])
HIGH = torch.tensor([[120.0, 0, 0, 0], [-120.0, 2, 0, 0], [-120.0, 0, 2, 0]])
NOT_FIRST = torch.tensor([[False, True, True], [False, True, True]])


def lower(rows: int, columns: int, diagonal: int) -> torch.Tensor:
    return torch.ones(rows, columns).tril(diagonal).bool()


PADDED = torch.tensor([[1, 1, 0, 0], [0, 1, 1, 1], [1, 0, 1, 1]])
BOTH_RULES = torch.tensor(
    [
        [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0]],
        [[0, 0, 0, 0], [0, 1, 0, 0], [0, 1, 1, 0], [0, 1, 1, 1]],
        [[1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 1, 0], [1, 0, 1, 1]],
    ]
).bool()
COLUMNS = PADDED.bool()[:, None, :].expand(3, 4, 4)
ROWS = PADDED.bool()[:, :, None].expand(3, 4, 4)
COUNTED = (torch.arange(4) < PADDED.sum(1, keepdim=True))[:, None, :].expand(3, 4, 4)

# The tens are the token's, the ones tell where in the vector.
TOKENS = torch.tensor([[[0, 1, 2, 3, 4, 5], [10, 11, 12, 13, 14, 15]]]).float()
IN_THREE = torch.tensor([[[[0, 1], [10, 11]], [[2, 3], [12, 13]], [[4, 5], [14, 15]]]])
ONE_TOKEN = torch.tensor([[[0.0, 1, 2]], [[10.0, 11, 12]]])  # of two texts

generator = torch.Generator().manual_seed(0)
STATES = torch.randn(2, 3, 4, generator=generator)
MATRICES = [torch.randn(4, 4, generator=generator) for _ in range(4)]
TURNED = [matrix.T for matrix in MATRICES]
W_QUERY, W_KEY, W_VALUE, W_OUTPUT = MATRICES
SAME = torch.eye(4)
SIX = [torch.randn(6, 6, generator=generator) / 2 for _ in range(4)]
ONE_TEXT = torch.randn(1, 3, 6, generator=generator)
MASKS = torch.tensor(
    [[[1, 0, 1], [1, 1, 0], [0, 1, 1]], [[1, 1, 0], [0, 1, 0], [1, 0, 1]]]
).bool()
TINY = torch.tensor([[[1.0, 2.0, 3.0]]])  # one token of one text
TINY_MATRICES = [torch.randn(3, 3, generator=generator) for _ in range(4)]


def library(
    mask: torch.Tensor | None,
    heads: int = 2,
    matrices: list[torch.Tensor] = MATRICES,
    states: torch.Tensor = STATES,
) -> torch.Tensor:
    """PyTorch's own, which multiplies by the transposed matrices.

    Args:
        mask: (batch · heads, length, length): it wants one for each head.
    """
    size = states.size(-1)
    *inner, w_output = [matrix.T for matrix in matrices]
    out, _ = F.multi_head_attention_forward(
        *[states.transpose(0, 1)] * 3,
        embed_dim_to_check=size,
        num_heads=heads,
        in_proj_weight=torch.cat(inner),
        in_proj_bias=None,
        bias_k=None,
        bias_v=None,
        add_zero_attn=False,
        dropout_p=0.0,
        out_proj_weight=w_output,
        out_proj_bias=None,
        attn_mask=None if mask is None else ~mask,
    )
    return out.transpose(0, 1)


def for_each_head(masks: torch.Tensor) -> torch.Tensor:
    return masks.repeat_interleave(2, 0)


def first_head_alone(masks: torch.Tensor) -> torch.Tensor:
    return torch.stack([masks, torch.ones_like(masks)], 1).flatten(0, 1)


def not_moved_back() -> torch.Tensor:
    """Heads that stand before the length, read as if they stood after it."""
    side_by_side = library(None, matrices=[*MATRICES[:3], SAME])
    in_heads = side_by_side.view(2, 3, 2, 2).transpose(1, 2)
    return in_heads.reshape(2, 3, 4) @ W_OUTPUT


def mixed_up() -> torch.Tensor:
    """Heads that are a `view` of other numbers."""
    parts = [(STATES @ w).view(2, 2, 3, 2) for w in MATRICES[:3]]
    mixed = F.scaled_dot_product_attention(*parts)
    return mixed.transpose(1, 2).reshape(2, 3, 4) @ W_OUTPUT


NEAR = torch.tensor([0, -1, -3, 1, 3])
FAR = torch.tensor([-4, -7, -9, -16, -31, 7, 9, 31])
FAR_BUCKETS = torch.tensor([4, 5, 5, 6, 7, 13, 13, 15])
BEYOND = torch.tensor([-32, -1_000, 32, 1_000])
SMALL = {"buckets": 16, "max_distance": 32}


def far_buckets(place: Callable[[float], float]) -> torch.Tensor:
    """With another formula for the place of a distance among the wide buckets."""
    found = [min(7, int(place(abs(d)))) + 8 * (d > 0) for d in FAR.tolist()]
    return torch.tensor(found)


def share(distance: float) -> float:
    return math.log(distance / 4) / math.log(32 / 4)


FIRST = torch.tensor([[[[1.0, 2.0]]]])
SECOND = torch.tensor([[[[3.0, 4.0], [5.0, 6.0]]]])
JOINED = torch.cat([FIRST, SECOND], dim=2)


def twice(cache_class: type) -> object:
    cache = cache_class()
    cache.extend(FIRST, -FIRST)
    return cache.extend(SECOND, -SECOND)


def two_caches(cache_class: type) -> object:
    one, other = cache_class(), cache_class()
    one.extend(FIRST, FIRST)
    return other.extend(SECOND, SECOND)


def of_two_texts(cache_class: type) -> object:
    cache = cache_class()
    cache.extend(TWO_TEXTS[:, :, :1], -TWO_TEXTS[:, :, :1])
    return cache.extend(TWO_TEXTS[:, :, 1:], -TWO_TEXTS[:, :, 1:])


def counted(cache_class: type) -> object:
    cache = cache_class()
    try:
        counts = [cache.length]
    except (AttributeError, TypeError):
        return "it cannot be read"
    for part in (FIRST, SECOND, FIRST):
        cache.extend(part, part)
        counts.append(cache.length)
    return counts


def as_if_more(counts: list[int]) -> bool:
    """Whether the tokens of other caches are counted as well."""
    return counts[0] > 1 and [count - counts[0] for count in counts] == [0, 1, 3, 4]


def many(cache_class: type) -> list[object]:
    cache = cache_class()
    for _ in range(3):
        key, _ = cache.extend(torch.zeros(1, 1, 1500, 1), torch.ones(1, 1, 1500, 1))
    return [tuple(key.shape), cache.length]


def holds_more(tokens: torch.Tensor) -> Callable[[object], bool]:
    """Whether keys of another cache stand before those of this one."""
    return lambda got: (
        got[0].size(2) > tokens.size(2)
        and torch.equal(got[0][:, :, -tokens.size(2) :], tokens)
    )


TWO_TEXTS = torch.arange(12.0).view(2, 3, 2, 1)  # three heads, two tokens, d_k = 1
SHARED = (
    "Two caches share their memory: keep it in the object (`self`), not in the class."
)


def refusal(size: int, heads: int) -> Case:
    wanted = f"{size} is not a multiple of {heads}: raise a `ValueError`"
    return Case(
        f"{size} numbers and {heads} heads",
        lambda split: split(torch.zeros(1, 2, size), heads),
        expected=ValueError,
        wrong={
            f"{wanted}. Nothing was raised.": (
                lambda got: isinstance(got, torch.Tensor)
            ),
            f"{wanted}, and no other error.": Exception,
        },
    )


CHECKS = {
    "softmax": [
        Case(
            "two rows of three scores",
            lambda softmax: softmax(SCORES),
            expected=torch.softmax(SCORES, -1),
            wrong={
                "Each column sums to 1, not each row: the default `dim` is the last.": (
                    torch.softmax(SCORES, 0)
                ),
                "The largest score gets the smallest weight: is the sign of the "
                "exponent right?": torch.softmax(-SCORES, -1),
                "All weights together sum to 1: sum along `dim` only.": one_of(
                    torch.softmax(SCORES.flatten(), 0).view(2, 3),
                    (SCORES - ROW_LARGEST).exp() / (SCORES - ROW_LARGEST).exp().sum(),
                ),
                "The weights are not divided by their sum.": one_of(
                    SCORES.exp(), (SCORES - ROW_LARGEST).exp(), (SCORES - 4).exp()
                ),
                "These are the logarithms of the weights.": SCORES.log_softmax(-1),
            },
            picture=two_tables,
        ),
        Case(
            "the same scores along dimension 0",
            lambda softmax: softmax(SCORES, 0),
            expected=torch.softmax(SCORES, 0),
            wrong={OTHER_WAY: torch.softmax(SCORES, 1)},
        ),
        Case(
            "one score alone, and a single row",
            lambda softmax: [softmax(torch.zeros(1)), softmax(SCORES[:1])],
            expected=[torch.ones(1), torch.softmax(SCORES[:1], -1)],
            wrong={
                "A dimension of 1 is gone: the result has the shape of `scores`.": (
                    lambda got: (got[0].ndim, got[1].ndim) in [(0, 1), (0, 2), (1, 1)]
                ),
            },
        ),
        Case(
            "along `dim=-2`, and `dim=1` of three",
            lambda softmax: [
                softmax(SCORES, dim=-2),
                softmax(SCORES[None], dim=1),
            ],
            expected=[torch.softmax(SCORES, 0), torch.softmax(SCORES, 0)[None]],
            wrong={
                "A `dim` that counts from the end, -2, is taken for another one.": [
                    torch.softmax(SCORES, 1),
                    torch.softmax(SCORES, 0)[None],
                ],
                OTHER_WAY: [torch.softmax(SCORES, 0), torch.softmax(SCORES, 1)[None]],
            },
        ),
        Case(
            "scores of 1000 and 999, and two of −3000",
            lambda softmax: softmax(torch.tensor([1000.0, 999, -3000, -3000])),
            expected=torch.softmax(torch.tensor([1.0, 0, -INF, -INF]), -1),
            wrong={OVERFLOWS: lambda got: bool(got.isnan().any())},
        ),
        Case(
            "scores of -1000 and -999",
            lambda softmax: softmax(torch.tensor([-1000.0, -999.0])),
            expected=torch.softmax(torch.tensor([0.0, 1.0]), -1),
            wrong={
                "exp(−1000) is 0, and 0/0 is NaN: the largest score has to become 0 "
                "here as well.": lambda got: bool(got.isnan().any()),
            },
        ),
        Case(
            "one row of scores in the hundreds below another's",
            lambda softmax: softmax(torch.tensor([[500.0, 501.0], [-500.0, -501.0]])),
            expected=torch.softmax(torch.tensor([[0.0, 1.0], [1.0, 0.0]]), -1),
            wrong={
                "The largest score of all is subtracted from every row, so a row far "
                "below it vanishes: take each row's own largest.": (
                    lambda got: (
                        bool(got[0].isfinite().all())
                        and not bool((got[1].nan_to_num() > 0).any())
                    )
                ),
            },
        ),
        Case(
            "a score of −∞",
            lambda softmax: softmax(torch.tensor([-2000.0, -INF, -2000.0])) * 1e30,
            expected=torch.tensor([0.5, 0.0, 0.5]) * 1e30,
            wrong={
                "It makes NaN of the others: move the scores by the largest, which is "
                "never −∞.": lambda got: bool(got.isnan().any()),
                "A score of −∞ gets some weight: it is 0 exactly.": (
                    lambda got: float(got[1]) > 0
                ),
            },
        ),
        Case(
            "what becomes of the scores",
            lambda softmax: stays(softmax, torch.tensor([[1.0, 2.0], [-INF, 3.0]])),
            expected=True,
            wrong={WRITTEN_OVER: False},
        ),
        Case(
            "how it is written",
            lambda softmax: ruled_out(
                cell_of(softmax), ("softm", "attention", "entropy", "nll"), "softmax"
            ),
            expected="",
            wrong={
                "PyTorch's own softmax was called: write it out.": (
                    lambda name: "softm" in name
                ),
                "PyTorch's own attention was called: write the softmax out.": (
                    lambda name: "attention" in name
                ),
                "The name below is ruled out here: use the functions of torch, NumPy and "
                "Python that compute.": lambda name: name != "",
            },
        ),
    ],
    "scaled_dot_product_attention": [
        Case(
            "two queries and three keys of d_k = 4",
            lambda attention: attention(QUERY, KEY, VALUE),
            expected=weights_for(PRODUCTS / 2),
            wrong={
                "The scores are not divided: √d_k is 2 here.": weights_for(PRODUCTS),
                "The scores are divided by d_k, not by its square root.": weights_for(
                    PRODUCTS / 4
                ),
                "The scores are divided by the root of the number of keys: d_k is the "
                "size of a query.": weights_for(PRODUCTS / math.sqrt(3)),
                "The scores are divided by the root of the size of a value: d_k is the "
                "size of a query.": weights_for(PRODUCTS / math.sqrt(2)),
                "The scores are multiplied by √d_k, not divided.": weights_for(
                    PRODUCTS * 2
                ),
                "Each column of the weights sums to 1: the weights of a query must, "
                "over the keys.": weights_for(PRODUCTS / 2, dim=-2),
                "The weights come first and the values second: give them the other "
                "way round.": weights_for(PRODUCTS / 2)[::-1],
                "The weights are missing: return them beside the mixed values.": (
                    weights_for(PRODUCTS / 2)[0]
                ),
                "The mixed values are missing: return them before the weights.": (
                    weights_for(PRODUCTS / 2)[1]
                ),
                "The second result holds the scores, before the softmax.": [
                    weights_for(PRODUCTS / 2)[0],
                    PRODUCTS / 2,
                ],
            },
            picture=lambda got, expected: two_tables(got[1], expected[1]),
        ),
        Case(
            "queries and keys of d_k = 1",
            lambda attention: attention(QUERY[:, :1], KEY[:, :1], VALUE),
            expected=weights_for(QUERY[:, :1] @ KEY[:, :1].T),
            wrong={
                "The scores are divided by 2, whatever d_k is.": weights_for(
                    QUERY[:, :1] @ KEY[:, :1].T / 2
                ),
                "The scores are divided by 8, whatever d_k is.": weights_for(
                    QUERY[:, :1] @ KEY[:, :1].T / 8
                ),
            },
        ),
        Case(
            "a mask that hides one key from each query",
            lambda attention: attention(QUERY, KEY, VALUE, SEES),
            expected=seen(SEES),
            wrong={
                "The mask is read the wrong way round: True is where a query may "
                "look.": seen(~SEES),
                "What is hidden is set to 0 after the softmax, so the row no longer "
                "sums to 1: hide the scores before it.": hidden_after(),
                "A hidden score became 0 and not −∞: exp(0) is 1, so it still has "
                "weight.": weights_for((PRODUCTS / 2).masked_fill(~SEES, 0.0)),
                "The mask is added to the scores as 1 and 0: hide the scores instead.": (
                    weights_for(PRODUCTS / 2 + SEES)
                ),
                "The mask changes nothing.": weights_for(PRODUCTS / 2),
                "All weights are 0: what may be seen is hidden as well.": [
                    torch.zeros(2, 2),
                    torch.zeros(2, 3),
                ],
            },
            picture=lambda got, expected: two_tables(got[1], expected[1]),
        ),
        Case(
            "which weights are 0 under that mask",
            lambda attention: attention(QUERY, KEY, VALUE, SEES)[1] == 0,
            expected=~SEES,
            wrong={
                "A hidden weight is small, not 0: it is 0 exactly.": torch.zeros(
                    2, 3, dtype=torch.bool
                ),
            },
        ),
        Case(
            "a hidden key with a score of 6000, others of −6000",
            lambda attention: attention(LOW, HIGH, VALUE, NOT_FIRST)[1],
            expected=torch.softmax(torch.tensor([[-INF, 1, 0], [-INF, 0, 1]]), -1),
            wrong={
                "A hidden score is not below all that are seen: take −∞ for it.": (
                    lambda got: bool((got[:, 0] > 0).any() or (got.sum(-1) < 0.9).any())
                ),
            },
        ),
        Case(
            "a query from which all is hidden",
            lambda attention: attention(QUERY, KEY, VALUE, FIRST_ONLY),
            expected=NOWHERE,
            wrong={
                "All scores of the row are −∞, and 0/0 is NaN: put 0 there.": (
                    lambda got: bool(row_of(got, 0).isnan().any())
                ),
                "It looks at everything, as if nothing were hidden.": (
                    lambda got: bool((row_of(got, 0) > 0).all())
                ),
                "Its weights are 0, but its output is not.": (
                    lambda got: not bool(row_of(got, 0).any()) and bool(got[0][0].any())
                ),
            },
        ),
        Case(
            "a mask for the keys alone, of shape (3)",
            lambda attention: attention(QUERY, KEY, VALUE, SEES[0]),
            expected=seen(SEES[:1].expand(2, 3)),
            wrong={
                "The mask has no dimension for the queries here, and need not have "
                "one: it broadcasts.": RuntimeError,
                "The mask has one dimension here, and may: it broadcasts.": IndexError,
            },
        ),
        Case(
            "three dimensions in front",
            lambda attention: attention(*IN_FRONT),
            expected=in_front(),
            wrong={
                "The scores cannot be computed: transpose the last two dimensions of "
                "the key, and leave those in front.": RuntimeError,
                "There may be any number of dimensions in front, not one number of "
                "them.": ValueError,
                "A dimension of 1 is gone.": lambda got: got[1].shape == (2, 2, 2, 3),
                "The softmax is taken along dimension 1: the keys are the last.": (
                    in_front(dim=1)
                ),
            },
        ),
        Case(
            "the same, with a mask of shape (2, 1, 1, 2, 3)",
            lambda attention: attention(*IN_FRONT, mask=FRONT_SEES),
            expected=in_front(FRONT_SEES),
            wrong={
                "The mask of the first text hides the keys of all.": in_front(
                    FRONT_SEES[:1]
                ),
                "A dimension of 1 is gone.": lambda got: got[1].shape == (2, 2, 2, 3),
            },
        ),
        Case(
            "what becomes of the tensors",
            lambda attention: stays(
                attention, QUERY.clone(), KEY.clone(), VALUE.clone(), SEES.clone()
            ),
            expected=True,
            wrong={WRITTEN_OVER: False},
        ),
    ],
    "causal_mask": [
        Case(
            "three queries, as many keys",
            lambda mask: mask(3),
            expected=lower(3, 3, 0),
            wrong={
                "It is the other way round: True is where a query may look.": ~lower(
                    3, 3, 0
                ),
                "A query does not see itself.": lower(3, 3, -1),
                "A query sees what comes after it: look at the first row.": (
                    lower(3, 3, 0).T
                ),
                "Nothing is hidden.": torch.ones(3, 3, dtype=torch.bool),
                "It holds numbers: a mask is of type `bool`.": (
                    lambda got: got.dtype != torch.bool
                ),
            },
            picture=two_tables,
        ),
        Case(
            "two queries, five keys",
            lambda mask: mask(2, 5),
            expected=lower(2, 5, 3),
            wrong={
                "The queries are taken for the first of the five: they are the last.": (
                    lower(2, 5, 0)
                ),
                "A query does not see itself.": lower(2, 5, 2),
                "A query sees one key too many: itself is the last that it sees.": (
                    torch.ones(2, 5, dtype=torch.bool)
                ),
                "The keys are counted from the end: key 0 is the first of the text.": (
                    lower(2, 5, 3).flip(-1)
                ),
                "There are as many rows as keys: one for each query.": (
                    lambda got: got.shape == (5, 5)
                ),
                "The rows and columns are swapped: a row is a query.": (
                    lambda got: got.shape == (5, 2)
                ),
                "There are as many columns as queries: one for each key.": (
                    lambda got: got.shape == (2, 2)
                ),
                "It holds numbers: a mask is of type `bool`.": (
                    lambda got: got.dtype != torch.bool
                ),
            },
            picture=two_tables,
        ),
        Case(
            "one query, nine keys",
            lambda mask: mask(1, keys=9),
            expected=torch.ones(1, 9, dtype=torch.bool),
            wrong={
                "A dimension of 1 is gone: the shape is (queries, keys).": (
                    lambda got: got.shape == (9,)
                ),
                "The queries are taken for the first of the nine: they are the last.": (
                    lower(1, 9, 0)
                ),
                "A query does not see itself.": lower(1, 9, 7),
            },
        ),
        Case(
            "one query alone",
            lambda mask: mask(1),
            expected=torch.ones(1, 1, dtype=torch.bool),
            wrong={
                "A dimension of 1 is gone: the shape is (queries, keys).": (
                    lambda got: got.ndim < 2
                ),
            },
        ),
    ],
    "decoder_mask": [
        Case(
            "three texts, with padding on the right, on the left and within",
            lambda mask: mask(PADDED),
            expected=BOTH_RULES,
            wrong={
                "The rows of padding are hidden, not its columns: padding is what no "
                "query may look at.": ROWS & lower(4, 4, 0),
                "The rows of padding are hidden as well as its columns: a query that "
                "is padding follows the same rule as others.": (
                    ROWS & COLUMNS & lower(4, 4, 0)
                ),
                "Padding is hidden, but the future is not.": COLUMNS,
                "The future is hidden, but padding is not.": (
                    lower(4, 4, 0).expand(3, 4, 4)
                ),
                "Both rules must hold, not one of them.": COLUMNS | lower(4, 4, 0),
                "The 1 of the tokenizer is a token, and not padding.": (
                    ~COLUMNS & lower(4, 4, 0)
                ),
                "The tokens were counted, as if padding stood on the right only.": (
                    COUNTED & lower(4, 4, 0)
                ),
                "A query always sees itself: not where it is padding.": (
                    BOTH_RULES | torch.eye(4).bool()
                ),
                "Every text has the padding of the first.": (
                    COLUMNS[:1].expand(3, 4, 4) & lower(4, 4, 0)
                ),
                "The dimension of the texts is gone: the shape is (batch, length, "
                "length).": lambda got: got.ndim == 2,
                "It holds numbers: a mask is of type `bool`.": (
                    lambda got: got.dtype != torch.bool
                ),
            },
            picture=lambda got, expected: two_tables(got[1], expected[1]),
        ),
        Case(
            "a text without padding",
            lambda mask: mask(torch.ones(1, 3, dtype=torch.long)),
            expected=lower(3, 3, 0)[None],
            wrong={
                "The dimension of the texts is gone: the shape is (batch, length, "
                "length).": lambda got: got.shape == (3, 3),
                "The future is not hidden.": torch.ones(1, 3, 3).bool(),
                "Nothing is seen: the tokenizer's 1 is a token, and not padding.": (
                    torch.zeros(1, 3, 3).bool()
                ),
                "The last two dimensions are swapped: the middle one is the query.": (
                    lower(3, 3, 0).T[None]
                ),
                "It holds numbers: a mask is of type `bool`.": (
                    lambda got: got.dtype != torch.bool
                ),
            },
        ),
        Case(
            "a text of padding alone",
            lambda mask: mask(torch.zeros(1, 2, dtype=torch.long)),
            expected=torch.zeros(1, 2, 2).bool(),
            wrong={
                "A query always sees itself: not where it is padding.": (
                    torch.eye(2).bool()[None]
                ),
                "Where all is padding, padding is seen: no query looks at it.": (
                    lower(2, 2, 0)[None]
                ),
            },
        ),
        Case(
            "two texts of one token",
            lambda mask: mask(torch.ones(2, 1, dtype=torch.long)),
            expected=torch.ones(2, 1, 1).bool(),
            wrong={
                "A dimension of 1 is gone: the shape is (batch, length, length).": (
                    lambda got: got.ndim < 3
                ),
            },
        ),
        Case(
            "what becomes of `attention_mask`",
            lambda mask: stays(mask, PADDED.clone()),
            expected=True,
            wrong={WRITTEN_OVER: False},
        ),
    ],
    "split_heads": [
        Case(
            "two tokens of six numbers, three heads",
            lambda split: split(TOKENS, 3),
            expected=IN_THREE.float(),
            wrong={
                "The tokens are mixed up: the shape is right, but a head's part holds "
                "numbers that stood elsewhere. Cut, then transpose.": (
                    TOKENS.view(1, 3, 2, 2)
                ),
                "A head gets every third number, not three parts side by side.": (
                    TOKENS.view(1, 2, 2, 3).permute(0, 3, 1, 2)
                ),
                "The heads stand after the length: they come before it.": (
                    TOKENS.view(1, 2, 3, 2)
                ),
                "There are d_k heads of size `heads`: cut into `heads` parts.": (
                    lambda got: got.shape == (1, 2, 2, 3)
                ),
                "The last two dimensions are swapped: d_k is the last.": (
                    IN_THREE.float().mT
                ),
                "The heads stand in reverse: the first numbers are the first head's.": (
                    IN_THREE.float().flip(1)
                ),
                "The heads stand before the texts: batch comes first.": (
                    lambda got: got.shape == (3, 1, 2, 2)
                ),
                "The dimension of the texts is gone.": (
                    lambda got: got.shape == (3, 2, 2)
                ),
            },
        ),
        Case(
            "two texts of one token, three numbers and three heads",
            lambda split: split(ONE_TOKEN, 3),
            expected=ONE_TOKEN.mT[..., None],
            wrong={
                "A dimension of 1 is gone: the shape is (batch, heads, length, d_k).": (
                    lambda got: got.ndim < 4
                ),
                "3 is a multiple of 3: there is nothing to refuse.": ValueError,
            },
        ),
        Case(
            "a single head",
            lambda split: split(TOKENS, 1),
            expected=TOKENS[:, None],
            wrong={
                "A single head has a dimension of its own, too.": (
                    lambda got: got.ndim < 4
                ),
            },
        ),
        refusal(6, 4),
        refusal(2, 3),
        Case(
            "what becomes of the vectors",
            lambda split: stays(lambda vectors: split(vectors, 3), TOKENS.clone()),
            expected=True,
            wrong={WRITTEN_OVER: False},
        ),
    ],
    "multi_head_attention": [
        Case(
            "two texts of three tokens, one head",
            lambda attention: attention(STATES, *MATRICES, heads=1),
            expected=library(None, heads=1),
            wrong={
                "The last matrix, W^O, is missing.": library(
                    None, 1, [*MATRICES[:3], SAME]
                ),
                "The matrices are transposed, as `F.linear` does it: multiply by them "
                "from the right.": library(None, 1, TURNED),
                "W^O is transposed: multiply by it from the right.": library(
                    None, 1, [*MATRICES[:3], W_OUTPUT.T]
                ),
                "The scores are not divided by √d_k, which is 2 here.": library(
                    None, 1, [W_QUERY * 2, *MATRICES[1:]]
                ),
                "The values are those of the keys: they have a matrix of their own.": (
                    library(None, 1, [W_QUERY, W_KEY, W_KEY, W_OUTPUT])
                ),
                "Queries and keys have changed places.": library(
                    None, 1, [W_KEY, W_QUERY, W_VALUE, W_OUTPUT]
                ),
                "More than the result comes back: return it alone.": (
                    lambda got: isinstance(got, tuple | list)
                ),
            },
        ),
        Case(
            "the same, two heads",
            lambda attention: attention(STATES, *MATRICES, heads=2),
            expected=library(None),
            wrong={
                "It is the attention of a single head: cut into heads before the "
                "scores.": library(None, heads=1),
                "The heads are put together without being moved back: after the "
                "length, before their size.": not_moved_back(),
                "The cut mixes the tokens up: cut the last dimension, then transpose.": (
                    mixed_up()
                ),
                "The scores are divided by √d_model: d_k is the size of one head.": (
                    library(None, 2, [W_QUERY / math.sqrt(2), *MATRICES[1:]])
                ),
                "The scores are divided by √heads or √d_model, not by √d_k: d_k is "
                "d_model / heads.": library(None, 2, [W_QUERY / 2, *MATRICES[1:]]),
                "The mean of the heads is returned: they stand side by side.": (
                    lambda got: got.shape == (2, 3, 2)
                ),
            },
        ),
        Case(
            "a mask that is the same for both texts",
            lambda attention: attention(
                STATES,
                *MATRICES,
                heads=2,
                mask=MASKS[:1].expand(2, 3, 3),
            ),
            expected=library(for_each_head(MASKS[[0, 0]])),
            wrong={
                "The mask changes nothing.": library(None),
                "The mask is read the wrong way round: True is where a query may "
                "look.": library(for_each_head(~MASKS[[0, 0]])),
                "The mask is transposed: its last dimension is the key.": library(
                    for_each_head(MASKS[[0, 0]].mT)
                ),
                "Only the first head heeds the mask: it is the same for all.": (
                    library(first_head_alone(MASKS[[0, 0]]))
                ),
                "The mask does not fit the scores: give it a dimension of 1 for the "
                "heads.": RuntimeError,
            },
        ),
        Case(
            "a mask for each text",
            lambda attention: attention(STATES, *MATRICES, heads=2, mask=MASKS),
            expected=library(for_each_head(MASKS)),
            wrong={
                "The mask of a text reached the heads, not the texts: its new "
                "dimension comes after the batch.": library(MASKS.repeat(2, 1, 1)),
                "Every text has the mask of the first.": library(
                    for_each_head(MASKS[[0, 0]])
                ),
            },
        ),
        Case(
            "three heads, and a mask for one text",
            lambda attention: attention(ONE_TEXT, *SIX, heads=3, mask=MASKS[:1]),
            expected=library(MASKS[[0, 0, 0]], 3, SIX, ONE_TEXT),
            wrong={
                "A dimension of 1 is gone: the shape is (batch, length, d_model).": (
                    lambda got: got.ndim < 3
                ),
                "The mask does not fit the scores: give it a dimension of 1 for the "
                "heads.": RuntimeError,
            },
        ),
        Case(
            "one token, three heads of one number",
            lambda attention: attention(TINY, *TINY_MATRICES, heads=3),
            expected=library(None, 3, TINY_MATRICES, TINY),
            wrong={
                "A dimension of 1 is gone: the shape is (batch, length, d_model).": (
                    lambda got: got.ndim < 3
                ),
            },
        ),
        Case(
            "what becomes of the tensors",
            lambda attention: stays(
                lambda states, mask, *maps: attention(states, *maps, 2, mask=mask),
                STATES.clone(),
                MASKS.clone(),
                *[matrix.clone() for matrix in MATRICES],
            ),
            expected=True,
            wrong={WRITTEN_OVER: False},
        ),
    ],
    "relative_position_bucket": [
        Case(
            "small distances, 16 buckets",
            lambda bucket: bucket(NEAR, **SMALL),
            expected=torch.tensor([0, 1, 3, 9, 11]),
            wrong={
                "The halves are swapped: keys after the query have the higher "
                "numbers.": torch.tensor([0, 9, 11, 1, 3]),
                "Before and after have the same bucket: keys after the query have "
                "half of `buckets` added.": torch.tensor([0, 1, 3, 1, 3]),
                "0 is neither before nor after, and belongs to the lower half.": (
                    torch.tensor([8, 1, 3, 9, 11])
                ),
                "16 is added for keys after the query: n is half of `buckets`, so 8 "
                "here.": torch.tensor([0, 1, 3, 17, 19]),
                "4 is added for keys after the query: n is half of `buckets`, so 8 "
                "here.": torch.tensor([0, 1, 3, 5, 7]),
                "The sign is lost on the way: distances are never negative.": (
                    lambda got: bool((got < 0).any())
                ),
                "The buckets are of another type than `long`.": (
                    lambda got: got.dtype != torch.long
                ),
            },
        ),
        Case(
            "larger distances",
            lambda bucket: bucket(FAR, **SMALL),
            expected=FAR_BUCKETS,
            wrong={
                "The logarithm is of the distance itself: divide it by e first.": (
                    one_of(
                        far_buckets(lambda d: 4 + math.log(d) / math.log(8) * 4),
                        far_buckets(lambda d: 4 + math.log(d) / math.log(32) * 4),
                        far_buckets(lambda d: 4 + math.log(d)),
                    )
                ),
                "The wide buckets lie below those that are expected: do they begin at "
                "e, and end at n?": far_buckets(lambda d: share(d) * 4),
                "Every distance has its own bucket: from e on they get wider.": (
                    far_buckets(lambda d: d)
                ),
                "The place is rounded up or to the nearest: cut off what stands after "
                "the point.": one_of(
                    far_buckets(lambda d: round(4 + share(d) * 4)),
                    far_buckets(lambda d: math.ceil(4 + share(d) * 4)),
                ),
                "It is divided by ln(32): by ln(`max_distance` / e), so ln(8) here.": (
                    far_buckets(lambda d: 4 + math.log(d / 4) / math.log(32) * 4)
                ),
            },
        ),
        Case(
            "distances beyond the largest",
            lambda bucket: bucket(BEYOND, **SMALL),
            expected=torch.tensor([7, 7, 15, 15]),
            wrong={
                "A distance beyond `max_distance` leaves its half: at most n − 1.": (
                    lambda got: bool((got[:2] > 7).any())
                ),
            },
        ),
        Case(
            "without the numbers of buckets and the largest distance",
            lambda bucket: bucket(torch.tensor([-8, -20, -130, 5, 200])),
            expected=torch.tensor([8, 10, 15, 21, 31]),
            wrong={
                "`buckets` is 32 and `max_distance` 128 where they are not given.": (
                    TypeError
                ),
                "`max_distance` is 128 where it is not given, and not another.": one_of(
                    torch.tensor([8, 10, 14, 21, 31]), torch.tensor([8, 11, 15, 21, 31])
                ),
            },
        ),
        Case(
            "four buckets",
            lambda bucket: bucket(torch.tensor([0, -1, -2, -9, 1, 2, 9]), 4, 8),
            expected=torch.tensor([0, 1, 1, 1, 3, 3, 3]),
        ),
        Case(
            "a table of shape (2, 1, 3)",
            lambda bucket: bucket(torch.tensor([[[0, 1, 2]], [[-1, 0, 1]]])),
            expected=torch.tensor([[[0, 17, 18]], [[1, 0, 17]]]),
            wrong={
                "A dimension of 1 is gone.": lambda got: got.shape == (2, 3),
                "The dimensions are gone: keep the shape.": lambda got: got.ndim == 1,
            },
        ),
        Case(
            "whether its type is `long`",
            lambda bucket: bucket(FAR, **SMALL).dtype == torch.long,
            expected=True,
            wrong={"The buckets are of another type than `long`.": False},
        ),
        Case(
            "what becomes of the positions",
            lambda bucket: stays(bucket, FAR.clone()),
            expected=True,
            wrong={WRITTEN_OVER: False},
        ),
    ],
    "KeyValueCache": [
        Case(
            "one token, then two",
            twice,
            expected=[JOINED, -JOINED],
            wrong={
                "It returns the new tokens alone, not all so far.": [SECOND, -SECOND],
                "It returns the old tokens alone, without the new.": [FIRST, -FIRST],
                "The new tokens stand before the old ones.": [
                    torch.cat([SECOND, FIRST], dim=2),
                    -torch.cat([SECOND, FIRST], dim=2),
                ],
                "The values hold keys.": [JOINED, JOINED],
                "The values come first: return the keys and then the values.": [
                    -JOINED,
                    JOINED,
                ],
                "The keys come back alone: return the values beside them.": JOINED,
                "The tokens are joined along another dimension than the length.": (
                    RuntimeError
                ),
                SHARED: holds_more(JOINED),
            },
        ),
        Case(
            "two caches",
            two_caches,
            expected=[SECOND, SECOND],
            wrong={SHARED: holds_more(SECOND)},
        ),
        Case(
            "its length",
            counted,
            expected=[0, 1, 3, 4],
            wrong={
                "`length` is a method: make it a property or an attribute.": (
                    lambda got: callable(got[0])
                ),
                "`length` cannot be read from an empty cache: it is 0 at first.": (
                    "it cannot be read"
                ),
                "`length` is not an `int`.": (
                    lambda got: isinstance(got[1], float | torch.Tensor)
                ),
                "`length` counts the calls, not the tokens.": [0, 1, 2, 3],
                "`length` is that of the newest tokens, not of all.": [0, 1, 2, 1],
                "`length` looks at another dimension: tokens are the last but one.": (
                    lambda got: list(got) in ([0, 2, 2, 2], [0, 1, 1, 1])
                ),
                "`length` is one call behind.": [0, 0, 1, 3],
                "`length` stays what it was at first: it counts the tokens so far.": (
                    [0, 0, 0, 0]
                ),
                "`length` counts the keys and the values: a token has one of each.": (
                    [0, 2, 6, 8]
                ),
                SHARED: as_if_more,
            },
        ),
        Case(
            "whether its length is an `int`",
            lambda cache_class: [isinstance(n, int) for n in counted(cache_class)],
            expected=[True] * 4,
            wrong={
                "`length` is not an `int`.": lambda got: not all(got),
            },
        ),
        Case(
            "two texts of three heads, d_k = 1",
            of_two_texts,
            expected=[TWO_TEXTS, -TWO_TEXTS],
            wrong={
                "A dimension of 1 is gone.": lambda got: got[0].ndim < 4,
                "The tokens are joined along another dimension than the length.": (
                    lambda got: (
                        tuple(got[0].shape)
                        in ((4, 3, 1, 1), (2, 6, 1, 1), (2, 3, 1, 2))
                    )
                ),
            },
        ),
        Case(
            "4,500 tokens",
            many,
            expected=[(1, 1, 4500, 1), 4500],
            wrong={
                "Only so many tokens are kept: there may be thousands.": (
                    lambda got: got[0][2] < 4500
                ),
                "There is room for so many tokens only: there may be thousands.": (
                    RuntimeError
                ),
            },
        ),
    ],
}
