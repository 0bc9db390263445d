"""BERT, GPT-2 and T5: three wirings of the same parts, small enough to read in one go.

Each gives the hidden states or logits of its namesake in `transformers`, and reads the
folder that `save_pretrained` writes. Shapes are (batch, length, d_model).
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from jaxtyping import Bool, Float, Int
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # as everyone calls it

from labkit.models.attention import (
    KeyValueCache,
    MultiHeadAttention,
    RelativePositionBias,
    causal_mask,
    padding_mask,
)

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "gelu": F.gelu,
    "gelu_new": partial(F.gelu, approximate="tanh"),
}


# --- the parts ----------------------------------------------------------------------


@dataclass(frozen=True)
class Config:
    """A transformer's sizes, then the choices in which BERT, GPT-2 and T5 differ.

    The defaults are BERT's choices.
    """

    vocab_size: int
    d_model: int
    heads: int
    d_ff: int  # the feed-forward network's inside
    layers: int
    d_k: int | None = None  # one head's size; by default d_model / heads
    dropout: float = 0.1
    epsilon: float = 1e-12

    positions: int = 512  # how many have an embedding; 0: T5's relative ones
    buckets: int = 32  # of relative positions
    max_distance: int = 128
    pre_norm: bool = False  # x + f(norm(x)), not norm(x + f(x))
    norm: type[nn.LayerNorm] | type[nn.RMSNorm] = nn.LayerNorm
    activation: str = "gelu"
    gated: bool = False
    bias: bool = True  # in the linear maps
    scaled: bool = True  # attention scores divided by √d_k

    def new_norm(self) -> nn.Module:
        return self.norm(self.d_model, eps=self.epsilon)

    def new_attention(self) -> MultiHeadAttention:
        sizes = self.d_model, self.heads, self.d_k
        return MultiHeadAttention(*sizes, bias=self.bias, scaled=self.scaled)


class FeedForward(nn.Module):
    """act(x W₁ + b₁) W₂ + b₂, each position by itself — Vaswani et al. (2017), eq. 2.

    Or, gated, (act(x W) ⊗ x V) W₂ — Shazeer (2020), equation 6.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.activation = ACTIVATIONS[config.activation]
        sizes = config.d_model, config.d_ff, config.bias
        self.inner = nn.Linear(*sizes)
        self.gate = nn.Linear(*sizes) if config.gated else None
        self.outer = nn.Linear(config.d_ff, config.d_model, config.bias)

    def forward(
        self, hidden_states: Float[Tensor, "*batch d_model"]
    ) -> Float[Tensor, "*batch d_model"]:
        if self.gate is None:
            return self.outer(self.activation(self.inner(hidden_states)))
        gate = self.activation(self.gate(hidden_states))  # (*batch, d_ff)
        return self.outer(gate * self.inner(hidden_states))


class Block(nn.Module):
    """Self-attention, then with `cross` attention elsewhere, then feed-forward."""

    def __init__(self, config: Config, *, cross: bool = False) -> None:
        super().__init__()
        self.pre_norm = config.pre_norm
        self.attention = config.new_attention()
        self.attention_norm = config.new_norm()
        if cross:
            self.cross_attention = config.new_attention()
            self.cross_attention_norm = config.new_norm()
        self.feed_forward = FeedForward(config)
        self.feed_forward_norm = config.new_norm()
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        hidden_states: Float[Tensor, "batch length d_model"],
        mask: Bool[Tensor, "#batch #length key"] | None = None,
        bias: Float[Tensor, "head length key"] | None = None,
        cache: KeyValueCache | None = None,
        context: Float[Tensor, "batch other d_model"] | None = None,
        context_mask: Bool[Tensor, "#batch #length other"] | None = None,
    ) -> Float[Tensor, "batch length d_model"]:
        def look_around(states: Tensor) -> Tensor:
            return self.attention(states, mask=mask, bias=bias, cache=cache)[0]

        def look_across(states: Tensor) -> Tensor:
            return self.cross_attention(states, context, mask=context_mask)[0]

        states = self.residual(hidden_states, look_around, self.attention_norm)
        if context is not None:
            states = self.residual(states, look_across, self.cross_attention_norm)
        return self.residual(states, self.feed_forward, self.feed_forward_norm)

    def residual(
        self, states: Tensor, sublayer: Callable[[Tensor], Tensor], norm: nn.Module
    ) -> Tensor:
        """Add to what came in: after it (Vaswani et al., 2017) or before, the norm."""
        if self.pre_norm:
            return states + self.dropout(sublayer(norm(states)))
        return norm(states + self.dropout(sublayer(states)))


class Stack(nn.Module):
    """Blocks, one upon another: an encoder or, if `causal`, a decoder."""

    def __init__(
        self, config: Config, *, causal: bool = False, cross: bool = False
    ) -> None:
        super().__init__()
        self.causal = causal
        blocks = [Block(config, cross=cross) for _ in range(config.layers)]
        self.blocks = nn.ModuleList(blocks)
        self.position_bias: RelativePositionBias | None = None
        if not config.positions:
            sizes = config.heads, config.buckets, config.max_distance
            self.position_bias = RelativePositionBias(*sizes, bidirectional=not causal)
        self.final_norm = config.new_norm() if config.pre_norm else nn.Identity()

    def forward(
        self,
        hidden_states: Float[Tensor, "batch length d_model"],
        mask: Bool[Tensor, "#batch #length key"] | None = None,
        cache: list[KeyValueCache] | None = None,
        context: Float[Tensor, "batch other d_model"] | None = None,
        context_mask: Bool[Tensor, "#batch #length other"] | None = None,
    ) -> list[Float[Tensor, "batch length d_model"]]:
        """The hidden states before the first block and after each one.

        The last ones are normalised where the blocks are of the pre-norm kind.
        """
        length = hidden_states.size(-2)
        keys = length + (cache[0].length if cache else 0)
        if self.causal:
            before = causal_mask(length, keys, hidden_states.device)
            mask = before if mask is None else before & mask
        bias = self.position_bias(length, keys) if self.position_bias else None
        states = [hidden_states]
        pasts: Sequence[KeyValueCache | None] = cache or [None] * len(self.blocks)
        for block, past in zip(self.blocks, pasts, strict=True):
            states.append(block(states[-1], mask, bias, past, context, context_mask))
        states[-1] = self.final_norm(states[-1])
        return states

    def new_cache(self) -> list[KeyValueCache]:
        """One empty cache a block."""
        return [KeyValueCache() for _ in self.blocks]


# --- the wirings --------------------------------------------------------------------


class BERT(nn.Module):
    """An encoder: every token looks at every token — Devlin et al. (2019)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.token = _embedding(config.vocab_size, config.d_model)
        self.position = _embedding(config.positions, config.d_model)
        self.segment = _embedding(2, config.d_model)
        self.norm = config.new_norm()
        self.dropout = nn.Dropout(config.dropout)
        self.encoder = Stack(config)

    def forward(
        self,
        input_ids: Int[Tensor, "batch length"],
        attention_mask: Int[Tensor, "batch length"] | None = None,
        token_type_ids: Int[Tensor, "batch length"] | None = None,
    ) -> list[Float[Tensor, "batch length d_model"]]:
        """The hidden states: embedded, then after each block.

        Args:
            attention_mask: 1 for a token, 0 for padding, which no token looks at. What
                comes out at padding itself means nothing.
            token_type_ids: 0 in the first text, 1 in the second.
        """
        if token_type_ids is None:
            token_type_ids = torch.zeros_like(input_ids)
        positions = torch.arange(input_ids.size(-1), device=input_ids.device)
        embedded = self.token(input_ids) + self.segment(token_type_ids)
        embedded = embedded + self.position(positions)
        mask = None if attention_mask is None else padding_mask(attention_mask)
        return self.encoder(self.dropout(self.norm(embedded)), mask)

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> "BERT":
        """The encoder in a folder that `BertModel.from_pretrained` reads."""
        return _load(cls, folder, "bert")


class GPT(nn.Module):
    """A decoder: every token looks at those before it — Radford et al. (2019).

    Pad a batch on the right: what comes later changes nothing that comes before.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.token = _embedding(config.vocab_size, config.d_model)
        self.position = _embedding(config.positions, config.d_model)
        self.dropout = nn.Dropout(config.dropout)
        self.decoder = Stack(config, causal=True)

    def forward(
        self,
        input_ids: Int[Tensor, "batch length"],
        cache: list[KeyValueCache] | None = None,
    ) -> Float[Tensor, "batch length vocab_size"]:
        """The logits of the token that follows each token.

        Args:
            cache: From `decoder.new_cache()`. It remembers the tokens of each call, so
                that the next call is given only those that are new.
        """
        past = cache[0].length if cache else 0
        positions = torch.arange(input_ids.size(-1), device=input_ids.device) + past
        embedded = self.token(input_ids) + self.position(positions)
        states = self.decoder(self.dropout(embedded), cache=cache)
        return states[-1] @ self.token.weight.T

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> "GPT":
        """The decoder in a folder that `GPT2LMHeadModel.from_pretrained` reads."""
        return _load(cls, folder, "gpt2")


class T5(nn.Module):
    """An encoder and a decoder that looks across at it — Raffel et al. (2020)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.token = nn.Embedding(config.vocab_size, config.d_model)
        self.encoder = Stack(config)
        self.decoder = Stack(config, causal=True, cross=True)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        input_ids: Int[Tensor, "batch other"],
        decoder_input_ids: Int[Tensor, "batch length"],
        attention_mask: Int[Tensor, "batch other"] | None = None,
    ) -> Float[Tensor, "batch length vocab_size"]:
        """The logits of the token that follows each decoder token.

        Args:
            decoder_input_ids: The labels, shifted right by a start token.
            attention_mask: 1 for a token of `input_ids`, 0 for padding.
        """
        mask = None if attention_mask is None else padding_mask(attention_mask)
        context = self.encoder(self.dropout(self.token(input_ids)), mask)[-1]
        embedded = self.dropout(self.token(decoder_input_ids))
        states = self.decoder(embedded, context=context, context_mask=mask)
        return states[-1] / math.sqrt(context.size(-1)) @ self.token.weight.T

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> "T5":
        """The model in a folder that `T5ForConditionalGeneration` reads.

        Raises:
            ValueError: if its output has weights of its own, as T5 1.1's and FLAN's.
        """
        return _load(cls, folder, "t5")


def _embedding(count: int, d_model: int) -> nn.Embedding:
    """Vectors small enough for an untrained model to find all tokens equally likely."""
    embedding = nn.Embedding(count, d_model)
    nn.init.normal_(embedding.weight, std=0.02)
    return embedding


# --- checkpoints --------------------------------------------------------------------

FUSED = "query_key_value"
# What `transformers` calls a weight, and what we call it; replaced from the top.
NAMES = {
    "bert": {
        r"^bert\.": "",
        r"gamma$": "weight",
        r"beta$": "bias",
        r"embeddings\.word_embeddings": "token",
        r"embeddings\.position_embeddings": "position",
        r"embeddings\.token_type_embeddings": "segment",
        r"embeddings\.LayerNorm": "norm",
        r"encoder\.layer": "encoder.blocks",
        r"attention\.self": "attention",
        r"attention\.output\.dense": "attention.output",
        r"attention\.output\.LayerNorm": "attention_norm",
        r"intermediate\.dense": "feed_forward.inner",
        r"output\.dense": "feed_forward.outer",
        r"output\.LayerNorm": "feed_forward_norm",
    },
    "gpt2": {
        r"^transformer\.": "",
        r"^wte": "token",
        r"^wpe": "position",
        r"^h\.": "decoder.blocks.",
        r"^ln_f": "decoder.final_norm",
        r"attn\.c_attn": f"attention.{FUSED}",
        r"attn\.c_proj": "attention.output",
        r"mlp\.c_fc": "feed_forward.inner",
        r"mlp\.c_proj": "feed_forward.outer",
        r"ln_1": "attention_norm",
        r"ln_2": "feed_forward_norm",
    },
    "t5": {
        r"^shared": "token",
        r"block\.": "blocks.",
        r"layer\.0\.SelfAttention": "attention",
        r"blocks\.0\.attention\.relative_attention_bias": "position_bias.values",
        r"layer\.0\.layer_norm": "attention_norm",
        r"layer\.1\.EncDecAttention": "cross_attention",
        r"(decoder.*)layer\.1\.layer_norm": r"\1cross_attention_norm",
        r"layer\.\d\.DenseReluDense": "feed_forward",
        r"layer\.\d\.layer_norm": "feed_forward_norm",
        r"final_layer_norm": "final_norm",
        r"\.q\.": ".query.",
        r"\.k\.": ".key.",
        r"\.v\.": ".value.",
        r"\.o\.": ".output.",
        r"wi(_1)?\.": "inner.",
        r"wi_0\.": "gate.",
        r"wo\.": "outer.",
    },
}
TIED = re.compile(r"^lm_head|embed_tokens")  # other names of the token embeddings
UNUSED = re.compile(  # heads, and what is no weight
    r"^pooler|^bert\.pooler|^cls|^classifier|position_ids|\.attn\.(masked_)?bias|"
    r"EncDecAttention\.relative_attention_bias"
)
Model = TypeVar("Model", BERT, GPT, T5)


def _load(model: type[Model], folder: str | Path, family: str) -> Model:
    """A model with the configuration and the weights that are in a folder.

    Raises:
        ValueError: if it is of another family, or its output has its own weights.
    """
    from transformers import AutoConfig

    theirs = AutoConfig.from_pretrained(folder, local_files_only=True)
    if theirs.model_type != family:
        raise ValueError(f"{folder} holds a {theirs.model_type}, not a {family}")
    weights, tied = {}, []
    for name, tensor in load_file(Path(folder, "model.safetensors")).items():
        if TIED.search(name):
            tied.append(tensor)
        elif not UNUSED.search(name):
            for their_name, our_name in NAMES[family].items():
                name = re.sub(their_name, our_name, name)
            weights[name] = tensor
    if not all(torch.equal(tensor, weights["token.weight"]) for tensor in tied):
        raise ValueError(f"{folder} holds a {family} whose output has its own weights")
    if family == "gpt2":
        weights = _unfused(weights)
    loaded = model(_config(theirs))
    loaded.load_state_dict(weights)  # strict: none is missing, none is left over
    return loaded.eval()


def _config(theirs: Any) -> Config:
    """Our configuration, from one of `transformers`."""
    sizes = {
        "vocab_size": theirs.vocab_size,
        "d_model": theirs.hidden_size,
        "heads": theirs.num_attention_heads,
        "layers": theirs.num_hidden_layers,
    }
    if theirs.model_type == "bert":
        return Config(
            **sizes,
            d_ff=theirs.intermediate_size,
            dropout=theirs.hidden_dropout_prob,
            epsilon=theirs.layer_norm_eps,
            positions=theirs.max_position_embeddings,
            activation=theirs.hidden_act,
        )
    if theirs.model_type == "gpt2":
        return Config(
            **sizes,
            d_ff=theirs.n_inner or 4 * theirs.hidden_size,
            dropout=theirs.resid_pdrop,
            epsilon=theirs.layer_norm_epsilon,
            positions=theirs.max_position_embeddings,
            pre_norm=True,
            activation=theirs.activation_function,
        )
    return Config(
        **sizes,
        d_ff=theirs.d_ff,
        d_k=theirs.d_kv,
        dropout=theirs.dropout_rate,
        epsilon=theirs.layer_norm_epsilon,
        positions=0,
        buckets=theirs.relative_attention_num_buckets,
        max_distance=theirs.relative_attention_max_distance,
        pre_norm=True,
        norm=nn.RMSNorm,
        activation=theirs.dense_act_fn,
        gated=theirs.is_gated_act,
        bias=False,
        scaled=False,
    )


def _unfused(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Undo GPT-2's way: matrices (input, output); query, key and value in one."""
    unfused = {}
    for name, tensor in weights.items():
        matrix = tensor.T if "blocks" in name and tensor.ndim == 2 else tensor
        parts = ("query", "key", "value") if FUSED in name else (FUSED,)
        for part, piece in zip(parts, matrix.chunk(len(parts)), strict=True):
            unfused[name.replace(FUSED, part)] = piece
    return unfused
