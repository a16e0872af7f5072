"""Remove what the project's commands made: corpora, trainings, figures, reports, packages
and annotations of all datasets. The assets stay."""

import shutil
from pathlib import Path

import typer
from wasabi import msg

MADE = ("corpus", "training", "metrics", "report", "packages", "annotated")


def main(project_dir: Path = typer.Argument(Path("."), help="The project's folder")) -> None:
    """Remove what the project's commands made. The assets stay."""
    if not (project_dir / "project.yml").is_file():
        msg.fail(f"{project_dir}: there is no project.yml here", exits=1)
    for name in MADE:
        for path in sorted((project_dir / name).glob("*")):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
            msg.good(f"Removed {path}")
    (project_dir / "project.lock").unlink(missing_ok=True)


if __name__ == "__main__":
    typer.run(main)
