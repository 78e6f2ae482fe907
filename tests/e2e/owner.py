"""What the owner's tool answers to calls that come at the wrong moment or from the wrong owner, and the JSON of
every list."""

import json
import os
import pathlib
import pty
import select
import subprocess
import sys
import time

from claims import ROOT, expect, refusal, with_world
from world import run


def refused(world, code, *arguments, home=None, status=1):
    done = world.idevs(*arguments, check=False, home=home)
    expect(done.returncode == status and refusal(done) == code, f"{arguments}: {done.returncode} {done.stdout}")
    expect(not done.stderr, f"{arguments}: beside the JSON: {done.stderr}")


def lists_are_json_before_anything_is_there(world):
    expect(world.idevs("program", "list") == {"programs": []}, "programs")
    expect(world.idevs("ps") == {"runs": []} == world.idevs("ps", "--all"), "runs")
    expect(world.idevs("service", "list") == {"services": []}, "services")


def what_is_not_there_is_said(world):
    for arguments in (["run", "free-ride"], ["program", "build", "free-ride"], ["program", "show", "free-ride"],
                      ["program", "rm", "free-ride"], ["show", "1"], ["logs", "1"], ["stop", "1"],
                      ["cert", "show", "1"], ["service", "rm", "store"]):
        refused(world, "api.not-found", *arguments)


def services_are_noted_and_forgotten(world):
    url = "https://127.0.0.1:9"
    expect(world.idevs("service", "add", "elsewhere", url) == {}, "add")
    expect(world.idevs("service", "list") == {"services": [{"name": "elsewhere", "url": url}]}, "list")
    expect(world.idevs("service", "rm", "elsewhere") == {}, "rm")
    refused(world, "api.field", "service", "add", "elsewhere", "ftp://127.0.0.1:9")


def a_program_that_was_not_built_does_not_run(world):
    expect(world.add_program()["state"] == "new", "state")
    refused(world, "program.not-built", "run", "free-ride")
    expect(world.build_program()["state"] == "done", "build")


def a_second_run_and_a_removal_wait_for_the_first_run(world):
    world.run_now = world.run_program()["id"]
    refused(world, "program.running", "run", "free-ride")
    refused(world, "program.running", "program", "rm", "free-ride")
    expect([run["id"] for run in world.idevs("ps")["runs"]] == [world.run_now], "ps")
    expect(world.idevs("program", "show", "free-ride")["run"] == world.run_now, "program show")


def each_log_line_is_json(world):
    done = world.idevs("logs", world.run_now, check=False)
    expect(done.returncode == 0, done.stdout)
    for line in done.stdout.splitlines():
        expect(set(json.loads(line)) == {"n", "time", "kind", "text"}, line)


def a_chain_is_shown_and_verified(world):
    deadline = time.monotonic() + 30
    while world.idevs("show", world.run_now)["state"] == "starting" and time.monotonic() < deadline:
        time.sleep(0.1)
    shown = world.idevs("cert", "show", world.run_now)
    expect(world.idevs("cert", "show", world.run_now, "--pem")["pem"].startswith("-----BEGIN CERT"), "pem")
    expect(world.idevs("cert", "verify", world.run_now, "--anchors", world.public / "root.pem") == shown, "verify")
    refused(world, "certificate.chain", "cert", "verify", world.run_now, "--anchors",
            world.public / "services-ca.pem")


def a_certificate_is_shown_as_checked_or_not_and_as_expired(world):
    pem, later = world.state / "chain.pem", world.state / "later.so"
    pem.write_text(world.idevs("cert", "show", world.run_now, "--pem", as_json=False).stdout)
    run("gcc", "-D_GNU_SOURCE", "-shared", "-fPIC", ROOT / "tests/e2e/later.c", "-o", later)
    verify = ("cert", "verify", pem, "--anchors", world.public / "root.pem")
    in_two_hours = {"env": {**os.environ, "LD_PRELOAD": str(later)}}
    shown, checked = (limits(world.idevs(*call, as_json=False)) for call in (("cert", "show", pem), verify))
    expect(shown.startswith("NOT protected from: root of the host") and "`idevs cert verify`" in shown, shown)
    expect("`idevs cert verify`" not in checked and "NOT VALID" not in shown + checked, checked)
    shown = limits(world.idevs("cert", "show", pem, as_json=False, **in_two_hours))
    expect("NOT VALID NOW" in shown, shown)
    done = world.idevs(*verify, check=False, **in_two_hours)
    expect(done.returncode == 1 and refusal(done) == "certificate.expired", done.stdout)


def limits(done):
    """What stands before the first line about the certificate itself."""
    return done.stdout.split("\nspiffe://")[0]


def whoever_waits_at_a_terminal_sees_that_it_goes_on(world):
    ours, its = pty.openpty()
    waiting = subprocess.Popen([world.bin / "idevs", "show", str(world.run_now), "--wait", "--home", world.home],
                               stdout=subprocess.DEVNULL, stderr=its)
    try:
        shown = ""
        while shown.count(f"run {world.run_now}: running, ") < 3:
            expect(select.select([ours], [], [], 10)[0], f"nothing new for 10 s after {shown!r}")
            shown += os.read(ours, 4096).decode()
    finally:
        waiting.kill()
        waiting.wait()
        os.close(ours)
        os.close(its)


def strangers_see_nothing(world):
    stranger = world.state / "stranger"
    world.idevs("init", "--launcher", f"https://127.0.0.1:{world.ports['launcher']}", "--launcher-ca",
                world.public / "infrastructure-ca.pem", home=stranger)
    for arguments in (["ps"], ["logs", world.run_now], ["stop", world.run_now], ["program", "list"]):
        refused(world, "api.owner", *arguments, home=stranger)


def a_run_is_stopped_once(world):
    expect(world.idevs("stop", world.run_now)["state"] == "ended", "stop")
    refused(world, "run.stopped", "stop", world.run_now)
    expect(world.idevs("ps") == {"runs": []}, "ps shows what has ended")
    expect(len(world.idevs("ps", "--all")["runs"]) == 1, "ps --all does not")
    expect(world.idevs("program", "rm", "free-ride") == {}, "rm")


def a_launcher_without_its_warden_is_said(world):
    world.daemons["warden"].stop()
    refused(world, "warden.unreachable", "approve", "--source", world.state / "program/manifest.yaml", "--manifest",
            world.state / "program/manifest.yaml", "--toolchain-from-launcher", status=3)


if __name__ == "__main__":
    sys.exit(with_world(pathlib.Path(sys.argv[1]), [
        lists_are_json_before_anything_is_there,
        what_is_not_there_is_said,
        services_are_noted_and_forgotten,
        a_program_that_was_not_built_does_not_run,
        a_second_run_and_a_removal_wait_for_the_first_run,
        a_chain_is_shown_and_verified,
        a_certificate_is_shown_as_checked_or_not_and_as_expired,
        whoever_waits_at_a_terminal_sees_that_it_goes_on,
        each_log_line_is_json,
        strangers_see_nothing,
        a_run_is_stopped_once,
        a_launcher_without_its_warden_is_said,
    ], lambda world: world.start(), every="1s"))
