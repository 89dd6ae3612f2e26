"""Checks of a file's bytes and characters, before anything reads it as YAML. Pure: (path, bytes) to text and faults."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from model.codes import Words
from model.document import Mark, Scalar, fault_at
from model.faults import Fault, shown

#: Bytes; also the limit of what aliases may expand to.
LARGEST = 1 << 20
UTF16 = (b"\xff\xfe", b"\xfe\xff")

#: Controls, invisible and bidirectional characters, line separators, private use, and blanks that are not a space.
FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\xa0\xad\u061c\u115f\u1160\u1680\u180b-\u180e\u2000-\u200f\u2028-\u202f"
    "\u205f-\u206f\u3000\u3164\ue000-\uf8ff\ufeff\uffa0\ufff9-\uffff\U000e0000-\U000e007f]"
)
FULL_WIDTH = re.compile("[０-９Ａ-Ｚａ-ｚ]")


def too_large(path: str, raw: bytes) -> Iterator[Fault]:
    if len(raw) > LARGEST:
        yield fault_at(
            "E111",
            path,
            Mark(1, 1),
            f"{len(raw)} B",
            Words("文件超过 1 MiB，未读取", "the file is larger than 1 MiB and was not read"),
            Words("一个实体一个文件，删去多余内容", "keep one entity per file and remove the rest"),
        )


def decode(path: str, raw: bytes) -> tuple[str, tuple[Fault, ...]]:
    """UTF-8 with or without a byte order mark; anything else is one fault that names the encoding where it can."""
    try:
        return raw.decode("utf-8-sig"), ()
    except UnicodeDecodeError as error:
        return "", (_not_utf8(path, raw, error.start),)


def _not_utf8(path: str, raw: bytes, offset: int) -> Fault:
    encoding = _guess(raw)
    before = raw[:offset]
    mark = Mark(before.count(b"\n") + 1, offset - (before.rfind(b"\n") + 1) + 1)
    why = Words(f"检测到 {encoding} 编码", f"{encoding} detected")
    fix = Words(f"转换：iconv -f {encoding} -t UTF-8 {path}", f"convert: iconv -f {encoding} -t UTF-8 {path}")
    if not encoding:
        why = Words("此处字节无效", "this byte is not valid")
        fix = Words("重新输入该处文字，以 UTF-8 保存", "type that text again and save as UTF-8")
    return fault_at("E112", path, mark, f"0x{raw[offset]:02X}", why, fix)


def _guess(raw: bytes) -> str:
    """The encoding if the bytes are Han characters in it; empty for UTF-8 with a damaged byte, or if nobody knows."""
    if raw.startswith(UTF16):
        return "UTF-16"
    as_utf8 = raw.decode("utf-8", "replace")
    if _han(as_utf8) > as_utf8.count("\ufffd"):
        return ""
    for encoding in ("gbk", "gb18030"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if _han(text):
            return encoding.upper()
    return ""


def _han(text: str) -> int:
    return sum("\u4e00" <= c <= "\u9fff" for c in text)


def invisible(path: str, text: str) -> Iterator[Fault]:
    """In values, keys and comments alike: a bidirectional override in a comment deceives the reviewer as well."""
    for number, line in enumerate(text.split("\n"), start=1):
        for found in FORBIDDEN.finditer(line.removesuffix("\r")):
            yield _forbidden(path, Mark(number, found.start() + 1), found.group())


def full_width(path: str, scalars: tuple[Scalar, ...]) -> Iterator[Fault]:
    """Full-width letters and digits look like the plain ones and compare as different."""
    for scalar in scalars:
        if FULL_WIDTH.search(scalar.text):
            # Only these: NFKC of a whole Chinese sentence would change its punctuation as well.
            normal = shown(FULL_WIDTH.sub(lambda m: unicodedata.normalize("NFKC", m.group()), scalar.text))
            yield fault_at(
                "E105",
                path,
                scalar.mark,
                shown(scalar.text),
                Words(
                    f"全角字母或数字；NFKC 形式为 {normal}",
                    f"full-width letters or digits; their NFKC form is {normal}",
                ),
                Words(f"改用半角：{normal}", f"write the plain form: {normal}"),
            )


def _forbidden(path: str, mark: Mark, character: str) -> Fault:
    code = f"U+{ord(character):04X}"
    name = unicodedata.name(character, "control character")
    normal = unicodedata.normalize("NFKC", character)
    spare = normal if normal != character and normal.isprintable() else ""
    return fault_at(
        "E105",
        path,
        mark,
        code,
        Words(f"看不见或会误导读者（{name}）", f"invisible or misleading ({name})"),
        Words(
            f"改为 NFKC 形式“{spare}”" if spare else "删除该字符（NFKC 形式也不可接受）",
            f'replace it by its NFKC form "{spare}"' if spare else "delete it; its NFKC form is not accepted either",
        ),
    )
