"""Any HTTP service will do: one written with Python's standard library, unchanged, behind a gateway."""

import http.server
import json
import pathlib
import shutil
import sys
import threading

from claims import ROOT, expect, with_world

PROGRAMS = ROOT / "tests/e2e/programs"


class Service(http.server.BaseHTTPRequestHandler):
    """Knows nothing of iDevS: it answers GET with JSON and remembers what it was asked."""

    protocol_version = "HTTP/1.1"
    asked = []

    def do_GET(self):
        Service.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
        body = json.dumps({"hello": "world"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def a_program_reads_from_it_through_its_gateway(world):
    world.run_to_its_end("ask")
    done = world.idevs("logs", world.last_run, as_json=False).stdout
    expect("answer: 200, 18 bytes" in done, done)


def it_is_told_which_program_asks_and_nothing_unverified(world):
    path, fields = Service.asked[-1]
    expect(path == "/api/sales?after=0&limit=1", path)
    expect(fields.get("idevs-program") == "spiffe://free-ride.example/program/ask", fields)
    for name in ("signature", "signature-input", "client-cert"):
        value = fields.get(name)
        expect(name == "client-cert" and value and value.startswith(":") or value is None, f"{name}: {value}")


def a_prepared_executable_runs_and_its_certificate_claims_no_source(world):
    digest = world.idevs("program", "show", "ask")["executable"]
    executable = world.state / "program/prepared"
    shutil.copy(world.state / "launcher/state/blobs" / digest[:2] / digest[2:], executable)
    manifest = world.write_manifest("prepared.yaml", program="prepared", every=None)
    world.idevs("approve", "--executable", executable, "--manifest", manifest)
    world.idevs("program", "add", executable, "--executable", "--manifest", manifest)
    ended = world.run_to_its_end("prepared")
    expect(ended["state"] == "ended" and not ended["error"], str(ended))
    shown = world.idevs("cert", "show", world.last_run)
    expect(shown["executable"] == digest and shown["source"] is None, str(shown))


def prepare(world):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    world.upstreams["store"] = server.server_address[1]
    world.start()
    world.add_test_program("ask", PROGRAMS / "ask.c")


if __name__ == "__main__":
    sys.exit(with_world(pathlib.Path(sys.argv[1]), [
        a_program_reads_from_it_through_its_gateway,
        it_is_told_which_program_asks_and_nothing_unverified,
        a_prepared_executable_runs_and_its_certificate_claims_no_source,
    ], prepare, programs=("ask", "prepared"), every=None))
