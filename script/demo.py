"""What script/demo shows, step by step. Exit status 0 only when all three databases agree, nothing of the
customers' data was in the launcher's hands, and every process ended by itself."""

import argparse
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from capture import leaks  # noqa: E402
from world import ROOT, SERVICES, World, WorldError, run  # noqa: E402

DATA = ROOT / "examples/free-ride/data"


def say(text=""):
    print(text, flush=True)


class Steps:
    """Numbered steps with the time that each took."""

    def __init__(self):
        self.number = 0

    def __call__(self, what, action):
        self.number += 1
        since = time.monotonic()
        print(f"{self.number:3}. {what} ... ", end="", flush=True)
        result = action()
        say(f"{(time.monotonic() - since) * 1000:.0f} ms")
        return result


def load_sales(world):
    sales = world.state / "sales.ndjson"
    sales.write_text(run("python3", DATA / "make-sales").stdout)
    world.sales = sales
    return run("python3", DATA / "make-sales", "--canaries").stdout.splitlines()


def show_steps(run_now):
    say("\nWhere the time of the start went (the program's own clock, names of the paper):")
    for line in run_now.splitlines():
        if line.endswith(" ms"):
            say("  " + line)


def show_capture(world, canaries):
    capture = world.record_file.read_bytes()
    found = leaks(capture, canaries)
    say(f"\nWhat the launcher saw: {len(capture):,} bytes of everything it received and sent; "
        f"{len(found)} of {len(canaries)} canary strings in it")
    # A request of the program to a service: after the names in the clear, what is sealed.
    sent = re.search(rb"\ncontent-type: message/ohttp-req\n(?:[a-z-]+: [^\n]*\n)*(.{96})", capture, re.S)
    sample = sent[1] if sent else b""
    say("    for example: " + "".join(chr(b) if 32 <= b < 127 else "." for b in sample))
    if found:
        raise WorldError(f"the launcher saw {found[0]!r}")


def show_certificate(world, run_id):
    say("\nThe certificate that the services checked (idevs cert show):")
    text = world.idevs("cert", "show", run_id, as_json=False).stdout
    say("\n".join("    " + line for line in text.splitlines()))


def show_result(result):
    say(f"\n    {result['expected']} qualifying sales, {result['trips']} trips, {result['messages']} messages: "
        + ("the three databases agree" if result["ok"] else "THEY DO NOT AGREE"))


def show_reports(world, run_id):
    done = world.idevs("logs", run_id, as_json=False)
    lines = done.stdout.splitlines()
    say(f"\nWhat the program reported to its owner, sealed ({len(lines)} lines, the first few):")
    for line in lines[:6]:
        say("    " + line)


def run_demo(world, keep):
    step = Steps()
    step("start store, transport and messaging: plain HTTP services that know nothing of iDevS",
         lambda: (world.install(), world.make_credentials(), setattr(world, "canaries", load_sales(world)),
                  [world.start_service(s) for s in SERVICES]))
    step("start authority, warden, one gateway a service, launcher; enrol platform and owner",
         world.start_infrastructure)
    step("owner approves source and manifest at the authority, uploads both to the launcher", world.add_program)
    built = step("compile in a compartment, without network", world.build_program)
    say(f"       executable {built['executable']}")
    started = step("start the program in a compartment of its own", world.run_program)
    result = step("wait until every sale is processed", lambda: world.wait_for_agreement(120))
    show_result(result)
    show_steps(world.idevs("show", started["id"], as_json=False).stdout)
    show_reports(world, started["id"])
    show_capture(world, world.canaries)
    show_certificate(world, started["id"])
    if not keep:
        step("stop everything", lambda: stop(world))


def stop(world):
    failures = world.stop()
    if failures:
        raise WorldError("; ".join(failures))


def show_kept(world):
    sudo = "sudo " if "SUDO_USER" in os.environ else ""
    idevs, home = f"{sudo}{world.bin}/idevs", f"--home {world.home}"
    say(f"""
It keeps running in {world.state}. Next commands:
    {idevs} ps {home}
    {idevs} program list {home}
    {idevs} menu {home}
    curl -s 'http://127.0.0.1:{world.ports["store"]}/api/sales/last'
    curl -s 'http://127.0.0.1:{world.ports["transport"]}/api/trips?after=0&limit=3'
Stop it with:
    script/demo --stop {world.state}""")


def running_from(folder):
    """The processes whose executable lies in `folder`, found anew: their ids may be others' by now."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "exe").startswith(f"{folder}/"):
                found.append(int(process.name))
        except OSError:
            pass  # it ended meanwhile, or is the kernel's
    return found


def stop_kept(state):
    """Ends what --keep left running. Exit status."""
    if not state.name.startswith("idevs-world-") or not (state / "bin/idevs-warden").exists():
        say(f"{state} is no folder of a demo that keeps running")
        return 1
    deadline = time.monotonic() + 20
    for pid in running_from(state / "bin"):
        os.kill(pid, signal.SIGTERM)
    while running_from(state / "bin"):
        if time.monotonic() > deadline:
            say(f"these processes did not end: {running_from(state / 'bin')}; {state} is left as it is")
            return 1
        time.sleep(0.05)
    shutil.rmtree(state)
    say(f"stopped, and {state} removed")
    return 0


def interrupted(number, _frame):
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)  # what follows is the clean end
    raise SystemExit(128 + number)


def main():
    parser = argparse.ArgumentParser(description="The paper's case, from nothing to trips and messages.")
    parser.add_argument("--build", default=ROOT / "build", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--keep", action="store_true", help="leave it running and print addresses")
    parser.add_argument("--stop", metavar="FOLDER", type=pathlib.Path, help="end what --keep left running there")
    arguments = parser.parse_args()
    if arguments.stop:
        return stop_kept(arguments.stop.resolve())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    world = World(arguments.build)
    world.hears_revocations = True
    kept = False
    try:
        run_demo(world, arguments.keep)
        if arguments.keep:
            show_kept(world)
            kept = True
        return 0
    except (WorldError, OSError, subprocess.SubprocessError, KeyError) as error:
        say(f"\nThe demo failed: {error!r}" if isinstance(error, KeyError) else f"\nThe demo failed: {error}")
        for daemon in world.daemons.values():
            if not daemon.running() and daemon.process and daemon.process.returncode not in (0, -15):
                say(f"{daemon.name} had ended with {daemon.process.returncode}:\n{daemon.tail(8)}")
        return 1
    finally:
        if not kept:
            world.remove()


sys.exit(main())
