"""What `generate` promises."""

import pytest
import torch
from tiny import gpt, labelled, t5, word_tokenizer

from labkit.errors import LabError
from labkit.training import generate


@pytest.fixture(scope="module", params=[t5, gpt])
def model(request):
    """With weights so large that no two texts are alike."""
    model = request.param()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= 16 if parameter.ndim > 1 else 1
    return model


ROWS = [{"input_ids": row["input_ids"]} for row in labelled(21, seed=1)]


def alone(model, row, **options) -> str:
    ids = torch.tensor([row["input_ids"]])
    with torch.no_grad():
        written = model.eval().generate(ids, max_new_tokens=12, **options)[0]
    start = 0 if model.config.is_encoder_decoder else ids.shape[1]
    return word_tokenizer().decode(written[start:], skip_special_tokens=True)


@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_every_text_is_token_for_token_the_one_written_alone(model, batch_size):
    texts = generate(
        model,
        word_tokenizer(),
        ROWS,
        max_new_tokens=12,
        batch_size=batch_size,
        precision="fp32",
    )
    assert texts == [alone(model, row, do_sample=False) for row in ROWS]
    assert len(set(texts)) > 15  # so that the order is seen


def test_options_are_those_of_the_models_own_generate(model):
    options = {"num_beams": 3, "no_repeat_ngram_size": 2}
    texts = generate(
        model, word_tokenizer(), ROWS, max_new_tokens=12, precision="fp32", **options
    )
    expected = [alone(model, row, do_sample=False, **options) for row in ROWS]
    assert texts == expected
    assert texts != generate(
        model, word_tokenizer(), ROWS, max_new_tokens=12, precision="fp32"
    )


def test_it_is_greedy_whatever_the_models_own_settings_say(model):
    before = generate(model, word_tokenizer(), ROWS, precision="fp32")
    model.generation_config.do_sample = True
    model.generation_config.num_beams = 2
    try:
        assert generate(model, word_tokenizer(), ROWS, precision="fp32") == before
    finally:
        model.generation_config.do_sample = False
        model.generation_config.num_beams = 1


def test_texts_are_tokenized_and_a_decoders_tokenizer_may_lack_padding(model):
    texts = [" ".join(f"w{number:02}" for number in row["input_ids"]) for row in ROWS]
    tokenizer = word_tokenizer(padding=model.config.is_encoder_decoder)
    from_texts = generate(model, tokenizer, texts, precision="fp32")
    w00_is_a_word = [text.replace("w00", "").split() for text in from_texts]
    from_rows = generate(model, word_tokenizer(), ROWS, precision="fp32")
    assert w00_is_a_word == [text.split() for text in from_rows]


def test_the_longest_come_first_in_batches_of_like_length(model, monkeypatch):
    widths, original = [], model.generate

    def noting(**options):
        widths.append(options["input_ids"].shape[1])
        return original(**options)

    monkeypatch.setattr(model, "generate", noting)
    generate(model, word_tokenizer(), ROWS, batch_size=4, max_new_tokens=2)
    lengths = sorted((len(row["input_ids"]) for row in ROWS), reverse=True)
    assert widths == lengths[::4]


@pytest.mark.parametrize(
    ("inputs", "said"), [([], "no inputs"), ([*ROWS, ""], "input 21 has no tokens")]
)
def test_nothing_to_go_on_from_is_refused(model, inputs, said):
    with pytest.raises(LabError, match=said):
        generate(model, word_tokenizer(), inputs)
