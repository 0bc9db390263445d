"""Attention: every query mixes the values, by how well their keys match it.

Read from the top: each function uses only those above it. A mask is True where a query
may look. Shapes are (*batch, length, size), for any number of batch dimensions; heads
are one of them, just before the length.
"""

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn


def softmax(scores: Float[Tensor, "*shape"], dim: int = -1) -> Float[Tensor, "*shape"]:
    """exp(scoreᵢ) / Σⱼ exp(scoreⱼ), along `dim`.

    Adding the same number to all scores changes nothing, so the largest is moved to 0,
    where exp cannot overflow.

    Returns:
        Weights that sum to 1; zeros where every score is −∞, never NaN.
    """
    lowest = torch.finfo(scores.dtype).min  # −∞ − lowest is −∞, but −∞ − −∞ is NaN
    largest = scores.detach().amax(dim, keepdim=True).clamp(min=lowest)
    exponentials = (scores - largest).exp()
    total = exponentials.sum(dim, keepdim=True)  # at least exp(0), or nothing at all
    return exponentials / total.clamp(min=1)


def scaled_dot_product_attention(
    query: Float[Tensor, "*batch query d_k"],
    key: Float[Tensor, "*batch key d_k"],
    value: Float[Tensor, "*batch key d_v"],
    mask: Bool[Tensor, "..."] | None = None,  # (key,) broadcasts, too
    bias: Float[Tensor, "*#batch #query #key"] | None = None,
    scale: float | None = None,
) -> tuple[Float[Tensor, "*batch query d_v"], Float[Tensor, "*batch query key"]]:
    """Mix the values by how well each query matches each key.

    softmax(Q Kᵀ / √d_k) V — Vaswani et al. (2017), equation 1.

    Args:
        mask: True where a query may look; broadcasts to `(*batch, query, key)`. A query
            that may look nowhere gets weights of zero, and so an output of zero, never
            NaN.
        bias: Added to the scores, as T5 does to say how far apart two tokens are;
            broadcasts as the mask.
        scale: Instead of 1 / √d_k. T5's is 1: softmax(Q Kᵀ + bias) V.

    Returns:
        The mixed values, and the weights: each row sums to 1 (or to 0, above).
    """
    d_k = query.size(-1)
    scores = query @ key.mT * (1 / math.sqrt(d_k) if scale is None else scale)
    if bias is not None:
        scores = scores + bias
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = softmax(scores)  # (*batch, query, key)
    return weights @ value, weights


def padding_mask(
    attention_mask: Int[Tensor, "*batch key"] | Bool[Tensor, "*batch key"],
) -> Bool[Tensor, "*batch 1 key"]:
    """No query looks at padding.

    Args:
        attention_mask: The tokenizer's: 1 for a token, 0 for padding.
    """
    return attention_mask.bool().unsqueeze(-2)


def causal_mask(
    queries: int, keys: int | None = None, device: torch.device | str | None = None
) -> Bool[Tensor, "query key"]:
    """No query looks at what comes after it.

    Args:
        queries: How many there are.
        keys: How many there are; the queries stand at the last of their positions, as
            they do when the keys before them come from a cache. By default as many.
    """
    keys = queries if keys is None else keys
    everywhere = torch.ones(queries, keys, dtype=torch.bool, device=device)
    return everywhere.tril(keys - queries)


def rotate(
    vectors: Float[Tensor, "*batch length d_k"],
    positions: Int[Tensor, "*#batch length"],
    theta: float = 10_000.0,
) -> Float[Tensor, "*batch length d_k"]:
    """Turn each vector by angles that grow with its position.

    Su et al. (2021), equation 34. Features i and i + d_k/2 are a point in a plane (the
    layout of `transformers`), which turns by position · theta^(−2i/d_k). Lengths stay,
    and a query's product with a key depends on how far apart they stand, not on where.

    Args:
        vectors: Queries or keys, of an even size.
        theta: The larger it is, the slower the last planes turn.
    """
    d_k = vectors.size(-1)
    exponents = torch.arange(0, d_k, 2, device=vectors.device).float() / d_k
    angles = positions.unsqueeze(-1).float() * (1 / theta**exponents)
    cos, sin = angles.cos().to(vectors.dtype), angles.sin().to(vectors.dtype)
    first, second = vectors.chunk(2, dim=-1)  # (*batch, length, d_k/2) each
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


class KeyValueCache:
    """The keys and values that one attention has seen, to compute each only once."""

    def __init__(self) -> None:
        self.key: Tensor | None = None  # (*batch, key_value_head, length, d_k)
        self.value: Tensor | None = None

    @property
    def length(self) -> int:
        return 0 if self.key is None else self.key.size(-2)

    def extend(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Append those of new tokens; return those of all tokens so far."""
        if self.key is not None and self.value is not None:
            key = torch.cat([self.key, key], dim=-2)
            value = torch.cat([self.value, value], dim=-2)
        self.key, self.value = key, value
        return key, value


class MultiHeadAttention(nn.Module):
    """Several attentions side by side, each in a small space of its own.

    headᵢ = Attention(Q Wᵢ^Q, K Wᵢ^K, V Wᵢ^V), and their concatenation times W^O —
    Vaswani et al. (2017), section 3.2.2.

    Args:
        d_k: The size of a head's queries, keys and values; by default d_model / heads.
        bias: Whether the four linear maps have one.
        scaled: Whether scores are divided by √d_k; T5 does not.
        key_value_heads: How many heads keys and values have, each shared by as many
            heads of queries — Ainslie et al. (2023). By default, as many as queries.
        theta: Of the rotation of queries and keys by their positions; see `rotate`.

    Raises:
        ValueError: if d_k is left out and d_model is not a multiple of heads, or heads
            is not one of key_value_heads.
    """

    def __init__(
        self,
        d_model: int,
        heads: int,
        d_k: int | None = None,
        *,
        bias: bool = True,
        scaled: bool = True,
        key_value_heads: int | None = None,
        theta: float = 10_000.0,
    ) -> None:
        super().__init__()
        if d_k is None and d_model % heads:
            raise ValueError(f"d_model={d_model} is not a multiple of heads={heads}")
        self.heads, self.key_value_heads = heads, key_value_heads or heads
        if heads % self.key_value_heads:
            raise ValueError(f"{heads=} is not a multiple of {key_value_heads=}")
        d_k = d_model // heads if d_k is None else d_k
        self.scale, self.theta = None if scaled else 1.0, theta
        self.query = nn.Linear(d_model, heads * d_k, bias)  # all Wᵢ^Q side by side
        self.key = nn.Linear(d_model, self.key_value_heads * d_k, bias)
        self.value = nn.Linear(d_model, self.key_value_heads * d_k, bias)
        self.output = nn.Linear(heads * d_k, d_model, bias)  # W^O

    def forward(
        self,
        hidden_states: Float[Tensor, "*batch query d_model"],
        context: Float[Tensor, "*batch key d_model"] | None = None,
        mask: Bool[Tensor, "*#batch #query #key"] | None = None,
        bias: Float[Tensor, "*#batch head query key"] | None = None,
        cache: KeyValueCache | None = None,
        positions: Int[Tensor, "*#batch query"] | None = None,
    ) -> tuple[
        Float[Tensor, "*batch query d_model"], Float[Tensor, "*batch head query key"]
    ]:
        """Let `hidden_states` look at `context`, or, without one, at themselves.

        Args:
            mask: True where a query may look, for all heads alike.
            bias: Added to the scores; see `RelativePositionBias`.
            cache: Of the tokens before `hidden_states`; it is extended by these.
            positions: Of `hidden_states`, if queries and keys turn by them.

        Returns:
            What each query gathered, and every head's weights.
        """
        context = hidden_states if context is None else context
        query = self.split(self.query(hidden_states))  # (*batch, head, query, d_k)
        key = self.split(self.key(context), self.key_value_heads)
        value = self.split(self.value(context), self.key_value_heads)
        if positions is not None:
            places = positions.unsqueeze(-2)  # the same for every head
            query = rotate(query, places, self.theta)
            key = rotate(key, places, self.theta)
        if cache is not None:
            key, value = cache.extend(key, value)
        shared = self.heads // self.key_value_heads  # by so many heads of queries
        key = key.repeat_interleave(shared, dim=-3)  # (*batch, head, key, d_k)
        value = value.repeat_interleave(shared, dim=-3)
        mask = None if mask is None else mask.unsqueeze(-3)  # (*batch, 1, query, key)
        mixed, weights = scaled_dot_product_attention(
            query, key, value, mask, bias, self.scale
        )
        return self.output(self.join(mixed)), weights

    def split(
        self, vectors: Float[Tensor, "*batch length width"], heads: int | None = None
    ) -> Float[Tensor, "*batch head length d_k"]:
        """Cut each vector into the heads' parts."""
        return vectors.unflatten(-1, (heads or self.heads, -1)).transpose(-3, -2)

    def join(
        self, vectors: Float[Tensor, "*batch head length d_k"]
    ) -> Float[Tensor, "*batch length width"]:
        """Concatenate the heads' parts: undo `split`."""
        return vectors.transpose(-3, -2).flatten(-2)


def relative_position_bucket(
    relative_position: Int[Tensor, "*shape"],
    buckets: int = 32,
    max_distance: int = 128,
    *,
    bidirectional: bool = True,
) -> Int[Tensor, "*shape"]:
    """Sort distances into buckets: one each when near, wider and wider when far.

    Raffel et al. (2020), section 2.1. Half of the buckets hold one distance each; the
    others grow logarithmically, and the last one takes all from `max_distance` on.

    Args:
        relative_position: The key's position minus the query's.
        bidirectional: Keep half of the buckets for keys after the query. Otherwise
            such keys, which a causal mask hides, count as at distance 0.
    """
    if bidirectional:
        buckets //= 2
        first = (relative_position > 0) * buckets
        distance = relative_position.abs()
    else:
        first = torch.zeros_like(relative_position)
        distance = -relative_position.clamp(max=0)
    exact = buckets // 2
    growth = torch.log(distance.clamp(min=exact).float() / exact)  # 0 at `exact`
    share = growth / math.log(max_distance / exact)  # 1 at `max_distance`
    far = exact + (share * (buckets - exact)).long()
    return first + torch.where(distance < exact, distance, far.clamp(max=buckets - 1))


class RelativePositionBias(nn.Module):
    """T5's positions: each head learns one number a bucket, added to the scores.

    Raffel et al. (2020), section 2.1.
    """

    def __init__(
        self,
        heads: int,
        buckets: int = 32,
        max_distance: int = 128,
        *,
        bidirectional: bool = True,
    ) -> None:
        super().__init__()
        self.bidirectional = bidirectional
        self.max_distance = max_distance
        self.values = nn.Embedding(buckets, heads)

    def forward(self, queries: int, keys: int) -> Float[Tensor, "head query key"]:
        """The bias of `queries` that stand at the last positions of `keys`."""
        position = torch.arange(keys, device=self.values.weight.device)
        bucket = relative_position_bucket(
            position - position[keys - queries :, None],  # (query, key)
            self.values.num_embeddings,
            self.max_distance,
            bidirectional=self.bidirectional,
        )
        return self.values(bucket).permute(2, 0, 1)
