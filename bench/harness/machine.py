"""What the figures were taken on."""

import os
import platform
import tempfile


def facts():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    folder = os.path.realpath(tempfile.gettempdir())
    mounts = []
    with open("/proc/mounts", encoding="utf-8") as file:
        for line in file:
            _, point, kind = line.split()[:3]
            if folder == point or folder.startswith(point.rstrip("/") + "/"):
                mounts.append((len(point), kind))
    return {
        "cpu": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "filesystem": max(mounts)[1] if mounts else "unknown",
        "load_at_start": os.getloadavg()[0],
    }


def warnings(facts):
    if facts["filesystem"] in ("tmpfs", "ramfs"):
        yield "the databases are in memory, where a sync costs nothing: set TMPDIR to a disk"
    if facts["load_at_start"] > 0.5:
        yield f"the machine was busy (load {facts['load_at_start']:.1f}): draw no conclusion"
