"""What a field accepts, in words: pydantic's verdict to a sentence in both languages. Pure."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Network, NetmaskValueError

from pydantic_core import ErrorDetails

from model.base import (
    CODE_PATTERN,
    DOMAIN_PATTERN,
    FIELD_PATTERN,
    HOST_PATTERN,
    LABEL_PATTERN,
    PATH_PATTERN,
    USER_PATTERN,
    VERSION_PATTERN,
)
from model.codes import Words

PATTERNS: dict[str, Words] = {
    LABEL_PATTERN: Words(
        "小写字母、数字和连字符，首尾为字母或数字（RFC 1123）",
        "lower-case letters, digits and hyphens, a letter or digit at both ends (RFC 1123)",
    ),
    CODE_PATTERN: Words(
        "省级代码：两位数字加四个零（GB/T 2260）", "a province's code: two digits, four zeros (GB/T 2260)"
    ),
    DOMAIN_PATTERN: Words("小写域名，如 yrd", "a domain in lower case, such as yrd"),
    VERSION_PATTERN: Words("形如 1.37.2 的版本号", "a version such as 1.37.2"),
    FIELD_PATTERN: Words("小写字母开头，只含小写字母、数字、下划线", "a lower-case letter, then letters, digits or _"),
    PATH_PATTERN: Words("形如 /v1/name 的路径，无 . 与结尾的 /", "a path such as /v1/name, without . and final /"),
    HOST_PATTERN: Words("IPv4 地址或主机名", "an IPv4 address or a host name"),
    USER_PATTERN: Words("Linux 用户名", "a Linux user name"),
}

TYPES: dict[str, Words] = {
    "int_type": Words("整数，不加引号", "an integer, without quotes"),
    "string_type": Words("文字；数字请加引号", "text; put quotes around digits"),
    "bool_type": Words("true 或 false", "true or false"),
    "tuple_type": Words("列表", "a list"),
    "dict_type": Words("“键: 值”", "keys with values"),
    "model_type": Words("一组字段", "a group of fields"),
    "model_attributes_type": Words("一组字段", "a group of fields"),
}
NETWORK = Words("IPv4 网段，如 10.131.0.0/16", "an IPv4 range such as 10.131.0.0/16")
INSTANT = Words("带时区的时间，如 2026-01-01T00:00:00+08:00", "a time with a zone: 2026-01-01T00:00:00+08:00")


def accepted(detail: ErrorDetails) -> Words:
    """The sentence for one verdict; pydantic's own words where there is none of ours."""
    kind = detail["type"]
    if kind in TYPES:
        return TYPES[kind]
    if kind in _WITH_CONTEXT:
        return _WITH_CONTEXT[kind](detail)
    return INSTANT if kind.startswith(("datetime", "timezone")) else Words(detail["msg"], detail["msg"])


def _context(detail: ErrorDetails, name: str) -> str:
    return str(detail["ctx"][name])


def _pattern(detail: ErrorDetails) -> Words:
    pattern = _context(detail, "pattern")
    return PATTERNS.get(pattern, Words(f"符合 {pattern} 的文字", f"text that matches {pattern}"))


def _literal(detail: ErrorDetails) -> Words:
    expected = _context(detail, "expected").replace("'", "")
    return Words(f"{expected.replace(' or ', ', ')} 之一", f"one of {expected}")


def _value_error(detail: ErrorDetails) -> Words:
    error, given = detail["ctx"]["error"], str(detail["input"])
    if "host bits" in str(error):
        right = IPv4Network(given, strict=False)
        return Words(f"网段的起始地址，此处为 {right}", f"the first address of a range, here {right}")
    if isinstance(error, AddressValueError | NetmaskValueError) or "/" in given:
        return NETWORK
    return INSTANT


def _at_least(detail: ErrorDetails) -> Words:
    return Words(f"不小于 {_context(detail, 'ge')} 的数", f"at least {_context(detail, 'ge')}")


def _at_most(detail: ErrorDetails) -> Words:
    return Words(f"不大于 {_context(detail, 'le')} 的数", f"at most {_context(detail, 'le')}")


def _some(_: ErrorDetails) -> Words:
    return Words("至少一项或一个字", "something; it is empty")


_WITH_CONTEXT: dict[str, Callable[[ErrorDetails], Words]] = {
    "string_pattern_mismatch": _pattern,
    "literal_error": _literal,
    "value_error": _value_error,
    "greater_than_equal": _at_least,
    "less_than_equal": _at_most,
    "string_too_short": _some,
    "too_short": _some,
}
