"""The Hub, by a stand-in on the loopback, and the ways in which it can fail.

Each question is put in a process of its own: `huggingface_hub` reads its settings from
the environment when it is imported.
"""

import hashlib
import os
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from datasets import ClassLabel, Dataset
from tiny import llama, masked_lm, t5, word_tokenizer
from transformers import BertForMaskedLM

from labkit.data import hub_snapshot
from labkit.data.wheels import CATALOG
from labkit.errors import LabError

ENCODER = "google-bert/bert-base-uncased"
COMMIT = "86b5e0934494bd15c9632b12f734a8a67f723594"
PRELUDE = """
import time
from huggingface_hub import constants
from labkit.data import hub
time.sleep = lambda seconds: None  # huggingface_hub waits longer after each failure
constants.HF_HUB_DOWNLOAD_TIMEOUT = 0.2
try:
    print({question})
except hub.LabError as error:
    print("LabError:", error)
"""


AT_THE_WEIGHTS = {"hiccup": 0, "freeze": "stall", "break": 503}  # and what follows


class Hub(ThreadingHTTPServer):
    """Serves any file of any repository, each with its own address as its content.

    `trouble` is what it does instead: answer with that status (429 and 503 with
    "later": to all but the first question), or "stall" (accept and never answer), or
    send half of a file each time ("truncated") or another number of bytes than
    announced before ("size"), or half of the weights, and then serve well ("hiccup"),
    be out of order ("break") or stall ("freeze").

    Attributes:
        files: What is served at an address instead of the address.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.trouble: int | str = 0
        self.asked: list[str] = []
        self.files: dict[str, bytes] = {}
        self.over = threading.Event()


class Answer(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self.answer(self.server.trouble)

    def do_GET(self) -> None:
        self.answer(self.server.trouble)

    def answer(self, trouble: int | str) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        content = self.server.files.get(self.path, (self.path * 100).encode())
        if trouble == "stall":
            self.server.over.wait()
            return
        if isinstance(trouble, str) and trouble.startswith("later "):
            trouble = int(trouble.removeprefix("later ")) if self.again() else 0
        if trouble == "size" and self.command == "GET":
            content += b"more"
        self.send_response(trouble if isinstance(trouble, int) and trouble else 200)
        commit = self.path.partition("/resolve/")[2].partition("/")[0]
        self.send_header("X-Repo-Commit", commit)
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if trouble == "truncated":
            self.wfile.write(content[: len(content) // 2])
        elif self.path.endswith("model.safetensors") and trouble in AT_THE_WEIGHTS:
            self.break_off(content[: len(content) // 2], trouble)
        else:
            self.wfile.write(content)

    def again(self) -> bool:
        """Whether this address, or another of its repository, was asked for before."""
        repository = self.path.partition("/resolve/")[0]
        return sum(repository in asked for asked in self.server.asked) > 1

    def break_off(self, half: bytes, trouble: str) -> None:
        self.wfile.write(half)
        self.server.trouble = AT_THE_WEIGHTS[trouble]
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
    return run(setup + PRELUDE.format(question=question))


def run(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def encoder(setup: str = "") -> str:
    return ask("hub.hub_snapshot('encoder', kind='model')", setup)


IMPATIENT = "from labkit.data import hub\nhub._PROBE_SECONDS = 2.0\n"


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
    folder = Path(ask("hub.hub_snapshot('topics', kind='dataset')"))
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
    assert ask("hub.hub_reachable()") == str(reachable)


def test_an_unknown_role_is_refused_with_the_nearest_one():
    with pytest.raises(LabError, match="Did you mean 'encoder'"):
        hub_snapshot("encodr", kind="model")


# --- every role and every corpus of the catalog ---------------------------------------

HUB = tomllib.loads(CATALOG.read_text("utf-8"))["hub"]
NAMES = [(kind, name) for kind in HUB for name in HUB[kind]]
ASK_FOR_ALL = """
import time
from huggingface_hub import constants
from labkit.data import hub
time.sleep = lambda seconds: None
constants.HF_HUB_DOWNLOAD_TIMEOUT = 0.2
hub._PROBE_SECONDS = {probe}
for kind, name in {names}:
    try:
        hub.hub_snapshot(name, kind=kind)
    except hub.LabError as error:
        print(str(error).replace(chr(10), " | "))
    else:
        print("no error")
"""
FAULTS = [404, 429, 503, "later 429", "later 503", "truncated", "size", "stall"]


@pytest.mark.parametrize("trouble", FAULTS)
def test_every_role_and_corpus_tells_every_fault_in_three_lines(hub, trouble):
    hub.trouble = trouble
    probe = 0.2 if trouble == "stall" else 3.0
    told = run(ASK_FOR_ALL.format(names=NAMES, probe=probe)).splitlines()
    assert len(told) == len(NAMES)
    for (kind, name), answer in zip(NAMES, told, strict=True):
        what, why, then = answer.split(" | ")
        assert HUB[kind][name]["repo"] in what
        assert why
        assert "quick" in then
    hub.trouble = 0
    healed = run(ASK_FOR_ALL.format(names=NAMES, probe=3.0)).splitlines()
    assert healed == ["no error"] * len(NAMES)


def test_without_a_route_every_role_and_corpus_is_out_of_reach(hub, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://192.0.2.1")  # of nobody, by RFC 5737
    told = run(ASK_FOR_ALL.format(names=NAMES, probe=0.2)).splitlines()
    assert len(told) == len(NAMES)
    assert all(answer.startswith("the Hub is out of reach") for answer in told)


def model_files(role: str, folder: Path) -> None:
    """The layout of the role's repository, with tiny random weights."""
    model = {"encoder": tiny_encoder, "decoder": llama, "seq2seq": t5}[role]()
    model.save_pretrained(folder)
    word_tokenizer().save_pretrained(folder)
    for name in HUB["model"][role]["files"]:
        (folder / name).touch()  # tokenizers' older formats, which nothing reads


def tiny_encoder() -> BertForMaskedLM:
    model = masked_lm()
    model.config.architectures = ["BertForMaskedLM"]
    return model


def rows_of(corpus: str, split: str) -> Dataset:
    """A few rows with the columns of the corpus's repository."""
    texts = [f"{split} says {word} {word * 2} to {word[::-1]}." for word in WORDS]
    classes = ["negative", "positive"]
    if corpus == "topics":
        classes = ["World", "Sports", "Business", "Sci/Tech"]
    labels = [number % len(classes) for number in range(len(texts))]
    if corpus == "sentiment" and split == "test":
        labels = [-1] * len(texts)
    columns: dict[str, dict[str, list]] = {
        "sentiment": {"idx": [*labels], "sentence": texts, "label": labels},
        "topics": {"text": texts, "label": labels},
        "prose": {"text": [" = A heading = ", *texts]},
        "translation": {
            "id": [str(number) for number in range(len(texts))],
            "translation": [{"en": text, "fr": f"{text} !"} for text in texts],
        },
        "summaries": {
            "document": [f"{text} {text}" for text in texts],
            "summary": texts,
            "id": [str(number) for number in range(len(texts))],
        },
        "questions": {
            "id": [f"{split}-{number}" for number in range(len(texts))],
            "title": [WORDS[number - number % 4] for number in range(len(texts))],
            "context": texts,
            "question": [f"What is said before {word * 2}?" for word in WORDS],
            "answers": [
                {"text": [word], "answer_start": [len(f"{split} says ")]}
                for word in WORDS
            ],
        },
    }
    rows = Dataset.from_dict(columns[corpus])
    if "label" in rows.column_names:
        return rows.cast_column("label", ClassLabel(names=classes))
    return rows


WORDS = [a + b + c for a in "bdfklm" for b in "aeiou" for c in "nrst"]


@pytest.fixture
def real_hub(hub, tmp_path) -> Hub:
    """The layout of every repository of the catalog, with contents that load."""
    for kind, name in NAMES:
        repo = HUB[kind][name]
        folder = tmp_path / "served" / kind / name
        folder.mkdir(parents=True)
        if kind == "model":
            model_files(name, folder)
        for file in repo["files"]:
            if kind == "dataset":
                (folder / file).parent.mkdir(exist_ok=True)
                split = Path(file).name.partition("-")[0]
                rows_of(name, split).to_parquet(folder / file)
            prefix = "/datasets" if kind == "dataset" else ""
            address = f"{prefix}/{repo['repo']}/resolve/{repo['revision']}/{file}"
            hub.files[address] = (folder / file).read_bytes()
    return hub


LOAD_ALL = """
import torch, transformers
from labkit import setup
lab = setup(profile="full")
for role, kind in {kinds}.items():
    folder = lab.checkpoint(role)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = getattr(transformers, kind).from_pretrained(folder)
    ids = tokenizer("w12 w13 w14", return_tensors="pt").input_ids
    loss = model(input_ids=ids, labels=ids).loss
    print("model", role, bool(torch.isfinite(loss)))
for name in {corpora}:
    corpus = lab.corpus(name)
    empty = [split for split, rows in corpus.items() if not len(rows)]
    print("corpus", name, list(corpus), empty, sorted(corpus["train"].column_names))
"""
KINDS = {
    "encoder": "AutoModelForMaskedLM",
    "decoder": "AutoModelForCausalLM",
    "seq2seq": "AutoModelForSeq2SeqLM",
}
COLUMNS = {
    "sentiment": ["label", "text"],
    "topics": ["label", "text"],
    "prose": ["text"],
    "translation": ["translation"],
    "summaries": ["document", "summary"],
    "questions": ["answers", "context", "id", "question", "title"],
}


@pytest.mark.slow
def test_the_libraries_own_loaders_read_every_repository(
    real_hub, empty_home, monkeypatch
):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(empty_home / "datasets"))
    told = run(LOAD_ALL.format(kinds=KINDS, corpora=list(HUB["dataset"]))).splitlines()
    splits = ["train", "validation", "test"]
    expected = [f"model {role} True" for role in KINDS]
    for name in HUB["dataset"]:
        expected.append(f"corpus {name} {splits} [] {COLUMNS[name]}")
    assert told[1:] == expected  # the first line is setup's; no fallback is told
    assert set(KINDS) == set(HUB["model"])


@pytest.mark.slow
@pytest.mark.parametrize("trouble", ["later 503", "truncated"])
def test_the_lab_falls_back_in_a_sentence_for_every_corpus(hub, trouble):
    hub.trouble = trouble
    script = (
        "import time\ntime.sleep = lambda seconds: None\n"
        "from huggingface_hub import constants\n"
        "constants.HF_HUB_DOWNLOAD_TIMEOUT = 0.2\n"
        "from labkit import setup\n"
        "lab = setup(profile='full')\n"
        "lab.checkpoint('encoder')\n"
        f"for name in {list(HUB['dataset'])}:\n"
        "    assert len(lab.corpus(name)['train']) > 200\n"
    )
    _, *told = run(script).splitlines()
    names = ["encoder", *HUB["dataset"]]
    assert len(told) == len(names)
    for name, line in zip(names, told, strict=True):
        assert line.startswith("labkit · the Hub did not give us")
        assert line.endswith(f"using the packaged {name} of profile quick instead.")
