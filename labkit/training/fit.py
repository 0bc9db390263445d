"""Fine-tune a model: lesson 04's loop, and what hangs on it."""

import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm.auto import tqdm

from labkit.errors import LabError
from labkit.machine import Precision, placement
from labkit.training.checkpoints import Checkpoints
from labkit.training.history import History, Recorder
from labkit.training.inference import Collate, mean_loss, predict
from labkit.training.rows import Rows, label_count, readable, token_counts
from labkit.validation import number

Metrics = Callable[[NDArray[Any], NDArray[Any]], dict[str, float]]
MakeOptimizer = Callable[[list[dict[str, Any]]], torch.optim.Optimizer]


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
    make_optimizer: MakeOptimizer = adamw,
    learning_rate: float = 5e-5,
    warmup: float = 0.1,
    weight_decay: float = 0.01,
    seed: int = 0,
    precision: Precision | None = None,
    evaluate_every: int | None = None,
    folder: str | Path | None = None,
    checkpoint_every: int | None = None,
    resume: bool = False,
    progress: bool = True,
) -> History:
    """Train `model` in place on batches of like length.

    Gradients longer than 1 (2-norm) are clipped to it. A batch without a single label
    is skipped, counted in the history, and said once.

    Under `accelerate launch` several processes share each batch, and the loss is the
    one that a single process would have had.

    Stopping the cell (or Ctrl-C) ends the run after the step under way; the model
    and the history are those of that step. A second stop raises at once.

    Args:
        model: A transformers model, or any whose output has `.loss` and `.logits`;
            also wrapped, compiled, or with adapters.
        train: Rows with `input_ids` and `labels` (or `label`, or `start_positions` and
            `end_positions`); columns that the model does not take are left out.
        collate: Pads rows into a batch, as transformers' `DataCollatorWithPadding` or,
            for an encoder–decoder, `DataCollatorForSeq2Seq`; it may make the labels.
        validation: Rows to measure the loss on, and `metrics(logits, labels)` where
            `predict` can give logits: not of an encoder–decoder. Metrics are tried on
            a few rows before the first step; where they fail later, training goes on.
        batch_size: Examples in a step, over all processes.
        make_optimizer: Called with groups of parameters, as the classes of torch.optim
            are. `torch.optim.Adafactor` (Shazeer and Stern, 2018), whose rate is a
            share of each weight's own size, is what a T5 needs to learn from random
            weights.
        learning_rate: The highest, reached after the warm-up.
        warmup: Share of all steps in which the learning rate rises from 0; over the
            rest it falls back to 0.
        weight_decay: Of matrices; biases and norms are not decayed.
        precision: By default what the device computes natively.
        evaluate_every: Steps between evaluations; by default an epoch.
        folder: Where to keep the newest checkpoint; by default none is written.
        checkpoint_every: Steps between checkpoints; by default an epoch.
        resume: Go on from the checkpoint in `folder`, if there is one.

    Raises:
        LabError: rows that the model cannot read or learn from, an argument out of its
            range, a loss that is not finite, a checkpoint that cannot be written or
            read, or does not belong to this run.
    """
    _look_at_arguments(locals())
    rows = readable(model, train)
    accelerator = placement.fresh_accelerator()
    device = accelerator.device
    precision = placement.precision_on(device, precision)
    team = _Team(accelerator, model.to(device))
    evaluate = partial(_evaluate, model, collate, metrics, precision)
    held_out = readable(model, validation) if validation is not None else []
    if metrics:
        evaluate(held_out[:: max(1, len(held_out) // 16)])
    settings = {
        "epochs": epochs,
        "batch_size": batch_size,
        "optimizer": getattr(make_optimizer, "__name__", repr(make_optimizer)),
        "learning_rate": learning_rate,
        "warmup": warmup,
        "weight_decay": weight_decay,
        "seed": seed,
        "precision": precision,
    }
    checkpoints = Checkpoints(accelerator, folder, settings, model, rows)
    torch.manual_seed(seed + accelerator.process_index)  # for dropout
    optimizer = make_optimizer(_groups(model, weight_decay))
    model, optimizer = accelerator.prepare(model, optimizer)
    record = Recorder(accelerator, checkpoints.start(resume))
    history, done = record.history, record.done
    size = token_counts(model, rows)
    plan = [
        batch
        for epoch in range(1, epochs + 1)
        for batch in batches_of_like_length(size, batch_size, seed=(seed, epoch))
    ]
    total, per_epoch = len(plan), len(plan) // epochs
    share = partial(schedule, warmup=warmup)
    clip = 1.0
    read_every = 1 if device.type == "cpu" else 10  # reading waits for the GPU
    hidden = not (progress and accelerator.is_main_process)
    bar = tqdm(total=total, initial=done, unit="step", disable=hidden)
    with _interruptible() as asked_to_stop, bar:
        model.train()
        for step, batch in enumerate(plan[done:], start=done + 1):
            epoch = (step - 1) // per_epoch + 1
            for group in optimizer.param_groups:
                group["lr"] = learning_rate * share(step, len(plan))
            inputs = collate([rows[i] for i in team.part(batch)])
            weight = team.weigh(batch, inputs)
            if weight is None:
                record.skip(step)
            else:
                inputs = placement.on_device(device, inputs)
                with placement.autocast(device, precision):
                    loss = model(**inputs).loss
                loss = loss * weight
                loss.backward()
                norm = torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
                optimizer.step()
                optimizer.zero_grad()
                record.add(
                    step=step,
                    epoch=epoch,
                    loss=loss.detach(),
                    learning_rate=group["lr"],
                    gradient_norm=norm,
                    tokens=sum(size[i] for i in batch),
                )
            bar.update()
            history.interrupted = asked_to_stop()
            last = history.interrupted or step == total
            evaluating = step == total or step % (evaluate_every or per_epoch) == 0
            saving = last or step % (checkpoint_every or per_epoch) == 0
            if last or evaluating or saving or step % read_every == 0:
                bar.set_postfix(record.read(), refresh=False)
            if held_out and evaluating and not history.interrupted:
                scores = evaluate(held_out, step)
                history.evaluations.append({"step": step, "epoch": epoch} | scores)
                said = {f"validation {k}": f"{v:.3f}" for k, v in scores.items()}
                bar.set_postfix(said)
                model.train()
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


@dataclass(frozen=True)
class _Team:
    """The processes that share each batch; most often there is one."""

    accelerator: Accelerator
    model: nn.Module

    def part(self, batch: list[int]) -> list[int]:
        """This process's share, or a row that weighs nothing."""
        team = self.accelerator
        return batch[team.process_index :: team.num_processes] or batch[:1]

    def weigh(self, batch: list[int], inputs: Mapping[str, Tensor]) -> float | None:
        """The weight of this process's mean loss; None if the batch has no label.

        Gradients are averaged over the processes. Where one has more labels than
        another, equal weights would not give the mean over all labels.
        """
        count, world = label_count(self.model, inputs), self.accelerator.num_processes
        if world == 1:
            return 1.0 if count else None
        told = count if self.accelerator.process_index < len(batch) else 0
        here = torch.tensor(float(told), device=self.accelerator.device)
        total = self.accelerator.reduce(here, "sum").item()
        if total and not count:
            inputs["labels"].zero_()  # weighs nothing, and is finite
        return told * world / total if total else None


def _evaluate(
    model: nn.Module,
    collate: Collate,
    metrics: Metrics | None,
    precision: Precision,
    rows: list[dict[str, Any]],
    step: int = 0,
) -> dict[str, float]:
    """Loss and metrics; where these fail, the loss alone and a warning.

    Raises:
        LabError: if the metrics fail, or give no numbers, before the first step.
    """
    if metrics is None:
        return {"loss": mean_loss(model, rows, collate, precision=precision)}
    found = predict(model, rows, collate, precision=precision)
    try:
        if found.labels is None:
            raise ValueError("the validation rows have no labels")
        measured = metrics(found.logits, found.labels)
        scores = {name: float(value) for name, value in measured.items()}
    except Exception as error:
        refusal = LabError(
            f"the metrics failed: {type(error).__name__}: {error}",
            f"They were given logits {found.logits.shape}, labels "
            f"{np.asarray(found.labels).shape}, and are to give names with numbers.",
            'Try them alone, on predict(…): they return {"accuracy": 0.9}, say.',
        )
        if step == 0:
            raise refusal from error
        warnings.warn(f"step {step}: {refusal}", stacklevel=3)
        scores = {}
    return {"loss": found.loss} | scores


def _look_at_arguments(given: dict[str, Any]) -> None:
    for name in ("learning_rate", "warmup", "weight_decay"):
        most = 1 if name == "warmup" else None
        number(name, given[name], at_least=0, at_most=most)
    for name in ("epochs", "batch_size", "seed", "evaluate_every", "checkpoint_every"):
        if given[name] is not None or not name.endswith("_every"):
            least = 0 if name == "seed" else 1
            number(name, given[name], at_least=least, whole=True)
    if not given["folder"] and (given["resume"] or given["checkpoint_every"]):
        raise LabError(
            "there is no folder for the checkpoints.",
            "resume and checkpoint_every speak of what is kept in one.",
            "Pass folder= too.",
        )
    if given["metrics"] and given["validation"] is None:
        raise LabError(
            "metrics are asked for, and there are no validation rows.",
            "They are measured on rows that are not learnt from.",
            "Pass validation= too.",
        )
    if not callable(given["make_optimizer"]):
        raise LabError(
            f"make_optimizer is {given['make_optimizer']!r}.",
            "fit calls it with the groups of parameters that it makes.",
            "Pass a class, as torch.optim.Adafactor.",
        )


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
    if not trained:
        raise LabError(
            "nothing in the model can learn: all of its parameters are frozen.",
            "Leave a part free: model.classifier.requires_grad_(True), for example.",
        )
    return [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
