"""What bench/run and bench/launch have in common: what the kernel tells, and programs that report of themselves."""

import contextlib
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import tempfile
import time

from world import SERVICES, WorldError, run

HERE = pathlib.Path(__file__).resolve().parent


# ---- what the kernel tells ----

def cpu_us(pid):
    """Processor time of all threads, in microseconds; without one that ends while it is read."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1000


def descendants(pid):
    """Processes below it now, whichever of its threads they were born of."""
    children = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                children += (task / "children").read_text().split()
    return [int(c) for c in children] + [d for c in children for d in descendants(int(c))]


def memory_mib(pid):
    """Resident, and the proportional part of it: a page shared by n processes counts one nth."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return [int(re.search(rf"^{name}:\s+(\d+)", text, re.M).group(1)) / 1024 for name in ("Rss", "Pss")]


def group_mib(pid):
    """What the control group of a process counts: its own pages, and what the kernel holds for it."""
    lines = [line.split(":", 2) for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines()]
    paths = {names: path.lstrip("/") for _, names, path in lines}
    if "memory" in paths:
        file = pathlib.Path("/sys/fs/cgroup/memory") / paths["memory"] / "memory.usage_in_bytes"
    else:
        file = pathlib.Path("/sys/fs/cgroup") / paths[""] / "memory.current"
    return int(file.read_text()) / 2**20


def durable_write_us(n=200):
    """Median of 4 KiB written and synchronised where the worlds stand: what a commit waits for."""
    took = []
    with tempfile.TemporaryFile(dir="/var/tmp") as file:
        for _ in range(n):
            since = time.perf_counter()
            os.pwrite(file.fileno(), bytes(4096), 0)
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - since) * 1e6)
    return round(statistics.median(took), 1)


def machine():
    info = dict(re.findall(r"^(.+?)\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M))
    memory = int(re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text()).group(1))
    return {"cpus": os.cpu_count(), "model": info.get("model name", "unknown"), "kernel": platform.release(),
            "memory_gib": round(memory / 2**20, 1), "hypervisor": "hypervisor" in info.get("flags", ""),
            "openssl": run("openssl", "version").stdout.strip(), "durable_write_us": durable_write_us()}


# ---- programs ----

def flow_source(world, mode, count, align=0):
    """flow.c with its macros filled in, as a file of the world."""
    text = (HERE / "flow.c").read_text()
    text = text.replace('#include "statistics.h"', (HERE / "statistics.h").read_text())
    path = world.state / "program" / f"flow-{mode}-{count}-{align}.c"
    path.write_text(f'#define MODE "{mode}"\n#define COUNT {count}\n#define ALIGN {align}\n{text}')
    return path


def reported(world, run_id):
    """The line that a program of flow.c sealed to its owner, once the run has ended."""
    ended = world.idevs("show", run_id, "--wait")
    for _ in range(100):  # lines reach the disk a moment later
        text = world.idevs("logs", run_id, as_json=False).stdout
        found = re.search(r"\{\"mode\".*\}", text)
        if found:
            return json.loads(found.group(0))
        time.sleep(0.1)
    raise WorldError(f"run {run_id} reported nothing: {ended}")


def conventional_client(world, mode, count):
    """The command of a client without any of iDevS, directly to the services of the same world."""
    urls = [f"https://127.0.0.1:{world.ports['https-' + s]}" for s in SERVICES]
    return [next(world.build.rglob("bench-conventional")), mode, count, world.public / "services-ca.pem", *urls]


def blocks_us(build, sides, *options):
    """What bench-blocks measures (blocks.c says what it takes): microseconds of processor time by what was done, size of
    the block and side; medians, of steady work and starts the fastest. None where one of the sides does not start."""
    bench, program = [next(build.rglob(name)) for name in ("bench-blocks", "bench-blocks-program")]
    done = subprocess.run([bench, *options, program, *sides], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        return None
    samples = {}
    for side, what, size, ns in (line.split() for line in done.stdout.splitlines()):
        samples.setdefault(what, {}).setdefault(size, {}).setdefault(side, []).append(int(ns) / 1000)
    return {what: {size: {side: round(min(us) if what in ("start", "steady") else statistics.median(us), 1)
                          for side, us in sides.items()} for size, sides in sizes.items()}
            for what, sizes in samples.items()}
