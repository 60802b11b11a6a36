"""What names the sources of a compiled module; setup.py runs this file by itself, so it imports nothing of ours."""

import hashlib
from pathlib import Path


def digest_of(source: Path) -> str:
    """The digest of its own file, the parts of it, and all headers of the folder. Reads files."""
    files = [source, *source.parent.glob(f"{source.stem}_*.pxi"), *source.parent.glob("_*.h")]
    content = hashlib.sha256()
    for file in sorted(files):
        content.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return content.hexdigest()
