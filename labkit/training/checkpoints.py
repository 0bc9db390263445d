"""The newest state of a training run in a folder, whole or not at all."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from labkit.errors import LabError

if TYPE_CHECKING:
    from accelerate import Accelerator

# What the file system, torch's writer and that of safetensors raise for it.
FULL_DISK = (OSError, RuntimeError, SafetensorError)


@dataclass(frozen=True)
class Checkpoints:
    """Keeps one checkpoint of what `accelerator` has prepared, and a JSON beside it.

    A checkpoint is written under a name that `newest` passes over and renamed when
    it is complete, so that a killed process leaves the one before.

    Attributes:
        folder: Where to keep it; None keeps nothing.
        settings: What a run must have in common with the checkpoint it goes on from.
    """

    accelerator: "Accelerator"
    folder: Path | None
    settings: dict[str, Any]

    def begin(self) -> None:
        """Make sure that starting anew destroys nothing.

        Raises:
            LabError: if the folder holds a run already.
        """
        if newest := self.newest():
            raise LabError(
                f"{self.folder} holds a run already, at {newest.name}.",
                "Starting anew would overwrite it.",
                "Pass resume=True to go on with it, or name another folder.",
            )

    def newest(self) -> Path | None:
        """The last complete checkpoint."""
        return max(self.folder.glob("step-*"), default=None) if self.folder else None

    def load(self) -> dict[str, Any] | None:
        """Bring model, optimizer and random numbers back; return the JSON beside them.

        Returns:
            None where there is no checkpoint yet.

        Raises:
            LabError: if the checkpoint was made with other settings.
        """
        newest = self.newest()
        if newest is None:
            return None
        kept = json.loads((newest / "run.json").read_text())
        differing = [
            f"{name} was {kept['settings'].get(name)}, now {value}"
            for name, value in self.settings.items()
            if kept["settings"].get(name) != value
        ]
        if differing:
            raise LabError(
                f"{newest} belongs to another run: {'; '.join(differing)}.",
                "Going on would give neither the one run nor the other.",
                "Call with the old settings, or name another folder.",
            )
        self.accelerator.load_state(str(newest))
        return kept["history"]

    def save(self, step: int, history: dict[str, Any]) -> None:
        """Write a checkpoint, then drop the older ones.

        Raises:
            LabError: if it cannot be written, with the older one still in place.
        """
        if self.folder is None:
            return
        unfinished = self.folder / f"unfinished-{step:08d}"
        try:
            if self.accelerator.is_main_process:
                shutil.rmtree(unfinished, ignore_errors=True)
                unfinished.mkdir(parents=True)
            self.accelerator.wait_for_everyone()
            self.accelerator.save_state(str(unfinished))
            self.accelerator.wait_for_everyone()
            if self.accelerator.is_main_process:
                self._publish(unfinished, step, history)
        except FULL_DISK as error:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise LabError(
                f"the checkpoint of step {step} could not be written to {self.folder}.",
                f"{type(error).__name__}: {error}",
                "The model in memory holds this step, and the checkpoint before it is "
                "whole: make room, then call fit again with resume=True.",
            ) from error

    def _publish(self, unfinished: Path, step: int, history: dict[str, Any]) -> None:
        assert self.folder is not None
        text = json.dumps({"settings": self.settings, "history": history})
        (unfinished / "run.json").write_text(text)
        older = sorted(self.folder.glob("step-*"))
        unfinished.rename(self.folder / f"step-{step:08d}")
        for folder in older:
            shutil.rmtree(folder)
