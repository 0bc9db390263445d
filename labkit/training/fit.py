"""Fine-tune a model: one readable loop over `accelerate`, and what it leaves behind."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm.auto import tqdm

from labkit.errors import LabError
from labkit.machine import Precision, native_precision
from labkit.machine.placement import autocast, fresh_accelerator, on_device
from labkit.training.checkpoints import Checkpoints
from labkit.training.inference import Collate, mean_loss, predict
from labkit.training.rows import Rows, label_count, lengths, readable

if TYPE_CHECKING:
    import pandas

    from labkit.plots import Picture

Metrics = Callable[[NDArray[Any], NDArray[Any]], dict[str, float]]
MakeOptimizer = Callable[[list[dict[str, Any]]], torch.optim.Optimizer]


@dataclass(frozen=True)
class Settings:
    """What decides the course of a run; a resumed run must have the same."""

    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float
    warmup: float
    weight_decay: float
    clip: float
    seed: int
    precision: Precision
    examples: int


@dataclass(repr=False)
class History:
    """What happened, step by step.

    Attributes:
        steps: A dictionary a step: step, epoch, loss, learning_rate, gradient_norm
            (before clipping), tokens (without padding), seconds since the start.
        evaluations: A dictionary an evaluation: step, epoch, loss and the metrics.
        interrupted: Whether the run was stopped before its end.
    """

    steps: list[dict[str, float]] = field(default_factory=list)
    evaluations: list[dict[str, float]] = field(default_factory=list)
    interrupted: bool = False

    def table(self) -> "pandas.DataFrame":
        """A row an evaluation (an epoch, where there was none), means in between."""
        import pandas

        frame = pandas.DataFrame(self.steps)
        if frame.empty:
            return frame
        ends = [int(row["step"]) for row in self.evaluations]
        ends = ends or [int(step) for step in frame.groupby("epoch").step.last()]
        ends = sorted({*ends, int(frame.step.iloc[-1])})
        group = np.searchsorted(ends, frame.step)
        rows = frame.groupby(group).agg(
            epoch=("epoch", "last"),
            step=("step", "last"),
            train_loss=("loss", "mean"),
            seconds=("seconds", "last"),
        )
        if self.evaluations:
            scores = pandas.DataFrame(self.evaluations).drop(columns="epoch")
            scores = scores.rename(columns={"loss": "validation_loss"})
            rows = rows.merge(scores, on="step", how="left")
        seconds = rows.pop("seconds")
        rows.insert(len(rows.columns), "seconds", seconds)
        return rows.set_index("epoch").round(4)

    def plot(self) -> "Picture":
        """Loss by step, and below it the accuracy, where that was measured.

        From 40 steps on, the training loss is a running mean in a band of its extremes.
        """
        from labkit.plots import lines

        window = max(1, len(self.steps) // 20)
        losses = np.array([row["loss"] for row in self.steps])
        name = "training" if window == 1 else f"training, mean of {window} steps"
        series: dict[str, Any] = {name: {}}
        for end in range(window, len(losses) + 1):
            part = losses[end - window : end]
            point = part.mean(), part.min(), part.max()
            series[name][self.steps[end - 1]["step"]] = point
        if measured := self._measured("loss"):
            series["validation"] = measured
        accuracy = self._measured("accuracy")
        below = {"accuracy": {"validation": accuracy}} if accuracy else None
        return lines(series, xlabel="step", ylabel="loss", below=below)

    def _measured(self, key: str) -> dict[float, float]:
        return {row["step"]: row[key] for row in self.evaluations if key in row}

    def __repr__(self) -> str:
        return self.table().to_string() + self._note()

    def _repr_html_(self) -> str:
        return self.table().to_html(border=0) + f"<p>{self._note()}</p>"

    def _note(self) -> str:
        return (
            "\nInterrupted: the model holds its last step." if self.interrupted else ""
        )


def adamw(groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """Decoupled weight decay (Loshchilov and Hutter, 2019), one kernel a step."""
    return torch.optim.AdamW(groups, fused=True)


def fit(
    model: nn.Module,
    train: Rows,
    collate: Collate,
    *,
    validation: Rows | None = None,
    metrics: Metrics | None = None,
    epochs: int = 3,
    batch_size: int = 16,
    optimizer: MakeOptimizer = adamw,
    learning_rate: float = 5e-5,
    warmup: float = 0.1,
    weight_decay: float = 0.01,
    clip: float = 1.0,
    seed: int = 0,
    precision: Precision | None = None,
    evaluate_every: int | None = None,
    folder: str | Path | None = None,
    checkpoint_every: int | None = None,
    resume: bool = False,
    progress: bool = True,
) -> History:
    """Train `model` in place on batches of like length.

    Under `accelerate launch` the same call trains on several processes: they share
    each batch, and the loss is the one that a single process would have had.

    Stopping the cell (or Ctrl-C) ends the run after the step under way; the model
    and the history are those of that step. A second stop raises at once.

    Args:
        model: A transformers model, or any whose output has `.loss` and `.logits`.
        train: Rows with `input_ids` and `labels` (or `label`, or `start_positions` and
            `end_positions`); columns that `model.forward` does not take are left out.
        collate: Pads rows into a batch, as transformers' `DataCollatorWithPadding` or,
            for an encoder–decoder, `DataCollatorForSeq2Seq`; it may make the labels.
        validation: Rows to measure the loss on, and `metrics(logits, labels)` where
            `predict` can give logits: not of an encoder–decoder.
        batch_size: Examples in a step, over all processes.
        optimizer: Makes one of groups of parameters, as the classes of torch.optim do.
            `torch.optim.Adafactor` (Shazeer and Stern, 2018), whose rate is a share of
            each weight's own size, is what a T5 needs to learn from random weights.
        learning_rate: The highest, reached after the warm-up.
        warmup: Share of all steps in which the learning rate rises from 0; over the
            rest it falls back to 0.
        weight_decay: Of matrices; biases and norms are not decayed.
        clip: The longest gradient (2-norm) that is let through.
        precision: By default what the device computes natively.
        evaluate_every: Steps between evaluations; by default an epoch.
        folder: Where to keep the newest checkpoint; by default none is written.
        checkpoint_every: Steps between checkpoints; by default an epoch.
        resume: Go on from the checkpoint in `folder`, if there is one.

    Raises:
        LabError: no rows, batches without labels, a loss that is not finite, a
            checkpoint that cannot be written or does not belong to this run.
    """
    rows = readable(model, train)
    accelerator = fresh_accelerator()
    precision = precision or native_precision(accelerator.device.type)[0]
    settings = Settings(
        epochs=epochs,
        batch_size=batch_size,
        optimizer=getattr(optimizer, "__name__", repr(optimizer)),
        learning_rate=learning_rate,
        warmup=warmup,
        weight_decay=weight_decay,
        clip=clip,
        seed=seed,
        precision=precision,
        examples=len(rows),
    )
    run = _Run(accelerator, model, rows, collate, optimizer, settings)
    checkpoints = Checkpoints(
        accelerator, Path(folder) if folder else None, asdict(settings)
    )
    if not resume:
        checkpoints.begin()
    run.go_on_from(checkpoints.load())
    history, total, per_epoch = run.history, len(run.plan), len(run.plan) // epochs
    with _interruptible() as asked_to_stop, run.bar(progress) as bar:
        for step in range(len(history.steps) + 1, total + 1):
            run.step(step)
            bar.update()
            history.interrupted = asked_to_stop()
            last = history.interrupted or step == total
            evaluating = step == total or step % (evaluate_every or per_epoch) == 0
            saving = last or step % (checkpoint_every or per_epoch) == 0
            # Reading a loss waits for the GPU to finish: there, do it now and then.
            if last or evaluating or saving or step % run.read_every == 0:
                bar.set_postfix(run.read_losses(), refresh=False)
            if validation and evaluating and not history.interrupted:
                bar.set_postfix(run.evaluate(validation, metrics))
            if saving:
                checkpoints.save(step, asdict(history))
            if last:
                break
    model.eval()
    accelerator.free_memory()
    return history


def batches_of_like_length(
    lengths: Sequence[int], batch_size: int, seed: tuple[int, ...] | int
) -> list[list[int]]:
    """Cut shuffled examples into batches whose lengths are close, in random order.

    Sorted over windows of sixteen batches, not over all examples: almost all of the
    padding goes, and the batches still differ from epoch to epoch.

    Returns:
        Indices into `lengths`, each once; at most one batch is short.
    """
    random = np.random.default_rng(seed)
    order = random.permutation(len(lengths))
    window = 16 * batch_size
    batches = []
    for start in range(0, len(order), window):
        near = sorted(order[start : start + window].tolist(), key=lengths.__getitem__)
        batches += [near[i : i + batch_size] for i in range(0, len(near), batch_size)]
    return [batches[i] for i in random.permutation(len(batches))]


def schedule(step: int, total: int, warmup: float = 0.1) -> float:
    """The share of the highest learning rate due at `step`, counted from 1.

    It rises linearly over the first `warmup` share of the steps, is 1 at their end,
    and falls linearly towards 0 (reached after the last).
    """
    rising = max(1, round(warmup * total))
    return min(step / rising, (total - step + 1) / max(1, total - rising + 1))


class _Run:
    """A model, its optimizer and its batches, moving a step at a time."""

    def __init__(
        self,
        accelerator: Accelerator,
        model: nn.Module,
        rows: list[dict[str, Any]],
        collate: Collate,
        optimizer: MakeOptimizer,
        settings: Settings,
    ) -> None:
        self.accelerator, self.collate, self.settings = accelerator, collate, settings
        self.rows, self.history = rows, History()
        torch.manual_seed(settings.seed + accelerator.process_index)  # for dropout
        groups = _groups(model.to(accelerator.device), settings.weight_decay)
        self.model = model
        self.prepared, self.optimizer = accelerator.prepare(model, optimizer(groups))
        self.prepared.train()
        self.lengths = lengths(model, rows)
        self.plan = [
            (epoch, batch)
            for epoch in range(1, settings.epochs + 1)
            for batch in batches_of_like_length(
                self.lengths, settings.batch_size, seed=(settings.seed, epoch)
            )
        ]
        self.read_every = 1 if accelerator.device.type == "cpu" else 10
        self._unread: list[dict[str, Any]] = []
        self._started = time.perf_counter()

    def go_on_from(self, history: dict[str, Any] | None) -> None:
        if history:
            self.history = History(**history)
            self._started -= self.history.steps[-1]["seconds"]

    def bar(self, progress: bool) -> tqdm:
        return tqdm(
            total=len(self.plan),
            initial=len(self.history.steps),
            unit="step",
            disable=not (progress and self.accelerator.is_main_process),
        )

    def step(self, step: int) -> None:
        """Forward, backward, clip, update."""
        epoch, batch = self.plan[step - 1]
        rate = self.settings.learning_rate * schedule(
            step, len(self.plan), self.settings.warmup
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        inputs, weight = self._inputs(batch)
        with autocast(self.accelerator.device, self.settings.precision):
            loss = self.prepared(**inputs).loss * weight
        self.accelerator.backward(loss)
        norm = self.accelerator.clip_grad_norm_(
            self.prepared.parameters(), self.settings.clip
        )
        self.optimizer.step()
        self.optimizer.zero_grad()
        self._unread.append(
            {
                "step": step,
                "epoch": epoch,
                "loss": loss.detach(),
                "learning_rate": rate,
                "gradient_norm": norm,
                "tokens": sum(self.lengths[i] for i in batch),
                "seconds": time.perf_counter() - self._started,
            }
        )

    def _inputs(self, batch: list[int]) -> tuple[dict[str, Tensor], float | Tensor]:
        """This process's share of a batch, and the weight of its mean loss.

        Gradients are averaged over the processes. Where one has more labels than
        another, equal weights would not give the mean over all labels.
        """
        world = self.accelerator.num_processes
        share = batch[self.accelerator.process_index :: world]
        picked = [self.rows[i] for i in share or batch[:1]]
        inputs = on_device(self.accelerator.device, self.collate(picked))
        label_count(self.model, inputs)
        if world == 1:
            return inputs, 1.0
        terms = torch.tensor(
            float(label_count(self.model, inputs) if share else 0),
            device=self.accelerator.device,
        )
        return inputs, terms * world / self.accelerator.reduce(terms.clone(), "sum")

    def read_losses(self) -> dict[str, str]:
        """Move what the device has computed into the history.

        Raises:
            LabError: if a loss is not finite.
        """
        if self._unread:
            losses = torch.stack([record["loss"] for record in self._unread])
            losses = self.accelerator.reduce(losses, "mean")
            for record, loss in zip(self._unread, losses.tolist(), strict=True):
                norm = float(record["gradient_norm"])
                self.history.steps.append(
                    record | {"loss": loss, "gradient_norm": norm}
                )
                if not np.isfinite(loss):
                    raise LabError(
                        f"the loss became {loss} at step {record['step']}.",
                        f"The learning rate was {record['learning_rate']:.2g}.",
                        "Load the model anew and try a tenth of the learning rate; if "
                        "that fails too, look for labels outside the model's classes.",
                    )
            self._unread.clear()
        recent = [record["loss"] for record in self.history.steps[-10:]]
        return {"loss": f"{np.mean(recent):.3f}"}

    def evaluate(self, validation: Rows, metrics: Metrics | None) -> dict[str, str]:
        """Add the loss and the metrics on `validation` to the history."""
        precision = self.settings.precision
        if metrics is None:
            loss = mean_loss(self.model, validation, self.collate, precision=precision)
            scores = {"loss": loss}
        else:
            found = predict(self.model, validation, self.collate, precision=precision)
            scores = {"loss": found.loss}
            if found.labels is not None:
                measured = metrics(found.logits, found.labels)
                scores |= {name: float(value) for name, value in measured.items()}
        self.prepared.train()
        last = self.history.steps[-1]
        self.history.evaluations.append(
            {"step": last["step"], "epoch": last["epoch"]} | scores
        )
        return {f"validation {name}": f"{value:.3f}" for name, value in scores.items()}


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Turn the first interrupt into a question asked between steps.

    Raised in the middle of a step it could leave half of the weights updated.
    """
    asked = False

    def note(signal_number: int, frame: object) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGINT, before)  # a second one raises

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False  # interrupts reach the main thread only
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)


def _groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Matrices are decayed; biases and norms, which have one dimension, are not."""
    trained = [p for p in model.parameters() if p.requires_grad]
    matrices = [p for p in trained if p.ndim > 1]
    vectors = [p for p in trained if p.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
