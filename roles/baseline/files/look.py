"""What of the baseline does not hold on this machine. One round trip; reads only.

Argument: base64 of JSON {packages_present, packages_absent, modes, sysctls, mounts, rules, folders,
files}. Prints JSON with what differs.
"""

import base64
import glob
import grp
import json
import os
import pwd
import stat
import subprocess
import sys


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else None


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def packages(want):
    lines = (run("dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n") or "").splitlines()
    installed = {name for name, state in (line.split() for line in lines) if state == "installed"}
    return sorted(set(want["packages_present"]) - installed), sorted(set(want["packages_absent"]) & installed)


def mode(path):
    info = os.stat(path)
    return [f"{stat.S_IMODE(info.st_mode):04o}", pwd.getpwuid(info.st_uid).pw_name, grp.getgrgid(info.st_gid).gr_name]


def modes(want):
    there = {path: value for pattern, value in want["modes"].items() for path in sorted(glob.glob(pattern))}
    return [{"path": path, "mode": v[0], "owner": v[1], "group": v[2]} for path, v in there.items() if mode(path) != v]


def sysctls(want):
    live = {name: read("/proc/sys/" + name.replace(".", "/")).strip() for name in want["sysctls"]}
    return [f"{name}={value}" for name, value in want["sysctls"].items() if live[name] and live[name] != str(value)]


def mounts(want):
    rows = [line.split() for line in read("/proc/self/mounts").splitlines()]
    last = {row[1]: set(row[3].split(",")) for row in rows}
    return [path for path in want["mounts"] if path in last and not {"nodev", "nosuid", "noexec"} <= last[path]]


def firewall(want):
    """Whether the live table differs from what its file makes in an empty network namespace."""
    if not os.path.exists(want["rules"]):
        return True
    wanted = run("unshare", "-n", "sh", "-c", 'nft -f "$0" && nft -s list table inet yrd', want["rules"])
    return wanted is None or run("nft", "-s", "list", "table", "inet", "yrd") != wanted


def strangers(want):
    """Files in the role's own folders that the role did not put there."""
    found = [item.path for folder in want["folders"] if os.path.isdir(folder) for item in os.scandir(folder)]
    return sorted(path for path in found if path not in want["files"])


def accounts():
    users = pwd.getpwall()
    shells = [u.pw_name for u in users if u.pw_uid < 1000 and u.pw_name not in ("root", "sync") and not u.pw_shell.endswith(("/nologin", "/false"))]
    rows = [line.split(":") for line in read("/etc/shadow").splitlines()]
    return sorted(shells), sorted(row[0] for row in rows if row[1] == "")


def main():
    want = json.loads(base64.b64decode(sys.argv[1]))
    missing, unwanted = packages(want)
    shells, empty = accounts()
    print(json.dumps({
        "container": read("/run/systemd/container").strip(), "missing": missing, "unwanted": unwanted, "modes": modes(want),
        "sysctls": sysctls(want), "mounts": mounts(want), "firewall": firewall(want), "strangers": strangers(want), "shells": shells, "empty": empty,
    }))


main()
