"""A corpus by its name: built once, and kept until something it is made of changes.

Every corpus is a `datasets.DatasetDict` with the splits train, validation and test, and
has the same columns in both profiles; `splits` has the rules. A corpus is one file
with one function, marked `@corpus`: its name and its keyword arguments are the corpus's
name and options, and `version` is the number of its rows.
"""

import hashlib
import inspect
import json
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, get_args

from labkit.data import documentation, hub, splits, wheels
from labkit.data.documentation import Libraries
from labkit.errors import LabError
from labkit.machine import Profile

if TYPE_CHECKING:
    from datasets import DatasetDict

Build = Callable[..., "DatasetDict"]
CORPORA: "dict[str, Corpus]" = {}


@dataclass(frozen=True)
class Corpus:
    """How a corpus is made.

    Attributes:
        version: Another number for other rows: what was built by the old one is stale.
        libraries: Those whose docstrings it is made of in profile quick.
    """

    name: str
    build: Build
    version: int
    libraries: Libraries

    def prefix(self, profile: Profile) -> str:
        """What its folders in the cache begin with, as long as they are up to date."""
        if not hub.offers(self.name):
            profile = "quick"  # packaged in both, and so kept once
        if profile == "full":
            made_of: Any = hub.revision(self.name)
        else:
            pins = [w.sha256 for w in wheels.every() if self.name in w.provides]
            documented = documentation.documented(self.libraries)
            made_of = [pins, [documentation.VERSION, documented]]
        recipe = [self.version, splits.VERSION, made_of]
        return f"{self.name}-{profile}-{_fingerprint(recipe)}-"


def corpus(
    *, version: int, libraries: Libraries | None = None
) -> Callable[[Build], Build]:
    """Register `build(profile, *, option=default, …)` under its own name."""

    def register(build: Build) -> Build:
        name = build.__name__
        CORPORA[name] = Corpus(name, build, version, libraries or {})
        return build

    return register


def load(name: str, *, profile: Profile = "quick", **options: Any) -> "DatasetDict":
    """A corpus by name: built on first use, memory-mapped from the cache afterwards.

    Args:
        name: One of `CORPORA`; what each is, its own docstring tells.
        profile: "quick" for packaged data, "full" for the Hub's.
        options: Keyword arguments of the corpus's function.

    Raises:
        LabError: for a name, a profile or an option that does not exist, and where the
            source is neither in the cache nor in reach.
    """
    if name not in CORPORA:
        raise wheels.unknown("corpus", name, CORPORA)
    if profile not in get_args(Profile):
        raise wheels.unknown("profile", profile, get_args(Profile))
    known = CORPORA[name]
    defaults = inspect.getfullargspec(known.build).kwonlydefaults or {}
    if unknown := sorted(options.keys() - defaults):
        raise wheels.unknown(f"{name} option", unknown[0], defaults)
    options = defaults | options
    folder = wheels.home() / "corpora" / (known.prefix(profile) + _fingerprint(options))
    return _cached(folder, lambda: known.build(profile, **options))


def stale() -> list[Path]:
    """What the cache holds of older versions, pins and libraries: nothing reads it."""
    current = tuple(
        known.prefix(profile)
        for known in CORPORA.values()
        for profile in get_args(Profile)
    )
    built = wheels.home().glob("corpora/*/dataset_dict.json")
    folders = sorted(state.parent for state in built)
    ours = [folder for folder in folders if folder.name.partition("-")[0] in CORPORA]
    return [
        *(folder for folder in ours if not folder.name.startswith(current)),
        *wheels.stale(),
        *sorted(wheels.home().glob("docstrings*")),  # of earlier versions
    ]


def clean() -> Iterator[tuple[Path, int]]:
    """Remove what is `stale`; yields each path, and its bytes.

    Raises:
        LabError: for what cannot be removed.
    """
    for path in stale():
        size = wheels.size(path)
        try:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        except OSError as error:
            then = "Close the notebooks that use it, and try again."
            why = f"{error.strerror or error}."
            raise LabError(f"{path} cannot be removed.", why, then) from error
        yield path, size


def _fingerprint(recipe: Any) -> str:
    return hashlib.blake2b(json.dumps(recipe).encode(), digest_size=8).hexdigest()


def _cached(folder: Path, build: "Callable[[], DatasetDict]") -> "DatasetDict":
    """What `folder` holds; else what `build` returns, kept there if that can be."""
    from datasets import DatasetDict

    def read() -> DatasetDict:
        # Where the folder is read-only, map() must not try to keep its results there.
        in_memory = not os.access(folder, os.W_OK)
        return DatasetDict.load_from_disk(folder, keep_in_memory=in_memory)

    was_there = folder.exists()
    with suppress(OSError, ValueError):
        return read()
    built = build()
    try:
        if was_there:  # and could not be read: damaged
            shutil.rmtree(folder)
        _put(built, folder)
        return read()
    except (OSError, ValueError) as error:
        warnings.warn(
            f"not kept in the cache, so built anew each time: {error}", stacklevel=3
        )
        return built


def _put(built: "DatasetDict", folder: Path) -> None:
    """Save beside `folder`, then move there in one step: it is whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(
        dir=folder.parent, prefix=f".{folder.name}-", ignore_cleanup_errors=True
    ) as temporary:
        built.save_to_disk(Path(temporary) / "whole")
        try:
            os.rename(Path(temporary) / "whole", folder)
        except OSError:
            if not folder.exists():  # else another process was first
                raise
