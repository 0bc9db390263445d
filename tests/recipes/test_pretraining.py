"""The course's own T5: what it read, what it was asked, what came out."""

import itertools
import re
import unicodedata

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from labkit.data import load, normalise, split_of
from labkit.data.wheels import OWN_WEIGHTS
from labkit.models import NO_LOSS, reassemble
from labkit.models.transformer import T5
from labkit.recipes import pretraining
from labkit.training import generate, mean_loss

FIRST_SENTINEL = pretraining.VOCABULARY - 1
OURS = OWN_WEIGHTS / "seq2seq"


@pytest.fixture(scope="module")
def held_out():
    return pretraining.HeldOut.of_every_corpus()


@pytest.fixture(scope="module")
def tokenizer():
    """As the recipe makes it, of less text."""
    return pretraining.train_tokenizer(pretraining.passages()[::8])


def every_summary():
    also = pretraining.summaries(pretraining.ALSO_DOCUMENTED)
    return pretraining.summaries() + also


def normalised_text():
    pairs = pretraining.pairs() + every_summary()
    texts = pretraining.passages() + [text for pair in pairs for text in pair]
    return [normalise(text) for text in texts]


class TestTheText:
    def test_nothing_that_a_lesson_tests_on_is_in_it(self, held_out):
        text = normalised_text()
        assert not held_out.texts & {*text}
        joined = f" {' | '.join(text)} "  # | is in no normalised text
        long = sorted(t for t in held_out.texts if len(t.split()) >= pretraining.LONG)
        assert len(long) > 5_000
        found = [t for t in long[:: len(long) // 200] if f" {t} " in joined]
        assert found == []

    def test_the_held_out_texts_are_those_of_every_corpus(self, held_out):
        for name, row in {
            "translation": lambda row: row["translation"]["fr"],
            "summaries": lambda row: row["summary"],
            "questions": lambda row: row["context"],
            "prose": lambda row: row["text"],
        }.items():
            for split in ("validation", "test"):
                assert row(load(name)[split][3]) in held_out

    @settings(max_examples=200, deadline=None)
    @given(st.data())
    def test_a_text_is_held_out_if_it_is_one_or_contains_a_long_one(self, data):
        words = st.lists(st.sampled_from("abc"), min_size=1, max_size=7)
        known = {" ".join(data.draw(words)) for _ in range(3)}
        text = " ".join(data.draw(words))
        ours = pretraining.HeldOut(known)
        within = any(
            f" {each} " in f" {text} "
            for each in known
            if len(each.split()) >= pretraining.LONG
        )
        assert (text in ours) == (text in known or within)

    def test_none_of_it_spells_a_special_token(self):
        asked = [text for pair in every_summary() for text in pair]
        read = pretraining.passages() + asked
        assert [text for text in read if "<extra_id_0>" in text] == []

    def test_documentation_is_of_the_train_split(self):
        read = pretraining.passages()
        heads = [line for line in read if re.match(r"(numpy|scipy)[\w.]+: \w", line)]
        assert len(heads) > 500
        for head in heads[:500]:
            assert split_of(head.partition(": ")[2]) == "train"

    def test_a_summary_is_none_of_the_corpus_that_a_lesson_fine_tunes_on(self):
        asked = every_summary()
        assert len(asked) > 15_000
        taught = {*load("summaries")["train"]["summary"]}
        for _, summary in asked:
            assert summary not in taught
            assert split_of(summary) == "train"


class TestTheTokenizer:
    @given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
    def test_no_text_is_lost(self, tokenizer, text):
        plain = " ".join(unicodedata.normalize("NFC", text).split())
        if "<" in plain or "▁" in plain:  # a special token, the sign for a space
            return
        ids = tokenizer(plain).input_ids
        assert tokenizer.unk_token_id not in ids
        assert tokenizer.decode(ids, skip_special_tokens=True) == plain

    def test_its_special_tokens_are_where_t5_has_them(self, tokenizer):
        tokens = ["<pad>", "</s>", "<unk>", "<extra_id_0>", "<extra_id_99>"]
        ids = [0, 1, 2, FIRST_SENTINEL, FIRST_SENTINEL - 99]
        assert tokenizer.convert_tokens_to_ids(tokens) == ids
        assert len(tokenizer) == pretraining.VOCABULARY
        assert tokenizer("a").input_ids[-1] == tokenizer.eos_token_id


class TestTheTasks:
    def test_windows_are_the_texts_one_after_the_other(self, tokenizer):
        texts = [f"This is the text number {i}, in words." for i in range(200)]
        rows = pretraining.windows(tokenizer, texts, separator=[1])
        stream = [token for row in rows for token in row["input_ids"]]
        assert {len(row["input_ids"]) for row in rows} == {pretraining.WINDOW}
        decoded = tokenizer.decode(stream).split("</s>")
        assert {text.strip() for text in decoded[:-1]} <= {*texts}
        assert len({*decoded}) > 150

    def test_spans_are_cut_anew_each_time_and_lose_nothing(self, tokenizer):
        texts = ["Once upon a time there was a king who had a daughter."] * 40
        rows = pretraining.windows(tokenizer, texts, separator=[])
        torch.manual_seed(0)
        first, second = (pretraining.collate(rows) for _ in range(2))
        assert not torch.equal(first["labels"], second["labels"])
        for row, read, written in zip(
            rows, first["input_ids"].tolist(), first["labels"].tolist(), strict=True
        ):
            whole = reassemble(
                [token for token in read if token],
                [token for token in written if token != NO_LOSS],
                first_sentinel=FIRST_SENTINEL,
            )
            assert whole == row["input_ids"]

    def test_a_translation_is_left_as_it_is_and_padded(self, tokenizer):
        pairs = [("Close", "Fermer"), ("Restart the kernel", "Redémarrer le noyau")]
        batch = pretraining.collate(
            pretraining.task(tokenizer, pretraining.TRANSLATE, pairs)
        )
        read = tokenizer.batch_decode(batch["input_ids"], skip_special_tokens=True)
        assert read == [pretraining.TRANSLATE + english for english, _ in pairs]
        labels = batch["labels"].masked_fill(batch["labels"] == NO_LOSS, 0)
        written = tokenizer.batch_decode(labels, skip_special_tokens=True)
        assert written == [french for _, french in pairs]
        assert (batch["labels"] == NO_LOSS).any()
        assert torch.equal(batch["attention_mask"], (batch["input_ids"] != 0).long())


@pytest.mark.slow
def test_a_run_that_was_stopped_gives_the_same_weights(
    tokenizer, tmp_path, monkeypatch
):
    some = pretraining.passages()[:60], pretraining.pairs()[:20], [("a", "b")] * 4
    monkeypatch.setattr(pretraining, "passages", lambda: some[0])
    monkeypatch.setattr(pretraining, "pairs", lambda: some[1])
    monkeypatch.setattr(pretraining, "summaries", lambda *libraries: some[2])
    stages = dict.fromkeys(pretraining.STAGES, (1, 1e-3))
    monkeypatch.setattr(pretraining, "STAGES", stages)
    monkeypatch.setattr(pretraining, "CHECKPOINT_EVERY", 2)
    whole, stopped = tmp_path / "whole" / "t5", tmp_path / "stopped" / "t5"
    for folder in (whole, stopped):
        tokenizer.save_pretrained(folder)
    pretraining.pretrain(whole, batch_size=4)

    def stop():
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        real, calls = pretraining.collate, itertools.count()
        patch.setattr(
            pretraining,
            "collate",
            lambda rows: real(rows) if next(calls) < 3 else stop(),
        )
        with pytest.raises(KeyboardInterrupt):
            pretraining.pretrain(stopped, batch_size=4)
    pretraining.pretrain(stopped, batch_size=4)
    one, other = (load_file(of / "model.safetensors") for of in (whole, stopped))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert_card_is_complete(whole)


def assert_card_is_complete(folder):
    card = (folder / "README.md").read_text("utf-8")
    for fact in ("characters", "tokens read", "## Loss", "scikit-learn", "cannot"):
        assert fact in card


@pytest.fixture(scope="module")
def own_tokenizer():
    return AutoTokenizer.from_pretrained(OURS)


class TestWhatCameOut:
    def test_the_loss_on_its_card_is_true(self, own_tokenizer):
        model = AutoModelForSeq2SeqLM.from_pretrained(OURS)
        assert model.dtype == torch.float32
        tales = load("prose")["validation"]["text"][:]
        rows = pretraining.windows(own_tokenizer, tales, [pretraining.EOS_ID])
        torch.manual_seed(0)
        card = (OURS / "README.md").read_text("utf-8")
        stated = float(re.search(r"never read \| ([\d.]+) nats", card)[1])
        loss = mean_loss(model, rows, pretraining.collate)
        assert loss == pytest.approx(stated, abs=0.02)

    def test_it_is_small_enough_to_ride_in_the_package(self):
        path = OURS / "model.safetensors"
        assert path.stat().st_size <= 24e6
        assert {t.dtype for t in load_file(path).values()} == {torch.bfloat16}

    def test_our_own_transformer_reads_it(self, own_tokenizer):
        ids = torch.tensor([own_tokenizer("Close the file").input_ids])
        start = torch.zeros(1, 1, dtype=torch.long)
        theirs = AutoModelForSeq2SeqLM.from_pretrained(OURS).eval()
        ours = T5.from_pretrained(OURS)
        with torch.no_grad():
            torch.testing.assert_close(
                ours(ids, start), theirs(input_ids=ids, decoder_input_ids=start).logits
            )

    def test_it_translates_a_word_that_every_interface_has(self, own_tokenizer):
        model = AutoModelForSeq2SeqLM.from_pretrained(OURS)
        (said,) = generate(model, own_tokenizer, [pretraining.TRANSLATE + "Cancel"])
        assert said == "Annuler"

    def test_its_card_says_what_it_read_and_what_it_cannot_do(self):
        assert_card_is_complete(OURS)
