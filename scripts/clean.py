"""Remove all outputs of the project's commands: corpora, trainings, metrics, reports, packages
and annotations. The assets are kept."""

import shutil
from pathlib import Path

import typer
from wasabi import msg

MADE = ("corpus", "training", "metrics", "report", "packages", "annotated")


def main(project_dir: Path = typer.Argument(Path("."), help="The project's folder")) -> None:
    """Remove all outputs of the project's commands. The assets are kept."""
    if not (project_dir / "project.yml").is_file():
        msg.fail(f"{project_dir}: no project.yml here. Pass the project's folder.", exits=1)
    for name in MADE:
        for path in sorted((project_dir / name).glob("*")):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
            msg.good(f"Removed {path}")
    (project_dir / "project.lock").unlink(missing_ok=True)


if __name__ == "__main__":
    typer.run(main)
