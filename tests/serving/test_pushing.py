"""A classifier is pushed to a stand-in of the Hub on the loopback, and comes back.

Lesson 16 shows these calls; here they run, in a process whose Hub is the stand-in.
"""

import base64
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from running_service import save_classifier

COMMIT = "c0ffee" + 34 * "0"
REPOSITORY = "you/short-texts"
PROGRAM = """
import sys
import torch
from huggingface_hub import ModelCard
from transformers import AutoModelForSequenceClassification, AutoTokenizer
folder, name = sys.argv[1:]
kind = AutoModelForSequenceClassification
model, tokenizer = kind.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
model.push_to_hub(name, private=True)
tokenizer.push_to_hub(name)
ModelCard("---\\nlanguage: en\\n---\\n# Short texts\\n").push_to_hub(name)
inputs = tokenizer(["w03 w04"], return_tensors="pt")
again = AutoTokenizer.from_pretrained(name)(["w03 w04"], return_tensors="pt")
assert inputs["input_ids"].tolist() == again["input_ids"].tolist()
with torch.inference_mode():
    logits = [m(**again).logits for m in (model, kind.from_pretrained(name))]
print("apart:", (logits[0] - logits[1]).abs().max().item())
"""


class Hub(ThreadingHTTPServer):
    """Takes what is pushed, and serves it.

    Attributes:
        files: Of the repository: path -> bytes.
        large: What was sent by its hash, before the commit that names it.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.files: dict[str, bytes] = {}
        self.large: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.created: list[dict] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    server: Hub

    def do_POST(self) -> None:
        body, hub = self.body(), self.server
        if self.path == "/api/repos/create":
            hub.created.append(json.loads(body))
            self.say({"url": f"{hub.address}/{REPOSITORY}"})
        elif self.path == "/api/validate-yaml":
            self.say({"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            paths = [file["path"] for file in json.loads(body)["files"]]
            self.say({"files": [way(path) for path in paths]})
        elif self.path.endswith("/info/lfs/objects/batch"):
            objects = json.loads(body)["objects"]
            for each in objects:
                href = f"{hub.address}/large/{each['oid']}"
                each["actions"] = {"upload": {"href": href}}
            self.say({"transfer": "basic", "objects": objects})
        elif "/commit/" in self.path:
            for line in body.splitlines():
                self.keep(**json.loads(line))
            url = f"{hub.address}/{REPOSITORY}/commit/{COMMIT}"
            self.say({"success": True, "commitOid": COMMIT, "commitUrl": url})
        else:
            self.say({}, 404)

    def keep(self, key: str, value: dict) -> None:
        """A line of a commit."""
        if key == "file":
            assert value["encoding"] == "base64"
            content = base64.b64decode(value["content"])
            self.server.files[value["path"]] = content
        elif key == "lfsFile":
            self.server.files[value["path"]] = self.server.large[value["oid"]]

    def do_PUT(self) -> None:
        content = self.body()
        assert self.path == f"/large/{hashlib.sha256(content).hexdigest()}"
        self.server.large[self.path.removeprefix("/large/")] = content
        self.say({})

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        _, resolved, path = self.path.partition(f"/{REPOSITORY}/resolve/main/")
        if not resolved:
            path = self.path.partition(f"/{REPOSITORY}/resolve/{COMMIT}/")[2]
        if path not in self.server.files:
            self.say({}, 404, {"X-Error-Code": "EntryNotFound"})
            return
        content = self.server.files[path]
        tag = hashlib.sha256(content).hexdigest()
        self.send(content, 200, {"ETag": f'"{tag}"', "X-Repo-Commit": COMMIT})

    def body(self) -> bytes:
        self.server.asked.append(self.path)
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def say(self, answer: dict, status: int = 200, headers: dict | None = None) -> None:
        headers = {"Content-Type": "application/json"} | (headers or {})
        self.send(json.dumps(answer).encode(), status, headers)

    def send(self, content: bytes, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def way(path: str) -> dict[str, object]:
    large = path.endswith(".safetensors")
    return {
        "path": path,
        "uploadMode": "lfs" if large else "regular",
        "shouldIgnore": False,
    }


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.slow
def test_what_is_pushed_comes_back_by_its_name(hub, tmp_path):
    folder: Path = save_classifier(tmp_path / "saved")
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    ours = {"HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path / "home")}
    ours |= {"HF_TOKEN": "hf_not_a_real_one", "HF_HUB_DISABLE_XET": "1"}
    command = [sys.executable, "-c", PROGRAM, str(folder), REPOSITORY]
    ended = subprocess.run(
        command, env=kept | ours, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr[-3_000:] + "\n".join(hub.asked)
    assert "apart: 0.0" in ended.stdout
    assert hub.created[0]["visibility"] == "private"
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {*hub.files}
    assert b"# Short texts" in hub.files["README.md"]
    assert len(hub.large) == 1
