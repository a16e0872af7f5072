"""Load-test the HTTP service, against a plain FastAPI endpoint that calls nlp(text).

    python benchmarks/serve.py training/conll2003-minilm-default-0/model-best corpus/conll2003/test.spacy

writes benchmarks/results/serve.json. Every answer is compared with nlp(text). Then hostile
requests: none of them may be answered with an error of the server.

Each server runs on one core, the load generator on the others. Processor time is what is
compared: it hardly depends on what else runs on the machine."""

import asyncio
import contextlib
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import spacy
import typer
from machine import ROOT, growth, keep
from spacy.training import Corpus
from wasabi import msg

app = typer.Typer(add_completion=False)
Entity = tuple[int, int, str, float]
# With 16-bit precision, scores depend slightly on the other texts of the batch.
SAME_SCORE = 0.01
SYSTEMS = {
    "spacy ner serve": ("-m", "spacy", "ner", "serve"),
    "FastAPI, def": (__file__, "--child", "def"),
    "FastAPI, async def": (__file__, "--child", "async"),
}


@app.command(help=__doc__)
def main(
    # fmt: off
    model: str = typer.Argument(..., help="Pipeline name or path"),
    data_path: Path = typer.Argument(
        ..., help="Location of the .spacy file; its sentences are the texts"
    ),
    clients: int = typer.Option(64, help="Number of clients that ask at the same time"),
    seconds: float = typer.Option(60.0, help="Duration of the load on each system"),
    hostile: int = typer.Option(10_000, help="Number of hostile requests"),
    # fmt: on
) -> None:
    cores = sorted(psutil.Process().cpu_affinity())
    nlp = spacy.load(model)
    references = [example.reference for example in Corpus(data_path)(spacy.blank("en"))]
    texts = list(dict.fromkeys(sent.text for doc in references for sent in doc.sents))
    expected = {
        text: [(e.start_char, e.end_char, e.label_, e._.score) for e in nlp(text).ents]
        for text in texts
    }
    result: dict[str, Any] = {
        "clients": clients,
        "seconds": seconds,
        "texts": len(texts),
        "characters_per_text": round(statistics.mean(map(len, texts)), 1),
        "systems": {},
    }
    for name, command in SYSTEMS.items():
        msg.info(f"{clients} clients for {seconds:g} s: {name}")
        with server(command, model) as (url, process, log):
            psutil.Process().cpu_affinity(cores[1:] or cores)
            for thread in process.threads():
                psutil.Process(thread.id).cpu_affinity(cores[:1])
            found = asyncio.run(load(url, expected, clients, seconds, process))
            result["systems"][name] = found
            print(json.dumps(found))
            if name == "spacy ner serve":
                msg.info(f"{hostile:,} hostile requests")
                result["hostile"] = asyncio.run(attack(url, hostile, clients, process))
                result["hostile"]["tracebacks"] = log.read_text().count("Traceback")
                print(json.dumps(result["hostile"]))
    systems = result["systems"].values()
    for figure in ("texts_per_second", "texts_per_cpu_second"):
        ours, *plain = (figures[figure] for figures in systems)
        result[f"{figure}_ratio"] = round(ours / max(plain), 2)
    keep("serve", result)


@contextlib.contextmanager
def server(command: tuple[str, ...], model: str) -> Iterator[tuple[str, psutil.Process, Path]]:
    """Run a server, with one thread for torch. Yields its address, process and log."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("w") as stream:
            process = subprocess.Popen(
                [sys.executable, *command, model, "--port", str(port)],
                cwd=ROOT, stdout=stream, stderr=stream, env={**os.environ, "OMP_NUM_THREADS": "1"},
            )  # fmt: skip
        try:
            while True:
                if process.poll() is not None:
                    msg.fail(log.read_text(), exits=1)
                with contextlib.suppress(httpx.TransportError):
                    if httpx.get(f"{url}/ready", trust_env=False).status_code == 200:
                        break
                time.sleep(0.2)
            yield url, psutil.Process(process.pid), log
        finally:
            process.terminate()
            process.wait(60)


async def load(
    url: str,
    expected: dict[str, list[Entity]],
    clients: int,
    seconds: float,
    process: psutil.Process,
) -> dict[str, Any]:
    """Ask for one text at a time, from several clients, and compare the answers."""
    texts = list(expected)
    times: list[float] = []
    statuses: Counter[Any] = Counter()
    different: Counter[str] = Counter()
    mebibytes: list[int] = []
    start, cpu = time.perf_counter(), sum(process.cpu_times()[:2])

    async def ask(number: int) -> None:
        generator = random.Random(number)
        async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as client:
            while time.perf_counter() - start < seconds:
                text = generator.choice(texts)
                begin = time.perf_counter()
                try:
                    response = await client.post("/v1/entities", json={"texts": [text]})
                except httpx.TransportError as error:
                    statuses[type(error).__name__] += 1
                    continue
                times.append(time.perf_counter() - begin)
                statuses[response.status_code] += 1
                if response.status_code == 200:
                    different[compare(text, expected[text], response.json())] += 1

    async def watch() -> None:
        while time.perf_counter() - start < seconds:
            mebibytes.append(round(process.memory_info().rss / 2**20))
            await asyncio.sleep(seconds / 60)

    await asyncio.gather(watch(), *map(ask, range(clients)))
    took = time.perf_counter() - start
    parts = statistics.quantiles(times, n=100)
    return {
        "texts_per_second": round(len(times) / took, 1),
        "texts_per_cpu_second": round(len(times) / (sum(process.cpu_times()[:2]) - cpu), 1),
        "p50": round(parts[49], 4),
        "p99": round(parts[98], 4),
        "statuses": {str(status): n for status, n in statuses.items()},
        "answers": dict(different),
        "mebibytes": mebibytes,
        "growth": growth(mebibytes),
    }


def compare(text: str, expected: list[Entity], body: dict[str, Any]) -> str:
    """RETURNS (str): Whether an answer has the same entities and scores as nlp(text)."""
    (answer,) = body["results"]
    found = answer["entities"]
    if any(text[e["start"] : e["end"]] != e["text"] for e in found):
        return "of another text"
    spans = [(e["start"], e["end"], e["label"]) for e in found]
    if spans != [(start, end, label) for start, end, label, _ in expected]:
        return "other entities"
    scores = zip((e["score"] for e in found), (score for *_, score in expected))
    return "same" if all(abs(a - b) <= SAME_SCORE for a, b in scores) else "other scores"


BODIES = {
    "broken JSON": b'{"texts": ["Oslo"',
    "deep JSON": b"[" * 100_000,
    "wrong types": b'{"texts": [1, null, {}], "threshold": "high"}',
    "unknown key": b'{"text": "Oslo"}',
    "a million characters": json.dumps({"texts": ["x" * 1_000_000]}).encode(),
    "a million texts": json.dumps({"texts": [""] * 200_000}).encode(),
    "lone surrogates": b'{"texts": ["\\ud800 Oslo \\udfff"], "label_thresholds": {"\\ud800": 1}}',
    "a text of lone surrogates": b'{"texts": ["\\ud800 Oslo"]}',
    "not UTF-8": b'{"texts": ["\xff\xfe"]}',
    "empty": b"",
    "no texts": b'{"texts": []}',
    "zeros": b"\0" * 1000,
}


async def attack(url: str, n: int, clients: int, process: psutil.Process) -> dict[str, Any]:
    """Send hostile requests from several clients. RETURNS (dict): What was answered."""
    host, port = url.removeprefix("http://").split(":")
    answers: dict[str, Counter[str]] = {}
    # A slow sender takes ten seconds: one in a hundred.
    kinds = [*BODIES, "aborted", "aborted while it waits", "not HTTP"] * (n // 15 + 1)
    chosen = kinds[: n - n // 100] + ["slow sender"] * (n // 100)
    random.Random(0).shuffle(chosen)
    before = process.memory_info().rss
    left = iter(chosen)

    async def send() -> None:
        for kind in left:
            reader, writer = await asyncio.open_connection(host, int(port))
            with contextlib.suppress(OSError):
                await request(kind, writer)
            line = b""
            if not kind.startswith("aborted"):
                with contextlib.suppress(OSError):
                    line = await asyncio.wait_for(reader.readline(), 60)
            writer.close()
            status = line.split(b" ")[1].decode() if line.count(b" ") > 1 else "closed"
            answers.setdefault(kind, Counter())[status] += 1

    start = time.perf_counter()
    await asyncio.gather(*(send() for _ in range(clients)))
    took = time.perf_counter() - start
    async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as client:
        after = await client.post("/v1/entities", json={"texts": ["It rained in Oslo."]})
    return {
        "requests": n,
        "seconds": round(took, 1),
        "answers": {kind: dict(statuses) for kind, statuses in sorted(answers.items())},
        "server_errors": sum(
            n for each in answers.values() for status, n in each.items() if status[0] == "5"
        ),
        "answers_afterwards": after.status_code == 200,
        "mebibytes": [round(before / 2**20), round(process.memory_info().rss / 2**20)],
    }


async def request(kind: str, writer: asyncio.StreamWriter) -> None:
    """Send a hostile request of a kind."""
    body = BODIES.get(kind, json.dumps({"texts": ["It rained in Oslo."] * 20}).encode())
    head = (
        "POST /v1/entities HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode()
    if kind == "not HTTP":
        writer.write(b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n")
    elif kind == "slow sender":
        writer.write(head)
        for byte in body[:15]:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.5)
    elif kind == "aborted":
        writer.write(head + body[:50])
    else:
        writer.write(head + body)
    await writer.drain()
    if kind == "aborted while it waits":
        await asyncio.sleep(0.01)


def child(kind: str, model: str, port: int) -> None:
    """The plain endpoint that is usually written by hand."""
    import uvicorn
    from fastapi import FastAPI
    from pydantic import BaseModel

    nlp = spacy.load(model)
    nlp("A text to warm up.")
    service = FastAPI()

    class Texts(BaseModel):
        texts: list[str]

    def find(body: Texts) -> dict[str, Any]:
        results = [
            [
                {"start": e.start_char, "end": e.end_char, "label": e.label_, "text": e.text,
                 "score": e._.score}
                for e in nlp(text).ents
            ]
            for text in body.texts
        ]  # fmt: skip
        return {"results": [{"entities": entities} for entities in results]}

    async def find_in_loop(body: Texts) -> dict[str, Any]:
        return find(body)

    service.post("/v1/entities")(find if kind == "def" else find_in_loop)
    service.get("/ready")(lambda: "ok")
    uvicorn.run(service, port=port, access_log=False)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        kind, model, _, port = sys.argv[2:]
        child(kind, model, int(port))
    else:
        app()
