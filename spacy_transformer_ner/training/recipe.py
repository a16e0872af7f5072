"""Recipes: training configs that can extend other configs."""

import re
from pathlib import Path

from thinc.api import Config

import spacy_transformer_ner

from ..errors import InputError

SECTION = "recipe"
# The value of --encoder for the recipe's own encoder.
ITS_OWN = "default"
BUILT_IN = Path(spacy_transformer_ner.__file__).parent / "recipes"
# The configs folder of a spaCy project.
OWN_FOLDER = Path("configs")


def recipe_names() -> list[str]:
    """RETURNS (list[str]): The names of the built-in recipes."""
    return sorted(path.stem for path in BUILT_IN.glob("*.cfg"))


def find_recipe(name: str | Path) -> Path:
    """Find a config.

    name (str | Path): A config file; or the name of a recipe, without .cfg, in configs/ of the
        working directory or in the package.
    RETURNS (Path): The file.
    RAISES: InputError if it is not found.
    """
    path = Path(name)
    if path.suffix == ".cfg" or path.is_file():
        if not path.is_file():
            raise InputError("no such config.", path=path)
        return path
    for folder in (OWN_FOLDER, BUILT_IN):
        found = folder / f"{name}.cfg"
        if found.is_file():
            return found
    raise InputError(
        f"no recipe {str(name)!r}. Pass a config file, or one of {', '.join(recipe_names())}."
    )


def load_recipe(name: str | Path, overrides: dict | None = None) -> Config:
    """Load a config. If it has a section [recipe], it is merged into the config that `extends`
    names there.

    name (str | Path): The config, see `find_recipe`.
    overrides (dict | None): Settings that override it, as for `spacy train`.
    RETURNS (Config): The complete config, not interpolated.
    RAISES: InputError if a config is not found, or extends itself.
    """
    config = _load(find_recipe(name), ())
    if not overrides:
        return config
    return Config().from_str(config.to_str(), overrides=overrides, interpolate=False)


def encoder_of(name: str | Path, encoder: str = ITS_OWN) -> str:
    """Get the encoder to train.

    name (str | Path): The recipe, see `find_recipe`.
    encoder (str): An encoder, see `sources.resolve_encoder`; "default" for the recipe's own.
    RETURNS (str): The encoder's name or path.
    RAISES: InputError as for `load_recipe`, and if the recipe sets no encoder.
    """
    if encoder != ITS_OWN:
        return encoder
    found = load_recipe(name).get("paths", {}).get("encoder")
    if not found:
        raise InputError("sets no encoder in [paths]. Set one with --encoder.", path=name)
    return found


def _load(path: Path, extending: tuple[Path, ...]) -> Config:
    if path in extending:
        raise InputError("extends itself.", path=path)
    config = Config().from_str(_with_parents(path.read_text("utf-8")), interpolate=False)
    recipe = config.pop(SECTION, None)
    if recipe is None:
        return config
    if set(recipe) != {"extends"}:
        raise InputError(f"[{SECTION}] must have the setting extends, and no other.", path=path)
    return _load(_extended(path, str(recipe["extends"])), (*extending, path)).merge(config)


def _extended(path: Path, name: str) -> Path:
    """Find the config that a recipe extends: in the recipe's folder, or in the package."""
    stem = name.removesuffix(".cfg")
    for found in (path.parent / name, path.parent / f"{stem}.cfg", BUILT_IN / f"{stem}.cfg"):
        if found.is_file() and found != path:
            return found
    if path.parent / f"{stem}.cfg" == path:
        raise InputError("extends itself.", path=path)
    raise InputError(
        f"extends {name!r}, but there is no such config in {path.parent}. The built-in recipes "
        f"are {', '.join(recipe_names())}.",
        path=path,
    )


def _with_parents(text: str) -> str:
    """Add missing parent sections, and sort parents first, as thinc requires. A recipe can
    then change a nested setting without its parents, in any order."""
    start, *sections = re.split(r"(?m)^(?=\[)", text)
    names = [section[1:].partition("]")[0] for section in sections]
    parents = {name.rsplit(".", n)[0] for name in names for n in range(1, name.count(".") + 1)}
    sections += [f"[{name}]\n" for name in sorted(parents - set(names))]
    sections = [section if section.endswith("\n") else f"{section}\n" for section in sections]
    return start + "".join(sorted(sections, key=lambda s: s.partition("]")[0].count(".")))
