"""`labkit serve`: right answers, together; and nothing that a client sends harms it."""

import json
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
import tiny
import torch
from running_service import LABELS, running, save_classifier
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    LlamaConfig,
    LlamaForSequenceClassification,
)

from labkit.errors import LabError
from labkit.serving.app import LONGEST_TEXT, MOST_TEXTS, Limits
from labkit.serving.batcher import CALL_TOKENS, like_lengths
from labkit.serving.classifier import Classifier

SENTENCE = re.compile(r"[A-Z][^\n]+\.")
CLIENTS = 16


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return save_classifier(tmp_path_factory.mktemp("saved"))


@pytest.fixture(scope="module")
def shared(folder):
    with running(folder) as service:
        yield service


def words(seed: int, most: int = 12) -> str:
    draw = random.Random(seed)
    return " ".join(f"w{draw.randint(3, 49):02}" for _ in range(draw.randint(1, most)))


def probabilities(folder: Path, text: str) -> list[float]:
    """The model's own, of one text alone."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        logits = model(**tokenizer(text, return_tensors="pt")).logits
    return logits.softmax(-1)[0].tolist()


def check_refused(response: requests.Response, *statuses: int) -> None:
    assert response.status_code in (statuses or range(400, 500)), response.text
    assert SENTENCE.fullmatch(response.json()["error"])
    assert list(response.json()) == ["error"]


def wait_until(true: Callable[[], bool]) -> None:
    """Ask again and again, for a minute at most."""
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end


class TestAnswers:
    def test_they_are_the_models_own_in_the_order_of_the_texts(self, shared, folder):
        texts = [words(seed) for seed in range(20)]
        found = shared.post(texts).json()["predictions"]
        assert len(found) == len(texts)
        for text, one in zip(texts, found, strict=True):
            own = probabilities(folder, text)
            assert list(one["probabilities"]) == LABELS
            assert [*one["probabilities"].values()] == pytest.approx(own, abs=1e-5)
            assert one["label"] == LABELS[own.index(max(own))]

    def test_one_text_needs_no_list(self, shared):
        assert shared.post("w05 w06").json() == shared.post(["w05 w06"]).json()

    def test_a_text_too_long_for_the_model_is_cut(self, shared):
        long = ["w05 " * n for n in (32, 33, 2_000)]
        first, *cut = shared.post(long).json()["predictions"]
        assert cut == [first, first]

    def test_sixteen_clients_get_each_its_own_and_most_in_one_batch(self, folder):
        texts = [words(seed) for seed in range(CLIENTS)]
        with running(folder) as service, ThreadPoolExecutor(CLIENTS) as clients:
            service.classifier.go.clear()
            first = clients.submit(service.post, texts[0])
            service.classifier.wait_for_calls(1)
            others = [clients.submit(service.post, text) for text in texts[1:]]
            service.wait_for_waiting(CLIENTS - 1)
            service.classifier.go.set()
            answers = [waiting.result().json() for waiting in [first, *others]]
        for text, answer in zip(texts, answers, strict=True):
            (one,) = answer["predictions"]
            own = probabilities(folder, text)
            assert [*one["probabilities"].values()] == pytest.approx(own, abs=1e-5)
        lengths = [len(text.split()) for text in texts[1:]]
        batches = [*like_lengths(lengths, Limits().batch_tokens)]
        assert service.classifier.calls == [1, *map(len, batches)]
        assert len(batches) <= 3

    def test_many_labels_have_a_probability_each(self, tmp_path):
        folder = save_classifier(tmp_path, problem_type="multi_label_classification")
        classifier = Classifier(folder)
        rows = classifier.tokens(["w05 w06"])
        with torch.inference_mode():
            logits = classifier.model(torch.tensor(rows)).logits
        expected = logits.sigmoid()[0].tolist()
        assert classifier.probabilities(rows)[0] == pytest.approx(expected, abs=1e-5)


def test_a_decoder_that_classifies_reads_several_texts_at_once(tmp_path):
    tokenizer = tiny.word_tokenizer()
    shape = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1}
    shape |= {"num_attention_heads": 1, "num_key_value_heads": 1, "num_labels": 2}
    config = LlamaConfig(vocab_size=len(tokenizer), pad_token_id=None, **shape)
    LlamaForSequenceClassification(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    classifier = Classifier(tmp_path)
    rows = classifier.tokens(["w05 w06 w07", "w05"])
    alone = [classifier.probabilities([row])[0] for row in rows]
    for one, other in zip(classifier.probabilities(rows), alone, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def test_a_batch_holds_every_row_once_little_padding_and_no_more_than_the_limit():
    draw = random.Random(0)
    lengths = [draw.randint(1, 300) for _ in range(500)]
    batches = [*like_lengths(lengths, most=1_000)]
    assert sorted(n for batch in batches for n in batch) == [*range(500)]
    for batch in batches:
        own = [lengths[n] for n in batch]
        assert len(own) * max(own) <= 1_000 or len(own) == 1
        assert len(own) * max(own) - sum(own) <= CALL_TOKENS
    assert [*like_lengths([9, 3, 9, 5], most=1_000)] == [[1, 3, 0, 2]]
    assert [*like_lengths([9, 300, 9], most=1_000)] == [[0, 2], [1]]
    assert [*like_lengths([5_000, 1], most=1_000)] == [[1], [0]]
    assert not [*like_lengths([], most=1_000)]


class TestLimits:
    def test_what_is_just_allowed_is_answered(self, shared):
        assert shared.post(["w05"] * MOST_TEXTS).status_code == 200
        assert shared.post("w" * LONGEST_TEXT).status_code == 200

    def test_one_more_is_refused(self, shared):
        check_refused(shared.post(["w05"] * (MOST_TEXTS + 1)), 422)
        check_refused(shared.post("w" * (LONGEST_TEXT + 1)), 422)

    def test_a_body_too_large_is_refused_and_its_sender_reads_why(self, shared):
        most = Limits().body_bytes
        fits = json.dumps({"texts": "w05"}).encode()
        fits += b" " * (most - len(fits))
        address = f"{shared.address}/predict"
        kind = {"Content-Type": "application/json"}
        sent = requests.post(address, fits, headers=kind, timeout=60)
        assert sent.status_code == 200
        for body in (fits + b" ", iter([fits, b" "]), fits * 20):  # one is chunked
            check_refused(requests.post(address, body, headers=kind, timeout=60), 413)

    def test_where_too_much_waits_the_next_is_told_to_come_again(self, folder):
        with (
            running(folder, Limits(waiting_texts=4)) as service,
            ThreadPoolExecutor(2) as clients,
        ):
            service.classifier.go.clear()
            runs = clients.submit(service.post, "w05")
            service.classifier.wait_for_calls(1)
            waits = clients.submit(service.post, ["w05"] * 3)
            service.wait_for_waiting(1)
            refused = service.post(["w05"] * 2)
            check_refused(refused, 503)
            assert refused.headers["Retry-After"] == "1"
            service.classifier.go.set()
            assert runs.result().status_code == waits.result().status_code == 200

    @pytest.mark.parametrize("size", [1, 1_000_000])
    def test_where_too_many_connections_are_open_the_next_is_told(self, folder, size):
        with running(folder, Limits(connections=3)) as service:
            where = ("127.0.0.1", service.port)
            idle = [socket.create_connection(where, 60) for _ in range(3)]
            for connection in idle:  # answered, and kept open
                connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
                assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
            refused = service.post(["w05" * size])
            check_refused(refused, 503)
            assert "connections" in refused.json()["error"]
            assert refused.headers["Retry-After"] == "1"
            assert refused.headers["Connection"] == "close"
            for connection in idle:
                connection.close()
            wait_until(service.lives)

    def test_who_waits_too_long_is_told_and_his_texts_are_not_run(self, folder):
        with (
            running(folder, Limits(answering_seconds=0.2)) as service,
            ThreadPoolExecutor(1) as client,
        ):
            service.classifier.go.clear()
            runs = client.submit(service.post, "w05")
            service.classifier.wait_for_calls(1)
            check_refused(service.post(["w06"] * 7), 503)
            check_refused(runs.result(), 503)
            service.classifier.go.set()
            batcher = service._batcher()
            batcher.close()
            assert service.classifier.calls == [1]

    @pytest.mark.parametrize(
        "said",
        [
            b"",
            b"POST /pre",
            b"POST /predict HTTP/1.1\r\nHost: x\r\nX-Slow: ",
            b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b'Content-Length: 99\r\n\r\n{"texts": ',
        ],
        ids=["nothing", "a line", "headers", "a body"],
    )
    def test_a_slow_sender_is_not_waited_for(self, folder, said):
        with (
            running(folder, Limits(reading_seconds=0.2)) as service,
            socket.create_connection(("127.0.0.1", service.port), 60) as slow,
        ):
            slow.sendall(said)
            head, _, body = b"".join(iter(lambda: slow.recv(4096), b"")).partition(
                b"\r\n\r\n"
            )
            assert head.startswith(b"HTTP/1.1 408 ")
            assert SENTENCE.fullmatch(json.loads(body)["error"])
            assert service.lives()


def bad_requests(count: int):
    """(kind, method, path, headers, body), drawn anew each, the same each time."""
    draw = random.Random(0)
    typed = {"Content-Type": "application/json"}
    no_text = (None, True, 7, 2.5, {}, [], [None], [[]], ["w05", 1], {"a": "b"}, "")
    no_text += ("  \n\t", ["w05", " "], [["w05"]], ["w05", None], [""] * 3)

    def noise(most: int = 60) -> bytes:
        return draw.randbytes(draw.randint(1, most))

    def body(texts, **more) -> bytes:
        return json.dumps({"texts": texts} | more).encode()

    kinds = {
        "huge": lambda: body("w" * draw.randint(LONGEST_TEXT + 1, 50_000)),
        "many": lambda: body(["w05"] * draw.randint(MOST_TEXTS + 1, 500)),
        "empty": lambda: draw.choice([b"", b" ", b"{}", b"[]", b"null", b'""', b"0"]),
        "wrong types": lambda: body(draw.choice(no_text)),
        "NUL": lambda: body([words(1), f"w05\0{draw.random()}"]),
        "a raw NUL": lambda: b'{"texts": "w05\0' + noise() + b'"}',
        "lone surrogates": lambda: body(f"w05 {chr(draw.randint(0xD800, 0xDFFF))}"),
        "a surrogate as a key": lambda: body("w05", **{"\ud800<script>": 1}),
        "another key": lambda: body("w05", **{f"<b>{draw.random()}": "w05"}),
        "broken JSON": lambda: body(words(2))[: draw.randint(1, 10)],
        "noise": noise,
        "not UTF-8": lambda: b'{"texts": "w05 \xff\xfe' + noise() + b'"}',
        "deep": lambda: b'{"texts": ' + b"[" * draw.randint(2, 50_000),
        "a number of many digits": lambda: b'{"texts": ' + b"9" * 10_000 + b"}",
        "no number": lambda: b'{"texts": ' + draw.choice([b"NaN", b"-Infinity"]) + b"}",
    }
    for n in range(count):
        name = [*kinds, "method", "path", "type"][n % (len(kinds) + 3)]
        if name == "method":
            method = draw.choice(["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "ODD"])
            yield name, method, "/predict", typed, body("w05")
        elif name == "path":
            path = f"/{draw.choice(['<script>', '..%2f', '%00', '%ff', 'docs', 'x'])}"
            yield name, draw.choice(["GET", "POST"]), path, typed, body("w05")
        elif name == "type":
            kinds_of = ["text/plain", "", "multipart/form-data", "application/jsonx"]
            kind = {"Content-Type": draw.choice(kinds_of)}
            yield name, "POST", "/predict", kind, body("w05")
        else:
            yield name, "POST", "/predict", typed, kinds[name]()


def test_a_thousand_bad_inputs_get_each_a_sentence_and_the_service_lives(shared):
    before = len(shared.classifier.calls)
    with requests.Session() as session:
        for name, method, path, headers, body in bad_requests(1_000):
            response = session.request(
                method, shared.address + path, headers=headers, data=body, timeout=60
            )
            try:
                check_refused(response)
            except (AssertionError, ValueError) as error:
                raise AssertionError(f"{name}: {body[:80]!r}") from error
            assert "<" not in response.text
            assert response.headers["Content-Type"] == "application/json"
            assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert len(shared.classifier.calls) == before, "the model ran on one of them"
    assert shared.lives()


@pytest.mark.parametrize(
    "said",
    [
        b"\x16\x03\x01\x02\0 this is TLS\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 40_000,
    ],
)
def test_what_is_no_http_gets_a_sentence_too(shared, said):
    with socket.create_connection(("127.0.0.1", shared.port), 60) as connection:
        connection.sendall(said)
        answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 4")
    assert SENTENCE.fullmatch(json.loads(answer.partition(b"\r\n\r\n")[2])["error"])
    assert shared.lives()


def test_a_model_that_fails_fails_for_that_request_alone(folder, monkeypatch):
    with running(folder) as service:

        def broken(rows):
            raise RuntimeError("of all memory")

        with monkeypatch.context() as patch:
            patch.setattr(service.classifier, "probabilities", broken)
            check_refused(service.post("w05"), 500)
        assert service.lives()


def test_health_tells_what_is_served(shared, folder):
    found = requests.get(f"{shared.address}/health", timeout=60).json()
    assert found["status"] == "ok"
    assert found["model"] == folder.name
    assert found["labels"] == LABELS


HELD = """
import sys
from labkit import cli
from labkit.serving.classifier import Classifier
own = Classifier.probabilities
def held(self, rows):
    print("it runs", flush=True)
    sys.stdin.readline()
    return own(self, rows)
Classifier.probabilities = held
cli.main(["serve", sys.argv[1], "--port", "0", *sys.argv[2:]])
"""


def start(folder: Path, *options: str) -> tuple[subprocess.Popen, str]:
    """The command in a process of its own, and the address that it prints."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [sys.executable, "-c", HELD, str(folder), *options],
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        text=True,
    )
    for line in process.stderr:
        if found := re.search(r"running on (http://\S+)", line):
            return process, found[1]
    raise AssertionError("it ended before it served")


@pytest.mark.slow
def test_sigterm_lets_what_runs_be_finished_and_listens_to_loopback_alone(folder):
    process, address = start(folder)
    with process, ThreadPoolExecutor(1) as client:
        assert address.startswith("http://127.0.0.1:")
        asked = client.submit(
            requests.post, f"{address}/predict", json={"texts": "w05"}, timeout=60
        )
        labels = ", ".join(LABELS)
        said = f"labkit · {folder.name} answers {labels}\n"
        assert process.stdout.readline() == said
        assert process.stdout.readline() == "it runs\n"
        process.send_signal(signal.SIGTERM)
        assert any("Shutting down" in line for line in process.stderr)
        process.stdin.write("\n")
        process.stdin.flush()
        assert asked.result().status_code == 200
        assert process.wait(60) in (0, -signal.SIGTERM)
        assert "Traceback" not in process.stderr.read()


class TestRefusals:
    def test_an_adapter_a_headless_model_and_no_model(self, tmp_path):
        with pytest.raises(LabError, match=r"no saved model(.*\n)+.*save_pretrained"):
            Classifier(tmp_path)
        with pytest.raises(LabError, match=r"There is no such folder"):
            Classifier(tmp_path / "nowhere")
        (tmp_path / "config.json").write_text('{"architectures": ["BertModel"]}')
        with pytest.raises(LabError, match=r"no classifier of texts.*\n.*BertModel"):
            Classifier(tmp_path)
        (tmp_path / "config.json").write_text('{"architectures": ["LlamaForCausalLM"]}')
        with pytest.raises(LabError, match=r"no classifier of texts.*\n.*Llama"):
            Classifier(tmp_path)
        (tmp_path / "adapter_config.json").write_text("{}")
        with pytest.raises(LabError, match=r"an adapter(.*\n)+.*merge_and_unload"):
            Classifier(tmp_path)

    def test_no_tokenizer_no_weights_one_label(self, tmp_path):
        save_classifier(tmp_path)
        (tmp_path / "model.safetensors").rename(tmp_path / "away")
        with pytest.raises(LabError, match="cannot be loaded"):
            Classifier(tmp_path)
        (tmp_path / "tokenizer_config.json").unlink()
        with pytest.raises(LabError, match="no tokenizer"):
            Classifier(tmp_path)

    def test_a_trainers_folder_is_told_from_its_checkpoints(self, tmp_path):
        save_classifier(tmp_path / "checkpoint-500")
        with pytest.raises(LabError, match=r"Did you mean .*checkpoint-500\?"):
            Classifier(tmp_path)
        assert Classifier(tmp_path / "checkpoint-500").labels == LABELS

    def test_labels_without_names_are_told_of(self, tmp_path, folder):
        numbers = {0: "LABEL_0", 1: "LABEL_1"}
        assert not Classifier(save_classifier(tmp_path, id2label=numbers)).are_named
        assert Classifier(folder).are_named

    def test_a_port_that_another_has(self, folder, shared):
        command = [sys.executable, "-m", "labkit.cli", "serve", str(folder)]
        command += ["--port", str(shared.port)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert run.returncode == 1
        assert "LabError: nothing can be served at 127.0.0.1" in run.stderr
        assert "Traceback" not in run.stderr

    def test_without_the_extra_it_says_how_to_install_it(self, folder):
        without = "import sys; sys.modules['fastapi'] = None; from labkit import cli; "
        without += f"sys.exit(cli.main(['serve', {str(folder)!r}]))"
        run = subprocess.run(
            [sys.executable, "-c", without], capture_output=True, text=True, check=False
        )
        assert run.returncode == 1
        assert "pip install 'labkit[serve]'" in run.stderr
        assert "Traceback" not in run.stderr

    def test_other_commands_do_not_import_it(self):
        code = "import sys; from labkit import cli; cli.main(['clean']); "
        code += "sys.exit(any(n in sys.modules for n in ('labkit.serving', 'fastapi')))"
        assert not subprocess.run([sys.executable, "-c", code], check=False).returncode
