"""What bad input gets: a stable code, a cause, a remedy; nothing is lost and the daemons stay up."""

import contextlib
import hashlib
import http.server
import json
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
GOOD = ("ask", "flood", "free-ride", "once", "outside", "unapproved")


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


def refused(done, code):
    """With this very code, and with what was expected, what was found and a remedy: the refusal."""
    expect(done.returncode == 1 and refusal(done) == code, f"not {code}: {done.returncode} {done.stdout}{done.stderr}")
    answer = json.loads(done.stdout)
    expect(all(answer[part] for part in ("expected", "found", "remedy")), f"something is not said: {answer}")
    return answer


def all_daemons_run(world):
    for name, daemon in world.daemons.items():
        expect(daemon.running(), f"{name} ended:\n{daemon.tail()}")


def sha256(content):
    return hashlib.sha256(content).hexdigest()


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
    refused(world.idevs("program", "add", source, "--manifest", manifest, check=False), "build.source")


def a_program_whose_name_has_other_characters_is_refused(world):
    for name, code in (("'a;b'", "name.invalid"), ("'..'", "name.invalid"), ("'a/b'", "name.invalid"),
                       ('"a\\x07b"', "manifest.syntax"), ("A", "name.invalid"), ("''", "manifest.syntax")):
        manifest = world.write_manifest("name.yaml", program=name, every=None)
        refused(world.idevs("program", "add", PROGRAMS / "ask.c", "--manifest", manifest, check=False), code)


def a_source_whose_file_name_has_other_characters_is_only_bytes(world):
    """The name of a file goes nowhere: the program is its content."""
    manifest = world.write_manifest("named.yaml", program="named", every=None)
    for name in ("a; touch b", "..c", "a\x07\x1b[31m\nb.c", "-o", "$(id).c"):
        source = source_file(world, name, (PROGRAMS / "ask.c").read_bytes())
        added = world.idevs("program", "add", f"./{name}", "--manifest", manifest, cwd=source.parent)
        expect(world.build_program("named")["state"] == "done", name)
        source.unlink()
    expect(added["source"] == sha256((PROGRAMS / "ask.c").read_bytes()), str(added))
    refused(world.idevs("program", "add", "..", "--manifest", manifest, check=False, cwd=world.state),
            "file.unreadable")


def a_faulty_manifest_is_refused_with_line_and_column(world):
    for key, value, code, column in (("colour", "blue", "manifest.syntax", 1),
                                     ("writes", "[transport, hospital]", "manifest.unknown-service", 21),
                                     ("limits", "{memory: -1}", "manifest.syntax", 18)):
        manifest = world.write_manifest("faulty.yaml", **{key: value})
        answer = refused(world.idevs("approve", "--source", PROGRAMS / "ask.c", "--manifest", manifest,
                                     "--toolchain-from-launcher", check=False), code)
        line = next(n for n, text in enumerate(manifest.read_text().splitlines(), 1) if text.startswith(key))
        expect(f"faulty.yaml:{line}:{column}: " in answer["found"], f"not {line}:{column}: {answer}")


def a_program_that_misbehaves_is_ended_with_the_reason(world):
    for name, (reason, changes) in MISBEHAVING.items():
        world.add_test_program(name, PROGRAMS / f"{name}.c", **changes)
        ended = world.run_to_its_end(name)
        expect(ended["state"] == "ended" and ended["error"], f"{name}: {ended}")
        expect(ended["error"]["code"] == reason, f"{name}: expected {reason}: {ended['error']}")
        expect(all(ended["error"].values()), f"{name}: something is not said: {ended['error']}")
    all_daemons_run(world)


def a_log_is_bounded_and_program_and_owner_are_told(world):
    world.add_test_program("flood", PROGRAMS / "flood.c")
    ended = world.run_to_its_end("flood")
    expect(ended["state"] == "ended" and not ended["error"], str(ended))
    lines = world.idevs("logs", world.last_run, as_json=False).stdout.splitlines()
    expect(len(lines) == 10_000, f"{len(lines)} lines")
    expect("the log is full" in lines[-1] and "line 9998" in lines[-2], lines[-3:])


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
                         ("garbage", "refused: service.status"), ("huge", "refused: service.status"),
                         ("cut", "refused: service.status")):
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
    if name in ("authority", "warden"):  # their keys are in their state: only port or socket is in the way
        text = config.read_text()
    return [*command[:-1], world.write(config.with_name(f"other-{config.name}"), text)]


def a_faulty_configuration_is_refused_with_line_and_column(world):
    for name in ("launcher", "authority", "gateway-store", "warden"):
        command = world.daemons[name].command
        config = pathlib.Path(command[-1])
        faulty = world.write(config.with_name("faulty.yaml"), config.read_text() + "colour: blue\n")
        done = run(*command[:-1], faulty, check=False, timeout=20)
        line = faulty.read_text().count("\n")
        expect(done.returncode == 1 and f"config.syntax: found {faulty}:{line}:1: " in done.stderr,
               f"{name}: {done.returncode} {done.stderr[-400:]}")
        expect(run(*command[:-2], "--fly", check=False, timeout=20).returncode == 2, f"{name}: a wrong call")


def a_port_in_use_is_said(world):
    for name in ("launcher", "authority", "gateway-store", "warden"):
        command = with_another_state(world, name)
        done = run(*command, check=False, timeout=20)
        expect(done.returncode == 1 and "port.in-use" in done.stderr, f"{name}: {done.stderr[-400:]}")
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
            expect(daemon.process.wait(20) == 1 and "state.newer" in daemon.tail(), f"{name}: {daemon.tail(5)}")
        finally:
            with sqlite3.connect(database) as connection:
                connection.execute(f"PRAGMA user_version = {version}")
            daemon.start()


@contextlib.contextmanager
def full_disk(world, daemon):
    ballast = world.state / daemon / "ballast"
    run("dd", "if=/dev/zero", f"of={ballast}", "bs=64k", check=False)
    run("dd", "if=/dev/zero", f"of={ballast}", "bs=1k", "oflag=append", "conv=notrunc", check=False)
    try:
        yield
    finally:
        ballast.unlink()
    all_daemons_run(world)


def large_source(world, name):
    return (source_file(world, f"{name}.c", b"/*" + name.encode() * 60_000 + b"*/\nint main(void) { return 0; }\n"),
            world.write_manifest(f"{name}.yaml", program=name, every=None))


def a_full_disk_of_the_launcher_is_said_and_survived(world):
    source, manifest = large_source(world, "ballast")
    before = world.idevs("program", "list")
    with full_disk(world, "launcher"):
        refused(world.idevs("program", "add", source, "--manifest", manifest, check=False), "disk.full")
    world.daemons["launcher"].kill()
    world.daemons["launcher"].restart()
    expect(world.idevs("program", "list") == before, "what was acknowledged is lost")
    world.idevs("program", "add", source, "--manifest", manifest)


def a_full_disk_of_the_authority_is_said_and_survived(world):
    source, manifest = large_source(world, "mortgage")
    call = ("approve", "--source", source, "--manifest", manifest, "--toolchain-from-launcher")
    before = world.authority_admin("approvals")
    with full_disk(world, "authority"):
        refused(world.idevs(*call, check=False), "disk.full")
    world.daemons["authority"].kill()
    world.daemons["authority"].restart()
    expect(world.authority_admin("approvals") == before, "what was acknowledged is lost")
    world.idevs(*call)
    expect("mortgage" in world.authority_admin("approvals"), "it approves no more")


def a_full_disk_of_the_warden_is_said_and_survived(world):
    world.add_program(*large_source(world, "lathe"))
    with full_disk(world, "warden"):
        refused(world.idevs("program", "build", "lathe", check=False), "disk.full")
    world.build_program("lathe")


def write_once(world):
    world.run_to_its_end("once")
    return world.idevs("logs", world.last_run, as_json=False).stdout


def a_full_disk_of_a_gateway_is_said_and_nothing_is_written_twice(world):
    world.add_test_program("once", PROGRAMS / "once.c", limits="{run: 3 s}")
    with full_disk(world, "gateway-transport"):
        text = write_once(world)
        expect("disk.full" in text, text)
        expect(world.compare()["trips"] == 0, "the service was asked without a note of it")
    for _ in range(2):
        expect("answer: 201" in (text := write_once(world)), text)
    expect(world.compare()["trips"] == 1, str(world.compare()))


def serve(port=0):
    http.server.ThreadingHTTPServer.allow_reuse_address = True
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Moody)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def prepare(world):
    world.moody = serve()
    world.upstreams["store"] = world.moody.server_address[1]
    world.small_disks = ("launcher", "authority", "gateway-transport", "warden")
    world.start()


if __name__ == "__main__":
    sys.exit(with_world(pathlib.Path(sys.argv[1]), [
        source_that_does_not_compile_gets_the_compilers_own_words,
        an_empty_source_is_refused,
        a_source_of_16_mib_and_one_byte_is_refused,
        a_program_whose_name_has_other_characters_is_refused,
        a_source_whose_file_name_has_other_characters_is_only_bytes,
        a_faulty_manifest_is_refused_with_line_and_column,
        a_program_that_misbehaves_is_ended_with_the_reason,
        a_log_is_bounded_and_program_and_owner_are_told,
        a_write_outside_the_manifest_is_refused,
        a_program_without_approval_gets_no_certificate,
        a_service_that_misbehaves_is_told_apart_from_one_that_answers,
        a_service_that_is_down_is_said_to_be_unreachable,
        a_service_that_takes_30_seconds_is_waited_for,
        a_faulty_configuration_is_refused_with_line_and_column,
        a_port_in_use_is_said,
        a_state_directory_of_a_newer_version_is_left_untouched,
        a_full_disk_of_the_launcher_is_said_and_survived,
        a_full_disk_of_the_authority_is_said_and_survived,
        a_full_disk_of_the_warden_is_said_and_survived,
        a_full_disk_of_a_gateway_is_said_and_nothing_is_written_twice,
    ], prepare, programs=(*MISBEHAVING, *GOOD, "ask-short"), every=None))
