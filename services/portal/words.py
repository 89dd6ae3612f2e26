"""The page's words in its two languages; every key is in both."""

from __future__ import annotations

WORDS: dict[str, dict[str, str]] = {
    "zh": {
        "title": "长三角共享政务云", "other": "English", "provinces": "四省市状态", "flows": "数据共享", "audit": "审计结论",
        "good": "正常", "bad": "异常", "unknown": "未知", "nodes": "节点就绪", "secrets": "密钥库", "mesh": "服务网格", "pods": "容器组就绪",
        "certificates": "证书最短剩余（天）", "memory": "内存工作集（MiB）", "open": "可用", "sealed": "已封存", "down": "停止", "ready": "就绪",
        "pass": "合格", "fail": "不合格", "error": "无法判断", "manual": "人工核查", "not_applicable": "不适用", "audited": "审计时间",
        "never": "尚无审计结论", "since": "最后一次有消息", "notheard": "从未有消息", "fault": "监测数据无法取得", "at": "数据时间",
        "agreement": "协议", "dataset": "数据集", "consumer": "使用方", "provider": "提供方", "state": "状态", "province": "省市",
        "closed": "无共享协议", "drawing": "各省市之间的数据共享关系图", "skip": "跳到正文",
        "note": "箭头由使用方指向提供方；没有箭头即拒绝访问。中枢不在数据通路中。",
    },
    "en": {
        "title": "Shared government cloud of the Yangtze River Delta", "other": "中文", "provinces": "The provinces", "flows": "Data sharing",
        "audit": "Last audit", "good": "in order", "bad": "at fault", "unknown": "unknown", "nodes": "nodes ready", "secrets": "secrets",
        "mesh": "service mesh", "pods": "pods ready", "certificates": "shortest certificate (days)", "memory": "working set (MiB)",
        "open": "open", "sealed": "sealed", "down": "down", "ready": "ready", "pass": "pass", "fail": "fail", "error": "not evaluated",
        "manual": "by hand", "not_applicable": "not applicable", "audited": "audited at", "never": "not audited yet", "since": "last heard",
        "notheard": "never heard", "fault": "measurements cannot be had", "at": "as of", "agreement": "agreement", "dataset": "dataset",
        "consumer": "consumer", "provider": "provider", "state": "state", "province": "province", "closed": "no agreement in force",
        "drawing": "Which province may ask which other", "skip": "skip to content",
        "note": "An arrow leads from the consumer to the provider; where there is none, access is refused. The hub is not in the data's way.",
    },
}  # fmt: skip
SIGNS = {"good": "✓", "bad": "✗", "unknown": "?"}
