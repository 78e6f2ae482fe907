"""A program on a development platform against gateways that accept other tiers: a real certificate of the
development tier, and what each gateway, and the program, says of it."""

import json
import pathlib
import re
import subprocess
import sys

from claims import ROOT, expect, with_world
from counting import serve
from world import SERVICES

PROGRAM = ROOT / "tests/e2e/programs/tell.c"
BY_ANCHOR, BY_NAME, ACCEPTING = SERVICES
SPIFFE_ID = "spiffe://free-ride.example/program/tell"


def tell(world):
    """Runs the program; {service: what it says to its owner}."""
    for kind in world.services.values():
        kind.asked = 0
    ended = world.run_to_its_end("tell")
    expect(ended["state"] == "ended" and not ended["error"], str(ended))
    text = world.idevs("logs", world.last_run, as_json=False).stdout
    return dict(re.findall(rf"({'|'.join(SERVICES)}) (answered .*|refused: .*)$", text, re.M))


def reached(world):
    return {name: kind.asked for name, kind in world.services.items()}


def refusals(world, service):
    """The codes that its gateway logged, with the program that it knew by then."""
    return re.findall(r"refused code=(\S+) program=(\S+)", world.daemons[f"gateway-{service}"].tail(200))


def a_development_platform_gets_a_certificate_of_the_development_tier(world):
    world.told = tell(world)
    shown = world.idevs("cert", "show", world.last_run)
    expect(shown["tier"] == "development" and shown["program"] == SPIFFE_ID, str(shown))
    pem = world.state / "development.pem"
    pem.write_text(world.idevs("cert", "show", world.last_run, "--pem", as_json=False).stdout)
    for tier, verifies in (("development", True), ("isolated", False)):
        done = subprocess.run(["openssl", "verify", "-partial_chain", "-CAfile", world.public / f"tier-{tier}.pem",
                               pem], capture_output=True, text=True)
        expect((done.returncode == 0) == verifies, f"{tier}: {done.stdout}{done.stderr}")


def its_certificate_says_first_that_it_is_of_the_development_tier(world):
    text = world.idevs("cert", "show", world.last_run, as_json=False).stdout
    expect("DEVELOPMENT tier: nothing here is fit for real data." in text.split("\n\n")[0], text)


def a_program_that_nothing_isolates_is_certified_as_that_in_the_development_tier(world):
    ended = world.run_to_its_end("bare")
    expect(ended["state"] == "ended" and not ended["error"], str(ended))
    shown = world.idevs("cert", "show", world.last_run)
    expect((shown["tier"], shown["back_end"], shown["debug"]) == ("development", "none", True), str(shown))
    text = world.idevs("cert", "show", world.last_run, as_json=False).stdout
    expect("NOT protected from: anybody on the host: nothing isolates the program." in text, text)
    expect("DEBUGGING is enabled" in text, text)


def every_back_end_is_listed_alike_on_the_spot_and_through_the_launcher(world):
    here = json.loads(subprocess.run(
        [world.bin / "idevs-warden", "backends", "--config", world.state / "warden/warden.yaml", "--format", "json"],
        capture_output=True, check=True).stdout)
    there = world.idevs("backends")
    expect({key: here[key] for key in there} == there, f"{here}\n{there}")
    makers = {m["format"]: m for m in here["hardware_evidence"]}
    expect(all(m["usable"] != bool(m["missing"]) for m in makers.values()), str(makers))
    expect({"snp", "tdx", "nitro"} <= set(makers), str(makers))
    listed = {b["name"]: b for b in there["back_ends"]}
    expect(all(listed[name]["permitted"] and listed[name]["usable"] for name in ("process", "none")), str(listed))
    text = world.idevs("backends", as_json=False).stdout
    expect("none: usable\n  protects from   nothing" in text, text)


def evidence_of_hardware_is_made_or_it_is_said_that_it_cannot_be(world):
    out = world.state / "evidence"
    made = subprocess.run([world.bin / "idevs-warden", "evidence", "--over", "5a" * 64, "--out", out],
                          capture_output=True, text=True)
    listed = json.loads(subprocess.run([world.bin / "idevs-warden", "backends", "--format", "json"],
                                       capture_output=True, check=True).stdout)
    if any(maker["usable"] for maker in listed["hardware_evidence"]):
        expect(made.returncode == 0 and (out / "evidence.bin").stat().st_size > 0, made.stderr)
    else:
        expect(made.returncode == 1 and "evidence.unavailable" in made.stderr, made.stderr)
        expect(not out.exists(), str(out))


def what_a_back_end_says_it_is_exposed_to_is_what_the_certificate_says(world):
    listed = {b["name"]: b for b in world.idevs("backends")["back_ends"]}
    for program, back_end in (("tell", "process"), ("bare", "none")):
        world.run_to_its_end(program)
        shown = world.idevs("cert", "show", world.last_run)
        expect(shown["back_end"] == back_end, str(shown))
        expect(shown["not_protected_from"] == listed[back_end]["exposed_to"], str(shown))


def a_gateway_with_the_isolated_anchor_refuses_it_as_of_another_ca(world):
    codes = refusals(world, BY_ANCHOR)
    expect(codes and set(codes) == {("certificate.chain", "-")}, str(codes))
    expect(world.told[BY_ANCHOR] == "refused: service.unreachable | a service that answers | store: status 403 "
           "without a seal: certificate.chain | Check the service behind its gateway; reads and write_once are "
           "repeated by themselves.", world.told)


def a_gateway_with_the_development_anchor_that_wants_isolated_refuses_its_tier(world):
    expect(refusals(world, BY_NAME) == [("policy.tier", SPIFFE_ID)], str(refusals(world, BY_NAME)))
    expect(world.told[BY_NAME] == "refused: policy.tier | an assurance tier that is accepted here | the gateway "
           "of transport refused with status 403: a certificate of tier development | Run the program on a platform "
           "of that tier.", world.told)


def a_gateway_with_the_development_anchor_serves_it(world):
    expect(world.told[ACCEPTING] == "answered 200", world.told)


def what_is_refused_reaches_no_service(world):
    expect(reached(world) == {BY_ANCHOR: 0, BY_NAME: 0, ACCEPTING: 1}, str(reached(world)))


def the_same_platform_enrolled_as_isolated_is_served_by_the_isolated_anchor_alone(world):
    """So it was the tier, and nothing else, that was refused before."""
    expect(world.enrol_platform("isolated") == {"tier": "isolated"}, "enrolment")
    told = tell(world)
    expect(world.idevs("cert", "show", world.last_run)["tier"] == "isolated", "tier")
    expect(told[BY_ANCHOR] == "answered 200", told)
    for service in (BY_NAME, ACCEPTING):
        expect(refusals(world, service)[-1] == ("certificate.chain", "-"), str(refusals(world, service)))
        expect("without a seal: certificate.chain" in told[service], told)
    expect(reached(world) == {BY_ANCHOR: 1, BY_NAME: 0, ACCEPTING: 0}, str(reached(world)))


def a_program_that_nothing_isolates_gets_no_certificate_on_an_isolated_platform(world):
    ended = world.run_to_its_end("bare")
    expect(refused_with(ended) == "policy.back-end", str(ended))


def refused_with(ended):
    return (ended["error"] or {}).get("code")


def prepare(world):
    world.back_ends = "[process, none]"
    world.services = {name: serve(world, name) for name in SERVICES}
    world.grants = dict.fromkeys(SERVICES, ("[GET]", "[/thing]"))
    world.tier = "development"
    world.accepts = {BY_NAME: "development", ACCEPTING: "development"}
    world.gateway_lines = {BY_NAME: "tiers: [isolated]\n"}
    world.start()
    # What a plain refusal says is not believed, so the program asks until its tick is over.
    reads = f"[{', '.join(SERVICES)}]"
    world.add_test_program("tell", PROGRAM, every="1s", limits="{run: 2 s}", reads=reads, writes=None)
    world.add_test_program("bare", PROGRAM, limits="{run: 2 s}", reads=reads, writes=None, back_end="none")


if __name__ == "__main__":
    sys.exit(with_world(pathlib.Path(sys.argv[1]), [
        a_development_platform_gets_a_certificate_of_the_development_tier,
        its_certificate_says_first_that_it_is_of_the_development_tier,
        a_gateway_with_the_isolated_anchor_refuses_it_as_of_another_ca,
        a_gateway_with_the_development_anchor_that_wants_isolated_refuses_its_tier,
        a_gateway_with_the_development_anchor_serves_it,
        what_is_refused_reaches_no_service,
        a_program_that_nothing_isolates_is_certified_as_that_in_the_development_tier,
        every_back_end_is_listed_alike_on_the_spot_and_through_the_launcher,
        evidence_of_hardware_is_made_or_it_is_said_that_it_cannot_be,
        what_a_back_end_says_it_is_exposed_to_is_what_the_certificate_says,
        the_same_platform_enrolled_as_isolated_is_served_by_the_isolated_anchor_alone,
        a_program_that_nothing_isolates_gets_no_certificate_on_an_isolated_platform,
    ], prepare, programs=("tell",), every="1s"))
