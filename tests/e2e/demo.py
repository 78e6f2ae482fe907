"""script/demo --keep, twice at the same time: what it prints works, and --stop ends one of them alone."""

import os
import pathlib
import re
import subprocess
import sys
import time

from claims import ROOT, check, expect, need_root

DEMO = ROOT / "script/demo.py"


class Demos:
    """Two demos that were started together and keep running."""

    def __init__(self, build):
        started = [subprocess.Popen([sys.executable, DEMO, "--build", build, "--keep"], text=True,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in range(2)]
        self.printed = [each.communicate(timeout=240)[0] for each in started]
        self.statuses = [each.returncode for each in started]
        self.folders = [pathlib.Path(name) for text in self.printed
                        for name in re.findall(r"It keeps running in (\S+)\. Next commands:", text)]

    def stop_all(self):
        for folder in self.folders:
            if folder.exists():
                stop(folder)


def stop(folder):
    return subprocess.run([ROOT / "script/demo", "--stop", folder], capture_output=True, text=True, timeout=60)


def processes_of(folder):
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "exe").startswith(f"{folder}/"):
                found.append(process.name)
        except OSError:
            continue  # it ended meanwhile, or is the kernel's
    return found


def two_demos_succeed_beside_each_other(demos):
    expect(demos.statuses == [0, 0] and len(set(demos.folders)) == 2, "\n".join(demos.printed))
    for text in demos.printed:
        for words in ("the three databases agree", "0 of 20 canary strings", "NOT protected from: root of the host"):
            expect(words in text, text)


def each_next_command_works(demos):
    for text in demos.printed:
        commands = re.search(r"Next commands:\n((?:    .*\n)+)", text)[1].split("\n")[:-1]
        expect(len(commands) >= 5, str(commands))
        for command in commands:
            done = subprocess.run(["bash", "-c", command], input="1\n6\n", capture_output=True, text=True, timeout=30)
            expect(done.returncode == 0 and done.stdout and not done.stderr, f"{command}: {done}")
            expect('{"error"' not in done.stdout, f"{command}: {done.stdout}")


def stopping_one_leaves_the_other_alone(demos):
    one, other = demos.folders
    before = len(processes_of(other))
    expect(before >= 10 and processes_of(one), f"{before} processes run")
    since = time.monotonic()
    done = stop(one)
    expect(done.returncode == 0 and str(one) in done.stdout, str(done))
    expect(time.monotonic() - since < 30, "it took its time")
    expect(not one.exists() and not processes_of(one), "something is left")
    expect(len(processes_of(other)) == before, "a process of the other is gone")
    expect(stop(other).returncode == 0 and not other.exists() and not processes_of(other), "the other stays")


def what_is_no_folder_of_a_demo_is_not_stopped(demos):
    for folder in (demos.folders[0], ROOT / "tests", "/"):
        done = stop(folder)
        expect(done.returncode == 1 and "no folder of a demo" in done.stdout, str(done))


def a_demo_that_cannot_be_given_says_why(_):
    done = subprocess.run([sys.executable, DEMO, "--build", ROOT / "docs"], capture_output=True, text=True, timeout=60)
    expect(done.returncode == 1 and "The demo failed: idevs is not in" in done.stdout, str(done))


if __name__ == "__main__":
    need_root()
    both = Demos(pathlib.Path(sys.argv[1]).resolve())
    try:
        sys.exit(check(both, [
            two_demos_succeed_beside_each_other,
            each_next_command_works,
            stopping_one_leaves_the_other_alone,
            what_is_no_folder_of_a_demo_is_not_stopped,
            a_demo_that_cannot_be_given_says_why,
        ]))
    finally:
        both.stop_all()
