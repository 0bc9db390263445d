"""The newest state of a training run in a folder, whole or not at all."""

import json
import shutil
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
from accelerate import Accelerator
from safetensors import SafetensorError
from torch import nn

from labkit.errors import LabError

# What the file system, torch's reader and writer and those of safetensors raise.
FULL_DISK = (OSError, RuntimeError, SafetensorError)
UNREADABLE = (*FULL_DISK, ValueError, KeyError, EOFError, UnpicklingError)


class Checkpoints:
    """Keeps one checkpoint of what `accelerator` has prepared, and a JSON beside it.

    A checkpoint is written under a name that `start` passes over and renamed when
    it is complete, so that a killed process leaves the one before.

    Args:
        folder: Where to keep it; None keeps nothing.
        settings: What a run must have in common with the checkpoint it goes on
            from, beside its model and its rows.
    """

    def __init__(
        self,
        accelerator: Accelerator,
        folder: str | Path | None,
        settings: dict[str, Any],
        model: nn.Module,
        rows: list[dict[str, Any]],
    ) -> None:
        self.accelerator, self.folder = accelerator, Path(folder) if folder else None
        self.settings = settings | _identity(model, rows) if folder else settings

    def start(self, resume: bool) -> dict[str, Any] | None:
        """Go on from the newest checkpoint, or make sure that there is none.

        Returns:
            The history so far; None where the run begins.

        Raises:
            LabError: if the folder holds a run that is not to be resumed, or another,
                or one that cannot be read.
        """
        complete = self.folder.glob("step-*") if self.folder else ()
        newest = max(complete, default=None)
        if newest is None:
            return None
        if not resume:
            raise LabError(
                f"{self.folder} holds a run already, at {newest.name}.",
                "Starting anew would overwrite it.",
                "Pass resume=True to go on with it, or name another folder.",
            )
        try:
            kept = json.loads((newest / "run.json").read_text())
            self._compare(newest, kept["settings"])
            self.accelerator.load_state(str(newest))
        except UNREADABLE as error:
            raise LabError(
                f"the checkpoint {newest} cannot be read.",
                f"{type(error).__name__}: {str(error)[:200]}",
                "A file of it is missing or broken: delete the folder and start anew.",
            ) from error
        return kept["history"]

    def _compare(self, newest: Path, kept: dict[str, Any]) -> None:
        differing = [
            f"{name} was {kept.get(name)}, now {value}"
            for name, value in self.settings.items()
            if kept.get(name) != value
        ]
        if differing:
            raise LabError(
                f"{newest} belongs to another run: {'; '.join(differing)}.",
                "Going on would give neither the one run nor the other.",
                "Call with what it was begun with, or name another folder.",
            )

    def save(self, step: int, history: dict[str, Any]) -> None:
        """Write a checkpoint, then drop the older ones.

        Raises:
            LabError: if it cannot be written, with the older one still in place.
        """
        if self.folder is None:
            return
        unfinished = self.folder / f"unfinished-{step:08d}"
        main = self.accelerator.is_main_process
        try:
            if main:
                shutil.rmtree(unfinished, ignore_errors=True)
                unfinished.mkdir(parents=True)
            self.accelerator.wait_for_everyone()
            self.accelerator.save_state(str(unfinished))
            self.accelerator.wait_for_everyone()
            if main:
                text = json.dumps({"settings": self.settings, "history": history})
                (unfinished / "run.json").write_text(text)
                older = sorted(self.folder.glob("step-*"))
                unfinished.rename(self.folder / f"step-{step:08d}")
                for folder in older:
                    shutil.rmtree(folder)
        except FULL_DISK as error:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise LabError(
                f"the checkpoint of step {step} could not be written to {self.folder}.",
                f"{type(error).__name__}: {error}",
                "The model in memory holds this step, and the checkpoint before it is "
                "whole: make room, then call fit again with resume=True.",
            ) from error


def _identity(model: nn.Module, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What a model and its rows are known by, without the values of the weights."""
    return {
        "model": _hash(
            (name, tuple(weights.shape), weights.requires_grad)
            for name, weights in model.named_parameters()
        ),
        "examples": len(rows),
        "rows": _hash(
            (name, np.asarray(value).tolist())
            for row in rows
            for name, value in sorted(row.items())
        ),
    }


def _hash(parts: Iterable[Any]) -> str:
    digest = sha256()
    for part in parts:
        digest.update(repr(part).encode())
    return digest.hexdigest()[:12]
