"""The page's words in its two languages; every key is in both."""

from __future__ import annotations

WORDS: dict[str, dict[str, str]] = {
    "zh": {
        "service": "跨省通办", "other": "English", "skip": "跳到正文", "welcome": "长三角居民都可以在这里办事",
        "lead": "请选择您的账户所在的省市。登录在您本省市进行，密码不会离开那里。",
        "choose": "选择省市登录", "elsewhere": "到区域统一身份认证选择", "you": "当前用户", "name": "姓名", "home": "账户所在省市",
        "level": "认证强度", "L1": "L1 口令", "L2": "L2 口令和实名", "L3": "L3 口令、实名和动态口令", "L4": "L4 硬件密钥",
        "items": "可办理事项", "apply": "办理", "logout": "全部退出", "logout_note": "同时退出区域统一身份认证和本省市的登录。",
        "receipts": "本次已受理", "number": "受理编号", "at": "时间（UTC）", "item": "事项", "submit": "确认提交",
        "confirm": "请核对后提交。", "back": "返回首页", "stronger": "需要加强验证",
        "stronger_why": "办理该事项需要确认是您本人。接下来回到{home}的登录页，用动态口令再验证一次。",
        "stronger_go": "去验证", "valid": "加强验证后15分钟内有效。", "out": "您已退出",
        "out_text": "本页面、区域统一身份认证和您所在省市的登录都已结束。在公共电脑上，请关闭浏览器。",
        "again": "重新登录", "code": "编号", "operator": "主办", "protected": "需要加强验证",
    },
    "en": {
        "service": "Services across provinces", "other": "中文", "skip": "skip to content", "welcome": "For residents of the whole Yangtze River Delta",
        "lead": "Choose the province that your account belongs to. You log in there; your password never leaves it.",
        "choose": "Choose your province to log in", "elsewhere": "Choose at the region's identity centre", "you": "You are logged in as", "name": "Name",
        "home": "Home province", "level": "Strength of the login", "L1": "L1 password", "L2": "L2 password, verified identity",
        "L3": "L3 with a one-time code", "L4": "L4 with a hardware key", "items": "What you can apply for", "apply": "Apply",
        "logout": "Log out everywhere", "logout_note": "Also ends the login at the region's identity centre and at your province.",
        "receipts": "Accepted in this session", "number": "Number", "at": "Time (UTC)", "item": "Service", "submit": "Submit",
        "confirm": "Please check and submit.", "back": "Back to the first page", "stronger": "A stronger login is needed",
        "stronger_why": "For this service we must be sure that it is you. You go back to the login of {home} and verify once more with a one-time code.",
        "stronger_go": "Verify", "valid": "It counts for 15 minutes.", "out": "You are logged out",
        "out_text": "This page, the region's identity centre and your province have all ended your login. On a shared computer, please close the browser.",
        "again": "Log in again", "code": "Code", "operator": "Operated by", "protected": "stronger login",
    },
}  # fmt: skip
