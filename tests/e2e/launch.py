"""What bench/launch measures can be measured, whatever the figures: its smoke run, which takes no guest."""

import json
import pathlib
import subprocess
import sys
import tempfile

from claims import ROOT, check, expect, need_root

BACK_ENDS = ("process", "none")
STEPS = {"retrieveProgram", "deploy", "createCompartment", "start", "getIntegratedServices", "generateAttestableDoc",
         "generateCertificate", "exchangeKeys", "encrypt", "sign", "request", "decrypt", "rest", "run"}


def every_step_of_a_start_has_its_time(out):
    for b in BACK_ENDS:
        steps = out["start"][b]["steps"]
        expect(set(steps) == STEPS, f"{b}: {sorted(steps)}")


def what_comes_before_the_program_speaks_is_part_of_the_whole(out):
    for b in BACK_ENDS:
        steps = out["start"][b]["steps"]
        for name in ("retrieveProgram", "deploy", "createCompartment", "start"):
            expect(0 <= steps[name][0] <= steps[name][1] <= steps["run"][1], f"{b}: {name} in {steps}")


def programs_inside_and_outside_exchange(out):
    expect(set(out["exchange_us"]) == {"conventional", *BACK_ENDS}, str(out["exchange_us"]))


def idle_programs_leave_nothing_behind(out):
    for b in BACK_ENDS:
        expect(not any(out["idle_mib"][b]["left"].values()), f"{b}: {out['idle_mib'][b]}")


def blocks_are_worked_on_inside_and_outside(out):
    sides = set(out["blocks_us"]["write"]["1000000"])
    expect({"conventional", "none", "ordinary"} <= sides, str(sides))


def measured(build):
    with tempfile.NamedTemporaryFile(prefix="idevs-launch-") as file:
        done = subprocess.run([ROOT / "bench/launch", "--smoke", "--build", build, "--out", file.name],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(f"FAIL bench/launch --smoke: exit {done.returncode}\n{done.stderr}")
        return json.load(file)


if __name__ == "__main__":
    need_root()
    sys.exit(check(measured(pathlib.Path(sys.argv[1]).resolve()), [
        every_step_of_a_start_has_its_time,
        what_comes_before_the_program_speaks_is_part_of_the_whole,
        programs_inside_and_outside_exchange,
        idle_programs_leave_nothing_behind,
        blocks_are_worked_on_inside_and_outside,
    ]))
