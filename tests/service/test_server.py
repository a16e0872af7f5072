"""`spacy ner serve`: its messages, and the real processes under load."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
import uvicorn
from uvicorn.lifespan.off import LifespanOff
from uvicorn.supervisors import multiprocess

from spacy_transformer_ner.service import server
from spacy_transformer_ner.service.metrics import FOLDER
from spacy_transformer_ner.service.settings import Settings

from ..conftest import ner
from .conftest import TEXT


@pytest.fixture(scope="module")
def saved(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "pipeline"
    trained.to_disk(path)
    return path


@pytest.fixture
def served(monkeypatch):
    """What the command would serve."""
    calls = []
    monkeypatch.setattr(server, "serve", lambda *arguments: calls.append(arguments))
    return calls


def test_options(served, tmp_path, monkeypatch):
    monkeypatch.setenv("SPACY_NER_TOKEN", "from-environment")
    done = ner("serve", "pipeline", "--port", 9, "--max-texts", 5, "--workers", 3, "--log-texts")
    assert done.returncode == 0 and "Anyone" not in done.stdout
    ((settings, host, port),) = served
    assert (host, port, settings.workers, settings.limits.texts) == ("127.0.0.1", 9, 3, 5)
    assert settings.log_texts and settings.token == "from-environment"
    assert "from-environment" not in repr(settings)
    (tmp_path / "token").write_text("from-file\n")
    ner("serve", "pipeline", "--token-file", tmp_path / "token")
    assert served[-1][0].token == "from-file"
    monkeypatch.delenv("SPACY_NER_TOKEN")
    for host, warns in (("0.0.0.0", True), ("::1", False), ("localhost", False), ("host", True)):
        done = ner("serve", "pipeline", "--host", host)
        assert ("Anyone who can reach" in done.stdout) is warns


def test_without_the_extra(monkeypatch):
    monkeypatch.delitem(sys.modules, "spacy_transformer_ner.service.server")
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    done = ner("serve", "pipeline")
    assert done.returncode == 1 and "serve needs uvicorn: pip install" in done.stdout


def test_clear_messages(saved, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = ner("serve", saved, "--port", taken.getsockname()[1])
    assert done.returncode == 1 and "cannot listen on 127.0.0.1" in done.stdout
    done = ner("serve", saved, "--host", "256.1.1.1")
    assert done.returncode == 1 and "cannot listen on 256.1.1.1" in done.stdout
    done = ner("serve", tmp_path / "nothing", "--port", 0)
    assert done.returncode == 1 and "cannot load the pipeline" in done.stdout


class Load:
    """Clients that ask all the time. Counts the status codes, and what had none."""

    def __init__(self, url, clients=8):
        self.url = url
        self.answers: Counter = Counter()
        self.wrong: list = []
        self.go = True
        self.threads = [threading.Thread(target=self._ask) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def _ask(self):
        with httpx.Client(base_url=self.url, timeout=30, trust_env=False) as client:
            while self.go:
                try:
                    response = client.post("/v1/entities", json={"texts": [TEXT]})
                except httpx.TransportError as error:
                    self.answers[type(error).__name__] += 1
                    time.sleep(0.02)
                    continue
                self.answers[response.status_code] += 1
                if response.status_code == 200:
                    found = response.json()["results"][0]["entities"]
                    if [e["text"] for e in found] != ["Marit Solheim", "Fjordverk", "Oslo"]:
                        self.wrong.append(found)

    def stop(self):
        self.go = False
        for thread in self.threads:
            thread.join(40)
            assert not thread.is_alive(), "a client hangs"
        assert not self.wrong
        return self.answers

    def more(self):
        """Wait for 30 more answers."""
        end, before = time.monotonic() + 60, self.answers[200]
        while self.answers[200] < before + 30:
            assert time.monotonic() < end, self.answers
            time.sleep(0.02)


def workers_of(pid):
    """The worker processes of a server."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(child) for child in children
            if "resource_tracker" not in Path(f"/proc/{child}/cmdline").read_text()}  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
def test_killed_worker_and_stop_under_load(saved, tmp_path):
    """A killed worker is replaced. SIGTERM ends all; what was accepted is answered."""
    log = tmp_path / "log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "spacy", "ner", "serve", str(saved), "--port", "0"]
            + ["--workers", "2"],
            stdout=stream, stderr=stream, env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
    try:
        end = time.monotonic() + 180
        while log.read_text().count("Application startup complete") < 2:
            assert process.poll() is None and time.monotonic() < end, log.read_text()
            time.sleep(0.1)
        url = re.search(r"http://\S+:\d+", log.read_text())[0]
        load = Load(url)
        load.more()
        first = workers_of(process.pid)
        killed = min(first)
        os.kill(killed, signal.SIGKILL)
        load.more()  # by the other one
        end = time.monotonic() + 180
        while log.read_text().count("Application startup complete") < 3:
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.1)
        second = workers_of(process.pid)
        assert len(second) == 2 and killed not in second
        load.more()
        # Both workers count together.
        counted = httpx.get(f"{url}/metrics", trust_env=False).text
        texts = float(re.search(r"^ner_texts_total (\S+)", counted, re.M)[1])
        assert texts >= load.answers[200] - 8
        lost = {name: n for name, n in load.answers.items() if name != 200}
        # The requests that the worker had accepted: one of each client at most.
        assert sum(lost.values()) <= 8 and not any(isinstance(name, int) for name in lost), lost
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) in (0, 143, -signal.SIGTERM)
        answers = load.stop()
        # Clients are refused, but nobody got an error from the service.
        assert {name for name in answers if isinstance(name, int)} == {200}
        assert not re.search("Traceback|ERROR", log.read_text()), log.read_text()
    finally:
        process.kill()
        process.wait()


class Connection:
    """A connection, closed as soon as the server asks for it."""

    def __init__(self, connections):
        self.connections = connections
        connections.add(self)

    def shutdown(self):
        self.connections.discard(self)


def test_stopping_closes_late_connections():
    """A client that is accepted while the server stops does not hold it up."""

    async def stop():
        stopping = server.Server(uvicorn.Config(None, timeout_graceful_shutdown=20))
        stopping.servers = []
        stopping.lifespan = LifespanOff(stopping.config)
        connections = stopping.server_state.connections
        Connection(connections)
        asyncio.get_running_loop().call_later(0.05, Connection, connections)
        await asyncio.wait_for(stopping.shutdown(), 10)
        assert not connections

    asyncio.run(stop())
    assert multiprocess.Server is server.Server


class Worker:
    """A worker process, with an exit code if it has ended."""

    pid = 1

    def __init__(self, exitcode=None):
        self.exitcode = exitcode
        self.process = SimpleNamespace(is_alive=lambda: self.exitcode is None)
        self.is_started = False

    def start(self):
        self.is_started = True


def test_ended_workers_are_replaced(monkeypatch):
    monkeypatch.setattr(server, "Process", lambda config, sockets: Worker())
    workers = server.Workers.__new__(server.Workers)
    workers.config, workers.sockets, workers.should_exit = None, [], threading.Event()
    alive = Worker()
    workers.processes = [alive, Worker(-9), Worker(1)]
    workers.keep_subprocess_alive()
    assert workers.processes[0] is alive and not workers.should_exit.is_set()
    assert [worker.is_started for worker in workers.processes] == [False, True, True]
    # It would fail again.
    workers.processes[1] = Worker(server.STARTUP_FAILURE)
    workers.keep_subprocess_alive()
    assert workers.should_exit.is_set()


def test_workers_that_cannot_start(saved, monkeypatch):
    class Failing:
        def __init__(self, config, sockets):
            self.processes = [Worker(), Worker(server.STARTUP_FAILURE)]

        def run(self):
            assert Path(os.environ[FOLDER]).is_dir()

    monkeypatch.setattr(server, "Workers", Failing)
    done = ner("serve", saved, "--port", 0, "--workers", 2)
    assert done.returncode == 1 and "did not start" in done.stdout
    assert FOLDER not in os.environ


def test_message_of_a_worker_that_cannot_start(tmp_path, caplog, monkeypatch):
    threads = []
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(server.torch, "set_num_threads", threads.append)
    with pytest.raises(SystemExit) as ended:
        server.load_worker(Settings(str(tmp_path / "nothing"), workers=1000))
    assert ended.value.code == server.STARTUP_FAILURE and threads == [1]
    assert "cannot load the pipeline" in caplog.text
