"""Models and data sets of the Hugging Face Hub, at the commits that the catalog pins.

`huggingface_hub` downloads them into its own cache, file by file: `snapshot_download`
lists a repository first, in a request without a time limit. Only
`try_to_load_from_cache` asks the network nothing (`local_files_only` does).
"""

import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from labkit.data import wheels
from labkit.data.splits import Row
from labkit.errors import LabError

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

_PROBE_SECONDS = 3.0  # how long the Hub may take to answer at all


@dataclass(frozen=True)
class Repo:
    """A repository on the Hub at a pinned commit, and the files of it that we use."""

    kind: Literal["model", "dataset"]
    repo: str
    revision: str
    licence: str
    files: list[str]


def offers(name: str) -> bool:
    """Whether profile "full" has a corpus of its own under that name."""
    return name in wheels.catalog("hub")["dataset"]


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

    answers = []

    def ask() -> None:
        head, where = get_session().head, url or constants.ENDPOINT
        with suppress(Exception):  # whatever went wrong: there is no answer
            answers.append(head(where, timeout=_PROBE_SECONDS, follow_redirects=False))

    # Beside us, because no timeout of a socket covers a name server that is silent.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(_PROBE_SECONDS)
    return any(answer.status_code < 500 for answer in answers)


def hub_snapshot(name: str, *, kind: Literal["model", "dataset"]) -> Path:
    """The folder of a Hub repository at its pinned commit, downloaded if need be.

    Files that are all in the Hub's cache are used without asking the network. A Hub
    out of reach is given up after three seconds; one that stalls on the way, when
    `huggingface_hub` gives up: after a minute, unless `HF_HUB_DOWNLOAD_TIMEOUT` is set.

    Args:
        name: The role of a model ("encoder") or the name of a corpus ("sentiment").

    Raises:
        LabError: the Hub is out of reach, or refuses, or breaks off; no room; a cache
            that cannot be written; or an unknown name.
    """
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    repo = _repo(name, kind)
    at: dict[str, Any] = {"revision": repo.revision, "repo_type": kind}
    paths = [try_to_load_from_cache(repo.repo, file, **at) for file in repo.files]
    if not all(isinstance(path, str) for path in paths):
        _require_hub(repo)
        try:
            paths = [hf_hub_download(repo.repo, file, **at) for file in repo.files]
        except Exception as error:  # OSError, ValueError, its HTTP library's: many
            raise _failure(repo, error) from error
    return Path(str(paths[0])).parents[repo.files[0].count("/")]


def _repo(name: str, kind: Literal["model", "dataset"]) -> Repo:
    known = wheels.catalog("hub")[kind]
    if name not in known:
        raise wheels.unknown(kind, name, known)
    return Repo(kind=kind, **known[name])


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
