"""What a learner may run on the attention set: few points, and each teaches."""

import math
from contextlib import suppress

import torch
import torch.nn.functional as F  # noqa: N812

from labkit.checks import Case, calls, two_tables

INF = float("inf")
SCORES = torch.tensor([[1.0, 2.0, 4.0], [3.0, 0.0, 0.0]])
OTHER_WAY = "The weights sum to 1 along another dimension than `dim`."

QUERY = torch.tensor([[2.0, 0.0, 1.0, 0.0], [0.0, 3.0, 0.0, 1.0]])
KEY = torch.tensor([[1.0, 0.0, 2.0, 0.0], [0.0, 1.0, 0.0, 1.0], [1.0, 1.0, 1.0, 1.0]])
VALUE = torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]])
SEES = torch.tensor([[True, False, True], [True, True, False]])


def weights_for(scores: torch.Tensor) -> list[torch.Tensor]:
    weights = torch.softmax(scores, -1)
    return [weights @ VALUE, weights]


def hidden_after() -> list[torch.Tensor]:
    weights = torch.softmax(QUERY @ KEY.T / 2, -1) * SEES
    return [weights @ VALUE, weights]


def seen_the_other_way() -> list[torch.Tensor]:
    return weights_for((QUERY @ KEY.T / 2).masked_fill(SEES, -INF))


def both(got: object) -> list[torch.Tensor]:
    mixed, weights = got
    return [mixed, weights]


def lower(rows: int, columns: int, diagonal: int) -> torch.Tensor:
    return torch.ones(rows, columns).tril(diagonal).bool()


PADDED = torch.tensor([[1, 1, 1, 0], [1, 1, 0, 0]])
BOTH_RULES = torch.tensor(
    [
        [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 0]],
        [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0]],
    ]
).bool()
COLUMNS = PADDED.bool()[:, None, :].expand(2, 4, 4)
ROWS = PADDED.bool()[:, :, None].expand(2, 4, 4)

# The tens are the token's, the ones tell where in the vector.
TOKENS = torch.tensor([[[0, 1, 2, 3, 4, 5], [10, 11, 12, 13, 14, 15]]]).float()
IN_THREE = torch.tensor([[[[0, 1], [10, 11]], [[2, 3], [12, 13]], [[4, 5], [14, 15]]]])

generator = torch.Generator().manual_seed(0)
STATES = torch.randn(2, 3, 4, generator=generator)
MATRICES = [torch.randn(4, 4, generator=generator) for _ in range(4)]
TRIANGLE = lower(3, 3, 0).expand(2, 3, 3)


def library(mask: torch.Tensor | None, heads: int = 2) -> torch.Tensor:
    """PyTorch's own, which multiplies by the transposed matrices."""
    w_query, w_key, w_value, w_output = MATRICES
    out, _ = F.multi_head_attention_forward(
        *[STATES.transpose(0, 1)] * 3,
        embed_dim_to_check=4,
        num_heads=heads,
        in_proj_weight=torch.cat([w_query.T, w_key.T, w_value.T]),
        in_proj_bias=None,
        bias_k=None,
        bias_v=None,
        add_zero_attn=False,
        dropout_p=0.0,
        out_proj_weight=w_output.T,
        out_proj_bias=None,
        attn_mask=None if mask is None else ~mask[0],
    )
    return out.transpose(0, 1)


NEAR = torch.tensor([0, -1, -3, 1, 3])
FAR = torch.tensor([-4, -8, -16, -31, 8, 31])
BEYOND = torch.tensor([-32, -1_000, 32, 1_000])
SMALL = {"buckets": 16, "max_distance": 32}

FIRST = torch.tensor([[[[1.0, 2.0]]]])
SECOND = torch.tensor([[[[3.0, 4.0], [5.0, 6.0]]]])
JOINED = torch.cat([FIRST, SECOND], dim=2)


def twice(cache_class: type) -> list[object]:
    cache = cache_class()
    cache.extend(FIRST, -FIRST)
    key, value = cache.extend(SECOND, -SECOND)
    return [key, value]


def two_caches(cache_class: type) -> list[object]:
    one, other = cache_class(), cache_class()
    one.extend(FIRST, FIRST)
    return list(other.extend(SECOND, SECOND))


def counted(cache_class: type) -> list[object]:
    cache = cache_class()
    counts = [cache.length]
    for part in (FIRST, SECOND):
        cache.extend(part, part)
        counts.append(cache.length)
    return counts


def refuses(split: object) -> str:
    with suppress(ValueError):
        split(torch.zeros(1, 2, 6), 4)
        return "no error"
    return "ValueError"


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
                "All weights together sum to 1: sum along `dim` only.": (
                    lambda got: abs(float(got.sum()) - 1) < 1e-3
                ),
                "The weights are not divided by their sum.": (
                    lambda got: bool((got.sum(-1) - 1).abs().max() > 0.01)
                ),
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
            "scores of 1000 and 999",
            lambda softmax: softmax(torch.tensor([1000.0, 999.0])),
            expected=torch.softmax(torch.tensor([1.0, 0.0]), -1),
            wrong={
                "exp(1000) overflows to infinity, and ∞/∞ is NaN: move the largest "
                "score to 0 first.": lambda got: bool(got.isnan().any()),
            },
        ),
        Case(
            "one row of scores in the hundreds below another's",
            lambda softmax: softmax(torch.tensor([[500.0, 501.0], [-500.0, -501.0]])),
            expected=torch.softmax(torch.tensor([[0.0, 1.0], [1.0, 0.0]]), -1),
            wrong={
                "The largest score of all is subtracted from every row, so a row far "
                "below it vanishes: take each row's own largest.": (
                    lambda got: not bool(got[1].isfinite().all())
                ),
            },
        ),
        Case(
            "what it calls",
            lambda softmax: sorted(
                name for name in calls(lambda: softmax(SCORES)) if "softm" in name
            ),
            expected=[],
            wrong={"PyTorch's own softmax was called: write it out.": bool},
        ),
    ],
    "scaled_dot_product_attention": [
        Case(
            "two queries and three keys of d_k = 4",
            lambda attention: both(attention(QUERY, KEY, VALUE)),
            expected=weights_for(QUERY @ KEY.T / 2),
            wrong={
                "The scores are not divided: √d_k is 2 here.": weights_for(
                    QUERY @ KEY.T
                ),
                "The scores are divided by d_k, not by its square root.": weights_for(
                    QUERY @ KEY.T / 4
                ),
                "The scores are divided by the root of the number of keys: d_k is the "
                "size of a query.": weights_for(QUERY @ KEY.T / math.sqrt(3)),
                "Each column of the weights sums to 1: the weights of a query must, "
                "over the keys.": lambda got: bool(
                    ((got[1].sum(0) - 1).abs() < 1e-3).all()
                ),
                "The weights come first and the values second: give them the other "
                "way round.": lambda got: got[0].shape == (2, 3),
            },
            picture=lambda got, expected: two_tables(got[1], expected[1]),
        ),
        Case(
            "a mask that hides one key from each query",
            lambda attention: both(attention(QUERY, KEY, VALUE, SEES)),
            expected=weights_for((QUERY @ KEY.T / 2).masked_fill(~SEES, -INF)),
            wrong={
                "The mask is read the wrong way round: True is where a query may "
                "look.": seen_the_other_way(),
                "What is hidden is set to 0 after the softmax, so the row no longer "
                "sums to 1: hide the scores before it.": hidden_after(),
                "A hidden score became 0 and not −∞: exp(0) is 1, so it still has "
                "weight.": weights_for((QUERY @ KEY.T / 2).masked_fill(~SEES, 0.0)),
                "The mask changes nothing.": weights_for(QUERY @ KEY.T / 2),
            },
            picture=lambda got, expected: two_tables(got[1], expected[1]),
        ),
        Case(
            "a query that may look nowhere",
            lambda attention: both(
                attention(QUERY, KEY, VALUE, torch.zeros(2, 3, dtype=torch.bool))
            ),
            expected=[torch.zeros(2, 2), torch.zeros(2, 3)],
            wrong={
                "All scores of the row are −∞, and 0/0 is NaN: put 0 there.": (
                    lambda got: bool(got[1].isnan().any())
                ),
                "It looks at everything alike, as if nothing were hidden.": (
                    lambda got: bool((got[1] > 0).all())
                ),
            },
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
                "There are as many rows as keys: one for each query.": (
                    lambda got: got.shape == (5, 5)
                ),
                "The rows and columns are swapped: a row is a query.": (
                    lambda got: got.shape == (5, 2)
                ),
            },
            picture=two_tables,
        ),
    ],
    "decoder_mask": [
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
                "It holds numbers: a mask is of type `bool`.": (
                    lambda got: got.dtype != torch.bool
                ),
            },
        ),
        Case(
            "two texts of three and of two tokens",
            lambda mask: mask(PADDED),
            expected=BOTH_RULES,
            wrong={
                "The rows of padding are hidden, not its columns: padding is what no "
                "query may look at.": ROWS & lower(4, 4, 0),
                "Padding is hidden, but the future is not.": COLUMNS,
                "The future is hidden, but padding is not.": (
                    lower(4, 4, 0).expand(2, 4, 4)
                ),
                "Both rules must hold, not one of them.": COLUMNS | lower(4, 4, 0),
                "The 1 of the tokenizer is a token, and not padding.": (
                    ~COLUMNS & lower(4, 4, 0)
                ),
                "It holds numbers: a mask is of type `bool`.": (
                    lambda got: got.dtype != torch.bool
                ),
            },
            picture=lambda got, expected: two_tables(got[1], expected[1]),
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
            },
        ),
        Case(
            "six numbers and four heads",
            lambda split: refuses(split),
            expected="ValueError",
            wrong={
                "6 is not a multiple of 4: raise a `ValueError`.": "no error",
            },
        ),
    ],
    "multi_head_attention": [
        Case(
            "two texts of three tokens, one head",
            lambda attention: attention(STATES, *MATRICES, heads=1),
            expected=library(None, heads=1),
            wrong={
                "The last matrix, W^O, is missing.": (
                    library(None, heads=1) @ torch.linalg.inv(MATRICES[3])
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
                "length, before their size.": lambda got: got.shape == (2, 3, 4),
            },
        ),
        Case(
            "with a causal mask",
            lambda attention: attention(STATES, *MATRICES, heads=2, mask=TRIANGLE),
            expected=library(TRIANGLE),
            wrong={
                "The mask changes nothing.": library(None),
                "The mask does not fit the scores: give it a dimension of 1 for the "
                "heads.": RuntimeError,
            },
        ),
        Case(
            "a mask for each text",
            lambda attention: attention(
                STATES,
                *MATRICES,
                heads=2,
                mask=torch.stack([TRIANGLE[0], TRIANGLE[0].T]),
            ),
            expected=torch.stack(
                [library(TRIANGLE)[0], library(TRIANGLE.mT)[1]],
            ),
            wrong={
                "The mask of a text reached the heads, not the texts: its new "
                "dimension comes after the batch.": lambda got: got.shape == (2, 3, 4),
            },
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
                "The sign is lost on the way: distances are never negative.": (
                    lambda got: bool((got < 0).any())
                ),
            },
        ),
        Case(
            "larger distances",
            lambda bucket: bucket(FAR, **SMALL),
            expected=torch.tensor([4, 5, 6, 7, 13, 15]),
            wrong={
                "The logarithm is of the distance itself: divide it by e first.": (
                    lambda got: bool((got[:4] > torch.tensor([4, 5, 6, 7])).any())
                ),
                "The wide buckets lie below those that are expected: do they begin at "
                "e, and end at n?": (
                    lambda got: bool((got[:4] < torch.tensor([4, 5, 6, 7])).any())
                ),
                "Every distance has its own bucket: from e on they get wider.": (
                    torch.tensor([4, 7, 7, 7, 15, 15])
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
    ],
    "KeyValueCache": [
        Case(
            "one token, then two",
            twice,
            expected=[JOINED, -JOINED],
            wrong={
                "It returns the new tokens alone, not all so far.": [SECOND, -SECOND],
                "The new tokens stand before the old ones.": [
                    torch.cat([SECOND, FIRST], dim=2),
                    -torch.cat([SECOND, FIRST], dim=2),
                ],
                "The values hold keys.": [JOINED, JOINED],
                "The tokens are joined along another dimension than the length.": (
                    RuntimeError
                ),
            },
        ),
        Case(
            "two caches",
            two_caches,
            expected=[SECOND, SECOND],
            wrong={
                "Two caches share their memory: keep it in the object, not in the "
                "class.": [JOINED, JOINED],
            },
        ),
        Case(
            "its length",
            counted,
            expected=[0, 1, 3],
            wrong={
                "`length` counts the calls, not the tokens.": [0, 1, 2],
                "`length` looks at another dimension: tokens are the last but one.": (
                    lambda got: len(got) == 3
                ),
                "`length` is a method: make it a property or an attribute.": (
                    lambda got: callable(got[0])
                ),
            },
        ),
    ],
}
