"""Recipes: configs that say how they differ from another."""

import re
from pathlib import Path

from thinc.api import Config

import spacy_transformer_ner

from ..errors import InputError

SECTION = "recipe"
# The value of --encoder for the encoder that a recipe is made for.
ITS_OWN = "default"
BUILT_IN = Path(spacy_transformer_ner.__file__).parent / "recipes"
# Where a spaCy project keeps its configs.
OWN_FOLDER = Path("configs")


def recipe_names() -> list[str]:
    """RETURNS (list[str]): The names of the recipes that the package has."""
    return sorted(path.stem for path in BUILT_IN.glob("*.cfg"))


def find_recipe(name: str | Path) -> Path:
    """Find a config.

    name (str | Path): A file; or the name of a recipe without .cfg, in the folder configs/ of
        the working directory, or else in the package.
    RETURNS (Path): The file.
    RAISES: InputError if there is none.
    """
    path = Path(name)
    if path.suffix == ".cfg" or path.is_file():
        if not path.is_file():
            raise InputError("there is no such config.", path=path)
        return path
    for folder in (OWN_FOLDER, BUILT_IN):
        found = folder / f"{name}.cfg"
        if found.is_file():
            return found
    raise InputError(
        f"there is no recipe {str(name)!r}. Name a config file, or one of "
        f"{', '.join(recipe_names())}."
    )


def load_recipe(name: str | Path, overrides: dict | None = None) -> Config:
    """Load a config. If it has a section [recipe], `extends` in it names another config, which
    it changes; what it does not say is as there.

    name (str | Path): The config, see `find_recipe`.
    overrides (dict | None): Settings that override it, as `spacy train` takes them.
    RETURNS (Config): The whole config, not interpolated.
    RAISES: InputError if one of them is not found, or they extend one another.
    """
    config = _load(find_recipe(name), ())
    if not overrides:
        return config
    return Config().from_str(config.to_str(), overrides=overrides, interpolate=False)


def encoder_of(name: str | Path, encoder: str = ITS_OWN) -> str:
    """Tell which encoder is meant.

    name (str | Path): The recipe, see `find_recipe`.
    encoder (str): An encoder as `sources.resolve_encoder` takes it; "default" for the
        one that the recipe is made for.
    RETURNS (str): Its name.
    RAISES: InputError as of `load_recipe`, and if the recipe names none.
    """
    if encoder != ITS_OWN:
        return encoder
    found = load_recipe(name).get("paths", {}).get("encoder")
    if not found:
        raise InputError("names no encoder in [paths]. Name one with --encoder.", path=name)
    return found


def _load(path: Path, extending: tuple[Path, ...]) -> Config:
    if path in extending:
        raise InputError("extends itself.", path=path)
    config = Config().from_str(_with_parents(path.read_text("utf-8")), interpolate=False)
    recipe = config.pop(SECTION, None)
    if recipe is None:
        return config
    if set(recipe) != {"extends"}:
        raise InputError(f"[{SECTION}] needs the setting extends, and no other.", path=path)
    return _load(_extended(path, str(recipe["extends"])), (*extending, path)).merge(config)


def _extended(path: Path, name: str) -> Path:
    """The config that a recipe extends: a file or a name beside it, or one of the package."""
    stem = name.removesuffix(".cfg")
    for found in (path.parent / name, path.parent / f"{stem}.cfg", BUILT_IN / f"{stem}.cfg"):
        if found.is_file() and found != path:
            return found
    if path.parent / f"{stem}.cfg" == path:
        raise InputError("extends itself.", path=path)
    raise InputError(
        f"extends {name!r}, and there is no such config in {path.parent}. The package has "
        f"{', '.join(recipe_names())}.",
        path=path,
    )


def _with_parents(text: str) -> str:
    """Add the sections above those that a text has, and put each before what is in it: a
    recipe that changes one setting deep down need not name what is above, in any order."""
    start, *sections = re.split(r"(?m)^(?=\[)", text)
    names = [section[1:].partition("]")[0] for section in sections]
    parents = {name.rsplit(".", n)[0] for name in names for n in range(1, name.count(".") + 1)}
    sections += [f"[{name}]\n" for name in sorted(parents - set(names))]
    sections = [section if section.endswith("\n") else f"{section}\n" for section in sections]
    return start + "".join(sorted(sections, key=lambda s: s.partition("]")[0].count(".")))
