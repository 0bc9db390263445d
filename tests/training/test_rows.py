"""What a model cannot read or learn is said before the first step."""

import warnings

import numpy as np
import pytest
import torch
from tiny import (
    SIZES,
    adapted,
    classifier,
    collate,
    gpt,
    labelled,
    llama,
    losses,
    masked,
    masked_lm,
    t5,
    unlabelled,
    word_tokenizer,
)
from torch import nn
from transformers import (
    BertConfig,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    RobertaConfig,
    RobertaForMaskedLM,
)

from labkit.errors import LabError
from labkit.training import embed, fit, generate, mean_loss, predict


def never(rows):
    raise AssertionError("a batch was made")


def refused(said, model, rows, collate=never, **options):
    with pytest.raises(LabError, match=said):
        fit(model, rows, collate, progress=False, **options)


def quiet(model, rows, collate=collate, **options):
    options = {"epochs": 1, "batch_size": 8} | options
    return fit(model, rows, collate, progress=False, precision="fp32", **options)


def bert(kind, **options):
    torch.manual_seed(0)
    return kind(BertConfig(**SIZES, **options))


class TestRowsThatCannotBeRead:
    @pytest.mark.parametrize(
        ("row", "said"),
        [
            ({"input_ids": [5] * 33}, "row 1: its input_ids are 33 tokens long"),
            ({"input_ids": [5, 50]}, "row 1: there is the id 50"),
            ({"input_ids": [5, -1]}, "row 1: there is the id -1"),
            ({"input_ids": []}, "row 1 has no tokens"),
            ({"input_ids": torch.tensor([[5, 6]])}, "row 1 has no tokens"),
            ({"input_ids": [5, 6], "attention_mask": [1]}, "attention_mask"),
            ({"input_ids": [5, 6], "attention_mask": [0, 0]}, "attention_mask"),
            ({}, "row 1 has no tokens"),
        ],
    )
    @pytest.mark.parametrize("ask", [fit, predict, mean_loss])
    def test_they_are_named_by_whatever_is_asked(self, ask, row, said):
        rows = [{"input_ids": [5], "labels": 0}, row | {"labels": 0}]
        with pytest.raises(LabError, match=said):
            ask(classifier(), rows, never)

    def test_positions_are_counted_as_the_model_counts_them(self):
        """RoBERTa's begin after its padding's; T5 has none."""
        roberta = RobertaForMaskedLM(RobertaConfig(**SIZES, pad_token_id=1))
        row = {"input_ids": [5] * 30}
        refused("31 tokens long", roberta, [row | {"input_ids": [5] * 31}])
        with torch.no_grad():
            roberta(torch.tensor([row["input_ids"]]))
        long = [{"input_ids": [5] * 600, "labels": [5]}]
        assert np.isfinite(mean_loss(t5(), long, collate_pairs))

    def test_a_decoder_needs_room_for_what_it_adds(self):
        with pytest.raises(LabError, match="row 1 has 100 tokens, and 29"):
            generate(gpt(), word_tokenizer(), ["w05", "w05 " * 100], max_new_tokens=29)

    @pytest.mark.parametrize("ask", [generate, embed])
    @pytest.mark.parametrize(
        ("inputs", "said"),
        [
            ("Open file", "inputs is one text"),
            (word_tokenizer()(["w05", "w06"]), "dictionary of input_ids"),
            ([{"text": "never tokenized"}], "input 0 is neither"),
            (["w05", 7], "input 1 is neither"),
            ([], "no inputs"),
        ],
    )
    def test_what_are_no_texts_and_no_rows(self, ask, inputs, said):
        with pytest.raises(LabError, match=said):
            ask(t5(), word_tokenizer(), inputs)


def collate_pairs(rows):
    return {name: torch.tensor([row[name] for row in rows]) for name in rows[0]}


MULTI = {"num_labels": 3, "problem_type": "multi_label_classification"}


class TestLabelsOfTheWrongKind:
    @pytest.mark.parametrize("label", ["good", 1.0, 2, -1, None, [1], True])
    def test_of_classes(self, label):
        rows = [{"input_ids": [5], "label": 0}, {"input_ids": [5], "label": label}]
        refused("row 1: its label is", classifier(), rows)

    @pytest.mark.parametrize("label", [[0, 1, 1], [0.0, 1.0], 1, "good"])
    def test_of_several_classes_at_once(self, label):
        rows = [{"input_ids": [5], "labels": label}]
        refused("row 0: its label", bert(BertForSequenceClassification, **MULTI), rows)

    @pytest.mark.parametrize("label", ["good", None, [0.5, 0.5]])
    def test_of_one_number(self, label):
        model = bert(BertForSequenceClassification, num_labels=1)
        refused(
            "learns numbers like 0.5, 1 a row",
            model,
            [{"input_ids": [5], "labels": label}],
        )

    @pytest.mark.parametrize("labels", [[0, 2], [0.0, 1.0], 1, ["a", "b"]])
    def test_of_tokens(self, labels):
        rows = [{"input_ids": [5, 6], "labels": labels}]
        refused("row 0: its label", bert(BertForTokenClassification), rows)

    @pytest.mark.parametrize("labels", [[50], [-1], ["w05"], None])
    @pytest.mark.parametrize("make", [t5, gpt, masked_lm])
    def test_of_a_language_model(self, make, labels):
        refused("row 0", make(), [{"input_ids": [5], "labels": labels}])

    @pytest.mark.parametrize("place", [2, -1, 0.5, None])
    def test_of_an_answer(self, place):
        row = {"input_ids": [5, 6], "start_positions": 0, "end_positions": place}
        refused("row 0: its end_positions is", bert(BertForQuestionAnswering), [row])

    def test_right_ones_are_taken(self):
        several = bert(BertForSequenceClassification, **MULTI)
        quiet(several, [{"input_ids": [5], "labels": [0.0, 1.0, 1.0]}])
        one = bert(BertForSequenceClassification, num_labels=1)
        quiet(one, [{"input_ids": [5], "labels": 0.5}, {"input_ids": [5], "labels": 2}])
        quiet(classifier(), [{"input_ids": [5], "labels": np.int64(1)}])
        regression = MULTI | {"problem_type": "regression"}
        three = bert(BertForSequenceClassification, **regression)
        quiet(three, [{"input_ids": [5], "labels": [0.5, 2.0, -1.0]}])


class TestArguments:
    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"warmup": 100}, "warmup is 100"),
            ({"epochs": 0}, "epochs is 0"),
            ({"batch_size": 0}, "batch_size is 0"),
            ({"learning_rate": "1e-4"}, "learning_rate is '1e-4'"),
            ({"weight_decay": -1}, "weight_decay is -1"),
            ({"evaluate_every": 0}, "evaluate_every is 0"),
            ({"precision": "fp16"}, "precision is 'fp16'"),
            ({"make_optimizer": "adam"}, "make_optimizer is 'adam'"),
            ({"resume": True}, "no folder"),
            ({"checkpoint_every": 3}, "no folder"),
            ({"validation": []}, "no rows"),
            ({"metrics": dict}, "no validation rows"),
        ],
    )
    def test_out_of_range_they_are_refused_by_name(self, options, said):
        refused(said, classifier(), labelled(8), **options)

    def test_a_model_without_a_free_parameter_is_refused(self):
        refused("frozen", classifier().requires_grad_(False), labelled(8))

    def test_one_text_an_input(self):
        with pytest.raises(LabError, match="num_return_sequences is 3"):
            generate(t5(), word_tokenizer(), ["w05"], num_return_sequences=3)


class TestMetrics:
    @pytest.mark.parametrize(
        "metrics", [lambda *_: [0.5], lambda *_: {"f1": [0.5, 0.5]}, lambda only: {}]
    )
    def test_what_they_give_is_tried_before_the_first_step(self, metrics):
        model = classifier()
        before = model.classifier.weight.clone()
        options = {"validation": labelled(4, seed=1), "metrics": metrics}
        refused("metrics failed", model, labelled(8), collate, **options)
        assert torch.equal(model.classifier.weight, before)

    def test_they_are_not_asked_of_rows_without_labels(self):
        options = {"validation": unlabelled(4), "metrics": lambda *_: {"f1": 1.0}}
        refused("rows have no labels", classifier(), labelled(8), collate, **options)

    def test_where_they_fail_later_the_history_is_kept(self):
        calls = 0

        def failing(logits, labels):
            nonlocal calls
            calls += 1
            return {"calls": calls if calls < 3 else [calls]}

        with pytest.warns(UserWarning, match="step 2: the metrics failed"):
            history = quiet(
                classifier(),
                labelled(8),
                epochs=3,
                validation=labelled(4, seed=1),
                metrics=failing,
            )
        assert len(history.steps) == 3
        assert [row.get("calls") for row in history.evaluations] == [2, None, None]
        assert all(np.isfinite(row["loss"]) for row in history.evaluations)


class TestNothingToLearn:
    def blank(self, rows):
        return [
            row | {"labels": np.full_like(row["labels"], -100).tolist()} for row in rows
        ]

    @pytest.mark.parametrize("kind", ["classes", "tokens", "by the collator"])
    def test_such_a_batch_is_skipped_counted_and_said_once(self, kind):
        rows, model, calls = labelled(6), classifier(), 0
        making = collate
        if kind == "tokens":
            rows, model = masked(6), masked_lm()
        if kind == "by the collator":

            def making(rows):
                nonlocal calls
                calls += 1
                batch = collate(rows)
                if calls in (3, 5):
                    batch["labels"] = torch.full_like(batch["labels"], -100)
                return batch

        else:
            rows = [*self.blank(rows[:2]), *rows[2:]]
        with pytest.warns(UserWarning, match="no label") as said:
            history = quiet(model, rows, making, batch_size=1)
        assert len(history.skipped) == 2
        assert len(history.steps) == 4
        assert sum("no label" in str(one.message) for one in said) == 1
        assert "2 batches had nothing to learn" in str(history)
        assert np.isfinite(losses(history)).all()
        assert all(p.isfinite().all() for p in model.parameters())

    def test_it_leaves_the_weights_as_they_are(self):
        model = masked_lm()
        before = [p.clone() for p in model.parameters()]
        with pytest.warns(UserWarning, match="no label"):
            quiet(model, self.blank(masked(4)))
        assert all(map(torch.equal, before, model.parameters()))


class Wrapper(nn.Module):
    """As many write them: what it takes it hands on."""

    def __init__(self, model):
        super().__init__()
        self.dropout, self.inner = nn.Dropout(0.0), model

    def forward(self, *arguments, **options):
        return self.inner(*arguments, **options)


class Scaled(nn.Module):
    """With a loss of its own."""

    def __init__(self, model):
        super().__init__()
        self.inner = model

    def forward(self, input_ids, attention_mask, labels=None):
        return self.inner(input_ids, attention_mask=attention_mask, labels=labels)


class TestWrappedModels:
    @pytest.mark.parametrize(
        "wrap",
        [
            Wrapper,
            Scaled,
            lambda model: Wrapper(Wrapper(model)),
            lambda model: torch.compile(model, backend="eager"),
        ],
    )
    def test_they_train_as_what_they_wrap(self, wrap):
        rows = [row | {"text": "no tensor"} for row in labelled(16)]
        bare, wrapped = classifier(), wrap(classifier())
        assert losses(quiet(bare, rows)) == losses(quiet(wrapped, rows))
        logits = [predict(m, rows, collate).logits for m in (bare, wrapped)]
        assert np.array_equal(*logits)
        refused("its labels is 2", wrapped, [{"input_ids": [5], "labels": 2}])

    def test_a_model_that_takes_anything_gets_all_columns(self):
        class Any(nn.Module):
            def __init__(self):
                super().__init__()
                self.model = classifier().bert.embeddings

            def forward(self, **columns):
                assert "weights" in columns
                raise StopIteration

        def with_weights(rows):
            return collate(rows) | {"weights": torch.ones(len(rows))}

        with pytest.raises(StopIteration):
            quiet(Any(), labelled(2), with_weights)


class TestAdapters:
    """PEFT's, with and without the task_type that its tutorials set."""

    @pytest.fixture(
        params=[
            (classifier, labelled, ["query", "value"], None),
            (classifier, labelled, ["query", "value"], "SEQ_CLS"),
            (llama, masked, ["q_proj", "v_proj"], None),
            (llama, masked, ["q_proj", "v_proj"], "CAUSAL_LM"),
            (t5, masked, ["q", "v"], "SEQ_2_SEQ_LM"),
        ],
        ids=lambda taken: f"{taken[0].__name__}-{taken[3]}",
    )
    def made(self, request):
        make, rows, targets, task_type = request.param
        return lambda: adapted(make(), targets, task_type), rows(16)

    def test_they_are_trained_and_nothing_beneath_them(self, made):
        make, rows = made
        model = make()
        trained = {name for name, p in model.named_parameters() if p.requires_grad}
        before = {name: p.clone() for name, p in model.named_parameters()}
        with torch.no_grad():
            first = model(**collate(rows)).loss.item()
        history = quiet(model, rows, batch_size=16)
        assert losses(history) == pytest.approx([first], abs=1e-6)
        moved = {n for n, p in model.named_parameters() if not p.equal(before[n])}
        assert moved == trained

    @pytest.mark.parametrize(
        "wrap", [Wrapper, lambda model: torch.compile(model, backend="eager")]
    )
    def test_also_wrapped_or_compiled(self, made, wrap):
        make, rows = made
        bare, wrapped = make(), wrap(make())
        assert losses(quiet(bare, rows)) == losses(quiet(wrapped, rows))
        refused("row 0: there is the id 50", wrapped, [rows[0] | {"input_ids": [50]}])

    @pytest.mark.slow
    def test_a_model_that_trl_has_trained_is_trained_on(self, tmp_path):
        from datasets import Dataset
        from peft import LoraConfig
        from trl import SFTConfig, SFTTrainer

        rows = masked(8)
        settings = {"use_cpu": True, "report_to": "none", "save_strategy": "no"}
        trainer = SFTTrainer(
            llama(),
            SFTConfig(str(tmp_path), max_steps=1, bf16=False, **settings),
            train_dataset=Dataset.from_list(unlabelled(8)),
            processing_class=word_tokenizer(),
            peft_config=LoraConfig(r=2, target_modules=["q_proj"]),
        )
        trainer.train()
        before = mean_loss(trainer.model, rows, collate, precision="fp32")
        quiet(trainer.model, rows, epochs=3, learning_rate=1e-2)
        assert mean_loss(trainer.model, rows, collate, precision="fp32") < before


class TestTheMaskOfARow:
    def padded(self, side="right"):
        texts = ["w13 w14 w15", "w16"]
        tokenizer = word_tokenizer()
        tokenizer.padding_side = side
        return texts, [tokenizer(t, padding="max_length", max_length=9) for t in texts]

    @pytest.mark.parametrize("make", [t5, gpt])
    def test_padding_is_not_read_by_generate(self, make):
        texts, rows = self.padded()
        found = generate(make(), word_tokenizer(), rows, precision="fp32")
        assert found == generate(make(), word_tokenizer(), texts, precision="fp32")

    def test_nor_on_the_left_by_a_decoder(self):
        texts, rows = self.padded("left")
        found = generate(gpt(), word_tokenizer(), rows, precision="fp32")
        assert found == generate(gpt(), word_tokenizer(), texts, precision="fp32")

    def test_it_is_not_counted_in_the_history(self):
        _, rows = self.padded()
        rows = [dict(row) | {"labels": 1} for row in rows]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            history = quiet(classifier(), rows, collate_pairs)
        assert history.steps[0]["tokens"] == 4


class TestEmbed:
    rows = tuple({"input_ids": row["input_ids"]} for row in labelled(13))
    texts = tuple(" ".join(f"w{i:02}" for i in row["input_ids"]) for row in rows)

    @pytest.mark.parametrize("batch_size", [1, 4, 64])
    def test_each_vector_is_the_mean_of_the_states_of_the_text_alone(self, batch_size):
        model = classifier().bert.eval()
        options = {"batch_size": batch_size, "precision": "fp32"}
        found = embed(model, word_tokenizer(), self.rows, **options)
        for row, vector in zip(self.rows, found, strict=True):
            states = model(torch.tensor([row["input_ids"]])).last_hidden_state[0]
            assert np.allclose(vector, states.mean(dim=0).detach(), atol=1e-5)
        assert found.dtype == np.float32

    def test_texts_padded_rows_and_rows_are_the_same(self):
        model, tokenizer = classifier().bert, word_tokenizer()
        padded = [
            tokenizer(text, padding="max_length", max_length=25) for text in self.texts
        ]
        found = [
            embed(model, tokenizer, inputs, precision="fp32")
            for inputs in (self.rows, self.texts, padded)
        ]
        assert np.allclose(found[0], found[1], atol=1e-5)
        assert np.allclose(found[0], found[2], atol=1e-5)

    @pytest.mark.parametrize("label", [0, 2.5, "good", None, [1, 1]])
    def test_labels_take_no_part(self, label):
        rows = [row | {"label": label, "labels": label} for row in self.rows]
        model, tokenizer = classifier().bert, word_tokenizer()
        assert np.array_equal(
            embed(model, tokenizer, rows), embed(model, tokenizer, self.rows)
        )

    def test_normalised_they_have_the_length_one(self):
        found = embed(classifier().bert, word_tokenizer(), self.texts, normalise=True)
        assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)

    def test_texts_are_cut_on_request(self):
        model, tokenizer = classifier().bert, word_tokenizer()
        cut = embed(model, tokenizer, ["w05 w06 w07"], max_length=2)
        assert np.allclose(cut, embed(model, tokenizer, ["w05 w06"]), atol=1e-5)

    def test_a_model_with_a_head_is_refused(self):
        with pytest.raises(LabError, match="gives no states"):
            embed(classifier(), word_tokenizer(), self.texts)
