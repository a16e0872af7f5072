"""The API, over a real socket."""

import json
import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from spacy_transformer_ner.annotation.schema import VERSION
from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.service.middleware import HEADERS
from spacy_transformer_ner.service.settings import Limits, read_token

from ..conftest import SENTENCES, entities
from .conftest import TEXT

JSON = {"content-type": "application/json"}


def ask(client, **body):
    response = client.post("/v1/entities", json=body)
    return response.status_code, response.json()


def spans(result):
    return [(e["start"], e["end"], e["label"]) for e in result["entities"]]


def test_entities(client, trained):
    texts = [text for text, _ in SENTENCES]
    status, body = ask(client, texts=texts)
    assert status == 200
    assert (body["version"], body["pipeline"]["name"]) == (VERSION, "en_pipeline")
    assert [spans(result) for result in body["results"]] == [entities(trained(t)) for t in texts]
    assert set(body["results"][0]) == {"entities"}
    first = body["results"][0]["entities"][0]
    assert first["text"] == "Marit Solheim" and first["sentence"] == TEXT and first["score"] > 0.5
    assert ask(client, texts=[])[1]["results"] == []


def test_options(client):
    _, body = ask(client, texts=[TEXT], threshold=1, label_thresholds={"ORG": 0.0}, candidates=0.05)
    (result,) = body["results"]
    assert spans(result) == [(20, 29, "ORG")]
    assert set(result["candidates"][0]) == {"start", "end", "label", "text", "score"}
    # Other requests are not affected.
    assert len(spans(ask(client, texts=[TEXT])[1]["results"][0])) == 3


def test_at_once_with_different_options(serve):
    """Requests with their own threshold, at the same time: none sees that of another."""
    expected = {0.0: 3, 0.5: 3, 1.0: 0}
    with serve() as client, ThreadPoolExecutor(12) as threads:
        asked = [threshold for threshold in expected for _ in range(20)]
        answers = threads.map(
            lambda threshold: ask(client, texts=[TEXT], threshold=threshold)[1], asked
        )
        found = [len(answer["results"][0]["entities"]) for answer in answers]
        assert found == [expected[threshold] for threshold in asked]
        counted = client.get("/metrics").text
    batches = float(re.search(r"^ner_batch_texts_count (\S+)", counted, re.M)[1])
    assert re.search(r"^ner_texts_total 60.0", counted, re.M) and batches < 60


@pytest.mark.parametrize(
    "body, status, detail",
    [
        ("", 422, "Field required"),
        ("{", 400, "not JSON"),
        ("[" * 3000, 400, "body"),
        ("1" * 5000, 400, "body"),
        ('{"texts": "\\', 400, "not JSON"),
        (b'{"texts": ["\xff"]}', 400, "body"),
        ("null", 422, "dictionary"),
        ("[]", 422, "dictionary"),
        ("{}", 422, "texts: Field required"),
        ('{"texts": "a"}', 422, "texts: Input should be a valid list"),
        ('{"texts": null}', 422, "texts: "),
        ('{"texts": [1]}', 422, "texts.0: Input should be a valid string"),
        ('{"texts": ["a", null]}', 422, "texts.1: "),
        ('{"texts": ["a"], "treshold": 0.5}', 422, "treshold: Extra inputs"),
        ('{"texts": ["a"], "\\ud800": 0.5}', 422, "surrogates"),
        ('{"texts": ["a"], "threshold": "0.5"}', 422, "threshold: Input should be a valid number"),
        ('{"texts": ["a"], "threshold": true}', 422, "threshold: Input should be a valid number"),
        ('{"texts": ["a"], "threshold": 1.5}', 422, "threshold: Input should be less"),
        ('{"texts": ["a"], "threshold": NaN}', 422, "threshold: "),
        ('{"texts": ["a"], "threshold": -1e999}', 422, "threshold: "),
        ('{"texts": ["a"], "candidates": 0.001}', 422, "candidates: "),
        ('{"texts": ["a"], "label_thresholds": []}', 422, "label_thresholds: "),
        ('{"texts": ["a"], "label_thresholds": {"PER": 2}}', 422, "label_thresholds.PER: "),
        ('{"texts": ["a"], "label_thresholds": {"NONE": 0.5}}', 422, "labels are LOC, ORG, PER"),
        ('{"texts": ["a"], "label_thresholds": {"\\ud800": 0.5}}', 422, ""),
        ('{"texts": ["a"], "label_thresholds": {"\\ud800": 2}}', 422, ""),
        ('{"texts": ["a"], "label_thresholds": {"\\ud800": "\\ud800"}}', 422, ""),
        (json.dumps({"texts": ["a"] * 21}), 413, "21 texts, but the limit is 20"),
        (json.dumps({"texts": ["a", "x" * 2001]}), 413, "texts.1 has 2,001 characters"),
        (json.dumps({"texts": ["x" * 1990] * 3}), 413, "Send fewer at once"),
        (json.dumps({"texts": ["x" * 1_000_000]}), 413, "bytes"),
    ],
)  # fmt: skip
def test_requests_that_are_refused(client, body, status, detail):
    response = client.post("/v1/entities", content=body, headers=JSON)
    assert response.status_code == status
    assert set(response.json()) == {"detail"} and detail in response.json()["detail"]
    assert len(response.content) < 1000


def test_other_content_types_are_refused(client):
    """A page of another site can send them without asking."""
    body = json.dumps({"texts": ["a"]})
    for content_type in ("text/plain", "application/x-www-form-urlencoded"):
        refused = client.post("/v1/entities", content=body, headers={"content-type": content_type})
        assert refused.status_code == 422
    assert "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize(
    "text", ["", " ", "\n" * 50, "\0\0", "\u202e\u2066", "😀" * 100, "a" * 2000]
)
def test_odd_texts(client, text):
    status, body = ask(client, texts=[text, TEXT])
    assert status == 200 and len(body["results"][1]["entities"]) == 3


def test_lone_surrogates_spoil_no_other_text(client):
    body = '{"texts": ["\\ud800 Oslo", "' + TEXT + '"]}'
    response = client.post("/v1/entities", content=body, headers=JSON)
    bad, good = response.json()["results"]
    assert response.status_code == 200 and len(good["entities"]) == 3
    assert bad == {"entities": None, "error": "has lone surrogates"}


def connect(client):
    url = urlsplit(str(client.base_url))
    return socket.create_connection((url.hostname, url.port), timeout=20)


def head(length, path="/v1/entities"):
    return (
        f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        f"content-length: {length}\r\n\r\n"
    ).encode()


def test_slow_senders_are_cut_off(client):
    with connect(client) as slow:
        slow.sendall(head(1000) + b'{"texts": [')
        # Until the connection is closed, so that it cannot be held.
        received = b"".join(iter(lambda: slow.recv(10_000), b""))
        assert b" 408 " in received.splitlines()[0] and b"did not arrive" in received
    assert ask(client, texts=[TEXT])[0] == 200


def test_large_bodies_are_refused(client):
    with connect(client) as large:
        large.sendall(head(10**12))
        assert b" 413 " in large.recv(10_000).splitlines()[0]
    # A client that is still sending would not see the answer.
    with connect(client) as sending:
        sending.sendall(head(200_000) + b"x" * 100_000)
        sending.settimeout(0.2)
        with pytest.raises(TimeoutError):
            sending.recv(10)
        sending.settimeout(20)
        sending.sendall(b"x" * 100_000)
        assert b" 413 " in sending.recv(10_000).splitlines()[0]
    with connect(client) as chunked:
        start = head(0).replace(b"content-length: 0", b"transfer-encoding: chunked")
        chunked.sendall(start + b"186a0\r\n" + b"x" * 100_000 + b"\r\n0\r\n\r\n")
        assert b" 413 " in chunked.recv(10_000).splitlines()[0]


@pytest.mark.parametrize("sent", [b"\0\1\2\3\r\n\r\n", b"POST\r\n\r\n", b"GET /" + b"a" * 70_000])
def test_what_is_not_http(client, sent):
    with connect(client) as other:
        other.sendall(sent)
        assert other.recv(1000).startswith(b"HTTP/1.1 400")
    assert client.get("/ready").status_code == 200


@pytest.fixture
def slow(trained, monkeypatch):
    """The pipeline waits until it is told to go on."""
    go, started = threading.Event(), threading.Event()
    pipe = trained.pipe

    def wait(*args, **kwargs):
        started.set()
        assert go.wait(20)
        return pipe(*args, **kwargs)

    go.set()
    monkeypatch.setattr(trained, "pipe", wait)
    return go, started


def metric(client, name):
    return float(re.search(rf"^{name} (\S+)", client.get("/metrics").text, re.M)[1])


def test_texts_of_clients_that_left_are_not_read(serve, slow):
    go, started = slow
    with serve() as client, ThreadPoolExecutor(4) as threads:
        go.clear()
        started.clear()
        first = threads.submit(ask, client, texts=[TEXT])
        assert started.wait(20)
        for _ in range(3):
            with connect(client) as gone:
                body = json.dumps({"texts": ["gone", "gone"]}).encode()
                gone.sendall(head(len(body)) + body)
                while metric(client, "ner_waiting_characters") == 0:
                    time.sleep(0.01)
        last = threads.submit(ask, client, texts=["last"])
        time.sleep(0.2)
        go.set()
        assert first.result()[0] == last.result()[0] == 200
        assert metric(client, "ner_texts_total") == 2
        assert metric(client, "ner_cancelled_texts_total") == 6


def test_full_queue(serve, slow):
    go, started = slow
    with serve(limits=Limits(queue=3_000)) as client, ThreadPoolExecutor(4) as threads:
        go.clear()
        started.clear()
        waiting = [threads.submit(ask, client, texts=[TEXT])]
        assert started.wait(20)
        waiting.append(threads.submit(ask, client, texts=["x" * 2_900]))
        while metric(client, "ner_waiting_characters") == 0:
            time.sleep(0.01)
        refused = client.post("/v1/entities", json={"texts": ["x" * 200]})
        assert refused.status_code == 429 and 1 <= int(refused.headers["retry-after"]) <= 60
        go.set()
        assert [answer.result()[0] for answer in waiting] == [200, 200]
        assert ask(client, texts=["x" * 200])[0] == 200


def test_stopping_answers_what_was_taken(serve, slow):
    go, started = slow
    with ThreadPoolExecutor(8) as threads:
        with serve() as client:
            go.clear()
            started.clear()
            waiting = [threads.submit(ask, client, texts=[TEXT]) for _ in range(8)]
            assert started.wait(20)
            while metric(client, "ner_waiting_characters") == 0:
                time.sleep(0.01)
            threading.Timer(0.3, go.set).start()
        assert [answer.result()[0] for answer in waiting] == [200] * 8


def test_broken_pipeline(serve, trained, monkeypatch, caplog):
    with serve() as client:
        with monkeypatch.context() as patched:
            for name in ("pipe", "__call__"):
                patched.setattr(type(trained), name, fail)
            status, body = ask(client, texts=[TEXT])
            assert status == 503 and "the pipeline fails" in body["detail"]
            assert client.get("/ready").status_code == client.get("/health").status_code == 503
        assert ask(client, texts=[TEXT])[0] == 200
        assert client.get("/ready").status_code == client.get("/health").status_code == 200

    # What a client sent is not in the log.
    assert "CUDA error on a" in caplog.text and TEXT not in caplog.text


def fail(self, texts, **kwargs):
    raise RuntimeError(f"CUDA error on {texts}")


def test_broken_pipeline_does_not_start(serve, trained, monkeypatch):
    for name in ("pipe", "__call__"):
        monkeypatch.setattr(type(trained), name, fail)
    with pytest.raises(InputError, match="fails on every text"), serve():
        pass


def test_token(serve):
    with serve(token="secret") as client:
        for authorization in ("", "Bearer", "Bearer secre", "Bearer secret2", "secret", "Bearer é"):
            headers = {"authorization": authorization.encode("latin-1")}
            for path in ("/v1/model", "/metrics", "/v1/nothing"):
                refused = client.get(path, headers=headers)
                assert refused.status_code == 401 and refused.headers["www-authenticate"]
            assert client.post("/v1/entities", json={}, headers=headers).status_code == 401
        for path in ("/", "/docs", "/openapi.json", "/health", "/ready"):
            assert client.get(path).status_code == 200
        client.headers["authorization"] = "Bearer secret"
        assert ask(client, texts=[TEXT])[0] == client.get("/metrics").status_code == 200


def test_reading_the_token(tmp_path):
    path = tmp_path / "token"
    path.write_text(" abc\n")
    assert read_token(path, "other") == "abc"
    assert read_token(None, "other ") == "other" and read_token(None, "") == ""
    for content, message in (("", "is empty"), ("a b", "header"), ("é", "header")):
        path.write_text(content)
        with pytest.raises(InputError, match=message):
            read_token(path, "")


def test_model(serve, trained, monkeypatch):
    row = {"p": 0.5, "r": 1, "f": 0.7}
    performance = {"ents_f": 0.7, "ents_p": None, "ents_r": float("nan"), "speed": 10.0,
                   "ents_per_type": {"PER": row, "ORG": None, "LOC": {"p": 1.0}}}  # fmt: skip
    monkeypatch.setitem(trained._meta, "performance", performance)
    with serve() as client:
        model = client.get("/v1/model").json()
    assert model["labels"] == ["LOC", "ORG", "PER"] and model["threshold"] == 0
    assert model["performance"] == {"ents_f": 0.7, "ents_per_type": {"PER": row}}
    assert model["limits"] == {"text": 100_000, "texts": 256}


def test_pages_load_nothing_from_elsewhere(client):
    for page in ("/", "/docs"):
        response = client.get(page)
        assert response.headers["content-type"].startswith("text/html")
        # The policy allows no inline code.
        assert not re.search(r"<script(?! src=\")|<style| on\w+=|style=", response.text)
        for link in re.findall(r'(?:src|href)="([^"#]+)"', response.text):
            assert not link.startswith(("http", "/"))  # works behind a prefix
            found = client.get(f"/{link.removeprefix('./')}")
            assert found.status_code == 200, link
            assert not re.search(r"(?:https?:)?//(?!www\.w3\.org)[a-z]", found.text)
    assert "innerHTML" not in client.get("/static/page.js").text
    assert client.get("/static/../app.py").status_code == 404
    assert client.get("/static/%2e%2e/app.py").status_code == 404


def test_headers(client):
    for path in ("/", "/v1/model", "/nothing", "/static/page.js"):
        headers = client.get(path).headers
        assert HEADERS.items() <= dict(headers).items(), path
    policy = HEADERS["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy


def test_openapi(client):
    api = client.get("/openapi.json").json()
    assert set(api["paths"]) == {"/v1/entities", "/v1/model", "/health", "/ready", "/metrics"}
    answers = api["paths"]["/v1/entities"]["post"]["responses"]
    assert set(answers) == {"200", "400", "401", "408", "413", "422", "429", "503"}
    assert "HTTPValidationError" not in json.dumps(answers)


@pytest.mark.parametrize("log_texts", [False, True])
def test_logs_hold_no_text_unless_asked(serve, caplog, log_texts):
    with caplog.at_level("DEBUG"), serve(log_texts=log_texts) as client:
        ask(client, texts=["A secret in Oslo", "\ud800 secret"[2:]])
        client.post("/v1/entities", content='{"texts": ["\\ud800 secret"]}', headers=JSON)
        client.post("/v1/entities", content='{"texts": ["secret"', headers=JSON)
    assert ("secret" in caplog.text) is log_texts
    assert "Traceback" not in caplog.text


def test_too_many_connections(serve):
    with serve(limits=Limits(connections=3)) as client:
        opened = [connect(client) for _ in range(3)]
        assert client.get("/ready").status_code == 503
        for each in opened:
            each.close()
        end = time.monotonic() + 10
        while client.get("/ready").status_code != 200 and time.monotonic() < end:
            time.sleep(0.05)
        assert client.get("/ready").status_code == 200


def test_scores_that_are_turned_off(serve, trained, monkeypatch):
    monkeypatch.setattr(trained.get_pipe("transformer_ner"), "spans_key", None)
    with serve() as client:
        status, body = ask(client, texts=["Nobody knows."], candidates=0.5)
        assert status == 422 and "spans_key" in body["detail"]
        assert ask(client, texts=["Nobody knows."])[0] == 200
