"""The paper's case end to end, on the dirty data set, and what the launcher had in its hands."""

import ctypes
import os
import pathlib
import re
import subprocess
import sys

from claims import ROOT, expect, with_world

sys.path.insert(0, str(ROOT / "script"))
from capture import leaks  # noqa: E402
from world import run  # noqa: E402

DATA = ROOT / "examples/free-ride/data"


def every_qualifying_sale_gives_exactly_one_trip_and_one_message(world):
    result = world.wait_for_agreement(120)
    expect(result["expected"] > 100, f"the data set has only {result['expected']} qualifying sales")


def each_bad_sale_is_reported_to_the_owner(world):
    done = world.idevs("logs", world.run["id"], as_json=False)
    lines = done.stdout.splitlines()
    expect(len(lines) >= 7, f"only {len(lines)} lines:\n{done.stdout}")


def the_launcher_saw_no_canary(world):
    capture = world.record_file.read_bytes()
    expect(len(capture) > 100_000, "the recording launcher recorded next to nothing")
    found = leaks(capture, world.canaries)
    expect(not found, f"in the launcher's hands: {found[:3]}")


def the_search_finds_a_planted_canary(world):
    """The claim above can fail."""
    for spelled in ("ü" + world.canaries[0], world.canaries[1].encode().hex()):
        expect(leaks(b"...." + spelled.encode() + b"....", world.canaries), f"{spelled} was not found")


def the_launchers_memory_holds_no_canary(world):
    pid = world.daemons["launcher"].process.pid
    found = leaks(memory_of(pid), world.canaries)
    expect(not found, f"in the launcher's memory: {found[:3]}")


def memory_of(pid):
    """Every readable mapping of a process, as root sees it."""
    parts = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            span, permissions = line.split()[:2]
            low, high = (int(x, 16) for x in span.split("-"))
            if permissions[0] != "r" or line.rstrip().endswith(("[vvar]", "[vsyscall]")):
                continue
            try:
                memory.seek(low)
                parts.append(memory.read(high - low))
            except OSError:
                continue
    return b"\n".join(parts)


def the_programs_memory_gives_root_no_canary_and_its_certificate_says_so(world):
    """That there are some, and that ordinary memory gives them, is shown by compartment/secret-memory."""
    if not has_secret_memory():
        print("skipped: this kernel has no memfd_secret")
        return
    found = leaks(memory_of(program_of(world)), world.canaries)
    expect(not found, f"in the program's memory: {found[:3]}")
    shown = world.idevs("cert", "show", world.run["id"])
    measured = {component["name"]: component["text"] for component in shown["components"]}
    expect(measured["memory"] == "secret", f"{measured['memory']} memory")
    expect("Yama" in measured["hardening"], measured["hardening"])
    expect("Landlock" in measured["confinement"], measured["confinement"])
    words = world.idevs("cert", "show", world.run["id"], as_json=False).stdout
    expect("Secret memory is on" in words, words)


def has_secret_memory():
    """memfd_secret() has this number on every architecture."""
    descriptor = ctypes.CDLL(None).syscall(447, 0)
    if descriptor >= 0:
        os.close(descriptor)
    return descriptor >= 0


def program_of(world):
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            uid = int(re.search(r"^Uid:\t(\d+)", (entry / "status").read_text(), re.M).group(1))
        except OSError:
            continue  # it ended
        if world.first_uid <= uid < world.first_uid + 1000:
            return int(entry.name)
    raise AssertionError("the program does not run")


def the_certificate_is_of_the_isolated_tier_and_names_the_program(world):
    pem = world.idevs("cert", "show", world.run["id"], as_json=False).stdout
    for words in ("spiffe://free-ride.example/program/free-ride", "isolated", "root"):
        expect(words in pem, f"{words!r} is not in:\n{pem}")


def openssl_verifies_the_chain(world):
    run_id = world.run["id"]
    pem = world.state / "program.pem"
    pem.write_text(world.idevs("cert", "show", run_id, "--pem", as_json=False).stdout)
    done = subprocess.run(["openssl", "verify", "-CAfile", world.public / "root.pem", "-untrusted",
                           world.public / "tier-isolated.pem", pem], capture_output=True, text=True)
    expect(done.returncode == 0, done.stdout + done.stderr)


def every_daemon_ends_by_itself(world):
    failures = world.stop()
    expect(not failures, "; ".join(failures))


def prepare(world):
    sales = world.state / "sales.ndjson"
    sales.write_text(run("python3", DATA / "make-sales").stdout)
    world.sales = sales
    world.canaries = run("python3", DATA / "make-sales", "--canaries").stdout.splitlines()
    world.start()
    world.add_program()
    world.build_program()
    world.run = world.run_program()


if __name__ == "__main__":
    sys.exit(with_world(pathlib.Path(sys.argv[1]), [
        every_qualifying_sale_gives_exactly_one_trip_and_one_message,
        each_bad_sale_is_reported_to_the_owner,
        the_search_finds_a_planted_canary,
        the_launcher_saw_no_canary,
        the_launchers_memory_holds_no_canary,
        the_programs_memory_gives_root_no_canary_and_its_certificate_says_so,
        the_certificate_is_of_the_isolated_tier_and_names_the_program,
        openssl_verifies_the_chain,
        every_daemon_ends_by_itself,
    ], prepare))
