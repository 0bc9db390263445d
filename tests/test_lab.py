"""The handle in profile full where there is no Hub."""

import pytest

from labkit import LabError, setup


@pytest.fixture
def no_hub(monkeypatch, tmp_path):
    """Nobody listens on the discard port, and the Hub's cache is empty."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))


def test_the_packaged_weights_stand_in_and_one_sentence_says_so(no_hub, capsys):
    lab = setup(profile="full")
    capsys.readouterr()
    assert lab.checkpoint("encoder") == setup(profile="quick").checkpoint("encoder")
    said = capsys.readouterr().out.splitlines()[0]
    assert "google-bert/bert-base-uncased" in said
    assert said.endswith("using the packaged encoder of profile quick instead.")


def test_the_packaged_corpus_stands_in_with_the_options_asked_for(no_hub, capsys):
    corpus = setup(profile="full").corpus("sentiment", balance=False)
    labels = corpus["train"]["label"][:]
    assert 0 < sum(labels) < len(labels) / 2
    assert "using the packaged sentiment" in capsys.readouterr().out


def test_topics_are_the_packaged_newswire_in_profile_quick_and_for_want_of_a_hub(
    no_hub, capsys
):
    quick = setup(profile="quick").corpus("topics")
    full = setup(profile="full").corpus("topics")
    assert len(quick["train"].features["label"].names) == 8
    assert full["test"]["text"][:9] == quick["test"]["text"][:9]
    assert "using the packaged topics" in capsys.readouterr().out


def test_a_role_that_does_not_exist_is_said_with_those_that_do(no_hub):
    with pytest.raises(LabError, match=r"encoder.*seq2seq"):
        setup().checkpoint("reader")


def test_the_courses_own_weights_stand_in_for_the_hubs(no_hub, capsys):
    from transformers import AutoModelForSeq2SeqLM

    model = AutoModelForSeq2SeqLM.from_pretrained(
        setup(profile="full").checkpoint("seq2seq")
    )
    assert model.num_parameters() < 12_000_000
    assert "using the packaged seq2seq" in capsys.readouterr().out


def test_the_checkpoint_is_what_from_pretrained_takes():
    from transformers import AutoModel, AutoTokenizer

    checkpoint = setup().checkpoint("encoder")
    assert AutoModel.from_pretrained(checkpoint).config.hidden_size == 384
    assert AutoTokenizer.from_pretrained(checkpoint)("hello").input_ids[0] == 101
