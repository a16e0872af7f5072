"""Recipes: configs that say how they differ from another."""

import re
from pathlib import Path

from thinc.api import Config

from ..errors import InputError

SECTION = "recipe"
# The value of the project's var for the encoder that a recipe is made for.
ITS_OWN = "default"


def load_recipe(path: str | Path, overrides: dict | None = None) -> Config:
    """Load a config. If it has a section [recipe], `extends` in it names another in the
    same folder, which it changes; what it does not say is as there.

    path (str | Path): The file.
    overrides (dict | None): Settings that override it, as `spacy train` takes them.
    RETURNS (Config): The whole config, not interpolated.
    RAISES: InputError if one of them is not there, or they extend one another.
    """
    config = _load(Path(path), ())
    if not overrides:
        return config
    return Config().from_str(config.to_str(), overrides=overrides, interpolate=False)


def encoder_of(path: str | Path, encoder: str = ITS_OWN) -> str:
    """Tell which encoder is meant.

    path (str | Path): The recipe.
    encoder (str): An encoder as `sources.resolve_encoder` takes it; "default" for the
        one that the recipe is made for.
    RETURNS (str): Its name.
    RAISES: InputError as of `load_recipe`, and if the recipe names none.
    """
    if encoder != ITS_OWN:
        return encoder
    name = load_recipe(path).get("paths", {}).get("encoder")
    if not name:
        raise InputError("names no encoder in [paths]. Name one with --vars.encoder.", path=path)
    return name


def _load(path: Path, extending: tuple[Path, ...]) -> Config:
    if not path.is_file():
        by = f" It is what {extending[-1]} extends." if extending else ""
        raise InputError(f"there is no such config.{by}", path=path)
    if path in extending:
        raise InputError("extends itself.", path=path)
    config = Config().from_str(_with_parents(path.read_text("utf-8")), interpolate=False)
    recipe = config.pop(SECTION, None)
    if recipe is None:
        return config
    if set(recipe) != {"extends"}:
        raise InputError(f"[{SECTION}] has to have the setting extends, and no other.", path=path)
    base = _load(path.parent / str(recipe["extends"]), (*extending, path))
    return base.merge(config)


def _with_parents(text: str) -> str:
    """Add the sections above those that a text has, and put each before what is in it: a
    recipe that changes one setting deep down need not name what is above, in any order."""
    start, *sections = re.split(r"(?m)^(?=\[)", text)
    names = [section[1:].partition("]")[0] for section in sections]
    parents = {name.rsplit(".", n)[0] for name in names for n in range(1, name.count(".") + 1)}
    sections += [f"[{name}]\n" for name in sorted(parents - set(names))]
    sections = [section if section.endswith("\n") else f"{section}\n" for section in sections]
    return start + "".join(sorted(sections, key=lambda s: s.partition("]")[0].count(".")))
