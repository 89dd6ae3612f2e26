"""What each code of a fault means, in the words that people read. A code never changes its meaning."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """The same sentence in both languages."""

    zh: str
    en: str


TITLES: dict[str, Words] = {
    "E100": Words("不是有效的 YAML", "not valid YAML"),
    "E101": Words("成员与文件不一致", "members and files differ"),
    "E102": Words("重复定义", "defined twice"),
    "E103": Words("行政区划代码与名称不符", "division code does not match the name"),
    "E104": Words("文件名与内容不一致", "file name is not its identity"),
    "E105": Words("禁用字符", "forbidden character"),
    "E106": Words("名称冲突", "names collide"),
    "E107": Words("名称不合规", "not a usable name"),
    "E108": Words("键重复", "key repeated"),
    "E109": Words("取值不可接受", "value not accepted"),
    "E110": Words("字段未知", "unknown field"),
    "E111": Words("文档过大", "document too large"),
    "E112": Words("不是 UTF-8 编码", "not UTF-8"),
    "E113": Words("缺少字段", "missing field"),
    "E120": Words("地址段重叠", "ranges overlap"),
    "E121": Words("地址冲突", "addresses collide"),
    "E122": Words("地址段大小不合适", "range of the wrong size"),
    "E123": Words("不是私有地址", "not a private range"),
    "E124": Words("端口不可用", "port not usable"),
    "E125": Words("版本不受支持", "version not supported"),
    "E126": Words("etcd 成员数不合理", "etcd membership makes no sense"),
    "E127": Words("机器角色不合适", "machine role does not fit"),
    "E131": Words("引用的对象不存在", "refers to something that is not there"),
    "E132": Words("自己与自己共享", "sharing with itself"),
    "E133": Words("有效期有误", "period of validity"),
    "E134": Words("时间没有时区", "time has no zone"),
    "E135": Words("数据集不予共享", "dataset is not shared"),
    "E136": Words("不允许通配", "wildcard not allowed"),
    "E137": Words("超出数据级别许可", "level above clearance"),
    "E138": Words("缺少目的或依据", "purpose or legal basis missing"),
    "E140": Words("低于区域底线", "looser than the region's floor"),
    "E141": Words("同一人重复持有角色", "role held twice by one person"),
    "E142": Words("一人持有两项管理权", "two powers in one person"),
    "E143": Words("该省缺少一项管理权", "a power that nobody holds"),
    "E160": Words("疑似明文秘密", "looks like a secret in plain text"),
    "E163": Words("强度不足", "too weak"),
    "E172": Words("路径越界", "path leaves its place"),
    "E192": Words("机器没有对应的服务器", "machine and server do not match"),
}
