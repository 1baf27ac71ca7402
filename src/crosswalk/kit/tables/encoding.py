"""Which encoding a file of text is in, found from its bytes, and its digest, in one or two flat passes."""

import codecs
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from charset_normalizer import from_bytes

_BLOCK = 1 << 20
_HEAD = 1 << 16
# UTF-32's little-endian mark begins with UTF-16's: the longer ones first.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SIGNS = frozenset(b',;\t|"\r\n')
UNDECODABLE = "crosswalk_undecodable"
"""The codec error handler that turns each undecodable byte into a lone surrogate, U+DC00 + byte, so its row can be found."""
MIXED = "two encodings in one file"
LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class FileBytes:
    """What a file's bytes say: its digest, size in bytes, encoding, length of its byte order mark, and why that encoding."""

    sha256: str
    size: int
    encoding: str
    mark: int
    reason: str


def inspect_bytes(path: Path) -> FileBytes:
    """The digest and encoding of a text file: the byte order mark first, then strict UTF-8, then an older code page.

    A file whose valid UTF-8 lines outnumber its invalid ones is UTF-8 with damaged rows. Raises OSError when it cannot be read.
    """
    head = _head(path)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return FileBytes(*_digest(path), name, len(mark), "byte order mark")
    wide = _wide(head)
    if wide:
        return FileBytes(*_digest(path), wide, 0, "zero bytes at every other place")
    digest, size, valid = _digest_as_utf8(path)
    if valid:
        return FileBytes(digest, size, "utf-8", 0, "valid UTF-8 throughout")
    encoding, reason = _not_clean(path)
    return FileBytes(digest, size, encoding, 0, reason)


def inspect_binary(path: Path) -> FileBytes:
    """The digest of a file that is no text, such as a workbook. Raises OSError when it cannot be read."""
    return FileBytes(*_digest(path), "", 0, "")


def mark_undecodable(error: UnicodeError) -> tuple[str, int]:
    """Each undecodable byte becomes U+DC00 + byte: no text decodes to that, so nothing is confused with it."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


def register() -> None:
    """Make `UNDECODABLE` known to Python's codecs; harmless when repeated."""
    codecs.register_error(UNDECODABLE, mark_undecodable)


def shown(text: str) -> str:
    r"""Text with undecodable bytes written as `\xNN`, so that it can be stored.

    >>> shown("Jos\udce9")
    'Jos\\xe9'
    """
    return LONE_SURROGATE.sub(lambda match: f"\\x{ord(match.group()) & 0xFF:02x}", text)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD)


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block


def _digest(path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    for block in _blocks(path):
        digest.update(block)
        size += len(block)
    return digest.hexdigest(), size


def _digest_as_utf8(path: Path) -> tuple[str, int, bool]:
    digest, size, valid = hashlib.sha256(), 0, True
    decoder = codecs.getincrementaldecoder("utf-8")()
    for block in _blocks(path):
        digest.update(block)
        size += len(block)
        if valid:
            valid = _decodes(decoder, block)
    return digest.hexdigest(), size, valid and _decodes(decoder, b"", final=True)


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True


def _wide(head: bytes) -> str | None:
    """UTF-16 without a mark: the zero half of its delimiters, quotes and line ends stands beside them, always on one side."""
    if b"\0" not in head:
        return None
    pairs = Counter(zip(head[0::2], head[1::2], strict=False))
    little = sum(count for (first, second), count in pairs.items() if first in _SIGNS and not second)
    big = sum(count for (first, second), count in pairs.items() if second in _SIGNS and not first)
    name, signs = ("utf-16-le", little) if little > big else ("utf-16-be", big)
    bare = sum(count for pair, count in pairs.items() if 0 not in pair and (pair[0] in _SIGNS or pair[1] in _SIGNS))
    if signs < 2 or bare > signs:
        return None
    return name if _decodes(codecs.getincrementaldecoder(name)(), head) else None


def _not_clean(path: Path) -> tuple[str, str]:
    valid = invalid = 0
    sample = bytearray()
    with path.open("rb") as file:
        for line in file:
            if line.isascii():
                continue
            if _is_utf8(line):
                valid += 1
                continue
            invalid += 1
            if len(sample) < _HEAD:
                sample += line
    if valid > invalid:
        return "utf-8", f"UTF-8, {invalid} lines with bytes that are not"
    encoding, reason = _code_page(bytes(sample))
    return encoding, f"{MIXED}: {valid} of {valid + invalid} lines with accents would also be UTF-8" if valid else reason


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _code_page(sample: bytes) -> tuple[str, str]:
    """cp1252 unless its letters would make no words; charset-normalizer is asked only then (it is a coin toss on short names)."""
    if _reads_as_western(sample):
        return "cp1252", "not UTF-8; reads as Western text"
    best = from_bytes(sample).best()
    if best is None or best.encoding in ("utf_8", "ascii"):
        return "cp1252", "not UTF-8; no other encoding fits better"
    return best.encoding.replace("_", "-"), "not UTF-8; the likeliest by charset-normalizer"


def _reads_as_western(sample: bytes) -> bool:
    """Accented letters stand alone among plain ones in Western text; in others' bytes they stand in runs."""
    text = sample.decode("cp1252", "replace")
    accented = [place for place, letter in enumerate(text) if letter > "\x7f" and letter.isalpha()]
    if not accented:
        return True
    beside = sum(1 for left, right in pairwise(accented) if right - left == 1)
    return beside * 3 < len(accented)
