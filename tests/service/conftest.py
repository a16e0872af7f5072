"""The service with a tiny pipeline, on a real socket, in a thread of the tests."""

import threading
import time
from contextlib import contextmanager

import pytest

pytest.importorskip("fastapi", reason="needs the extra serve")

import httpx
import uvicorn

from spacy_transformer_ner.service.app import create_app
from spacy_transformer_ner.service.server import bind
from spacy_transformer_ner.service.settings import Limits, Settings

TEXT = "Marit Solheim leads Fjordverk in Oslo."


@contextmanager
def running(nlp, settings):
    """Run the service. Yields a client for it."""
    app = create_app(nlp, settings)
    config = uvicorn.Config(app, lifespan="on", log_config=None, access_log=False,
                            limit_concurrency=settings.limits.connections,
                            timeout_graceful_shutdown=20)  # fmt: skip
    server = uvicorn.Server(config)
    with bind("127.0.0.1", 0) as reserved:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [reserved]})
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
            try:
                yield client
            finally:
                server.should_exit = True
                thread.join(30)
                assert not thread.is_alive()


@pytest.fixture
def serve(trained):
    """Runs the service with the tiny pipeline."""

    def run(nlp=trained, *, limits=Limits(), **settings):
        return running(nlp, Settings("tiny", limits=limits, **settings))

    return run


@pytest.fixture(scope="module")
def client(trained):
    """A client of a service with small limits."""
    limits = Limits(text=2_000, texts=20, queue=4_000, seconds=0.5)
    with running(trained, Settings("tiny", limits=limits)) as client:
        yield client
