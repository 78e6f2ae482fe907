"""The kill switch: a program that runs and exchanges, what an owner and an administrator revoke, and a gateway that
hears of it, or hears nothing any more. What is asserted is the order of events in the gateway's log; the seconds are
printed."""

import pathlib
import re
import sys
import time

from claims import ROOT, expect, refusal, with_world
from counting import serve

PROGRAM = ROOT / "tests/e2e/programs/knock.c"
BOUND = 60  # seconds; what docs/authority.md promises


def wait_until(what, happened, seconds=BOUND):
    """The seconds that it took."""
    start = time.monotonic()
    while not happened():
        expect(time.monotonic() < start + seconds, f"not within {seconds} s: {what}")
        time.sleep(0.02)
    return time.monotonic() - start


def log_of(world):
    return (world.state / "log/gateway-store.log").read_text()


def refused(world, code):
    return len(re.findall(rf"refused code={re.escape(code)} ", log_of(world)))


def wait_for_refusals(world, code, happens):
    """Does `happens`; then the gateway refuses with `code`, again and again, and nothing reaches the service."""
    before = refused(world, code)
    happens()
    seconds = wait_until(f"a refusal with {code}", lambda: refused(world, code) > before)
    asked, seen = world.service.asked, refused(world, code)
    wait_until(f"more refusals with {code}", lambda: refused(world, code) >= seen + 3)
    expect(world.service.asked == asked, f"{world.service.asked - asked} exchanges after the first refusal with {code}")
    return seconds


def wait_for_exchanges(world, n=2):
    asked = world.service.asked
    return wait_until(f"{n} exchanges", lambda: world.service.asked >= asked + n)


def a_program_runs_and_exchanges(world):
    world.last_run = world.run_program("knock")["id"]
    wait_for_exchanges(world, 3)


def an_owner_who_is_no_administrator_does_not_revoke_everything(world):
    done = world.idevs("authority", "revoke", "--everything", check=False)
    expect(done.returncode == 1 and refusal(done) == "revocation.right", refusal(done))
    wait_for_exchanges(world)


def what_is_asked_for_wrongly_is_refused_here_already(world):
    for arguments in ([], ["--everything", "--serial", "41"], ["--serial", "xyz"], ["--platform", "41"],
                      ["--everything", "--reason", "mood"]):
        done = world.idevs("authority", "revoke", *arguments, check=False)
        expect(done.returncode == 2 and refusal(done) == "usage", f"{arguments}: {refusal(done)}")


def everything_is_revoked_and_the_gateway_refuses(world):
    world.authority_admin("owner", "administrator", "owner")

    def revoke():
        world.answer = world.idevs("authority", "revoke", "--everything", "--reason", "key-compromise")

    seconds = wait_for_refusals(world, "certificate.revoked", revoke)
    expect(world.answer["certificates"] >= 1, str(world.answer))
    print(f"     from the request to the first refusal: {seconds:.2f} s", flush=True)


def a_program_that_is_started_again_is_served(world):
    world.idevs("stop", world.last_run)
    world.last_run = world.run_program("knock")["id"]
    wait_for_exchanges(world)


def one_certificate_is_revoked_by_its_serial(world):
    shown = world.idevs("cert", "show", world.last_run)
    answers = []
    wait_for_refusals(world, "certificate.revoked", lambda: answers.append(
        world.idevs("authority", "revoke", "--serial", shown["serial"])))
    expect(answers[0] == {"certificates": 1}, str(answers))
    world.idevs("stop", world.last_run)
    world.last_run = world.run_program("knock")["id"]
    wait_for_exchanges(world)


def a_gateway_that_hears_nothing_refuses_everything(world):
    seconds = wait_for_refusals(world, "crl.stale", lambda: world.daemons["authority"].stop())
    print(f"     from the authority's end to the first refusal: {seconds:.2f} s (max_age: 10 s)", flush=True)


def a_new_list_heals_it_and_the_same_run_goes_on(world):
    world.daemons["authority"].start()
    wait_for_exchanges(world)
    expect(world.idevs("show", world.last_run)["state"] != "ended", "the run ended")


def what_was_revoked_is_still_in_the_list_after_the_restart(world):
    listed = re.findall(r"new list of revoked certificates .*: (\d+) in all lists", log_of(world))
    expect(listed and int(listed[-1]) == 1, str(listed))


def a_revoked_executable_is_refused_and_gets_no_new_certificate(world):
    wait_for_refusals(world, "certificate.revoked", lambda: world.idevs(
        "authority", "revoke", "--executable", world.built["executable"]))
    world.idevs("stop", world.last_run)

    def authority_log():
        return (world.state / "log/authority.log").read_text()

    issued = authority_log().count("certificate for knock")
    world.last_run = world.run_program("knock")["id"]
    refusal_of_it = f"refused: approval.revoked: found executable {world.built['executable']}"
    wait_until(refusal_of_it, lambda: refusal_of_it in authority_log())
    world.idevs("stop", world.last_run)
    expect(authority_log().count("certificate for knock") == issued, "it got one")


def prepare(world):
    world.service = serve(world, "store")
    world.grants["store"] = ("[GET]", "[/thing]")
    world.start_services()
    world.gateway_lines["store"] = (
        "revocation:\n"
        f"  lists: ['https://127.0.0.1:{world.ports['authority']}/v1/crl/isolated']\n"
        f"  ca: {world.public / 'infrastructure-ca.pem'}\n"
        "  every: 1s\n  max_age: 10s\n")
    world.start_infrastructure()
    # What a plain refusal says is not believed: the program asks until its tick is over.
    world.built = world.add_test_program("knock", PROGRAM, every="1s", limits="{run: 2 s}", reads="[store]",
                                         writes=None)


if __name__ == "__main__":
    sys.exit(with_world(pathlib.Path(sys.argv[1]), [
        a_program_runs_and_exchanges,
        an_owner_who_is_no_administrator_does_not_revoke_everything,
        what_is_asked_for_wrongly_is_refused_here_already,
        everything_is_revoked_and_the_gateway_refuses,
        a_program_that_is_started_again_is_served,
        one_certificate_is_revoked_by_its_serial,
        a_gateway_that_hears_nothing_refuses_everything,
        a_new_list_heals_it_and_the_same_run_goes_on,
        what_was_revoked_is_still_in_the_list_after_the_restart,
        a_revoked_executable_is_refused_and_gets_no_new_certificate,
    ], prepare, programs=("knock",), every="1s"))
