"""What may go wrong for a person, in both languages: what happened, and what to do now."""

from __future__ import annotations

from dataclasses import dataclass

from services.affairs.settings import Words


@dataclass(frozen=True)
class Problem:
    """One page that is not what was asked for."""

    code: str
    status: int
    title: Words
    advice: Words


class RefusedError(Exception):
    """The request ends with a problem's page."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.code)


def _problem(code: str, status: int, zh: tuple[str, str], en: tuple[str, str]) -> Problem:
    return Problem(code, status, Words(zh[0], en[0]), Words(zh[1], en[1]))


EXPIRED = _problem(
    "AFF101", 400,
    ("登录已过期", "登录用时过长，或者该页面已经用过一次。您的信息没有被提交，请重新登录。"),
    ("The login has expired", "It took too long, or this page was used before. Nothing was submitted; please log in again."),
)  # fmt: skip
REFUSED = _problem(
    "AFF102", 403,
    ("登录没有完成", "登录被取消，或者您的账户无权使用本服务。如有疑问，请联系您所在省市的政务服务热线12345。"),
    ("You were not logged in", "The login was cancelled, or your account may not use this service. Your province's hotline 12345 can help."),
)  # fmt: skip
BROKER = _problem(
    "AFF103", 503,
    ("统一登录暂时无法使用", "区域统一身份认证没有应答。您没有做错什么，请过几分钟再试。"),
    ("The common login is not available", "The region's identity centre does not answer. It is not your fault; please try again in a few minutes."),
)  # fmt: skip
CLOCK = _problem(
    "AFF104", 503,
    ("系统时间不一致", "本系统与身份认证系统的时间不一致，登录凭据尚未生效。这不是您的设备造成的，请过几分钟再试。"),
    ("The clocks disagree", "This system's clock and the identity centre's differ, so the login is not valid yet. "
     "It is not your device's fault; please try again in a few minutes."),
)  # fmt: skip
TOO_WEAK = _problem(
    "AFF105", 403,
    ("认证强度不够", "办理该事项需要加强验证，但这次登录没有做加强验证。请在本人所在省市的登录页用动态口令再验证一次。"),
    ("The login is not strong enough", "This service needs a second factor, and the login came back without one. "
     "Please verify again with a one-time code at your own province's login."),
)  # fmt: skip
STALE_FORM = _problem(
    "AFF106", 403,
    ("页面已失效", "请返回首页重新打开该页面后再提交。"),
    ("This page is out of date", "Please go back to the first page, open the form again and submit it from there."),
)  # fmt: skip
FAILED = _problem(
    "AFF107", 502,
    ("登录未能完成", "身份认证系统给出的答复无法核验。请重新登录；如果再次出现，请告知我们下面的编号。"),
    ("The login could not be completed", "The identity centre's answer could not be verified. Please log in again; if this happens again, tell us the code below."),
)  # fmt: skip
UNKNOWN = _problem(
    "AFF108", 404,
    ("没有这个页面", "地址可能输入有误，请从首页开始。"),
    ("There is no such page", "The address may be mistyped; please start from the first page."),
)  # fmt: skip
INTERNAL = _problem(
    "AFF110", 500,
    ("系统内部错误", "出错的是我们的系统，请过几分钟再试；如果再次出现，请告知我们下面的编号。"),
    ("Something went wrong here", "The fault is ours. Please try again in a few minutes; if this happens again, tell us the code below."),
)  # fmt: skip


def home_down(title: Words) -> Problem:
    """AFF109 with the name of the province that cannot log its people in now."""
    return _problem(
        "AFF109", 503,
        (f"{title.zh}的登录暂时无法使用", f"{title.zh}的身份认证系统没有应答，其他省市不受影响。您没有做错什么，请过几分钟再试。"),
        (f"The login of {title.en} is not available", f"The identity centre of {title.en} does not answer; other provinces are not affected. "
         "It is not your fault; please try again in a few minutes."),
    )  # fmt: skip
