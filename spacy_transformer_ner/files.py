"""Writing files and folders so that nobody ever meets half of one."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to, a file or a folder, and
    move it into place when the block ends well. When it fails nothing is left
    and what stood at `path` stays.

    path (str | Path): Where the file or folder is to be. Its parent is made.
    YIELDS (Path): The temporary path. It does not exist yet.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    workspace = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        new = workspace / path.name
        yield new
        if path.is_dir() and not path.is_symlink():
            # A folder cannot be replaced in one step: the old one steps aside.
            os.replace(path, workspace / "old")
        os.replace(new, path)
    finally:
        shutil.rmtree(workspace, ignore_errors=True)
