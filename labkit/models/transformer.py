"""BERT, GPT-2, T5 and Llama: four wirings of the same parts, to read in one go.

Each gives the hidden states or logits of its namesake in `transformers`, and reads the
folder that `save_pretrained` writes. Shapes are (batch, length, d_model).
"""

import math
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from textwrap import shorten
from typing import Any, ClassVar, Self

import torch
from jaxtyping import Bool, Float, Int
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # as everyone calls it

from labkit.errors import LabError
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
    "silu": F.silu,  # x · sigmoid(x)
}


# --- the parts ----------------------------------------------------------------------


@dataclass(frozen=True)
class Config:
    """A transformer's sizes, then the choices in which the four families differ.

    The defaults are BERT's choices.
    """

    vocab_size: int
    d_model: int
    heads: int
    d_ff: int | None  # the feed-forward network's inside; None: 4 d_model
    layers: int
    decoder_layers: int | None = None  # where there is an encoder too; None: as many
    d_k: int | None = None  # one head's size; by default d_model / heads
    key_value_heads: int | None = None  # None: one a head
    dropout: float = 0.1
    epsilon: float = 1e-12

    positions: int = 512  # how many there are; 0: T5's relative ones
    theta: float = 10_000.0  # of rotary ones: how slowly the slowest turn
    buckets: int = 32  # of relative positions
    max_distance: int = 128
    pre_norm: bool = False  # x + f(norm(x)), not norm(x + f(x))
    norm: type[nn.LayerNorm] | type[nn.RMSNorm] = nn.LayerNorm
    activation: str = "gelu"
    gated: bool = False
    bias: bool = True  # in the linear maps
    scaled: bool = True  # attention scores divided by √d_k

    def __post_init__(self) -> None:
        if self.activation not in ACTIVATIONS:
            raise LabError(
                f"there is no activation {self.activation!r} here.",
                f"Take one of these: {', '.join(ACTIVATIONS)}.",
            )

    def new_norm(self) -> nn.Module:
        return self.norm(self.d_model, eps=self.epsilon)

    def new_attention(self) -> MultiHeadAttention:
        return MultiHeadAttention(
            self.d_model,
            self.heads,
            self.d_k,
            bias=self.bias,
            scaled=self.scaled,
            key_value_heads=self.key_value_heads,
            theta=self.theta,
        )


class FeedForward(nn.Module):
    """act(x W₁ + b₁) W₂ + b₂, each position by itself — Vaswani et al. (2017), eq. 2.

    Or, gated, (act(x W) ⊗ x V) W₂ — Shazeer (2020), equation 6; SwiGLU is that of silu.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.activation = ACTIVATIONS[config.activation]
        d_model, d_ff = config.d_model, config.d_ff or 4 * config.d_model
        self.inner = nn.Linear(d_model, d_ff, config.bias)
        self.gate = nn.Linear(d_model, d_ff, config.bias) if config.gated else None
        self.outer = nn.Linear(d_ff, d_model, config.bias)

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
        hidden_states: Float[Tensor, "*batch length d_model"],
        mask: Bool[Tensor, "*#batch #length key"] | None = None,
        bias: Float[Tensor, "head length key"] | None = None,
        cache: KeyValueCache | None = None,
        context: Float[Tensor, "*batch other d_model"] | None = None,
        context_mask: Bool[Tensor, "*#batch #length other"] | None = None,
        positions: Int[Tensor, "*#batch length"] | None = None,
    ) -> Float[Tensor, "*batch length d_model"]:
        def look_around(states: Tensor) -> Tensor:
            return self.attention(states, None, mask, bias, cache, positions)[0]

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
        hidden_states: Float[Tensor, "*batch length d_model"],
        mask: Bool[Tensor, "*#batch #length key"] | None = None,
        cache: list[KeyValueCache] | None = None,
        context: Float[Tensor, "*batch other d_model"] | None = None,
        context_mask: Bool[Tensor, "*#batch #length other"] | None = None,
        positions: Int[Tensor, "*#batch length"] | None = None,  # where rotary
    ) -> list[Float[Tensor, "*batch length d_model"]]:
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
        across = context, context_mask, positions
        for block, past in zip(self.blocks, pasts, strict=True):
            states.append(block(states[-1], mask, bias, past, *across))
        states[-1] = self.final_norm(states[-1])
        return states

    def new_cache(self) -> list[KeyValueCache]:
        """One empty cache a block."""
        return [KeyValueCache() for _ in self.blocks]


# --- checkpoints --------------------------------------------------------------------

HARMLESS = re.compile(  # fields that name, describe, train or write: no number hangs on
    r".*(drop|_token_id|2label|2id).*|(initializer|output|return|summary)_.*|prefix|"
    r"_name_or_path|architectures|chunk_size_feed_forward|(torch_)?dtype|n_ctx|"
    r"feed_forward_proj|gradient_checkpointing|is_encoder_decoder|model_type|n_positions|"
    r"pretraining_tp|problem_type|reorder_and_upcast_attn|task_specific_params|"
    r"transformers_version|torchscript|use_cache|is_llama_config|transformers\.js_config"
)

SIZES = {  # of our configuration, as each of them calls it
    "vocab_size": "vocab_size",
    "d_model": "hidden_size",
    "heads": "num_attention_heads",
    "layers": "num_hidden_layers",
}


class Pretrained(nn.Module):
    """A model that reads the checkpoints of its namesake in `transformers`."""

    family: ClassVar[str]  # their `model_type`
    fields: ClassVar[dict[str, str]]  # of our configuration, and what they call them
    choices: ClassVar[dict[str, Any]] = {}  # of our configuration, that they never make
    computes: ClassVar[dict[str, Collection[Any]]]  # a field's values that we compute
    names: ClassVar[dict[str, str]]  # patterns of theirs, and ours; "" leaves out

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> Self:
        """The model that `save_pretrained` wrote in a folder, in float32, to be used.

        Its head, if it has one for a task, is left out.

        Raises:
            LabError: if its configuration asks for anything that we do not compute, or
                its weights are others than it says, or there are none.
        """
        folder = Path(folder)
        for name in ("config.json", "model*.safetensors"):
            if not [*folder.glob(name)]:
                raise LabError(
                    f"there is no {name.replace('*', '')} in {folder}.",
                    "Give a folder that save_pretrained wrote, or lab.checkpoint(...).",
                )
        model = cls(cls._config(folder))
        weights = cls.unpacked(cls._weights(folder))
        try:
            model.load_state_dict(weights)  # strict: none is missing, none is left over
        except RuntimeError as error:
            raise LabError(
                f"the weights in {folder} are not those that its configuration says.",
                *[shorten(line, 200) for line in str(error).splitlines()[1:3]],
                "Save the model there once more.",
            ) from None
        return model.eval()

    @staticmethod
    def unpacked(weights: dict[str, Tensor]) -> dict[str, Tensor]:
        return weights

    @classmethod
    def _config(cls, folder: Path) -> Config:
        from transformers import AutoConfig

        theirs = AutoConfig.from_pretrained(folder, local_files_only=True)
        if theirs.model_type != cls.family:
            raise LabError(
                f"{folder} holds a {theirs.model_type}, not a {cls.family}.",
                f"{cls.__name__}.from_pretrained reads what a {cls.family} has saved.",
            )
        fields = SIZES | cls.fields
        read = {theirs.attribute_map.get(name, name) for name in fields.values()}
        usual, told = type(theirs)().to_dict(), theirs.to_dict()
        told |= told.pop("rope_parameters", None) or {}  # `rope_theta`, `rope_type`
        for name, value in told.items():
            harmless = name in read or HARMLESS.fullmatch(name) or value in ({}, [])
            known = cls.computes.get(name, [value] if harmless else [usual.get(name)])
            if value not in known:
                raise LabError(
                    f"{name} is {value!r} in {folder}; {cls.__name__} computes with "
                    f"{' or '.join(map(repr, known))} only.",
                    "Open the folder with transformers.",
                )
        renamed = theirs.attribute_map
        found = {ours: told[renamed.get(name, name)] for ours, name in fields.items()}
        return Config(**found, **cls.choices)

    @classmethod
    def _weights(cls, folder: Path) -> dict[str, Tensor]:
        weights: dict[str, Tensor] = {}
        files = folder.glob("model*.safetensors")  # one, or several parts
        for name, tensor in (pair for f in files for pair in load_file(f).items()):
            for their_name, our_name in cls.names.items():
                name = re.sub(their_name, our_name, name)
            if name and not torch.equal(weights.setdefault(name, tensor), tensor):
                raise LabError(
                    f"{folder} holds a {cls.family} whose output has its own weights.",
                    f"{cls.__name__} reads and writes by one table.",
                    "Open the folder with transformers.",
                )
        return weights


def _embedding(count: int, d_model: int) -> nn.Embedding:
    """Vectors small enough for an untrained model to find all tokens equally likely."""
    embedding = nn.Embedding(count, d_model)
    nn.init.normal_(embedding.weight, std=0.02)
    return embedding


def _check_length(tokens: int, positions: int) -> None:
    if tokens > positions:
        raise LabError(
            f"{tokens} tokens are more than this model's {positions} positions.",
            f"Cut the text: truncation=True, max_length={positions}.",
        )


def _next_rows(
    table: nn.Embedding, tokens: int, past: int = 0
) -> Float[Tensor, "{tokens} d_model"]:
    """The vectors of the positions after `past`."""
    _check_length(past + tokens, table.num_embeddings)
    return table.weight[past : past + tokens]


# --- the wirings --------------------------------------------------------------------


class BERT(Pretrained):
    """An encoder: every token looks at every token — Devlin et al. (2019)."""

    family = "bert"
    fields: ClassVar = {
        "d_ff": "intermediate_size",
        "dropout": "hidden_dropout_prob",
        "epsilon": "layer_norm_eps",
        "positions": "max_position_embeddings",
        "activation": "hidden_act",
    }
    computes: ClassVar = {
        "hidden_act": ACTIVATIONS,
        "type_vocab_size": [2],
        "position_embedding_type": ["absolute"],
        "tie_word_embeddings": [True, False],  # its head's
    }
    names: ClassVar = {
        r"^bert\.": "",
        r"^(cls|classifier|qa_outputs|pooler)\..*|.*position_ids": "",
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
    }

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
        embedded = self.token(input_ids) + self.segment(token_type_ids)
        embedded = embedded + _next_rows(self.position, input_ids.size(-1))
        mask = None if attention_mask is None else padding_mask(attention_mask)
        return self.encoder(self.dropout(self.norm(embedded)), mask)


class GPT(Pretrained):
    """A decoder: every token looks at those before it — Radford et al. (2019).

    Pad a batch on the right: what comes later changes nothing that comes before.
    """

    family = "gpt2"
    fields: ClassVar = {
        "d_ff": "n_inner",
        "dropout": "resid_pdrop",
        "epsilon": "layer_norm_epsilon",
        "positions": "max_position_embeddings",
        "activation": "activation_function",
        "scaled": "scale_attn_weights",
    }
    choices: ClassVar = {"pre_norm": True}
    computes: ClassVar = {"activation_function": ACTIVATIONS}
    names: ClassVar = {
        r"^transformer\.": "",
        r"^(score|classifier|multiple_choice_head)\..*|.*\.attn\.(masked_)?bias": "",
        r"^wte|^lm_head": "token",
        r"^wpe": "position",
        r"^h\.": "decoder.blocks.",
        r"^ln_f": "decoder.final_norm",
        r"attn\.c_attn": "attention.query_key_value",
        r"attn\.c_proj": "attention.output",
        r"mlp\.c_fc": "feed_forward.inner",
        r"mlp\.c_proj": "feed_forward.outer",
        r"ln_1": "attention_norm",
        r"ln_2": "feed_forward_norm",
    }

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
        positions = _next_rows(self.position, input_ids.size(-1), past)
        embedded = self.token(input_ids) + positions
        states = self.decoder(self.dropout(embedded), cache=cache)
        return states[-1] @ self.token.weight.T

    @staticmethod
    def unpacked(weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Undo GPT-2's way: matrices (input, output); query, key and value in one."""
        unpacked, fused = {}, "query_key_value"
        for name, tensor in weights.items():
            matrix = tensor.T if "blocks" in name and tensor.ndim == 2 else tensor
            parts = fused.split("_") if fused in name else [fused]
            for part, piece in zip(parts, matrix.chunk(len(parts)), strict=True):
                unpacked[name.replace(fused, part)] = piece
        return unpacked


class T5(Pretrained):
    """An encoder and a decoder that looks across at it — Raffel et al. (2020)."""

    family = "t5"
    fields: ClassVar = {
        "d_ff": "d_ff",
        "d_k": "d_kv",
        "decoder_layers": "num_decoder_layers",
        "dropout": "dropout_rate",
        "epsilon": "layer_norm_epsilon",
        "buckets": "relative_attention_num_buckets",
        "max_distance": "relative_attention_max_distance",
        "activation": "dense_act_fn",
        "gated": "is_gated_act",
    }
    choices: ClassVar = {
        "positions": 0,
        "pre_norm": True,
        "norm": nn.RMSNorm,
        "bias": False,
        "scaled": False,
    }
    computes: ClassVar = {
        "is_encoder_decoder": [True],
        "dense_act_fn": ACTIVATIONS,
        "scale_decoder_outputs": [True],
    }
    names: ClassVar = {
        r".*EncDecAttention\.relative_attention_bias.*": "",
        r"^shared|^lm_head|^(en|de)coder\.embed_tokens": "token",
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
    }

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.token = nn.Embedding(config.vocab_size, config.d_model)
        self.encoder = Stack(config)
        layers = config.decoder_layers or config.layers
        self.decoder = Stack(replace(config, layers=layers), causal=True, cross=True)
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


class Llama(Pretrained):
    """A decoder as they are built today — Touvron et al. (2023), section 2.2.

    Next to GPT: the positions turn queries and keys, the norm is RMSNorm, the
    feed-forward network SwiGLU, and several heads of queries share one of keys and
    values. No linear map has a bias.
    """

    family = "llama"
    fields: ClassVar = {
        "d_ff": "intermediate_size",
        "d_k": "head_dim",
        "key_value_heads": "num_key_value_heads",
        "epsilon": "rms_norm_eps",
        "positions": "max_position_embeddings",
        "theta": "rope_theta",
        "activation": "hidden_act",
    }
    choices: ClassVar = {
        "dropout": 0.0,
        "pre_norm": True,
        "norm": nn.RMSNorm,
        "gated": True,
        "bias": False,
    }
    computes: ClassVar = {
        "hidden_act": ACTIVATIONS,
        "rope_type": ["default"],  # no scaling
        "rope_interleaved": [False],
        "tie_word_embeddings": [True],
    }
    names: ClassVar = {
        r"^model\.": "",
        r"^score\..*|.*rotary_emb\.inv_freq": "",
        r"^embed_tokens|^lm_head": "token",
        r"^layers": "decoder.blocks",
        r"^norm": "decoder.final_norm",
        r"self_attn": "attention",
        r"input_layernorm": "attention_norm",
        r"post_attention_layernorm": "feed_forward_norm",
        r"mlp": "feed_forward",
        r"q_proj": "query",
        r"k_proj": "key",
        r"v_proj": "value",
        r"o_proj": "output",
        r"gate_proj": "gate",
        r"up_proj": "inner",
        r"down_proj": "outer",
    }

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.positions = config.positions
        self.token = _embedding(config.vocab_size, config.d_model)
        self.decoder = Stack(config, causal=True)

    def forward(
        self,
        input_ids: Int[Tensor, "batch length"],
        attention_mask: Int[Tensor, "batch past_and_length"] | None = None,
        cache: list[KeyValueCache] | None = None,
    ) -> Float[Tensor, "batch length vocab_size"]:
        """The logits of the token that follows each token.

        Args:
            attention_mask: 1 for a token, 0 for padding, on either side: no token looks
                at it, and it takes no position. What comes out there means nothing.
                With a cache, of its tokens and then of `input_ids`.
            cache: From `decoder.new_cache()`. It remembers the tokens of each call, so
                that the next call is given only those that are new.

        Raises:
            LabError: if there are more tokens than positions, or the mask has not a
                column for each token.
        """
        past = cache[0].length if cache else 0
        tokens = past + input_ids.size(-1)
        _check_length(tokens, self.positions)
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids[:, :1]).expand(-1, tokens)
        if attention_mask.size(-1) != tokens:
            raise LabError(
                f"the attention mask has {attention_mask.size(-1)} columns for {past} "
                f"tokens in the cache and {input_ids.size(-1)} new ones.",
                "Give a column for each: those of the cache first.",
            )
        positions = (attention_mask.cumsum(-1) - 1).clamp(min=0)[:, past:]
        mask, embedded = padding_mask(attention_mask), self.token(input_ids)
        states = self.decoder(embedded, mask, cache, positions=positions)
        return states[-1] @ self.token.weight.T
