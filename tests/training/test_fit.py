"""What `fit` and `predict` promise."""

import inspect
import os
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import (
    SIZES,
    VOCABULARY,
    classifier,
    collate,
    gpt,
    labelled,
    losses,
    masked,
    masked_lm,
    t5,
    unlabelled,
    word_tokenizer,
)
from transformers import (
    BertConfig,
    BertForQuestionAnswering,
    DataCollatorForSeq2Seq,
)

from labkit.errors import LabError
from labkit.training import batches_of_like_length, fit, mean_loss, predict, schedule

HERE = Path(__file__).parents[1]


LESSON = HERE.parent / "notebooks" / "04_finetune_bert.ipynb"
THEIRS_AND_OURS = {
    "for s, batch in enumerate(plan, start=1)": (
        "for step, batch in enumerate(plan[done:], start=done + 1)"
    ),
    "share(s, ": "share(step, ",
    "rows[i] for i in batch]).to(lab.device)": "rows[i] for i in team.part(batch)])",
}


def quiet_fit(model, rows, **options):
    return fit(model, rows, collate, progress=False, precision="fp32", **options)


def losses_by_hand(model, optimizer, plan, rows, collate):
    """Of plain torch, a step for each batch of the plan."""
    found = []
    for step, batch in enumerate(plan, start=1):
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * schedule(step, len(plan), 0.1)
        loss = model(**collate([rows[i] for i in batch])).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        found.append(loss.item())
    return found


def run_tiny(
    *arguments: str, launcher: tuple[str, ...] = ()
) -> subprocess.CompletedProcess:
    """Run `tiny.py`, which trains on fixed data and prints its losses exactly."""
    return subprocess.run(
        [sys.executable, *launcher, str(HERE / "tiny.py"), *arguments],
        capture_output=True,
        text=True,
        timeout=240,
    )


KERNEL_CELL = """
from tiny import classifier, collate, labelled
from labkit.training import fit, predict

def telling(rows):
    print("step under way", flush=True)
    return collate(rows)

model = classifier()
history = fit(model, labelled(3_000), telling, batch_size=1, epochs=1, progress=False)
loss = predict(model, labelled(8), collate).loss
"""


class TestBatches:
    @settings(deadline=None)
    @given(st.lists(st.integers(1, 500), max_size=400), st.integers(1, 40))
    def test_every_example_is_in_one_batch_and_one_batch_at_most_is_short(
        self, lengths, batch_size
    ):
        batches = batches_of_like_length(lengths, batch_size, seed=0)
        assert sorted(i for batch in batches for i in batch) == list(
            range(len(lengths))
        )
        assert sum(len(batch) < batch_size for batch in batches) <= 1

    def test_most_of_the_padding_goes(self):
        lengths = np.random.default_rng(0).lognormal(3, 0.6, 2000).astype(int).tolist()

        def padded(batches):
            return sum(max(lengths[i] for i in b) * len(b) for b in batches)

        shuffled = np.random.default_rng(1).permutation(2000).reshape(-1, 16).tolist()
        waste_shuffled = padded(shuffled) / sum(lengths) - 1
        waste = padded(batches_of_like_length(lengths, 16, seed=0)) / sum(lengths) - 1
        assert waste < waste_shuffled / 5

    def test_epochs_differ_and_seeds_repeat(self):
        lengths = list(range(100))
        first = batches_of_like_length(lengths, 8, seed=(0, 1))
        assert first == batches_of_like_length(lengths, 8, seed=(0, 1))
        assert first != batches_of_like_length(lengths, 8, seed=(0, 2))


class TestSchedule:
    @settings(deadline=None)
    @given(st.integers(1, 2000), st.floats(0, 1))
    def test_it_is_positive_and_peaks_at_one(self, total, warmup):
        rates = [schedule(step, total, warmup) for step in range(1, total + 1)]
        assert max(rates) == 1
        assert min(rates) > 0

    def test_it_rises_then_falls_linearly(self):
        rates = np.array([schedule(step, 100, 0.1) for step in range(1, 101)])
        assert rates[9] == 1
        assert np.allclose(np.diff(rates[:10]), 0.1)
        assert np.allclose(np.diff(rates[9:]), -1 / 91)


class TestFit:
    @pytest.mark.parametrize("made_by", [torch.optim.AdamW, torch.optim.Adafactor])
    def test_it_is_the_loop_that_one_would_write(self, made_by):
        """The same losses as plain torch on the same batches."""
        rows = labelled(24)
        model = classifier()
        groups = [
            {"params": [p for p in model.parameters() if p.ndim > 1]},
            {
                "params": [p for p in model.parameters() if p.ndim <= 1],
                "weight_decay": 0,
            },
        ]
        optimizer = made_by(groups, weight_decay=0.01)
        plan = [
            batch
            for epoch in (1, 2)
            for batch in batches_of_like_length(
                [len(row["input_ids"]) for row in rows], 8, seed=(0, epoch)
            )
        ]
        expected = losses_by_hand(model, optimizer, plan, rows, collate)
        fitted = classifier()
        history = quiet_fit(
            fitted,
            rows,
            epochs=2,
            batch_size=8,
            learning_rate=1e-3,
            make_optimizer=made_by,
        )
        assert losses(history) == pytest.approx(expected, abs=1e-5)
        for ours, theirs in zip(fitted.parameters(), model.parameters(), strict=True):
            assert torch.allclose(ours, theirs, atol=1e-5)

    def test_the_lines_of_lesson_04s_loop_are_in_it_in_order(self):
        """Word for word, but for what is shared by processes and goes to a device."""
        notebook = nbformat.read(LESSON, as_version=4)
        cell = next(cell for cell in notebook.cells if cell.id == "train-by-hand")
        loop = cell.source.partition("    model.train()\n")[2].partition("losses.")[0]
        said = ["model.train()"]
        for line in loop.splitlines():
            line = line.partition("  # ")[0].strip()
            for theirs, ours in THEIRS_AND_OURS.items():
                line = line.replace(theirs, ours)
            said.append(line)
        said = [*filter(None, said), "model.eval()"]
        assert "loss.backward()" in said
        assert len(said) == 11
        left = inspect.getsource(fit)
        for line in said:
            assert line in left, f"{line} is not in fit, or not in its turn"
            left = left.partition(line)[2]

    def test_it_learns(self):
        model = classifier()
        quiet_fit(model, labelled(200), epochs=5, learning_rate=3e-3)
        found = predict(model, labelled(100, seed=1), collate, precision="fp32")
        assert (found.logits.argmax(1) == found.labels).mean() > 0.95

    def test_frozen_parameters_stay(self):
        model = classifier()
        for parameter in model.bert.parameters():
            parameter.requires_grad = False
        before = {name: p.clone() for name, p in model.named_parameters()}
        quiet_fit(model, labelled(16), epochs=1)
        for name, parameter in model.named_parameters():
            assert torch.equal(parameter, before[name]) == name.startswith("bert.")

    def test_a_second_run_on_the_same_model_goes_on_learning(self):
        model = classifier()
        first = quiet_fit(model, labelled(64), epochs=2, learning_rate=3e-3)
        second = quiet_fit(model, labelled(64), epochs=2, learning_rate=3e-3)
        assert losses(second)[0] < losses(first)[0]

    def test_evaluation_during_training_changes_nothing(self):
        plain = quiet_fit(classifier(dropout=0.1), labelled(32), epochs=2)
        evaluated = quiet_fit(
            classifier(dropout=0.1),
            labelled(32),
            epochs=2,
            validation=labelled(8, seed=1),
            metrics=lambda logits, labels: {
                "accuracy": (logits.argmax(1) == labels).mean()
            },
            evaluate_every=1,
        )
        assert losses(plain) == losses(evaluated)
        assert len(evaluated.evaluations) == len(evaluated.steps)
        assert "accuracy" in evaluated.table().columns

    def test_bfloat16_leaves_a_float32_model(self):
        model = classifier()
        history = fit(model, labelled(32), collate, precision="bf16", progress=False)
        assert np.isfinite(losses(history)).all()
        assert {p.dtype for p in model.parameters()} == {torch.float32}
        assert model(**collate(labelled(2))).logits.dtype == torch.float32

    def test_a_trainer_before_it_leaves_it_in_its_own_precision(self):
        from accelerate import Accelerator
        from accelerate.state import AcceleratorState

        alone = losses(quiet_fit(classifier(), labelled(16), epochs=1))
        AcceleratorState._reset_state()
        Accelerator(mixed_precision="bf16")
        assert losses(quiet_fit(classifier(), labelled(16), epochs=1)) == alone

    def test_datasets_with_other_columns_are_taken(self):
        from datasets import Dataset

        rows = [
            {"text": "no tensor", "label": row["labels"], "input_ids": row["input_ids"]}
            for row in labelled(16)
        ]
        from_dataset = quiet_fit(classifier(), Dataset.from_list(rows), epochs=1)
        assert losses(from_dataset) == losses(
            quiet_fit(classifier(), labelled(16), epochs=1)
        )

    def test_the_history_prints_and_plots(self):
        history = quiet_fit(
            classifier(), labelled(32), epochs=2, validation=labelled(8, seed=1)
        )
        assert "validation_loss" in str(history)
        assert "<table" in history._repr_html_()
        assert "loss, validation: " in history.plot().alt

    @pytest.mark.parametrize(
        ("rows", "said"),
        [
            ([], "no rows"),
            ([{"text": "never tokenized"}], "no input_ids"),
            ([{"input_ids": [1, 2]}], "no labels"),
        ],
    )
    def test_unusable_rows_are_refused_with_what_to_do(self, rows, said):
        with pytest.raises(LabError, match=said):
            quiet_fit(classifier(), rows)

    def test_a_loss_that_is_not_finite_stops_the_run(self):
        model = classifier()
        with torch.no_grad():
            model.classifier.bias.fill_(float("nan"))
        with pytest.raises(LabError, match="loss became nan at step 1"):
            quiet_fit(model, labelled(16))


class TestInterrupt:
    @pytest.fixture(autouse=True)
    def an_interrupt_is_heard(self):  # what a shell starts behind itself is deaf to it
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
        signal.signal(signal.SIGINT, before)

    def test_it_leaves_a_usable_model_and_history(self):
        rows, calls = labelled(64), 0

        def interrupting(batch):
            nonlocal calls
            calls += 1
            if calls == 3:
                os.kill(os.getpid(), signal.SIGINT)
            return collate(batch)

        model = classifier()
        history = fit(model, rows, interrupting, batch_size=8, progress=False)
        assert history.interrupted
        assert len(history.steps) == 3
        assert "Interrupted" in str(history)
        assert np.isfinite(predict(model, rows, collate).loss)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    @pytest.mark.slow
    def test_stopping_a_notebook_cell_leaves_them_too(self):
        """In a real kernel, interrupted as JupyterLab's stop button does it."""
        from jupyter_client.manager import start_new_kernel

        manager, client = start_new_kernel(kernel_name="python3", cwd=str(HERE))
        try:
            client.execute(KERNEL_CELL)
            while True:
                message = client.get_iopub_msg(timeout=120)
                assert message["msg_type"] != "error", message["content"]
                if "step under way" in message["content"].get("text", ""):
                    break
            manager.interrupt_kernel()
            reply = client.execute_interactive(
                "print(history.interrupted, len(history.steps), loss)",
                output_hook=(printed := []).append,
                timeout=120,
            )
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
        assert reply["content"]["status"] == "ok"
        text = "".join(m["content"].get("text", "") for m in printed)
        interrupted, steps, loss = text.split()[-3:]
        assert interrupted == "True"
        assert 0 < int(steps) < 3_000
        assert np.isfinite(float(loss))

    def test_a_second_one_raises_at_once(self):
        def interrupting(batch):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            return collate(batch)

        with pytest.raises(KeyboardInterrupt):
            fit(classifier(), labelled(8), interrupting, progress=False)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.fixture(scope="module")
def uninterrupted():
    run = run_tiny()
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.slow
class TestCheckpoints:
    @pytest.mark.parametrize(
        "killed_at", ["collate:7", "rename:1", "rename:2", "rmtree:2"]
    )
    def test_a_run_killed_and_resumed_has_the_very_same_losses(
        self, killed_at, uninterrupted, tmp_path
    ):
        """Killed in a step, before a checkpoint is whole, and while one is dropped."""
        killed = run_tiny("--folder", str(tmp_path), "--kill", killed_at)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        resumed = run_tiny("--folder", str(tmp_path), "--resume")
        assert resumed.stdout == uninterrupted, resumed.stderr
        assert len(list(tmp_path.glob("step-*"))) == 1

    def test_an_interrupted_run_goes_on_where_it_stopped(self, uninterrupted, tmp_path):
        interrupted = run_tiny("--folder", str(tmp_path), "--interrupt", "7")
        assert uninterrupted.startswith(interrupted.stdout), interrupted.stderr
        assert len(interrupted.stdout.splitlines()) == 7
        resumed = run_tiny("--folder", str(tmp_path), "--resume")
        assert resumed.stdout == uninterrupted, resumed.stderr

    def test_a_full_disk_is_said_and_keeps_the_checkpoint_before(self, tmp_path):
        assert run_tiny("--folder", str(tmp_path), "--interrupt", "3").returncode == 0
        full = run_tiny("--folder", str(tmp_path), "--resume", "--file-size", "4096")
        assert "LabError: the checkpoint of step" in full.stderr
        assert "make room" in full.stderr
        assert [path.name for path in tmp_path.iterdir()] == ["step-00000003"]


class TestCheckpointsInOneProcess:
    def test_starting_anew_in_a_folder_that_holds_a_run_is_refused(self, tmp_path):
        quiet_fit(classifier(), labelled(8), epochs=1, folder=tmp_path)
        with pytest.raises(LabError, match="resume=True"):
            quiet_fit(classifier(), labelled(8), epochs=1, folder=tmp_path)

    def test_resuming_another_run_is_refused(self, tmp_path):
        quiet_fit(classifier(), labelled(8), epochs=1, folder=tmp_path)
        with pytest.raises(LabError, match="epochs was 1, now 2"):
            quiet_fit(classifier(), labelled(8), epochs=2, folder=tmp_path, resume=True)

    @pytest.mark.parametrize("what", ["rows", "frozen layers", "model", "lost file"])
    def test_a_checkpoint_of_another_run_is_refused(self, what, tmp_path):
        quiet_fit(classifier(), labelled(8), epochs=1, folder=tmp_path)
        model, rows, said = classifier(), labelled(8), "belongs to another run: model"
        if what == "rows":
            rows, said = labelled(8, seed=1), "belongs to another run: rows"
        elif what == "frozen layers":
            model.bert.requires_grad_(False)
        elif what == "model":
            model = BertForQuestionAnswering(BertConfig(**SIZES))
            rows = [row | {"start_positions": 0, "end_positions": 0} for row in rows]
        else:
            next(tmp_path.glob("step-*/model*")).unlink()
            said = "cannot be read"
        with pytest.raises(LabError, match=said):
            quiet_fit(model, rows, epochs=1, folder=tmp_path, resume=True)

    def test_resuming_a_complete_run_trains_no_further(self, tmp_path):
        first = quiet_fit(classifier(), labelled(8), epochs=1, folder=tmp_path)
        model = classifier()
        again = quiet_fit(model, labelled(8), epochs=1, folder=tmp_path, resume=True)
        assert again.steps == first.steps

    def test_a_folder_that_cannot_be_written_is_said(self, tmp_path):
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(LabError, match="could not be written"):
            quiet_fit(classifier(), labelled(8), epochs=1, folder=tmp_path / "file")


@pytest.mark.slow
class TestProcesses:
    @pytest.mark.parametrize("task", ["classification", "masked_lm", "lora", "dpo"])
    def test_two_processes_have_the_losses_of_one(self, task, monkeypatch):
        """Batches of 6 over 45 examples: the last holds 3, shared as 2 and 1.

        `accelerate launch --cpu` without MPI would start one process only.
        """
        monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
        launch = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")
        options = ("--no-dropout", "--task", task)
        one = run_tiny(*options)
        two = run_tiny(*options, launcher=launch)
        assert two.returncode == 0, two.stderr
        of_one = [float(line) for line in one.stdout.split()]
        of_two = [float(line) for line in two.stdout.split()]
        assert of_two == pytest.approx(of_one, abs=1e-5)


class TestPredict:
    def test_the_order_is_that_of_the_rows_whatever_the_batch_size(self):
        rows, model = labelled(33), classifier()
        model.eval()
        alone = [model(**collate([row])).logits[0].detach().numpy() for row in rows]
        for batch_size in (1, 7, 64):
            found = predict(
                model, rows, collate, batch_size=batch_size, precision="fp32"
            )
            assert np.allclose(found.logits, alone, atol=1e-5)
            assert found.labels is not None
            assert found.labels.tolist() == [row["labels"] for row in rows]

    def test_the_loss_is_the_mean_over_all_labels(self):
        rows, model = labelled(33), classifier()
        found = predict(model, rows, collate, batch_size=8, precision="fp32")
        expected = torch.nn.functional.cross_entropy(
            torch.tensor(found.logits), torch.tensor(found.labels)
        )
        assert found.loss == pytest.approx(expected.item(), abs=1e-5)

    def test_rows_without_labels_have_no_loss(self):
        found = predict(classifier(), unlabelled(5), collate)
        assert found.labels is None
        assert np.isnan(found.loss)

    def test_logits_of_tokens_are_padded_with_minus_infinity(self):
        rows, model = masked(9), masked_lm()
        found = predict(model, rows, collate, batch_size=4, precision="fp32")
        longest = max(len(row["input_ids"]) for row in rows)
        assert found.logits.shape == (9, longest, VOCABULARY)
        assert found.labels is not None
        for row, logits, labels in zip(rows, found.logits, found.labels, strict=True):
            length = len(row["input_ids"])
            alone = model(torch.tensor([row["input_ids"]])).logits[0].detach()
            assert np.allclose(logits[:length], alone, atol=1e-5)
            assert np.isneginf(logits[length:]).all()
            assert (labels == [*row["labels"], *[-100] * (longest - length)]).all()


def question_rows(count: int) -> list[dict]:
    """The answer begins at the first 7 and ends where the text does."""
    rows = labelled(count * 3, seed=2)
    rows = [row for row in rows if row["labels"]][:count]
    return [
        {
            "input_ids": row["input_ids"],
            "start_positions": row["input_ids"].index(7),
            "end_positions": len(row["input_ids"]) - 1,
            "example_id": "left out",
        }
        for row in rows
    ]


def collate_questions(rows):
    batch = collate(rows)
    for name in ("start_positions", "end_positions"):
        if name in rows[0]:
            batch[name] = torch.tensor([row[name] for row in rows])
    return batch


class TestSpans:
    def test_a_reader_learns_where_answers_begin_and_end(self):
        torch.manual_seed(0)
        config = BertConfig(**SIZES, hidden_dropout_prob=0.0)
        model, rows = BertForQuestionAnswering(config), question_rows(100)
        fit(
            model,
            rows,
            collate_questions,
            epochs=10,
            learning_rate=3e-3,
            precision="fp32",
            progress=False,
        )
        found = predict(model, rows, collate_questions, precision="fp32")
        assert (found.logits.argmax(1) == found.labels).mean() > 0.8

    def test_start_and_end_logits_are_the_models_own_and_never_on_padding(self):
        torch.manual_seed(0)
        model, rows = BertForQuestionAnswering(BertConfig(**SIZES)), question_rows(9)
        found = predict(model, rows, collate_questions, batch_size=4, precision="fp32")
        for row, logits in zip(rows, found.logits, strict=True):
            length = len(row["input_ids"])
            alone = model(torch.tensor([row["input_ids"]]))
            start, end = alone.start_logits[0].detach(), alone.end_logits[0].detach()
            assert np.allclose(logits[:length, 0], start, atol=1e-5)
            assert np.allclose(logits[:length, 1], end, atol=1e-5)
            assert np.isneginf(logits[length:]).all()
        assert found.labels is not None
        ends = [[row["start_positions"], row["end_positions"]] for row in rows]
        assert found.labels.tolist() == ends
        assert np.isfinite(found.loss)

    def test_without_positions_there_are_logits_only(self):
        torch.manual_seed(0)
        model = BertForQuestionAnswering(BertConfig(**SIZES))
        found = predict(model, unlabelled(5), collate)
        assert found.labels is None
        assert found.logits.shape[-1] == 2


def pairs(count: int, seed: int = 0) -> list[dict]:
    """To be copied up to the first 7, or whole: labels of lengths of their own."""
    rows = []
    for row in labelled(count, seed):
        ids = row["input_ids"]
        cut = ids.index(7) + 1 if 7 in ids else len(ids)
        rows.append({"input_ids": ids, "labels": [*ids[:cut], 1]})
    return rows


def seq2seq_collator(model):
    return DataCollatorForSeq2Seq(word_tokenizer(), model=model)


class TestEncoderDecoder:
    def test_it_is_the_loop_that_one_would_write(self):
        """Under transformers' own collator, padding and labels of many lengths."""
        rows, model = pairs(24), t5()
        collator = seq2seq_collator(model)
        fitted = t5()
        history = fit(
            fitted,
            rows,
            seq2seq_collator(fitted),
            epochs=1,
            batch_size=8,
            weight_decay=0,
            learning_rate=1e-3,
            precision="fp32",
            progress=False,
        )
        lengths = [len(row["input_ids"]) + len(row["labels"]) for row in rows]
        plan = batches_of_like_length(lengths, 8, seed=(0, 1))
        optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0)
        expected = losses_by_hand(model, optimizer, plan, rows, collator)
        assert losses(history) == pytest.approx(expected, abs=1e-5)
        tokens = [sum(lengths[i] for i in batch) for batch in plan]
        assert [record["tokens"] for record in history.steps] == tokens

    def test_padding_of_labels_goes_with_that_of_inputs(self):
        rows = pairs(2_000)
        model = t5()
        batches = []

        def noting(batch):
            batches.append(batch)
            return seq2seq_collator(model)(batch)

        mean_loss(model, rows, noting, batch_size=16, precision="fp32")
        padded = sum(
            len(batch) * max(len(row[name]) for row in batch)
            for batch in batches
            for name in ("input_ids", "labels")
        )
        real = sum(len(row["input_ids"]) + len(row["labels"]) for row in rows)
        in_order = sum(
            max(len(row[name]) for row in rows[start : start + 16]) * 16
            for start in range(0, 2_000, 16)
            for name in ("input_ids", "labels")
        )
        assert padded - real < (in_order - real) / 2

    def test_validation_gives_the_loss_and_no_logits(self):
        model, rows = t5(), pairs(33)
        collator = seq2seq_collator(model)
        history = fit(
            model,
            rows,
            collator,
            validation=rows,
            epochs=1,
            precision="fp32",
            progress=False,
        )
        with torch.no_grad():
            logits = [model(**collator([row])).logits[0] for row in rows]
        labels = torch.tensor([label for row in rows for label in row["labels"]])
        expected = torch.nn.functional.cross_entropy(torch.cat(logits), labels)
        assert history.evaluations[-1]["loss"] == pytest.approx(expected.item(), 1e-5)

    def test_it_learns_in_bfloat16_too(self):
        model = t5()
        options = {"epochs": 3, "learning_rate": 3e-3, "progress": False}
        history = fit(
            model, pairs(64), seq2seq_collator(model), precision="bf16", **options
        )
        assert np.mean(losses(history)[-4:]) < np.mean(losses(history)[:4]) - 0.3

    def test_predict_says_what_to_use_instead(self):
        model = t5()
        with pytest.raises(LabError, match=r"(?s)generate.*mean_loss"):
            predict(model, pairs(2), seq2seq_collator(model))


class TestMeanLoss:
    @pytest.mark.parametrize("batch_size", [1, 7, 64])
    def test_of_a_decoder_it_is_the_mean_over_all_told_tokens(self, batch_size):
        model = gpt().eval()
        rows = [
            {"input_ids": row["input_ids"], "labels": row["input_ids"]}
            for row in labelled(20)
        ]
        with torch.no_grad():
            alone = [model(**collate([row])).loss.item() for row in rows]
        told = [len(row["input_ids"]) - 1 for row in rows]
        found = mean_loss(model, rows, collate, batch_size=batch_size, precision="fp32")
        assert found == pytest.approx(np.average(alone, weights=told), abs=1e-5)

    def test_a_batch_in_which_nothing_is_asked_counts_nothing(self):
        rows = masked(6)
        blank = {"input_ids": [1] * 30, "labels": [-100] * 30}
        model = masked_lm()
        alone = mean_loss(model, rows, collate, batch_size=1, precision="fp32")
        both = mean_loss(model, [*rows, blank], collate, batch_size=1, precision="fp32")
        assert both == pytest.approx(alone)

    def test_labels_may_be_made_by_the_collator(self):
        def making(rows):
            batch = collate(rows)
            return batch | {"labels": batch["input_ids"]}

        rows = unlabelled(8)
        model = masked_lm()
        history = fit(model, rows, making, epochs=1, precision="fp32", progress=False)
        assert np.isfinite(losses(history)).all()
        with pytest.raises(LabError, match="no labels"):
            mean_loss(model, rows, collate)
