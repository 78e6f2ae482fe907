"""What bad input gets: a stable code, a cause, a remedy; nothing is lost and the daemons stay up."""

import http.server
import pathlib
import sqlite3
import sys
import threading
import time

from claims import ROOT, expect, refusal, with_world
from world import run

PROGRAMS = ROOT / "tests/e2e/programs"
# program: (reason of the run's end, changes to the manifest)
MISBEHAVING = {
    "crash": ("compartment.crashed", {}),
    "loop": ("compartment.limit", {"limits": "{run: 3 s}"}),
    "fork": ("compartment.forbidden", {}),
    "file": ("compartment.forbidden", {}),
    "socket": ("compartment.forbidden", {}),
    "memory": ("compartment.limit", {"limits": "{memory: 64 MiB}"}),
}
GOOD = ("ask", "flood", "outside", "unapproved")


class Moody(http.server.BaseHTTPRequestHandler):
    """A service that behaves as `mood` says."""

    protocol_version = "HTTP/1.1"
    mood = "well"

    def do_GET(self):
        getattr(self, f"be_{Moody.mood}")()

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def be_well(self):
        self.answer(200, b"{}")

    def be_failing(self):
        self.answer(500, b"no")

    def be_slow(self):
        time.sleep(30)
        self.answer(200, b"late")

    def be_garbage(self):
        self.wfile.write(b"\x00\xff this is no HTTP\r\n\r\n")
        self.close_connection = True

    def be_huge(self):
        self.send_response(200)
        self.send_header("Content-Length", str(64 << 20))
        self.end_headers()
        try:
            for _ in range(64):
                self.wfile.write(b"x" * (1 << 20))
        except OSError:
            pass

    def be_cut(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"only this")
        self.close_connection = True

    def log_message(self, *_):
        pass


def refused(done, *codes):
    expect(done.returncode in (1, 2), f"exit {done.returncode}: {done.stdout}{done.stderr}")
    expect(refusal(done) in codes, f"expected {codes}, got {refusal(done)}: {done.stdout}{done.stderr}")


def all_daemons_run(world):
    for name, daemon in world.daemons.items():
        expect(daemon.running(), f"{name} ended:\n{daemon.tail()}")


def source_file(world, name, content):
    path = world.state / "program" / name
    path.write_bytes(content)
    return path


def source_that_does_not_compile_gets_the_compilers_own_words(world):
    source = source_file(world, "broken.c", b"#include <idevs.h>\nint main(void) { return undeclared; }\n")
    manifest = world.write_manifest("broken.yaml", program="broken", every=None)
    world.add_program(source, manifest)
    done = world.idevs("program", "build", "broken", check=False)
    refused(done, "build.compiler")
    expect("undeclared" in done.stdout + done.stderr, done.stdout + done.stderr)
    all_daemons_run(world)


def an_empty_source_is_refused(world):
    source = source_file(world, "empty.c", b"")
    manifest = world.write_manifest("empty.yaml", program="empty", every=None)
    refused(world.idevs("program", "add", source, "--manifest", manifest, check=False), "build.source")


def a_source_of_16_mib_and_one_byte_is_refused(world):
    source = source_file(world, "large.c", b"/" * ((16 << 20) + 1))
    manifest = world.write_manifest("large.yaml", program="large", every=None)
    refused(world.idevs("program", "add", source, "--manifest", manifest, check=False),
            "build.source", "file.too-large", "http.body-too-large")


def a_name_with_other_characters_is_refused(world):
    source = PROGRAMS / "ask.c"
    for name in ("'a;b'", "'..'", "'a/b'", '"a\\x07b"', "A", "''"):
        manifest = world.write_manifest("name.yaml", program=name, every=None)
        refused(world.idevs("program", "add", source, "--manifest", manifest, check=False),
                "name.invalid", "manifest.value", "manifest.syntax")


def place(manifest, key):
    lines = manifest.read_text().splitlines()
    number = next(n for n, line in enumerate(lines, 1) if line.startswith(key))
    return f"{manifest.name}:{number}:"


def a_manifest_with_an_unknown_key_is_refused_with_line_and_column(world):
    manifest = world.write_manifest("unknown.yaml", colour="blue")
    done = world.idevs("approve", "--source", PROGRAMS / "ask.c", "--manifest", manifest,
                       "--toolchain-from-launcher", check=False)
    refused(done, "manifest.syntax")
    expect(place(manifest, "colour") in done.stdout + done.stderr, done.stdout + done.stderr)


def a_manifest_with_an_unknown_service_is_refused(world):
    manifest = world.write_manifest("service.yaml", writes="[transport, hospital]")
    refused(world.idevs("approve", "--source", PROGRAMS / "ask.c", "--manifest", manifest,
                        "--toolchain-from-launcher", check=False), "manifest.unknown-service")


def a_manifest_with_a_negative_limit_is_refused_with_line_and_column(world):
    manifest = world.write_manifest("negative.yaml", limits="{memory: -1}")
    done = world.idevs("approve", "--source", PROGRAMS / "ask.c", "--manifest", manifest,
                       "--toolchain-from-launcher", check=False)
    refused(done, "manifest.value", "manifest.syntax")
    expect(place(manifest, "limits") in done.stdout + done.stderr, done.stdout + done.stderr)


def a_program_that_misbehaves_is_ended_with_the_reason(world):
    for name, (reason, changes) in MISBEHAVING.items():
        world.add_test_program(name, PROGRAMS / f"{name}.c", **changes)
        ended = world.run_to_its_end(name)
        expect(ended["state"] == "ended" and ended["error"], f"{name}: {ended}")
        expect(ended["error"]["code"] == reason, f"{name}: expected {reason}: {ended['error']}")
    all_daemons_run(world)


def a_log_is_bounded_and_its_loss_is_said(world):
    world.add_test_program("flood", PROGRAMS / "flood.c")
    ended = world.run_to_its_end("flood")
    expect(ended["state"] == "ended" and not ended["error"], str(ended))
    lines = world.idevs("logs", world.last_run, as_json=False).stdout.splitlines()
    expect(5000 <= len(lines) <= 10_100, f"{len(lines)} lines")
    expect(any("limit.log" in line or "dropped" in line for line in lines), lines[-3:])


def a_write_outside_the_manifest_is_refused(world):
    world.add_test_program("outside", PROGRAMS / "outside.c")
    ended = world.run_to_its_end("outside")
    expect(not ended["error"], str(ended))
    text = world.idevs("logs", world.last_run, as_json=False).stdout
    expect("reads only: policy.writes" in text and "not named: service.unknown" in text, text)


def a_program_without_approval_gets_no_certificate(world):
    manifest = world.write_manifest("unapproved.yaml", program="unapproved", every=None)
    source = PROGRAMS / "ask.c"
    world.idevs("program", "add", source, "--manifest", manifest)
    world.build_program("unapproved")
    ended = world.run_to_its_end("unapproved")
    expect(ended["error"] and ended["error"]["code"] == "approval.missing", str(ended))
    text = world.idevs("logs", world.last_run, as_json=False).stdout
    expect("approval.missing" in text, text)


def ask_with_mood(world, mood, run_limit):
    Moody.mood = mood
    name = "ask"
    if not getattr(world, "ask_added", None):
        world.add_test_program(name, PROGRAMS / "ask.c", limits=f"{{run: {run_limit}}}")
        world.ask_added = True
    world.run_to_its_end(name)
    return world.idevs("logs", world.last_run, as_json=False).stdout


def a_service_that_misbehaves_is_told_apart_from_one_that_answers(world):
    for mood, wanted in (("well", "answer: 200, 2 bytes"), ("failing", "answer: 500, 2 bytes"),
                         ("garbage", "refused: service."), ("huge", "refused: service."),
                         ("cut", "refused: service.")):
        text = ask_with_mood(world, mood, "40 s") if mood in ("well", "failing") else ask_short(world, mood)
        expect(wanted in text, f"{mood}: {text}")
    all_daemons_run(world)


def ask_short(world, mood):
    """A read is repeated until the run's limit: a short one, so that the test ends."""
    Moody.mood = mood
    if not getattr(world, "short_added", None):
        world.add_test_program("ask-short", PROGRAMS / "ask.c", limits="{run: 3 s}")
        world.short_added = True
    world.run_to_its_end("ask-short")
    return world.idevs("logs", world.last_run, as_json=False).stdout


def a_service_that_is_down_is_said_to_be_unreachable(world):
    world.moody.shutdown()
    world.moody.server_close()
    text = ask_short(world, "well")
    expect("refused: service.unreachable" in text, text)
    world.moody = serve(world.upstreams["store"])
    all_daemons_run(world)


def a_service_that_takes_30_seconds_is_waited_for(world):
    text = ask_with_mood(world, "slow", "40 s")
    expect("answer: 200, 4 bytes" in text, text)


def with_another_state(world, name):
    """The daemon's command with a copy of its configuration that differs in the state directory alone."""
    command = world.daemons[name].command
    config = pathlib.Path(command[-1])
    text = config.read_text().replace("\nstate: state\n", "\nstate: other-state\n")
    if name == "authority":  # its keys are in its state: only the port is in the way
        text = config.read_text()
    return [*command[:-1], world.write(config.with_name(f"other-{config.name}"), text)]


def a_port_in_use_is_said(world):
    for name in ("launcher", "authority", "gateway-store"):
        command = with_another_state(world, name)
        done = run(*command, check=False, timeout=20)
        expect(done.returncode != 0 and "port.in-use" in done.stderr, f"{name}: {done.stderr[-400:]}")
    all_daemons_run(world)


def a_state_directory_of_a_newer_version_is_left_untouched(world):
    for name in ("launcher", "authority", "gateway-store"):
        daemon = world.daemons[name]
        daemon.stop()
        database = next((world.state / name / "state").rglob("*.db"))
        with sqlite3.connect(database) as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            connection.execute("PRAGMA user_version = 9999")
        try:
            daemon.start(wait=False)
            expect(daemon.process.wait(20) != 0 and "state.newer" in daemon.tail(), f"{name}: {daemon.tail(5)}")
        finally:
            with sqlite3.connect(database) as connection:
                connection.execute(f"PRAGMA user_version = {version}")
            daemon.start()


def a_full_disk_is_said_and_survived(world):
    state = world.state / "launcher/state"
    ballast = state / "ballast"
    run("dd", "if=/dev/zero", f"of={ballast}", "bs=64k", check=False)
    source = source_file(world, "ballast.c", b"/*" + b"x" * 300_000 + b"*/\nint main(void) { return 0; }\n")
    manifest = world.write_manifest("ballast.yaml", program="ballast", every=None)
    refused(world.idevs("program", "add", source, "--manifest", manifest, check=False), "disk.full")
    all_daemons_run(world)
    ballast.unlink()
    world.idevs("program", "add", source, "--manifest", manifest)


def serve(port=0):
    http.server.ThreadingHTTPServer.allow_reuse_address = True
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Moody)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def prepare(world):
    world.moody = serve()
    world.upstreams["store"] = world.moody.server_address[1]
    world.small_disks = ("launcher",)
    world.start()


if __name__ == "__main__":
    sys.exit(with_world(pathlib.Path(sys.argv[1]), [
        source_that_does_not_compile_gets_the_compilers_own_words,
        an_empty_source_is_refused,
        a_source_of_16_mib_and_one_byte_is_refused,
        a_name_with_other_characters_is_refused,
        a_manifest_with_an_unknown_key_is_refused_with_line_and_column,
        a_manifest_with_an_unknown_service_is_refused,
        a_manifest_with_a_negative_limit_is_refused_with_line_and_column,
        a_program_that_misbehaves_is_ended_with_the_reason,
        a_log_is_bounded_and_its_loss_is_said,
        a_write_outside_the_manifest_is_refused,
        a_program_without_approval_gets_no_certificate,
        a_service_that_misbehaves_is_told_apart_from_one_that_answers,
        a_service_that_is_down_is_said_to_be_unreachable,
        a_service_that_takes_30_seconds_is_waited_for,
        a_port_in_use_is_said,
        a_state_directory_of_a_newer_version_is_left_untouched,
        a_full_disk_is_said_and_survived,
    ], prepare, programs=(*MISBEHAVING, *GOOD, "ask-short"), every=None))
