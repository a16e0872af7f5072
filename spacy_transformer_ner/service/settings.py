"""Settings of the service."""

from dataclasses import dataclass, field
from pathlib import Path

from ..errors import InputError

# The environment variable with the bearer token. On the command line, every user of the
# machine could read it.
TOKEN = "SPACY_NER_TOKEN"
# Longer than the 10 seconds that a request body may take to arrive.
SHUTDOWN_SECONDS = 60


@dataclass(frozen=True)
class Limits:
    """Bounds on what clients can send. Together they bound the memory.

    text (int): Characters of a text.
    texts (int): Texts of a request.
    queue (int): Characters that wait for the pipeline, see `batching.cost_of`.
    connections (int): Open connections.
    seconds (float): Time for the body of a request to arrive.
    """

    text: int = 100_000
    texts: int = 256
    queue: int = 250_000
    connections: int = 256
    seconds: float = 10.0

    @property
    def body(self) -> int:
        """RETURNS (int): Bytes of a request body: a full queue of escaped characters."""
        return 6 * self.queue + (1 << 16)


@dataclass(frozen=True)
class Settings:
    """Settings of the service. Each worker process gets a copy.

    model (str): Name or path of the pipeline.
    gpu_id (int): The GPU's number; -1 for the CPU.
    workers (int): The number of processes.
    limits (Limits): Bounds on what clients can send.
    token (str): The bearer token that clients must send; empty if anyone may use the
        service. It is not part of the repr.
    log_texts (bool): Whether the log contains the texts.
    """

    model: str
    gpu_id: int = -1
    workers: int = 1
    limits: Limits = Limits()
    token: str = field(default="", repr=False)
    log_texts: bool = False


def read_token(path: Path | None, environment: str) -> str:
    """Get the bearer token.

    path (Path | None): The file that contains it, if given.
    environment (str): The value of the environment variable; empty if it is not set.
    RETURNS (str): The token; empty if there is none.
    RAISES: InputError if the token is empty, or cannot be sent in a header.
    """
    if path is None:
        token, source = environment.strip(), TOKEN
    else:
        token, source = path.read_text("utf-8", "replace").strip(), str(path)
    if path is not None and not token:
        raise InputError("is empty. Write a token into it.", path=path)
    if not token.isascii() or not token.isprintable() or " " in token:
        raise InputError(
            f"the token in {source} has characters that a header cannot contain. Use letters and "
            "digits, for example those of `openssl rand -hex 32`."
        )
    return token
