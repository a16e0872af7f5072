"""Run the service with uvicorn, in one process or several."""

import asyncio
import gc
import logging
import os
import socket
import sys
import tempfile
from functools import partial
from typing import Any

import torch
import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import multiprocess
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from ..errors import InputError
from ..gpu import check_gpu
from ..loading import load_pipeline
from .app import create_app
from .metrics import FOLDER, forget_dead_workers
from .settings import SHUTDOWN_SECONDS, Settings

logger = logging.getLogger("uvicorn.error")
# After SIGHUP, the workers are replaced one by one: the time for one to load.
RESTART_SECONDS = 120


def load_app(settings: Settings) -> Any:
    """Load the pipeline, and create the application.

    settings (Settings): The settings.
    RETURNS (FastAPI): The application.
    RAISES: InputError if the pipeline cannot be loaded, or fails.
    """
    check_gpu(settings.gpu_id)
    app = create_app(load_pipeline(settings.model), settings)
    # Excludes the objects of the pipeline from garbage collections.
    gc.collect()
    gc.freeze()
    return app


def load_worker(settings: Settings) -> Any:
    """Load the application in a worker process. It ends with one message if this fails, and
    its parent with it.

    settings (Settings): The settings.
    RETURNS (FastAPI): The application.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, n_cores() // settings.workers))
    forget_dead_workers()
    try:
        return load_app(settings)
    except InputError as error:
        logger.error(str(error))
        sys.exit(STARTUP_FAILURE)


def n_cores() -> int:
    """RETURNS (int): The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def bind(host: str, port: int) -> socket.socket:
    """Reserve an address. Clients are refused until the server listens.

    host (str): A name or an address of this machine.
    port (int): The port; 0 for a free one.
    RETURNS (socket): The socket.
    RAISES: InputError if the address cannot be used.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
    except OSError as error:
        raise InputError(
            f"cannot listen on {host}, port {port}: {error.strerror}. Choose another --host or "
            "--port."
        ) from None
    found.set_inheritable(True)
    return found


class Server(uvicorn.Server):
    """A server that also closes the connections that it accepted while it was stopping.

    uvicorn closes those that it has when the signal arrives. A client that had just connected
    would be served on, and hold up the end until the time for it has passed."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        closing = asyncio.create_task(self._close_connections())
        try:
            await super().shutdown(sockets)
        finally:
            closing.cancel()

    async def _close_connections(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            for connection in list(self.server_state.connections):
                connection.shutdown()  # after the answer, if it owes one


# uvicorn's workers, also those that it starts after SIGHUP, take the class from there.
multiprocess.Server = Server  # type: ignore[misc]


class Workers(Multiprocess):
    """The worker processes, started and stopped by uvicorn."""

    def keep_subprocess_alive(self) -> None:
        """Replace the workers that have ended; stop if one could not start.

        uvicorn also waits for a sign of life of each worker. But a worker gives none while it
        imports and loads, and its parent would react to no signal meanwhile."""
        for number, worker in enumerate(self.processes):
            if worker.process.is_alive():
                continue
            if worker.exitcode == STARTUP_FAILURE:
                self.should_exit.set()
                return
            logger.warning("Worker %s has ended (%s). It is replaced", worker.pid, worker.exitcode)
            self.processes[number] = Process(self.config, self.sockets)
            self.processes[number].start()


def serve(settings: Settings, host: str, port: int) -> None:
    """Serve a pipeline until a signal ends the process. Requests that were accepted are
    answered first.

    settings (Settings): The settings.
    host (str): A name or an address of this machine.
    port (int): The port; 0 for a free one.
    RAISES: InputError if the address cannot be used, or the pipeline not be loaded.
    """
    with bind(host, port) as reserved:
        url = f"http://{f'[{host}]' if ':' in host else host}:{reserved.getsockname()[1]}"
        several = settings.workers > 1
        app = partial(load_worker, settings) if several else load_app(settings)
        config = uvicorn.Config(
            app,
            factory=several,
            workers=settings.workers,
            lifespan="on",
            access_log=False,
            server_header=False,
            ws="none",
            limit_concurrency=settings.limits.connections,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            timeout_worker_healthcheck=RESTART_SECONDS,
        )
        logger.info("Serving %s at %s (API: %s/docs)", settings.model, url, url)
        if not several:
            Server(config).run(sockets=[reserved])
            return
        with tempfile.TemporaryDirectory(prefix="metrics-") as folder:
            os.environ[FOLDER] = folder
            try:
                workers = Workers(config, sockets=[reserved])
                workers.run()
            finally:
                del os.environ[FOLDER]
        if any(process.exitcode == STARTUP_FAILURE for process in workers.processes):
            raise InputError("the service did not start: see the message of its worker.")
