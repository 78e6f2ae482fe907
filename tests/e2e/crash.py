"""The crash matrix: each process killed (SIGKILL) at random moments and at every step of write_once, and started
again; at the end every qualifying sale has exactly one trip and one message.

    crash.py BUILD steps|moments [KILLS-OF-EACH-KIND]
"""

import contextlib
import itertools
import json
import os
import pathlib
import random
import re
import shutil
import signal
import sys
import threading
import time
import urllib.request

from claims import expect, with_world
from world import run

SERVICES = ("store", "transport", "messaging")
KINDS = ("program", "launcher", "warden", "gateway", "authority", "service")
KILLS = int(sys.argv[3]) if len(sys.argv) > 3 else 50
WRITE_ONCE_STEPS = ("gateway.before-intent", "gateway.after-intent", "gateway.after-forward",
                    "gateway.before-result", "gateway.after-result", "gateway.after-claim")
STATE_STEPS = ("gateway.state.before-commit", "gateway.state.after-commit")
LAUNCHER_STEPS = ("launcher.relay.before-forward", "launcher.relay.after-forward")


class Customers(threading.Thread):
    """Registers sales at the store, some of them dirty, until told to stop; repeats what got no answer."""

    def __init__(self, world, per_second=25):
        super().__init__(daemon=True)
        self.world, self.pause, self.registered = world, 1 / per_second, 0
        self.random, self.ids, self.ended = random.Random(7), itertools.count(100_000), threading.Event()

    def sale(self):
        number = next(self.ids)
        customer = {"name": f"Zoë O'Neil {number}", "phone": f"+55 11 {number:08}",
                    "address": f'Rua "Ñandú" \\ {number}'}
        return {"id": number, "date": "23/11/2026", "vendor": "V", "product": "P", "quantity": 1,
                "customer": customer if self.random.random() > 0.2 else None,
                "total": self.random.choice([150, 149.99, 151.5, 20, -5, 400])}

    def register(self, sale):
        request = urllib.request.Request(f"http://127.0.0.1:{self.world.ports['store']}/api/sales",
                                         json.dumps(sale).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=5) as answer:
            expect(answer.status in (200, 201), f"the store answered {answer.status}")

    def run(self):
        while not self.ended.is_set():
            try:
                self.register(self.sale())
                self.registered += 1
            except OSError:
                pass  # the store is being killed: a customer comes back
            self.ended.wait(self.pause)

    def stop(self):
        self.ended.set()
        self.join()


def program_pids(world):
    """Processes of compartments: uids of the warden's range, seen from the host. The owner of /proc/PID would be
    root: they are not dumpable."""
    pids = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            uid = int(re.search(r"^Uid:\t(\d+)", (entry / "status").read_text(), re.M)[1])
            if 0 <= uid - world.first_uid < 1000:
                pids.append(int(entry.name))
    return pids


def kill_program(world):
    for pid in program_pids(world):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def victim(world, kind, choice):
    if kind in ("gateway", "service"):
        service = choice.choice(SERVICES)
        return world.daemons[f"gateway-{service}" if kind == "gateway" else service]
    return world.daemons[kind]


def kill_once(world, kind, choice):
    if kind == "program":
        kill_program(world)
        return
    daemon = victim(world, kind, choice)
    daemon.kill()
    time.sleep(choice.uniform(0, 0.05))
    daemon.restart()


def trips(world):
    return world.compare().get("trips", 0)


def circumstances(world):
    """For whoever has to find out why nothing goes on."""
    log = world.idevs("logs", world.run["id"], as_json=False, check=False).stdout.splitlines()
    pids = {name: daemon.process.pid for name, daemon in world.daemons.items()}
    sockets = run("ss", "-tnp", check=False).stdout.splitlines() if shutil.which("ss") else []
    ports = {str(port) for port in world.ports.values()}
    ours = [line for line in sockets if ports & set(re.findall(r":(\d+)", line))]
    program = [f"{pid} {pathlib.Path(f'/proc/{pid}/wchan').read_text()} "
               f"{pathlib.Path(f'/proc/{pid}/syscall').read_text()}" for pid in program_pids(world)]
    return "\n".join([str(world.idevs("show", world.run["id"], check=False).stdout), *log[-12:], str(pids),
                      str(world.ports), *ours, *program, str(world.compare())[:600]])


def wait_for_progress(world, seconds=150):
    """Kills hit nothing when nothing runs: wait until another trip was booked. A reply that a kill swallowed is
    waited for by the run-time for a minute before it asks again; what stands still longer than half of that is
    shown, because it should be rare."""
    before, since, shown = trips(world), time.monotonic(), False
    while trips(world) <= before:
        waited = time.monotonic() - since
        if waited >= seconds:
            raise AssertionError(f"no trip was booked for {seconds} s\n{circumstances(world)}")
        if waited > 30 and not shown:
            shown = True
            print(f"     no trip for 30 s:\n{circumstances(world)}", flush=True)
        time.sleep(0.1)


def nothing_is_lost_or_doubled_by_kills_at_random_moments(world):
    choice, since = random.Random(2026), time.monotonic()
    kills = [kind for kind in KINDS for _ in range(KILLS)]
    choice.shuffle(kills)
    customers = Customers(world)
    customers.start()
    try:
        for number, kind in enumerate(kills):
            time.sleep(choice.uniform(0.05, 0.4))
            kill_once(world, kind, choice)
            if number % 10 == 9:
                wait_for_progress(world)
    finally:
        customers.stop()
    result = world.wait_for_agreement(180)
    print(f"     {len(kills)} kills in {time.monotonic() - since:.0f} s, {customers.registered} sales registered "
          f"meanwhile: {result}")


def kill_at(world, name, step):
    """Starts the daemon anew so that it kills itself when it passes `step`, waits for that, starts it again."""
    daemon = world.daemons[name]
    daemon.kill()
    daemon.process.wait()
    daemon.start(environment={"IDEVS_FAULT": step})
    try:
        daemon.process.wait(90)
    except Exception:
        raise AssertionError(f"{name} never passed {step}")
    expect(daemon.process.returncode == -signal.SIGKILL, f"{name} ended with {daemon.process.returncode}")
    daemon.start()


def nothing_is_lost_or_doubled_by_a_kill_at_any_step_of_write_once(world):
    customers, since = Customers(world, per_second=10), time.monotonic()
    customers.start()
    try:
        for service in ("transport", "messaging"):
            for step in WRITE_ONCE_STEPS:
                kill_at(world, f"gateway-{service}", step)
        for step in STATE_STEPS:
            kill_at(world, "gateway-store", step)
        for step in LAUNCHER_STEPS:
            kill_at(world, "launcher", step)
    finally:
        customers.stop()
    print(f"     {time.monotonic() - since:.0f} s: {world.wait_for_agreement(180)}")


def nothing_is_lost_or_doubled_by_sigterm_in_the_middle_of_everything(world):
    customers = Customers(world)
    customers.start()
    try:
        for name, daemon in world.daemons.items():
            time.sleep(0.3)
            status = daemon.stop()
            expect(status == 0, f"{name} ended with {status} after SIGTERM:\n{daemon.tail()}")
            daemon.start()
        wait_for_progress(world)
    finally:
        customers.stop()
    print(f"     {world.wait_for_agreement(180)}")


def prepare(world):
    world.start()
    world.add_program()
    world.build_program()
    world.run = world.run_program()
    customers = Customers(world, per_second=50)
    customers.start()
    time.sleep(2)
    customers.stop()
    wait_for_first(world)


def wait_for_first(world):
    world.wait_for_agreement(60)


# Each stands beside the other, in a world of its own.
PARTS = {
    "steps": [nothing_is_lost_or_doubled_by_a_kill_at_any_step_of_write_once,
              nothing_is_lost_or_doubled_by_sigterm_in_the_middle_of_everything],
    "moments": [nothing_is_lost_or_doubled_by_kills_at_random_moments],
}

if __name__ == "__main__":
    sys.exit(with_world(pathlib.Path(sys.argv[1]), PARTS[sys.argv[2]], prepare, record=False, longest_pause="1s"))
