"""Hash the code of the installed package, so that commands run again when their code changes:
one file for each folder, one for each command, and one for all code."""

import hashlib
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import typer

SUFFIXES = {".py", ".cfg", ".jinja", ".css", ".js"}
# Each of its modules is a command, and not used by other code.
COMMANDS = "cli"
# Not used by other code.
UNUSED = ("api.py",)


def fingerprints(package: Path) -> dict[str, str]:
    """Hash the code of a package. Top-level modules count for all folders.

    package (Path): The package's folder.
    RETURNS (dict[str, str]): SHA-256 by folder ("corpus", "corpus.readers"), by command
        ("cli.convert"), and of "all".
    """
    files = [path for path in sorted(package.rglob("*")) if path.suffix in SUFFIXES]
    shared = [path for path in files if path.parent == package and path.name not in UNUSED]
    parts: dict[str, list[Path]] = {"all": files}
    for path in files:
        folder = ".".join(path.parent.relative_to(package).parts)
        if folder == COMMANDS and not path.name.startswith("_"):
            folder = f"{COMMANDS}.{path.stem}"
        if folder:
            parts.setdefault(folder, [*shared]).append(path)
    return {name: _digest(package, part) for name, part in parts.items()}


def _digest(package: Path, files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(package).as_posix()}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def main(output_dir: Path = typer.Argument(..., help="Folder for the hashes")) -> None:
    """Hash the code of the installed package."""
    spec = find_spec("spacy_transformer_ner")
    assert spec is not None and spec.origin is not None
    output_dir.mkdir(parents=True, exist_ok=True)
    for folder, digest in fingerprints(Path(spec.origin).parent).items():
        path = output_dir / f"{folder}.sha256"
        if not path.is_file() or path.read_text() != digest:
            path.write_text(digest)


if __name__ == "__main__":
    typer.run(main)
