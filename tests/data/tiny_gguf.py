"""A Llama of 90,000 weights in a GGUF file, as llama.cpp's converter would write it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, quantize
from tokenizers.pre_tokenizers import ByteLevel

HIDDEN, FEED_FORWARD, LAYERS, HEADS, KEY_VALUE_HEADS = 64, 128, 2, 4, 2
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
MERGES = ["Ġ Ġ", "1 2", "h e", "l l", "he ll"]
TOKENS = [*SPECIAL, *sorted(ByteLevel.alphabet()), "ĠĠ", "12", "he", "ll", "hell"]
CHAT = "{% for m in messages %}<|im_start|>{{ m['content'] }}<|im_end|>{% endfor %}"
Weights = dict[str, np.ndarray]


def weights(tied: bool = True) -> Weights:
    """By GGUF's names, in transformers' order of rows; float16 holds them exactly."""
    random = np.random.default_rng(0)
    key_value = HIDDEN // HEADS * KEY_VALUE_HEADS
    shapes: dict[str, tuple[int, ...]] = {"token_embd": (len(TOKENS), HIDDEN)}
    for layer in range(LAYERS):
        of_layer = {
            "attn_norm": (HIDDEN,),
            "attn_q": (HIDDEN, HIDDEN),
            "attn_k": (key_value, HIDDEN),
            "attn_v": (key_value, HIDDEN),
            "attn_output": (HIDDEN, HIDDEN),
            "ffn_norm": (HIDDEN,),
            "ffn_gate": (FEED_FORWARD, HIDDEN),
            "ffn_up": (FEED_FORWARD, HIDDEN),
            "ffn_down": (HIDDEN, FEED_FORWARD),
        }
        shapes |= {f"blk.{layer}.{name}": shape for name, shape in of_layer.items()}
    shapes["output_norm"] = (HIDDEN,)
    if not tied:
        shapes["output"] = shapes["token_embd"]
    return {
        f"{name}.weight": random.normal(0, 0.3, shape).astype("f2").astype("f4")
        for name, shape in shapes.items()
    }


def write(
    path: Path,
    tensors: Weights | None = None,
    *,
    quantised: bool = True,
    architecture: str = "llama",
    rule: str = "smollm",
    without: Iterable[str] = (),
) -> Path:
    """Write it, and return its path.

    Args:
        quantised: Matrices to Q4_1 and the embedding to Q8_0; or nothing.
        without: Names of metadata to leave out.
    """
    writer = GGUFWriter(path, architecture)
    sizes = {
        "block_count": LAYERS,
        "context_length": 96,
        "embedding_length": HIDDEN,
        "feed_forward_length": FEED_FORWARD,
        "attention.head_count": HEADS,
        "attention.head_count_kv": KEY_VALUE_HEADS,
        "rope.dimension_count": HIDDEN // HEADS,
        "vocab_size": len(TOKENS),
    }
    said: dict[str, Any] = {f"{architecture}.{k}": v for k, v in sizes.items()}
    ids = {"bos": 1, "eos": 2, "unknown": 0, "padding": 2}
    said |= {f"tokenizer.ggml.{name}_token_id": ids[name] for name in ids}
    for name, number in said.items():
        if name not in without:
            writer.add_uint32(name, number)
    writer.add_rope_freq_base(100000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(rule)
    writer.add_token_list(TOKENS)
    writer.add_token_types([3 if token in SPECIAL else 1 for token in TOKENS])
    writer.add_token_merges(MERGES)
    writer.add_chat_template(CHAT)
    kinds = GGMLQuantizationType
    for name, value in (weights() if tensors is None else tensors).items():
        kind = kinds.Q8_0 if name == "token_embd.weight" else kinds.Q4_1
        if value.ndim == 1 or not quantised:
            kind = kinds.F32
        stored = quantize(_for_llama_cpp(name, value), kind)
        writer.add_tensor(name, stored, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _for_llama_cpp(name: str, value: np.ndarray) -> np.ndarray:
    """Queries and keys: what is rotated together, half a head apart, becomes pairs."""
    heads = {"attn_q": HEADS, "attn_k": KEY_VALUE_HEADS}.get(name.split(".")[-2])
    if heads is None:
        return value
    halves = value.reshape(heads, 2, -1, value.shape[1])
    return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(value.shape))
