"""GB/T 2260: division codes of the provinces, and the names that a file may bear for each."""

from __future__ import annotations

PROVINCES: dict[str, tuple[str, ...]] = {
    "110000": ("beijing",),
    "120000": ("tianjin",),
    "130000": ("hebei",),
    "140000": ("shanxi",),
    "150000": ("neimenggu", "inner-mongolia"),
    "210000": ("liaoning",),
    "220000": ("jilin",),
    "230000": ("heilongjiang",),
    "310000": ("shanghai",),
    "320000": ("jiangsu",),
    "330000": ("zhejiang",),
    "340000": ("anhui",),
    "350000": ("fujian",),
    "360000": ("jiangxi",),
    "370000": ("shandong",),
    "410000": ("henan",),
    "420000": ("hubei",),
    "430000": ("hunan",),
    "440000": ("guangdong",),
    "450000": ("guangxi",),
    "460000": ("hainan",),
    "500000": ("chongqing",),
    "510000": ("sichuan",),
    "520000": ("guizhou",),
    "530000": ("yunnan",),
    "540000": ("xizang", "tibet"),
    "610000": ("shaanxi",),
    "620000": ("gansu",),
    "630000": ("qinghai",),
    "640000": ("ningxia",),
    "650000": ("xinjiang",),
    "710000": ("taiwan",),
    "810000": ("xianggang", "hong-kong"),
    "820000": ("aomen", "macao"),
}


def code_of(name: str) -> str | None:
    """`320000` for `jiangsu`; None for a name that no province bears."""
    return next((code for code, known in PROVINCES.items() if name in known), None)
