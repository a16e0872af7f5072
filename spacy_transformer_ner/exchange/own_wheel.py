"""Rebuild the wheel of this package from its installation."""

import base64
import hashlib
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path, PurePosixPath

from ..errors import InputError

NAME = "spacy-transformer-ner"
# Files that the installation adds to the wheel's.
INSTALLED_ONLY = {"INSTALLER", "RECORD", "REQUESTED", "direct_url.json", "uv_cache.json"}


def installed_wheel(folder: str | Path, found: Distribution | None = None) -> Path:
    """Rebuild the wheel that this package was installed from, using the list of installed
    files (PEP 376 and 427).

    folder (str | Path): The folder for the wheel.
    found (Distribution | None): The installed package. Defaults to this package.
    RETURNS (Path): The wheel.
    RAISES: InputError if a file of the installation is missing.
    """
    found = found or distribution(NAME)
    files = {
        path: Path(str(found.locate_file(path)))
        for path in map(PurePosixPath, found.files or ())
        if _is_in_wheel(path)
    }
    missing = [str(path) for path, place in files.items() if not place.is_file()]
    if missing or not files:
        raise InputError(
            f"the installation of {NAME} is incomplete, missing {', '.join(missing[:3]) or 'all files'}. "
            "Install it again."
        )
    name = f"{NAME.replace('-', '_')}-{found.version}"
    record = PurePosixPath(f"{name}.dist-info/RECORD")
    lines = []
    wheel = Path(folder, f"{name}-py3-none-any.whl")
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, place in sorted(files.items()):
            content = place.read_bytes()
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
            lines.append(f"{path},sha256={digest.decode()},{len(content)}")
            archive.writestr(str(path), content)
        archive.writestr(str(record), "\n".join([*lines, f"{record},,", ""]))
    return wheel


def _is_in_wheel(path: PurePosixPath) -> bool:
    in_package = path.parts[0] not in ("..", "__pycache__") and "__pycache__" not in path.parts
    return in_package and path.name not in INSTALLED_ONLY
