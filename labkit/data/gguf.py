"""A Llama in one GGUF file, llama.cpp's format, as a folder for `from_pretrained`.

The weights are dequantised by the `gguf` package's own code. Two things are put back as
they were before llama.cpp's converter: the order of the rows of queries and keys, which
it changes to rotate neighbours instead of halves, and the rule that splits text before
BPE, which the file only names. Nothing here needs torch or transformers.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.errors import LabError

if TYPE_CHECKING:
    import numpy as np
    from tokenizers import Tokenizer

_CONTROL, _USER_DEFINED = 3, 4  # of llama.cpp's types of tokens
_OF_MODEL = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",  # absent where the embedding is it, too
}
_OF_LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def convert(path: Path) -> None:
    """Put an ordinary Hugging Face folder's files in the place of a GGUF file.

    The weights are kept in float16: what rounding to it changes is small beside the
    steps of the quantisation. The configuration asks for float32, so that
    `from_pretrained` computes in it. Takes about twice the size of the float16 weights
    in memory.

    Args:
        path: The file. Once read it is removed, and its folder receives the others.

    Raises:
        LabError: if it is no GGUF, cut short, not of a Llama, or of a tokenizer whose
            rule for splitting text is not known here.
        OSError: if the folder cannot be written.
    """
    from safetensors.numpy import save

    texts, weights = _read(path)
    path.unlink()  # before its place is needed
    for name, text in texts.items():
        (path.parent / name).write_text(text, "utf-8")
    packed = save(weights, metadata={"format": "pt"})
    (path.parent / "model.safetensors").write_bytes(packed)


def _read(path: Path) -> "tuple[dict[str, str], dict[str, np.ndarray]]":
    """The files of text, and the weights; nothing holds the file open afterwards."""
    from gguf import GGUFReader

    try:
        reader = GGUFReader(path)
    except (ValueError, LookupError, OverflowError) as error:
        why = f"It is no GGUF file, or cut short ({type(error).__name__}: {error})."
        raise _refusal(path, why) from error
    fields = {name: field.contents() for name, field in reader.fields.items()}
    architecture = fields.get("general.architecture")
    if architecture != "llama":
        raise _refusal(path, f"Its architecture is {architecture!r}, not 'llama'.")
    try:
        config = _config(fields, {tensor.name for tensor in reader.tensors})
        settings = {
            "config.json": config,
            "generation_config.json": _special_ids(fields),
            "tokenizer_config.json": _tokenizer_config(fields),
        }
        rule = fields["tokenizer.ggml.model"], fields["tokenizer.ggml.pre"]
        if rule != ("gpt2", "smollm"):
            raise _refusal(path, f"Its rule for splitting text is not known: {rule}.")
        tokenizer = _tokenizer(fields)
    except KeyError as error:
        raise _refusal(path, f"It does not say {error}.") from error
    texts = {name: json.dumps(values, indent=2) for name, values in settings.items()}
    texts["tokenizer.json"] = tokenizer.to_str()
    return texts, _weights(path, reader.tensors, config)


def _config(fields: dict[str, Any], tensors: set[str]) -> dict[str, Any]:
    import numpy as np

    def of(key: str) -> Any:
        return fields[f"llama.{key}"]

    epsilon = np.float32(of("attention.layer_norm_rms_epsilon"))
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "dtype": "float32",
        **_special_ids(fields),
        "vocab_size": len(fields["tokenizer.ggml.tokens"]),
        "max_position_embeddings": of("context_length"),
        "hidden_size": of("embedding_length"),
        "intermediate_size": of("feed_forward_length"),
        "num_hidden_layers": of("block_count"),
        "num_attention_heads": of("attention.head_count"),
        "num_key_value_heads": of("attention.head_count_kv"),
        "head_dim": of("rope.dimension_count"),
        "hidden_act": "silu",
        "rms_norm_eps": float(str(epsilon)),  # 1e-5, not the float32 nearest to it
        "rope_parameters": {"rope_theta": of("rope.freq_base"), "rope_type": "default"},
        "tie_word_embeddings": "output.weight" not in tensors,
        "attention_bias": False,
        "mlp_bias": False,
    }


def _special_ids(fields: dict[str, Any]) -> dict[str, int]:
    names = {"bos": "bos", "eos": "eos", "pad": "padding"}
    return {
        f"{ours}_token_id": fields[f"tokenizer.ggml.{theirs}_token_id"]
        for ours, theirs in names.items()
    }


def _tokenizer_config(fields: dict[str, Any]) -> dict[str, Any]:
    tokens = fields["tokenizer.ggml.tokens"]
    ids = _special_ids(fields)
    ids["unk_token_id"] = fields["tokenizer.ggml.unknown_token_id"]
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        **{name.removesuffix("_id"): tokens[number] for name, number in ids.items()},
        "model_max_length": fields["llama.context_length"],
        "clean_up_tokenization_spaces": False,
        "chat_template": fields["tokenizer.chat_template"],
    }


def _tokenizer(fields: dict[str, Any]) -> "Tokenizer":
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    tokens: list[str] = fields["tokenizer.ggml.tokens"]
    kinds: list[int] = fields["tokenizer.ggml.token_type"]
    merges = [tuple(pair.split(" ")) for pair in fields["tokenizer.ggml.merges"]]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    # What llama.cpp calls "smollm": each digit alone, then GPT-2's words.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens(
        [
            AddedToken(token, special=kind == _CONTROL, normalized=False)
            for token, kind in zip(tokens, kinds, strict=True)
            if kind in (_CONTROL, _USER_DEFINED)
        ]
    )
    return tokenizer


def _weights(
    path: Path, tensors: list[Any], config: dict[str, Any]
) -> "dict[str, np.ndarray]":
    """The tensors by their names in transformers, in float16."""
    import numpy as np
    from gguf import dequantize
    from tqdm.auto import tqdm

    names = {f"{name}.weight": f"{to}.weight" for name, to in _OF_MODEL.items()}
    if config["tie_word_embeddings"]:
        del names["output.weight"]
    for layer in range(config["num_hidden_layers"]):
        for name, to in _OF_LAYER.items():
            names[f"blk.{layer}.{name}.weight"] = f"model.layers.{layer}.{to}.weight"
    if different := {tensor.name for tensor in tensors} ^ {*names}:
        why = f"Of {min(different)}, it has what a plain Llama has not, or lacks it."
        raise _refusal(path, why)
    heads = {
        "attn_q": config["num_attention_heads"],
        "attn_k": config["num_key_value_heads"],
    }
    weights = {}
    for tensor in tqdm(tensors, desc=f"Converting {path.name}", unit="tensor"):
        value = dequantize(tensor.data, tensor.tensor_type)
        count = heads.get(tensor.name.split(".")[-2])
        if count:  # neighbours that were rotated together, back to halves
            pairs = value.reshape(count, -1, 2, value.shape[1])
            value = pairs.swapaxes(1, 2).reshape(value.shape)
        weights[names[tensor.name]] = np.ascontiguousarray(value, np.float16)
    return weights


def _refusal(path: Path, why: str) -> LabError:
    return LabError(
        f"{path.name} cannot be made into weights that `from_pretrained` reads.",
        why,
        "Run `make lab` to install the versions that the course was made with, and "
        "fetch it again.",
    )
