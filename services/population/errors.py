"""Errors of the service, as partners read them: one code, both languages, never a value that was sent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """An answer that is not a result."""

    status: int
    code: str
    zh: str
    en: str

    def body(self) -> dict[str, object]:
        return {"error": {"code": self.code, "zh": self.zh, "en": self.en}}


class RefusedError(Exception):
    """The request cannot be answered; `problem` is what the partner is told."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.code)


NOT_AN_OBJECT = Problem(400, "POP101", "请求体不是JSON对象", "the body is not a JSON object")
WRONG_FIELDS = Problem(
    400, "POP102", "请求体只能包含citizen_id和name两个字段", "the body holds exactly the fields citizen_id and name"
)
NOT_TEXT = Problem(400, "POP103", "字段必须是文本", "a field is not text")
BAD_NAME = Problem(400, "POP104", "姓名长度须为1至100个字符", "a name has 1 to 100 characters")
TOO_LARGE = Problem(413, "POP106", "请求体过大", "the body is too large")
UNAVAILABLE = Problem(503, "POP201", "数据库暂不可用，请稍后重试", "the database is not available, try again later")

_REASONS_ZH = {
    "length": "长度不是18位",
    "characters": "含有不允许的字符",
    "region": "行政区划代码不存在",
    "birth date": "出生日期不存在",
    "check character": "校验码不符",
}


def bad_citizen_id(reason: str) -> Problem:
    """POP105 with the broken rule of GB 11643."""
    return Problem(400, "POP105", f"公民身份号码无效：{_REASONS_ZH[reason]}", f"the citizen id is invalid: {reason}")
