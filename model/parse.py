"""YAML text to a Document. Only composes nodes: no tag is ever constructed, no alias expanded blindly."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from model.checks.text import LARGEST
from model.codes import Words
from model.document import Document, Loc, Mark, Scalar, fault_at
from model.faults import Fault
from model.types import Kind

TAG = "tag:yaml.org,2002:"
#: Tags that plain YAML gives by itself; a time stays text until its field says that it is one.
PLAIN = frozenset(TAG + name for name in ("str", "int", "float", "bool", "null", "timestamp", "map", "seq", "merge"))

_BOMB = Words("锚点与别名展开后超过 1 MiB 或嵌套过深", "anchors and aliases expand beyond 1 MiB, or nest too deeply")
_NO_ALIASES = Words("不用别名，把内容写出来", "write the content out instead of repeating it by alias")


class _BombError(Exception):
    """The document refers to itself or expands beyond the limit."""


@dataclass
class _Walk:
    """What one pass over the node tree collects."""

    path: str
    keys: dict[Loc, Mark] = field(default_factory=dict)
    values: dict[Loc, Mark] = field(default_factory=dict)
    scalars: list[Scalar] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def parse(kind: Kind, path: str, stem: str, text: str) -> tuple[Document, tuple[Fault, ...]]:
    """Never raises for what the text says; after a fault of syntax the Document is empty."""
    empty = Document(kind, path, stem)
    try:
        root = _compose(text)
        if root is None:
            return empty, (_not_a_mapping(path, Mark(1, 1), Words("文件为空", "the file is empty")),)
        _size(root, {})
        walk = _Walk(path)
        value = _plain(root, (), walk)
    except MarkedYAMLError as error:
        return empty, (_syntax(path, error),)
    except (_BombError, RecursionError):
        return empty, (fault_at("E111", path, Mark(1, 1), "", _BOMB, _NO_ALIASES),)
    except YAMLError:
        # The reader refuses a character; `checks.text.invisible` has named it with its position.
        return empty, ()
    if not isinstance(value, dict):
        return empty, (_not_a_mapping(path, _mark(root), Words("顶层不是字段列表", "the top level has no fields")),)
    document = Document(kind, path, stem, value, walk.keys, walk.values, tuple(walk.scalars))
    return document, tuple(walk.faults)


def _compose(text: str) -> Node | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ReusedAnchorWarning)
        node: Node | None = YAML(typ="safe", pure=True).compose(text)
        return node


def _size(node: Node, known: dict[int, int]) -> int:
    """Characters after expansion. Raises _BombError beyond the limit or for a node that contains itself."""
    if id(node) in known:
        if known[id(node)] < 0:
            raise _BombError
        return known[id(node)]
    if isinstance(node, ScalarNode):
        total = len(node.value) + 1
    else:
        known[id(node)] = -1
        total = 1 + sum(_size(child, known) for child in _children(node))
    if total > LARGEST:
        raise _BombError
    known[id(node)] = total
    return total


def _children(node: Node) -> list[Node]:
    if isinstance(node, MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, SequenceNode) else []


def _mark(node: Node) -> Mark:
    return Mark(node.start_mark.line + 1, node.start_mark.column + 1)


def _plain(node: Node, loc: Loc, walk: _Walk) -> Any:
    """The node as JSON knows it; notes where everything stood."""
    walk.values[loc] = _mark(node)
    if node.tag not in PLAIN:
        walk.faults.append(_tag(walk.path, node))
    if isinstance(node, MappingNode):
        return _mapping(node, loc, walk)
    if isinstance(node, SequenceNode):
        return [_plain(child, (*loc, index), walk) for index, child in enumerate(node.value)]
    walk.scalars.append(Scalar(loc, str(node.value), _mark(node)))
    return _scalar(str(node.tag), str(node.value))


def _mapping(node: MappingNode, loc: Loc, walk: _Walk) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            walk.faults.append(_not_a_mapping(walk.path, _mark(key), Words("键必须是文字", "a key must be text")))
            continue
        name, place = str(key.value), (*loc, str(key.value))
        walk.scalars.append(Scalar(place, name, _mark(key), is_key=True))
        if name in result:
            walk.faults.append(_repeated(walk.path, name, _mark(key), walk.keys[place]))
            # Only looked through for what must not be there; the first one is the value.
            _plain(value, (*loc, f"{name} (again)"), walk)
            continue
        walk.keys[place] = _mark(key)
        result[name] = _plain(value, place, walk)
    return result


def _scalar(tag: str, text: str) -> Any:
    """Text as it was written unless it is plainly something else; `0x1f`, `1_000` and `.inf` stay text."""
    if tag == TAG + "null":
        return None
    if tag == TAG + "bool":
        return {"true": True, "false": False}.get(text.lower(), text)
    try:
        if tag == TAG + "int" and "_" not in text:
            return int(text, 10)
        if tag == TAG + "float" and math.isfinite(float(text)):
            return float(text)
    except ValueError:
        return text
    return text


def _syntax(path: str, error: MarkedYAMLError) -> Fault:
    mark = error.problem_mark or error.context_mark
    place = Mark(mark.line + 1, mark.column + 1) if mark else Mark(1, 1)
    problem = " ".join(str(error.problem or error.context or "syntax").split())
    return fault_at(
        "E100",
        path,
        place,
        "",
        Words(f"无法解析：{problem}", f"cannot be parsed: {problem}"),
        Words(
            "检查该行及上一行的缩进、引号和括号",
            "look at indentation, quotes and brackets of this line and the one before",
        ),
    )


def _tag(path: str, node: Node) -> Fault:
    return fault_at(
        "E100",
        path,
        _mark(node),
        str(node.tag),
        Words("不接受 YAML 标签", "YAML tags are not accepted"),
        Words("删除标签，只写值", "remove the tag and write the value alone"),
    )


def _repeated(path: str, name: str, mark: Mark, first: Mark) -> Fault:
    return fault_at(
        "E108",
        path,
        mark,
        name,
        Words(
            f"第 {first.line} 行已有该键；多数解析器会默默丢弃其中一个",
            f"first at line {first.line}; parsers silently drop one of them",
        ),
        Words("只保留一个", "keep one of them"),
    )


def _not_a_mapping(path: str, mark: Mark, why: Words) -> Fault:
    return fault_at("E109", path, mark, "", why, Words("写成“字段: 值”", "write it as `field: value`"))
