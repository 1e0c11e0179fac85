"""The machine: what it is, how busy, how much memory is left. Linux."""

import os
import platform
import time
from pathlib import Path


def field(path, name, default=""):
    """The value of the first `name: value` line of a file of /proc."""
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return default


def memory_bytes(path, name):
    """Such a field in bytes; None if it is not there (a process that has ended has none)."""
    try:
        value = field(path, name)
    except OSError:
        return None
    return int(value.split()[0]) * 1024 if value else None


def available_bytes():
    return memory_bytes("/proc/meminfo", "MemAvailable")


def cpu_seconds(pid):
    """Time of the cores that a process has used, all its threads together."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def busy_share(seconds=0.5):
    """How much of all cores is used right now, by anybody: 0 to 1."""

    def ticks():
        numbers = [int(n) for n in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        return sum(numbers), numbers[3] + numbers[4]

    total, idle = ticks()
    time.sleep(seconds)
    total_after, idle_after = ticks()
    return 1 - (idle_after - idle) / max(1, total_after - total)


def describe():
    flags = field("/proc/cpuinfo", "flags").split()
    sets = [name for name in ("avx2", "avx512f", "avx512_vnni", "amx_tile") if name in flags]
    return {
        "cpu": field("/proc/cpuinfo", "model name", platform.machine()),
        "instructions": sets,
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": memory_bytes("/proc/meminfo", "MemTotal"),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }
