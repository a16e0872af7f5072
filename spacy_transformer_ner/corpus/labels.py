"""Label lists of corpora with numbered tags."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import srsly

from ..errors import InputError
from .sources import read_text

# Files beside the data with the label list, in corpora of Hugging Face and T-NER.
FILES = (
    "dataset_info.json",
    "dataset_infos.json",
    "labels.json",
    "label.json",
    "label2id.json",
    "labels.txt",
    "label_config.json",
    "README.md",
)
# A name with its number, like 37=PER.
NUMBERED = re.compile(r"(\d{1,9})=(.+)", re.DOTALL)
# Metadata in a README, as on Hugging Face's hub.
FRONT_MATTER = re.compile(r"---\s*?\n(.*?)\n---\s*?(?:\n|\Z)", re.DOTALL)


def read_labels(given: str) -> tuple[str, ...]:
    """Read a list of tags.

    given (str): The tags in order, separated by commas, or with their numbers like 37=PER; or a
        file: one tag per line, a JSON list, a JSON object that maps tags to numbers or numbers to
        tags, a model's config.json, a data set's dataset_info.json or README.md, or Doccano's
        list of labels.
    RETURNS (tuple[str, ...]): The tags. If they have numbers, all are like 37=PER.
    RAISES: InputError if there are none.
    """
    if ("," in given or NUMBERED.fullmatch(given)) and not Path(given).is_file():
        return _checked([tag.strip() for tag in given.split(",")], given)
    path = Path(given)
    if not path.is_file():
        raise InputError("no such file. Pass a file, or the tags separated by commas.", path=path)
    found = labels_in_file(path)
    if len(found) > 1:
        raise InputError(
            f"has labels for several fields ({', '.join(found)}). Pass the tags with --labels.",
            path=path,
        )
    if not found:
        raise InputError("contains no list of tags.", path=path)
    return next(iter(found.values()))


def labels_beside(path: Path) -> Mapping[str, Sequence[str]]:
    """Find a list of tags in the folder of a file.

    path (Path): The file.
    RETURNS (Mapping[str, Sequence[str]]): Tags by field. The key "" is for any field.
    """
    for name in FILES:
        beside = path.parent / name
        if beside.is_file() and beside != path:
            found = labels_in_file(beside)
            if found:
                return found
    return {}


def labels_in_file(path: Path) -> dict[str, tuple[str, ...]]:
    """Read the lists of tags in a file.

    path (Path): A text file with one tag per line, or a JSON file.
    RETURNS (dict[str, tuple[str, ...]]): Tags by field. The key "" is for any field.
    RAISES: InputError if it is not valid JSON, or tags and numbers don't match.
    """
    try:
        text = read_text(path)
        if path.suffix.lower() == ".md":
            return _labels_in_readme(text, path)
        is_json = path.suffix.lower() == ".json"
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        content = json.loads(text) if is_json else lines
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(f"is not a list of tags: {error}", path=path) from None
    if isinstance(content, list):
        return {"": _checked(_names_of(content), path)}
    if not isinstance(content, dict):
        return {}
    fields = labels_of_features(content.get("features"))
    if fields:
        return {name: _checked(tags, path) for name, tags in fields.items()}
    for inner in content.values():
        # dataset_infos.json has one entry per configuration.
        more = labels_of_features(inner.get("features")) if isinstance(inner, dict) else {}
        for name, tags in more.items():
            if fields.setdefault(name, tags) != tags:
                raise _different(name, path)
    if fields:
        return {name: _checked(tags, path) for name, tags in fields.items()}
    numbered = content.get("id2label") or content.get("label2id") or content
    return {"": _checked(_by_number(numbered, path), path)} if numbered else {}


def labels_of_features(features: Any) -> dict[str, list[str]]:
    """Read the class names in the features of a Hugging Face data set.

    features (Any): The features in dataset_info.json, or in the metadata of Parquet and Arrow
        files.
    RETURNS (dict[str, list[str]]): Class names by field, for fields with lists of classes.
    """
    found = {}
    if isinstance(features, dict):
        for field, feature in features.items():
            if isinstance(feature, list) and feature:
                feature = {"feature": feature[0]}
            inner = feature.get("feature") if isinstance(feature, dict) else None
            if isinstance(inner, dict) and isinstance(inner.get("names"), list):
                found[field] = inner["names"]
    return found


def by_number(labels: Sequence[str], numbers: set[int]) -> dict[int, str] | None:
    """Map the numbers in a file to names.

    labels (Sequence[str]): The names in order, or with their numbers like 37=PER.
    numbers (set[int]): The numbers in the file.
    RETURNS (dict[int, str] | None): The names by number. None if it is not certain whether they
        are counted from 0 or 1.
    """
    pairs = [NUMBERED.fullmatch(label) for label in labels]
    if all(pairs):
        return {int(pair[1]): pair[2] for pair in pairs if pair is not None}
    if min(numbers) == 0:
        first = 0
    elif max(numbers) == len(labels):
        first = 1
    else:
        return None
    return dict(enumerate(labels, start=first))


def _names_of(content: list) -> list:
    """Get the names of a list of objects, with their numbers if they have any, like Doccano's."""
    if not all(isinstance(label, dict) for label in content):
        return content
    names = [
        next((label[f] for f in ("text", "name", "label") if isinstance(label.get(f), str)), None)
        for label in content
    ]
    if all(isinstance(label.get("id"), int) for label in content):
        return [f"{label['id']}={name}" for label, name in zip(content, names) if name]
    return names


def _labels_in_readme(text: str, path: Path) -> dict[str, tuple[str, ...]]:
    """Read the class names in the metadata of a README, as on Hugging Face's hub."""
    match = FRONT_MATTER.match(text.replace("\r\n", "\n"))
    if match is None or "class_label" not in match[1]:
        return {}
    try:
        info = srsly.yaml_loads(match[1]).get("dataset_info")
    except Exception as error:  # the YAML parser raises many kinds of errors
        raise InputError(
            f"the metadata is not valid YAML: {' '.join(str(error).split())[:200]}. Fix it, or "
            "pass the tags with --labels.",
            path=path,
        ) from None
    found: dict[str, tuple[str, ...]] = {}
    for config in info if isinstance(info, list) else [info]:
        features = config.get("features") if isinstance(config, dict) else None
        for feature in features if isinstance(features, list) else ():
            if not isinstance(feature, dict):
                continue
            inner = feature.get("sequence", feature.get("list"))
            names = inner.get("class_label", {}) if isinstance(inner, dict) else {}
            names = names.get("names") if isinstance(names, dict) else None
            if isinstance(names, dict):
                tags = _checked(_by_number({str(k): v for k, v in names.items()}, path), path)
            elif isinstance(names, list):
                tags = _checked(names, path)
            else:
                continue
            if found.setdefault(str(feature.get("name")), tags) != tags:
                raise _different(str(feature.get("name")), path)
    return found


def _different(name: str, path: Path) -> InputError:
    return InputError(
        f"has different tags of {name} in different configurations. Pass the tags of this corpus "
        "with --labels.",
        path=path,
    )


def _by_number(content: Any, path: Path) -> list[str]:
    """Order the tags of {"O": 0, …} or {"0": "O", …} by number."""
    numbers: dict[int, str] = {}
    if isinstance(content, dict):
        for key, value in content.items():
            if isinstance(value, int) and not isinstance(value, bool):
                if value in numbers:
                    raise InputError(
                        f"is not a list of tags: {numbers[value]} and {key} have the same number.",
                        path=path,
                    )
                numbers[value] = key
            elif isinstance(value, str) and key.isdecimal():
                numbers[int(key)] = value
    if not numbers or sorted(numbers) != list(range(len(numbers))):
        raise InputError(
            "is not a list of tags: each tag needs a number, counted from 0.", path=path
        )
    return [numbers[i] for i in range(len(numbers))]


def _checked(tags: Sequence[Any], given: str | Path) -> tuple[str, ...]:
    if not tags or not all(isinstance(tag, str) and tag.strip() for tag in tags):
        raise InputError(f"{given}: is not a list of tags.")
    if len(set(tags)) != len(tags):
        raise InputError(
            f"{given}: duplicate tag. The tags are numbered by their position in this list."
        )
    return tuple(tags)
