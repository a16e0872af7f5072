"""`spacy ner serve`."""

import os
from ipaddress import ip_address
from pathlib import Path
from typing import Optional

import typer
from wasabi import msg

from ..errors import InputError, install_extra
from ..service.settings import TOKEN, Limits, Settings, read_token

LIMITS = Limits()


def serve_cli(
    # fmt: off
    model: str = typer.Argument(..., help="Pipeline name or path"),
    host: str = typer.Option("127.0.0.1", "--host", help="Address to listen on; 0.0.0.0 for all"),
    port: int = typer.Option(8080, "--port", "-p", min=0, max=65535, help="Port; 0 for a free one"),
    workers: int = typer.Option(
        1, "--workers", min=1, help="Number of processes, each with a pipeline of its own"
    ),
    use_gpu: int = typer.Option(-1, "--gpu-id", "-g", help="GPU ID or -1 for CPU"),
    token_file: Optional[Path] = typer.Option(
        None,
        "--token-file",
        help=f"File with a bearer token that clients must send; or set {TOKEN}",
    ),
    max_text: int = typer.Option(LIMITS.text, "--max-text", min=1, help="Characters of a text"),
    max_texts: int = typer.Option(LIMITS.texts, "--max-texts", min=1, help="Texts of a request"),
    max_queue: int = typer.Option(
        LIMITS.queue, "--max-queue", min=1_000, help="Characters that may wait; also of a request"
    ),
    log_texts: bool = typer.Option(False, "--log-texts", help="Write the texts to the log"),
    # fmt: on
) -> None:
    """Serve a pipeline over HTTP, with a page to try it on.

    POST /v1/entities finds the entities of texts; / is the page and /docs describes the API.
    SIGTERM and Ctrl-C end the service after the requests that it has accepted.

    \b
    Example:
      python -m spacy ner serve en_ner_mine --port 8080
      curl -H 'content-type: application/json' -d '{"texts": ["It rained in Oslo."]}' http://127.0.0.1:8080/v1/entities
    """
    try:
        from ..service.server import serve
    except ModuleNotFoundError as error:
        if error.name not in ("fastapi", "prometheus_client", "starlette", "uvicorn"):
            raise
        raise InputError(f"serve needs {error.name}: {install_extra('serve')}") from None

    token = read_token(token_file, os.environ.get(TOKEN, ""))
    if not token and not _is_loopback(host):
        msg.warn(f"Anyone who can reach {host} can use the service. Set --token-file.")
    limits = Limits(text=max_text, texts=max_texts, queue=max_queue)
    try:
        serve(Settings(model, use_gpu, workers, limits, token, log_texts), host, port)
    except KeyboardInterrupt:
        msg.info("Stopped")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
