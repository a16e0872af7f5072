"""The commands of `python -m spacy ner`.

spaCy loads this module through the entry point group `spacy_cli` whenever its command line
starts, so the commands import slow modules inside their functions.
"""

import sys
from collections.abc import Callable

import typer
from spacy.cli._util import app as spacy_app
from typer.core import TyperGroup

from ._util import clear_failure
from .annotate import annotate_cli
from .apply_review import apply_review_cli
from .calibrate import calibrate_cli
from .check import check_cli
from .compare import compare_cli
from .config import config_cli
from .convert import convert_cli
from .distill import distill_cli
from .evaluate import evaluate_cli
from .export import export_cli
from .export_hf import export_hf_cli
from .export_onnx import export_onnx_cli
from .import_hf import import_hf_cli
from .learning_curve import learning_curve_cli
from .package import package_cli
from .push import push_cli
from .rank import rank_cli
from .report import report_cli
from .self_train import self_train_cli
from .serve import serve_cli
from .suspects import suspects_cli
from .train import train_cli
from .tune_threshold import tune_threshold_cli
from .verify import verify_cli

# The commands by stage, in the order of --help.
STAGES: dict[str, tuple[Callable, ...]] = {
    "Data": (convert_cli, check_cli, suspects_cli, apply_review_cli, export_cli),
    "Training": (
        config_cli,
        train_cli,
        calibrate_cli,
        tune_threshold_cli,
        learning_curve_cli,
        self_train_cli,
        distill_cli,
    ),
    "Evaluation": (evaluate_cli, compare_cli, report_cli),
    "Packaging": (package_cli, verify_cli, push_cli),
    "Hugging Face and ONNX": (import_hf_cli, export_hf_cli, export_onnx_cli),
    "Use": (annotate_cli, rank_cli, serve_cli),
}
# The commands that can train a recipe.
TRAINS = (train_cli, learning_curve_cli, self_train_cli, distill_cli, suspects_cli)


def verb_of(command) -> str:
    """Get the name of a command on the command line.

    command (Callable): The function of the command, e.g. `tune_threshold_cli`.
    RETURNS (str): The name, e.g. "tune-threshold".
    """
    return command.__name__.removesuffix("_cli").replace("_", "-")


class StagedGroup(TyperGroup):
    """Lists the commands by stage."""

    def format_commands(self, ctx, formatter) -> None:
        """Write the list of commands for --help."""
        for stage, commands in STAGES.items():
            verbs = [verb_of(command) for command in commands]
            width = formatter.width - 6 - max(map(len, self.commands))
            with formatter.section(stage):
                formatter.write_dl(
                    [(verb, self.commands[verb].get_short_help_str(width)) for verb in verbs]
                )


app = typer.Typer(
    name="ner",
    cls=StagedGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Train, evaluate, package and run transformers for named entity recognition.",
)
for commands in STAGES.values():
    for command in commands:
        # They accept overrides of any config setting, like spaCy's own train command.
        takes_overrides = command in TRAINS
        app.command(
            verb_of(command),
            context_settings={
                "allow_extra_args": takes_overrides,
                "ignore_unknown_options": takes_overrides,
            },
        )(clear_failure()(command))
spacy_app.add_typer(app)


def run(verb: str) -> None:
    """Run a command with the arguments of this process. Used by the scripts.

    verb (str): The name of the command.
    """
    app([verb, *sys.argv[1:]], prog_name="spacy ner")
