"""What `from_pretrained` opens gives its namesake's numbers; what cannot is refused."""

import json

import pytest
import torch
from test_transformer import (
    both,
    close,
    random,
    rewrite,
    tiny_bert,
    tiny_gpt,
    tiny_llama,
    tiny_t5,
)
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForMultipleChoice,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    GPT2Config,
    LlamaConfig,
    LlamaForSequenceClassification,
    T5Config,
    T5EncoderModel,
    T5ForConditionalGeneration,
)

from labkit import LabError
from labkit.models import GPT, Config
from labkit.models.transformer import BERT, T5, Llama

IDS = torch.tensor([[5, 9, 2, 7, 7, 3], [8, 3, 4, 6, 2, 9]])

# Another value of every field, by what becomes of it.
HARMLESS = {  # in each family: no logit depends on it
    "transformers_version": "4.0.0",
    "architectures": ["Another"],
    "output_hidden_states": True,
    "output_attentions": True,
    "return_dict": True,
    "dtype": "float32",
    "chunk_size_feed_forward": 2,
    "id2label": {"0": "no", "1": "yes"},
    "label2id": {"no": 0, "yes": 1},
    "problem_type": "regression",
    "_name_or_path": "elsewhere",
    "use_cache": False,
    "pad_token_id": 3,
    "bos_token_id": 4,
    "eos_token_id": 5,
    "initializer_range": 0.5,
}
BERTS = {
    "vocab_size": 70,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 6,
    "intermediate_size": 30,
    "max_position_embeddings": 20,
    "layer_norm_eps": 0.1,
}
GPTS = {
    "vocab_size": 70,
    "n_embd": 32,
    "n_layer": 2,
    "n_head": 6,
    "n_positions": 20,
    "n_inner": 30,
    "activation_function": "relu",
    "layer_norm_epsilon": 0.1,
    "scale_attn_weights": False,
}
T5S = {
    "vocab_size": 70,
    "d_model": 32,
    "d_kv": 7,
    "d_ff": 30,
    "num_layers": 2,
    "num_decoder_layers": 1,
    "num_heads": 6,
    "relative_attention_num_buckets": 4,
    "relative_attention_max_distance": 6,
    "layer_norm_epsilon": 0.1,
    "feed_forward_proj": "gated-gelu",
}
LLAMAS = {
    "vocab_size": 70,
    "hidden_size": 32,
    "intermediate_size": 30,
    "num_hidden_layers": 2,
    "num_attention_heads": 6,
    "num_key_value_heads": 1,
    "head_dim": 10,
    "hidden_act": "gelu",
    "max_position_embeddings": 20,
    "rms_norm_eps": 0.1,
    "rope_parameters": {"rope_type": "default", "rope_theta": 50.0},
}
FAMILIES = {
    BERT: (
        tiny_bert,
        BertConfig,
        {**BERTS, "hidden_act": "relu"},
        HARMLESS
        | dict.fromkeys(["hidden_dropout_prob", "attention_probs_dropout_prob"], 0.3)
        | {"classifier_dropout": 0.3, "tie_word_embeddings": False}
        | {"is_encoder_decoder": True},
        {
            "hidden_act": "tanh",
            "type_vocab_size": 3,
            "is_decoder": True,
            "add_cross_attention": True,
        },
    ),
    GPT: (
        tiny_gpt,
        GPT2Config,
        GPTS,
        HARMLESS
        | dict.fromkeys(["resid_pdrop", "embd_pdrop", "attn_pdrop"], 0.3)
        | {"summary_type": "last", "summary_activation": "tanh"}
        | {"summary_use_proj": False, "summary_proj_to_labels": False}
        | {"summary_first_dropout": 0.3, "reorder_and_upcast_attn": True}
        | {"is_encoder_decoder": True},
        {
            "activation_function": "tanh",
            "scale_attn_by_inverse_layer_idx": True,
            "add_cross_attention": True,
            "tie_word_embeddings": False,
        },
    ),
    T5: (
        tiny_t5,
        T5Config,
        T5S,
        HARMLESS
        | {"dropout_rate": 0.3, "classifier_dropout": 0.3, "initializer_factor": 0.5},
        {
            "is_encoder_decoder": False,
            "is_decoder": True,
            "feed_forward_proj": "gated-tanh",
            "dense_act_fn": "tanh",
            "scale_decoder_outputs": False,
            "tie_word_embeddings": False,
        },
    ),
    Llama: (
        tiny_llama,
        LlamaConfig,
        LLAMAS,
        HARMLESS
        | {"attention_dropout": 0.3, "pretraining_tp": 2, "is_encoder_decoder": True},
        {
            "hidden_act": "tanh",
            "rope_parameters": {"rope_type": "linear", "factor": 2.0},
            "attention_bias": True,
            "mlp_bias": True,
            "tie_word_embeddings": False,
        },
    ),
}
AGREE = [
    (ours, field, value)
    for ours, (_, _, honoured, harmless, _) in FAMILIES.items()
    for field, value in (honoured | harmless).items()
]
AGREE += [
    (BERT, "hidden_act", "silu"),
    (GPT, "activation_function", "silu"),
    (T5, "feed_forward_proj", "gated-silu"),
    (Llama, "num_key_value_heads", None),  # as many as there are heads
    (Llama, "head_dim", None),
]
REFUSED = [
    (ours, field, value)
    for ours, (*_, refused) in FAMILIES.items()
    for field, value in refused.items()
]
REFUSED += [
    (Llama, "rope_parameters", {"rope_type": "default", "partial_rotary_factor": 0.5}),
    (Llama, "rope_scaling", {"type": "dynamic", "factor": 2.0}),  # as of old
    (Llama, "rope_interleaved", True),
]


def answers(model, *, ours=False):
    """Logits, or the last hidden states of a BERT."""
    with torch.no_grad():
        if isinstance(model, T5 | T5ForConditionalGeneration):
            name = "decoder_input_ids"
            said = model(input_ids=IDS, **{name: IDS[:, :4]})
        else:
            said = model(IDS)
    if ours:
        return said[-1] if isinstance(said, list) else said
    return said.last_hidden_state if hasattr(said, "last_hidden_state") else said.logits


@pytest.mark.parametrize("ours", FAMILIES, ids=lambda model: model.__name__)
def test_every_field_of_the_namesakes_configuration_is_tried(ours):
    _, config, *tables = FAMILIES[ours]
    tried = {"model_type", "is_gated_act"}.union(*tables)  # the latter: by `…_proj`
    assert {*config().to_dict()} - tried == set()


@pytest.mark.parametrize(("ours", "field", "value"), AGREE)
def test_a_field_that_we_honour_or_that_does_not_matter_gives_the_same_numbers(
    tmp_path, ours, field, value
):
    tiny, *_ = FAMILIES[ours]
    fields = {field: value, "attn_implementation": "eager"}
    model, theirs = both(ours, lambda: tiny(**fields), tmp_path)
    close(answers(model, ours=True), answers(theirs))


@pytest.mark.parametrize(("ours", "field", "value"), REFUSED)
def test_a_field_that_we_do_not_compute_is_refused_by_its_name(
    tmp_path, ours, field, value
):
    FAMILIES[ours][0]().save_pretrained(tmp_path)
    told = change(tmp_path, **{field: value})
    rope = "rope_type|partial_rotary_factor|type"
    said = f"scale_decoder_outputs|dense_act_fn|{rope}|{field}"
    with pytest.raises(LabError, match=f"({said}).* is .* computes with") as refusal:
        ours.from_pretrained(tmp_path)
    assert "transformers" in str(refusal.value)
    assert told[field] == value


def change(folder, **fields):
    """As if whoever saved the folder had said so."""
    path = folder / "config.json"
    told = json.loads(path.read_text()) | fields
    if "feed_forward_proj" in fields:
        del told["dense_act_fn"], told["is_gated_act"]
    if "tie_word_embeddings" in fields:
        told.pop("scale_decoder_outputs", None)
    path.write_text(json.dumps(told))
    return told


@pytest.mark.parametrize(
    ("ours", "field", "value"),
    [
        (ours, field, value)
        for ours in FAMILIES
        for field, value in [
            ("position_embedding_type", "relative_key"),
            ("rope_theta", 10_000),
            ("quantization_config", {"load_in_8bit": True}),
            ("pruned_heads", {"0": [1]}),
        ]
        if (ours, field) != (Llama, "rope_theta")  # which that one knows
    ],
)
def test_a_field_that_nobody_knows_is_refused_unless_it_says_nothing(
    tmp_path, ours, field, value
):
    FAMILIES[ours][0]().save_pretrained(tmp_path)
    change(tmp_path, **{field: value})
    with pytest.raises(LabError, match=field):
        ours.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    ("ours", "fields"),
    [
        (
            BERT,
            {"gradient_checkpointing": False, "position_embedding_type": "absolute"},
        ),
        (BERT, {"pruned_heads": {}, "torchscript": False, "torch_dtype": "float32"}),
        (GPT, {"n_ctx": 32, "task_specific_params": {"text-generation": {}}}),
        (T5, {"n_positions": 512, "output_past": True, "prefix": "summarize: "}),
        (
            Llama,
            {"rope_scaling": None, "rope_interleaved": False, "_name_or_path": "."},
        ),
        (Llama, {"is_llama_config": True, "transformers.js_config": {"dtype": "q4"}}),
    ],
)
def test_what_published_configurations_say_besides_is_no_obstacle(
    tmp_path, ours, fields
):
    model, _ = both(ours, FAMILIES[ours][0], tmp_path)
    change(tmp_path, **fields)
    again = ours.from_pretrained(tmp_path)
    assert torch.equal(answers(again, ours=True), answers(model, ours=True))


@pytest.mark.parametrize("ours", FAMILIES, ids=lambda model: model.__name__)
def test_half_precision_is_opened_in_float32(tmp_path, ours):
    theirs = random(FAMILIES[ours][0]()).bfloat16()
    theirs.save_pretrained(tmp_path)
    close(answers(ours.from_pretrained(tmp_path), ours=True), answers(theirs.float()))


# --- folders ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "task",
    [
        BertForMaskedLM,
        BertForMultipleChoice,
        BertForQuestionAnswering,
        BertForSequenceClassification,
        BertForTokenClassification,
    ],
)
def test_a_checkpoint_with_a_head_opens_as_the_encoder_below_it(tmp_path, task):
    model, theirs = both(BERT, lambda: tiny_bert(task), tmp_path)
    close(answers(model, ours=True), answers(theirs.bert))


def test_a_llama_that_classifies_opens_as_the_language_model_below_it(tmp_path):
    fields = {"num_labels": 3, "tie_word_embeddings": True}
    theirs = tiny_llama(LlamaForSequenceClassification, **fields)
    theirs.save_pretrained(tmp_path)
    states = theirs.eval().model(IDS).last_hidden_state
    words = theirs.model.embed_tokens.weight
    with torch.no_grad():
        close(Llama.from_pretrained(tmp_path)(IDS), states @ words.T)


def test_a_llamas_theta_may_stand_where_it_stood_of_old(tmp_path):
    theta = {"rope_parameters": {"rope_type": "default", "rope_theta": 50.0}}
    model, _ = both(Llama, lambda: tiny_llama(**theta), tmp_path)
    told = change(tmp_path, rope_theta=50)
    del told["rope_parameters"]
    (tmp_path / "config.json").write_text(json.dumps(told))
    again = Llama.from_pretrained(tmp_path)
    assert torch.equal(answers(again, ours=True), answers(model, ours=True))
    told["rope_theta"] = 60
    (tmp_path / "config.json").write_text(json.dumps(told))
    other = Llama.from_pretrained(tmp_path)
    assert not torch.equal(answers(other, ours=True), answers(model, ours=True))


@pytest.mark.parametrize("ours", FAMILIES, ids=lambda model: model.__name__)
def test_a_checkpoint_in_several_files_opens_as_in_one(tmp_path, ours):
    model, theirs = both(ours, FAMILIES[ours][0], tmp_path / "one")
    theirs.save_pretrained(tmp_path / "several", max_shard_size="20KB")
    assert (tmp_path / "several" / "model.safetensors.index.json").exists()
    again = ours.from_pretrained(tmp_path / "several")
    assert torch.equal(answers(again, ours=True), answers(model, ours=True))
    next((tmp_path / "several").glob("model-00002*")).unlink()
    with pytest.raises(LabError, match="Missing key"):
        ours.from_pretrained(tmp_path / "several")


def test_a_folder_without_a_model_is_told_so(tmp_path):
    with pytest.raises(LabError, match=r"no config.json in .*tale"):
        BERT.from_pretrained(tmp_path / "tale")
    tiny_gpt().config.save_pretrained(tmp_path)
    with pytest.raises(LabError, match=r"no model\.safetensors"):
        GPT.from_pretrained(tmp_path)
    tiny_t5(T5EncoderModel).save_pretrained(tmp_path)
    with pytest.raises(LabError, match="is_encoder_decoder is False"):
        T5.from_pretrained(tmp_path)
    tiny_t5().save_pretrained(tmp_path)
    rewrite(tmp_path, lambda weights: {n: t[:2].clone() for n, t in weights.items()})
    with pytest.raises(LabError, match="not those that its configuration says"):
        T5.from_pretrained(tmp_path)


# --- what a model cannot take -------------------------------------------------------


def test_more_tokens_than_positions_are_refused_in_words():
    config = Config(60, 24, 4, 40, layers=1, positions=8, pre_norm=True)
    bert, gpt, llama = BERT(config), GPT(config), Llama(config)
    for model in (bert, gpt, llama):
        model(torch.ones(1, 8, dtype=torch.long))
        with pytest.raises(LabError, match=r"9 tokens .* 8 positions"):
            model(torch.ones(1, 9, dtype=torch.long))
    for model in (gpt, llama):
        cache = model.decoder.new_cache()
        model(torch.ones(1, 6, dtype=torch.long), cache=cache)
        with pytest.raises(LabError, match=r"10 tokens .* 8 positions"):
            model(torch.ones(1, 4, dtype=torch.long), cache=cache)


@pytest.mark.parametrize("activation", ["swish", "gelu_fast", "GELU"])
def test_an_activation_that_is_not_here_is_refused_in_words(activation):
    with pytest.raises(LabError, match=rf"no activation '{activation}'.*\n.*gelu_new"):
        Config(60, 24, 4, 40, layers=1, activation=activation)
