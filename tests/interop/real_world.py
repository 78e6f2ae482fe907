"""The paper's case with real compartments, launcher and authority, and an independent gateway before each service."""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
from claims import ROOT, SKIPPED, expect, with_world  # noqa: E402
from world import SERVICES, run  # noqa: E402

ENGINES = {"store": "hpke", "transport": "@hpke/core", "messaging": "hpke"}


def every_qualifying_sale_gives_exactly_one_trip_and_one_message(world):
    result = world.wait_for_agreement(180)
    expect(result["expected"] > 100, f"only {result['expected']} qualifying sales")


def each_gateway_accepted_all_that_it_opened(world):
    world.certified = world.idevs("cert", "show", world.run["id"])
    world.end_processes()
    world.saw = {name: json.loads(world.daemons[f"gateway-{name}"].tail(1)) for name in SERVICES}
    for name, saw in world.saw.items():
        expect(saw["accepted"] == saw["opened"] > 100, f"{name}: {saw}")


def each_read_the_same_measurement_in_our_authoritys_certificate(world):
    expected = {"spiffe://free-ride.example/program/free-ride": world.certified["executable"]}
    for name, saw in world.saw.items():
        expect(saw["executables"] == expected, f"{name}: {saw}")


def start_their_gateway(world, node, name):
    folder = world.state / "credentials" / name
    port = world.ports[f"gateway-{name}"]
    world.add(f"gateway-{name}", [node, HERE / "serve_gateway.js", json.dumps({
        "engine": ENGINES[name], "listen": port, "authority": f"127.0.0.1:{port}",
        "upstream": f"http://127.0.0.1:{world.ports[name]}", "certificate": str(folder / "cert.pem"),
        "key": str(folder / "priv.pem"), "anchors": [str(world.public / "tier-isolated.pem")]})], port=port)


def prepare_with(node):
    def prepare(world):
        world.sales = world.state / "sales.ndjson"
        world.sales.write_text(run("python3", ROOT / "examples/free-ride/data/make-sales").stdout)
        world.start_gateway = lambda name: start_their_gateway(world, node, name)
        world.start()
        world.add_program()
        world.build_program()
        world.run = world.run_program()
    return prepare


if __name__ == "__main__":
    if not (HERE / "node_modules").is_dir():
        print("skipped: the packages of the independent peer are not there (script/interop-packages)")
        sys.exit(SKIPPED)
    sys.exit(with_world(pathlib.Path(sys.argv[1]), [
        every_qualifying_sale_gives_exactly_one_trip_and_one_message,
        each_gateway_accepted_all_that_it_opened,
        each_read_the_same_measurement_in_our_authoritys_certificate,
    ], prepare_with(sys.argv[2])))
