"""Files that may be gzipped or zipped, read within a bound of memory."""

import gzip
import io
import zipfile
import zlib
from os import PathLike
from pathlib import Path
from typing import Any

_MOST, _SMALL = 100, 1 << 20  # real data unpack to less than 100 times their size, or a megabyte


def unpack(path: str | PathLike[str]) -> bytes:
    """The bytes of a file, unpacked if it is gzipped, or zipped with one file in it."""
    data = Path(path).read_bytes()
    most = max(_MOST * len(data), _SMALL)
    file: Any = io.BytesIO(data)
    try:
        if data[:2] == b"\x1f\x8b":
            data = gzip.GzipFile(fileobj=file).read(most)
        elif data[:4] == b"PK\x03\x04":
            archive = zipfile.ZipFile(file)
            names = [name for name in archive.namelist() if not name.startswith("__MACOSX/") and name[-1:] != "/"]
            if len(names) != 1:
                advice = "; save the workbook as CSV" if "xl/workbook.xml" in names else ""
                raise ValueError(f"{path}: a zip archive must hold one file, got {len(names)}{advice}")
            data = archive.open(names[0]).read(most)
    except (EOFError, OSError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise ValueError(f"{path}: the packed file is damaged or cut off ({error}); get it again") from None
    if len(data) == most:
        raise ValueError(f"{path} must unpack to less than {_MOST} times its size, got more; unpack it first")
    return data
