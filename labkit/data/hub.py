"""Models and data sets of the Hugging Face Hub, at the commits that the catalog pins.

`huggingface_hub` downloads them into its own cache, file by file: `snapshot_download`
lists a repository first, in a request without a time limit. Only
`try_to_load_from_cache` asks the network nothing (`local_files_only` does).
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from labkit.data import wheels
from labkit.data.splits import Row
from labkit.errors import LabError

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

T = TypeVar("T")

_PROBE_SECONDS = 3.0  # how long the Hub may take to answer at all
_STALL_SECONDS = 60.0  # how long nothing may come of a download from it


@dataclass(frozen=True)
class Repo:
    """A repository on the Hub at a pinned commit, and the files of it that we use."""

    kind: Literal["model", "dataset"]
    repo: str
    revision: str
    licence: str
    files: tuple[str, ...]


def revision(name: str) -> str:
    """The commit that a corpus is read at."""
    return _repo(name, "dataset").revision


def dataset(name: str) -> "DatasetDict":
    """A corpus as the Hub has it."""
    from datasets import load_dataset

    return load_dataset(str(hub_snapshot(name, kind="dataset")))


def rows(split: "Dataset", text: str) -> Iterator[Row]:
    """Of a column of texts and the column label."""
    return zip(split[text][:], split["label"][:], strict=True)


def hub_reachable(url: str | None = None) -> bool:
    """Whether the Hub (`HF_ENDPOINT`) answers a request within three seconds.

    False when it answers that it is out of order, and where `HF_HUB_OFFLINE` is set:
    `huggingface_hub` then asks nothing.

    Args:
        url: What to ask for; the Hub's front page by default.
    """
    from huggingface_hub import constants, get_session

    def ask() -> int:
        head = get_session().head
        where = url or constants.ENDPOINT
        answer = head(where, timeout=_PROBE_SECONDS, follow_redirects=False)
        return answer.status_code

    # Beside us, because no timeout of a socket covers a name server that is silent.
    try:
        return _beside(ask).result(_PROBE_SECONDS) < 500
    except Exception:  # whatever went wrong: there is no answer
        return False


def hub_snapshot(name: str, *, kind: Literal["model", "dataset"]) -> Path:
    """The folder of a Hub repository at its pinned commit, downloaded if need be.

    Files that are all in the Hub's cache are used without asking the network. A Hub
    out of reach is given up after three seconds, one that stalls on the way after a
    minute in which nothing came.

    Args:
        name: The role of a model ("encoder") or the name of a corpus ("sentiment").

    Raises:
        LabError: the Hub is out of reach, or refuses, or breaks off; no room; a cache
            that cannot be written; or an unknown name.
    """
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    repo = _repo(name, kind)
    with suppress(FileNotFoundError):
        return _files(repo, try_to_load_from_cache)
    _require_hub(repo)
    try:
        return _while_growing(_folders(repo), lambda: _files(repo, hf_hub_download))
    except Exception as error:  # OSError, ValueError, its HTTP library's: many kinds
        raise _failure(repo, error) from error


def _repo(name: str, kind: Literal["model", "dataset"]) -> Repo:
    known = wheels.catalog("hub")[kind]
    if name not in known:
        raise wheels.unknown(name, known)
    return Repo(kind=kind, **known[name])


def _files(repo: Repo, get: Callable[..., object]) -> Path:
    """The folder of the snapshot, once `get` has given the path of each file."""
    at = {"revision": repo.revision, "repo_type": repo.kind}
    paths = [get(repo.repo, file, **at) for file in repo.files]
    if not all(isinstance(path, str) for path in paths):
        raise FileNotFoundError(f"not every file of {repo.repo} is here")
    return Path(str(paths[0])).parents[repo.files[0].count("/")]


def _folders(repo: Repo) -> list[Path]:
    """Those that a download writes to."""
    from huggingface_hub import constants

    name = "--".join([f"{repo.kind}s", *repo.repo.split("/")])
    return [Path(constants.HF_HUB_CACHE, name), Path(constants.HF_XET_CACHE)]


def _require_hub(repo: Repo) -> None:
    """Ask for a file's headers: a Hub that stalls here would stall the download."""
    from huggingface_hub import constants, hf_hub_url

    url = hf_hub_url(
        repo.repo, repo.files[0], repo_type=repo.kind, revision=repo.revision
    )
    if not hub_reachable(url):
        why = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else "no good answer"
        raise LabError(
            f"the Hub is out of reach, and {repo.repo} is not in its cache.",
            f"{constants.ENDPOINT}: {why}. Looked in {constants.HF_HUB_CACHE}.",
            'Go online, or take the packaged weights and data: setup(profile="quick").',
        )


def _beside(work: Callable[[], T]) -> "Future[T]":
    """Start work in a thread that is left behind if it stalls."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except Exception as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def _while_growing(folders: list[Path], download: Callable[[], Path]) -> Path:
    """What `download` returns, unless `folders` stop growing for `_STALL_SECONDS`.

    `huggingface_hub` itself tries for minutes, and longer after each failure.
    """
    coming = _beside(download)
    size, grown = -1, time.monotonic()
    while wait([coming], 0.2).not_done:
        before, size = size, sum(map(wheels.size, folders))
        if size != before:
            grown = time.monotonic()
        elif time.monotonic() - grown > _STALL_SECONDS:
            raise TimeoutError(f"nothing came for {_STALL_SECONDS:g} s")
    return coming.result()


def _failure(repo: Repo, error: Exception) -> LabError:
    from huggingface_hub import constants

    if isinstance(error, OSError) and error.errno in wheels.NO_ROOM:
        return wheels.cannot_write(repo.repo, Path(constants.HF_HUB_CACHE), error)
    reason = error.__cause__ or error  # under "not in the cache", why not from the Hub
    return LabError(
        f"the Hub did not give us {repo.repo}.",
        f"{type(reason).__name__}: {str(reason).strip().splitlines()[0]}",
        'Try again, or use the packaged weights and data: setup(profile="quick").',
    )
