"""What happened in a training run, step by step."""

import time
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from accelerate import Accelerator
from torch import Tensor

from labkit.errors import LabError

if TYPE_CHECKING:
    import pandas

    from labkit.plots import Picture


@dataclass(repr=False)
class History:
    """What happened, step by step.

    Attributes:
        steps: A dictionary a step: step, epoch, loss, learning_rate, gradient_norm
            (before clipping), tokens (without padding), seconds since the start.
        evaluations: A dictionary an evaluation: step, epoch, loss and the metrics.
        interrupted: Whether the run was stopped before its end.
        skipped: Numbers of the steps whose batch had nothing to learn.
    """

    steps: list[dict[str, float]] = field(default_factory=list)
    evaluations: list[dict[str, float]] = field(default_factory=list)
    interrupted: bool = False
    skipped: list[int] = field(default_factory=list)

    def table(self) -> "pandas.DataFrame":
        """A row an evaluation (an epoch, where there was none), means in between."""
        import pandas

        frame = pandas.DataFrame(self.steps)
        if frame.empty:
            return frame
        ends = [row["step"] for row in self.evaluations]
        ends = ends or frame.groupby("epoch").step.last().tolist()
        ends = sorted({*ends, frame.step.iloc[-1]})
        rows = frame.groupby(np.searchsorted(ends, frame.step)).agg(
            epoch=("epoch", "last"),
            step=("step", "last"),
            train_loss=("loss", "mean"),
            seconds=("seconds", "last"),
        )
        if self.evaluations:
            scores = pandas.DataFrame(self.evaluations).drop(columns="epoch")
            scores = scores.rename(columns={"loss": "validation_loss"})
            rows = rows.merge(scores, on="step", how="left")
        rows["seconds"] = rows.pop("seconds")  # last
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
        note = "\nInterrupted: the model holds its last step." * self.interrupted
        if self.skipped:
            note += f"\n{len(self.skipped)} batches had nothing to learn: no label."
        return note


class Recorder:
    """Fills a history; what a GPU computes is read only now and then.

    Reading a number waits until the GPU has computed it.
    """

    def __init__(self, accelerator: Accelerator, kept: dict[str, Any] | None) -> None:
        self.accelerator, self.history = accelerator, History(**kept or {})
        self._unread: list[dict[str, Any]] = []
        before = self.history.steps[-1]["seconds"] if self.history.steps else 0.0
        self._started = time.perf_counter() - before

    @property
    def done(self) -> int:
        """How many steps there were, skipped ones too."""
        return len(self.history.steps) + len(self.history.skipped)

    def add(self, **row: float | Tensor) -> None:
        seconds = time.perf_counter() - self._started
        self._unread.append(row | {"seconds": seconds})

    def skip(self, step: int) -> None:
        if not self.history.skipped:
            warnings.warn(
                f"the batch of step {step} has no label: there is nothing to learn. "
                "Such batches are skipped, and counted in the history.",
                stacklevel=3,
            )
        self.history.skipped.append(step)

    def read(self) -> dict[str, str]:
        """Move what the device has computed into the history.

        Returns:
            For a progress bar, the mean loss of the last ten steps.

        Raises:
            LabError: if a loss is not finite.
        """
        for row in self._unread:
            loss = self.accelerator.reduce(row["loss"], "mean").item()
            norm = float(row["gradient_norm"])
            self.history.steps.append(row | {"loss": loss, "gradient_norm": norm})
            if not np.isfinite(loss):
                raise LabError(
                    f"the loss became {loss} at step {row['step']}.",
                    f"The learning rate was {row['learning_rate']:.2g}.",
                    "Load the model anew and try a tenth of the learning rate; if "
                    "that fails too, look at the rows of this step.",
                )
        self._unread.clear()
        recent = [row["loss"] for row in self.history.steps[-10:]]
        return {"loss": f"{np.mean(recent):.3f}"} if recent else {}
