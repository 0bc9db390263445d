"""The Hub, by a stand-in on the loopback, and the ways in which it can fail.

Each question is put in a process of its own: `huggingface_hub` reads its settings from
the environment when it is imported.
"""

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from labkit import assets
from labkit.errors import LabError

ENCODER = "google-bert/bert-base-uncased"
COMMIT = "86b5e0934494bd15c9632b12f734a8a67f723594"
PRELUDE = """
import time
from huggingface_hub import constants
from labkit import assets
time.sleep = lambda seconds: None  # huggingface_hub waits longer after each failure
constants.HF_HUB_DOWNLOAD_TIMEOUT = 0.2
try:
    print({question})
except assets.LabError as error:
    print("LabError:", error)
"""


class Hub(ThreadingHTTPServer):
    """Serves any file of any repository, each with its own address as its content.

    `trouble` is what it does instead: answer with that status, or "stall" (accept and
    never answer), or send half of the weights, and then serve well ("hiccup"), be out
    of order ("break") or stall ("freeze").
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.trouble: int | str = 0
        self.asked: list[str] = []
        self.over = threading.Event()


class Answer(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self.answer(self.server.trouble)

    def do_GET(self) -> None:
        self.answer(self.server.trouble)

    def answer(self, trouble: int | str) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        content = (self.path * 100).encode()
        if trouble == "stall":
            self.server.over.wait()
            return
        self.send_response(trouble if isinstance(trouble, int) and trouble else 200)
        commit = self.path.partition("/resolve/")[2].partition("/")[0]
        self.send_header("X-Repo-Commit", commit)
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.path.endswith("model.safetensors") and isinstance(trouble, str):
            self.break_off(content[: len(content) // 2], trouble)
        else:
            self.wfile.write(content)

    def break_off(self, half: bytes, trouble: str) -> None:
        self.wfile.write(half)
        self.server.trouble = {"hiccup": 0, "freeze": "stall", "break": 503}[trouble]
        if trouble == "freeze":
            self.server.over.wait()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Iterator[Hub]:
    for name in [name for name in os.environ if name.startswith("HF_")]:
        monkeypatch.delenv(name)
    with Hub() as server:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("HF_HOME", str(tmp_path))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.over.set()
        server.shutdown()


def ask(question: str, setup: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-c", setup + PRELUDE.format(question=question)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def encoder(setup: str = "") -> str:
    return ask("assets.hub_snapshot('encoder', kind='model')", setup)


IMPATIENT = "from labkit import assets\nassets.PROBE_SECONDS = 0.5\n"


def check_whole(answer: str) -> None:
    folder = Path(answer)
    assert folder.name == COMMIT
    for name in ("config.json", "model.safetensors", "vocab.txt"):
        address = f"/{ENCODER}/resolve/{COMMIT}/{name}"
        assert (folder / name).read_text() == address * 100


def test_a_model_is_the_files_of_the_pinned_commit_in_one_format(hub):
    check_whole(encoder())
    got = {path.rpartition("/")[2] for path in hub.asked if "/resolve/" in path}
    assert got == {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.txt",
    }


def test_a_data_set_keeps_its_folders_below_the_snapshot(hub):
    folder = Path(ask("assets.hub_snapshot('topics', kind='dataset')"))
    assert sorted(path.name for path in (folder / "data").iterdir()) == [
        "test-00000-of-00001.parquet",
        "train-00000-of-00001.parquet",
    ]
    address = (folder / "data" / "test-00000-of-00001.parquet").read_text()
    assert address.startswith("/datasets/fancyzhx/ag_news/resolve/")


def test_files_in_the_cache_are_used_without_asking(hub):
    first = encoder()
    hub.asked.clear()
    assert encoder() == first
    assert hub.asked == []


def test_a_snapshot_that_lacks_a_file_is_not_taken_for_whole(hub, monkeypatch):
    folder = encoder()
    (Path(folder) / "vocab.txt").unlink()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "out of reach" in encoder()

    monkeypatch.delenv("HF_HUB_OFFLINE")
    assert encoder() == folder
    check_whole(folder)


def test_nobody_at_the_address_is_out_of_reach(hub):
    hub.server_close()
    assert encoder().startswith(f"LabError: the Hub is out of reach, and {ENCODER}")


@pytest.mark.parametrize("trouble", ["stall", 503])
def test_a_hub_that_stalls_or_is_out_of_order_is_out_of_reach(hub, trouble):
    hub.trouble = trouble
    assert "out of reach" in encoder(IMPATIENT)
    assert len(hub.asked) == 1  # it is asked once, and nothing is tried on it


def test_offline_mode_asks_nothing_and_is_told(hub, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "HF_HUB_OFFLINE is set" in encoder()
    assert hub.asked == []


@pytest.mark.parametrize("status", [401, 404])
def test_a_hub_that_refuses_is_told_with_its_reason(hub, status):
    hub.trouble = status
    answer = encoder()
    assert answer.startswith(f"LabError: the Hub did not give us {ENCODER}.")
    assert str(status) in answer


def test_a_download_that_hiccups_is_completed(hub):
    hub.trouble = "hiccup"
    check_whole(encoder())


@pytest.mark.parametrize("trouble", ["break", "freeze"])
def test_a_download_that_ends_half_way_is_no_model_and_the_next_one_heals(hub, trouble):
    hub.trouble = trouble
    assert "did not give us" in encoder()

    hub.trouble = 0
    check_whole(encoder())


def test_a_full_disk_is_told_and_the_next_download_heals(hub):
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
    answer = encoder(limit)
    assert answer.startswith(f"LabError: no room for {ENCODER}.")
    assert "HF_HOME" in answer

    check_whole(encoder())


@pytest.mark.parametrize(
    ("trouble", "reachable"), [(0, True), (404, True), (503, False)]
)
def test_a_hub_that_answers_is_reachable_unless_out_of_order(hub, trouble, reachable):
    hub.trouble = trouble
    assert ask("assets.hub_reachable()") == str(reachable)


def test_an_unknown_role_is_refused_with_the_nearest_one():
    with pytest.raises(LabError, match="Did you mean 'decoder'"):
        assets.hub_snapshot("decodr", kind="model")
