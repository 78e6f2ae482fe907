"""The paper's case with its program, unchanged, in a virtual machine of its own."""

import pathlib
import sys

import case
from claims import SKIPPED, expect, need_root, with_world

BUILD = pathlib.Path(sys.argv[1]).resolve()
GUEST = BUILD / "tests/guest/folder"


def every_qualifying_sale_gives_exactly_one_trip_and_one_message(world):
    result = world.wait_for_agreement(200)
    expect(result["expected"] > 100, f"the data set has only {result['expected']} qualifying sales")


def its_certificate_names_the_back_end_and_what_the_guest_was_booted_from(world):
    shown = world.idevs("cert", "show", world.run["id"])
    expect(shown["back_end"] == "microvm" and shown["tier"] == "isolated", str(shown))
    expect("QEMU" in shown["not_protected_from"], str(shown))
    text = world.idevs("cert", "show", world.run["id"], as_json=False).stdout
    for words in ("kernel", "Linux version", "initramfs", "command line", "idevs_memory=67108864", "monitor"):
        expect(words in text, f"{words!r} is not in:\n{text}")
    expect(("interpreted by TCG" in text) != ("with KVM" in text), text)


def no_process_of_this_host_is_the_program(world):
    """One process has the compartment's user, and it is QEMU."""
    names = []
    for status in pathlib.Path("/proc").glob("[0-9]*/status"):
        try:
            lines = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
        except OSError:
            continue  # it is gone
        if world.first_uid <= int(lines["Uid"].split()[0]) < world.first_uid + 1000:
            names.append(lines["Name"])
    expect(names == ["qemu-system-x86"], str(names))


def prepare(world):
    world.back_ends = "[microvm]"
    world.guest = GUEST
    case.prepare(world)


if __name__ == "__main__":
    need_root()
    if not GUEST.is_dir():
        print(f"skipped: no guest: {(GUEST.parent / 'made').read_text()}")
        sys.exit(SKIPPED)
    sys.exit(with_world(BUILD, [
        every_qualifying_sale_gives_exactly_one_trip_and_one_message,
        its_certificate_names_the_back_end_and_what_the_guest_was_booted_from,
        no_process_of_this_host_is_the_program,
        case.the_launcher_saw_no_canary,
        case.the_launchers_memory_holds_no_canary,
        case.every_daemon_ends_by_itself,
    ], prepare))
