"""What is left of secrets in the memory of every process: nothing, where and when nothing may be.

Root of the host can read every process of this machine. Here it does, and looks for the bytes of keys and data that
it knows, or finds with the same means. A search that finds nothing proves something only beside one that finds: every
needle is also given to a process that holds it, and what may be somewhere for a while is looked for at that time."""

import base64
import hashlib
import http.server
import os
import pathlib
import re
import struct
import subprocess
import sys
import threading
import time

from claims import ROOT, expect, with_world
from world import SERVICES, run

PROGRAM = ROOT / "tests/e2e/programs/secret.c"
LETTERS = 32       # of each secret that the program carries
LONG = 20_000      # bytes of the long answer: more than is read in one piece
EXCHANGES = 7      # that the program makes: see its source
NEVER = "nowhere"  # who may hold a private key that no process uses


class Service(http.server.BaseHTTPRequestHandler):
    """Store and messaging. The first answer and the one to the message wait until the test lets them go."""

    protocol_version = "HTTP/1.1"
    carried = {name: base64.b32encode(os.urandom(20)) for name in ("query", "body", "state", "log")}
    answered = base64.b32encode(os.urandom(20))
    reached = {name: threading.Event() for name in ("read", "write")}
    go_on = {name: threading.Event() for name in ("read", "write")}

    def do_GET(self):
        if self.path.endswith("?after=0"):
            self.pause("read")
            self.answer(b"".join(self.carried.values()))
        else:
            self.answer(self.answered * (LONG // LETTERS))

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.pause("write")
        self.answer(b"{}")

    def pause(self, name):
        self.reached[name].set()
        self.go_on[name].wait(60)

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


# ---- memory ----

def mapping(line):
    fields = line.split(maxsplit=5)
    low, high = (int(x, 16) for x in fields[0].split("-"))
    return range(low, high), fields[1], fields[5].strip() if len(fields) > 5 else ""


def memory_once(pid):
    parts = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for span, permissions, name in (mapping(line) for line in maps):
            unchanged = permissions[1] != "w" and name.startswith("/")
            if permissions[0] != "r" or unchanged or name.startswith("[v"):  # the kernel's
                continue
            at = span.start
            while at < span.stop:
                part = os.pread(memory.fileno(), span.stop - at, at)
                expect(part, f"a hole in {name} of {pid}")
                parts.append(part)
                at += len(part)
    return b"".join(parts)


def memory_of(pid):
    """What a core file would have: every readable mapping but the unchanged pages of files."""
    for _ in range(3):
        try:
            return memory_once(pid)
        except OSError:  # a mapping went away meanwhile
            time.sleep(0.1)
    return memory_once(pid)


def processes(world):
    """Every process of the world by name; `program` is the one in a compartment."""
    found = {name: daemon.process.pid for name, daemon in world.daemons.items()}
    found["signer"] = int(pathlib.Path(f"/proc/{found['authority']}/task/{found['authority']}/children").read_text())
    found["program"] = next(pid for pid, uid in owners() if world.first_uid <= uid < world.first_uid + 1000)
    return found


def owners():
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                yield int(entry.name), int(re.search(r"^Uid:\t(\d+)", (entry / "status").read_text(), re.M).group(1))
            except OSError:
                pass  # it ended


def snapshot(world):
    return {name: memory_of(pid) for name, pid in processes(world).items()}


def holders(memories, needle):
    return {name for name, memory in memories.items() if needle in memory}


def expect_only(memories, needles, allowed=()):
    """Each needle (name: bytes) is found in all the `allowed` processes, and in no other."""
    for name, needle in needles.items():
        expect(len(needle) >= 12, f"{name} is too short to be found by no accident")
        found = holders(memories, needle)
        expect(found == set(allowed), f"{name}: expected in {sorted(allowed)}, found in {sorted(found)}")


def expect_the_search_finds(needles):
    """The control: the same search of a process that holds them all."""
    text = "import sys\nheld = [bytes.fromhex(line) for line in sys.stdin]\nprint(len(held), flush=True)\n"
    with subprocess.Popen([sys.executable, "-c", text + "sys.stdout.close()\nimport time\ntime.sleep(60)"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        try:
            holder.stdin.write(b"".join(n.hex().encode() + b"\n" for n in needles.values()))
            holder.stdin.close()
            expect(int(holder.stdout.readline()) == len(needles), "the holder does not hold them")
            memory = memory_of(holder.pid)
            missed = [name for name, needle in needles.items() if needle not in memory]
            expect(not missed, f"the search misses {missed}")
        finally:
            holder.kill()


# ---- what is looked for ----

def secrets_of(world, *arguments):
    done = run(next(world.build.rglob("secrets-of")), *arguments)
    return {name: bytes.fromhex(value) for name, value in (line.split() for line in done.stdout.splitlines())}


def frames(world):
    """What the recording launcher relayed: direction, id, kind, target, type, body."""
    record = world.record_file.read_bytes()
    for match in re.finditer(rb"\d+ frame \S+ \S+ (\d+)\n", record):
        frame = record[match.end():match.end() + int(match.group(1))]
        ident, kind, _, n = struct.unpack(">IBHH", frame[4:13])
        m, = struct.unpack(">H", frame[13 + n:15 + n])
        yield ident, kind, frame[13:13 + n].decode(), frame[15 + n:15 + n + m].decode(), frame[15 + n + m:]


def exchanges(world):
    """Every sealed exchange so far: (service, request, response or None)."""
    relayed = list(frames(world))
    answers = {ident: body for ident, kind, _, media, body in relayed if kind == 2 and media == "message/ohttp-res"}
    return [(target.removeprefix("service:"), body, answers.get(ident)) for ident, kind, target, _, body in relayed
            if kind == 1 and target.startswith("service:")]


def exchange_secrets(world, number):
    """Whatever was derived for one exchange, computed with the gateway's key."""
    service, request, response = exchanges(world)[number]
    files = [world.state / "request", world.state / "response" if response else "-"]
    files[0].write_bytes(request)
    if response:
        files[1].write_bytes(response)
    found = secrets_of(world, "exchange", world.hpke_keys[service].hex(), *files)
    return {f"{name} of exchange {number}": secret for name, secret in found.items()}


def hpke_key(world, service):
    """The gateway makes it at its start and tells nobody; root finds it all the same."""
    url = f"https://127.0.0.1:{world.ports[f'gateway-{service}']}/.well-known/ohttp-gateway"
    answer = world.state / "keys"
    run("curl", "--silent", "--cacert", world.public / "services-ca.pem", "--output", answer, url)
    pid = world.daemons[f"gateway-{service}"].process.pid
    return secrets_of(world, "hpke-key", pid, answer.read_bytes()[5:37].hex())["private"]


def private_number(pem):
    """The 32 bytes of a P-256 or X25519 private key in PKCS#8."""
    der = base64.b64decode("".join(line for line in pem.splitlines() if "-----" not in line))
    for mark in (b"\x02\x01\x01\x04\x20", b"\x04\x22\x04\x20"):
        if mark in der:
            at = der.index(mark) + len(mark)
            return der[at:at + 32]
    raise AssertionError("a PEM file of another kind")


def key_text(pem):
    """Of the file's text what the private number alone makes: a stretch of one line, as it stands in the file."""
    lines = [line for line in pem.splitlines() if "-----" not in line]
    return (lines[1][:24] if len(lines) > 1 else lines[0][24:60]).encode()


def key_files(world):
    """Every private key in a file, and which process works with it."""
    tiers = world.state / "authority/state/signer"
    yield from ((world.state / f"credentials/{s}/priv.pem", f"gateway-{s}") for s in SERVICES)
    yield from ((world.state / f"credentials/{d}/priv.pem", d) for d in ("authority", "launcher"))
    yield from ((path, "signer") for path in sorted(tiers.glob("*.key")))
    yield world.state / "warden/state/platform.pem", "warden"
    yield world.state / "authority/state/root.key", NEVER
    yield from ((path, NEVER) for path in sorted((world.state / "ca").glob("*.key")))
    yield from ((world.home / name, NEVER) for name in ("owner.key", "owner-log.key"))


# ---- claims, in the order of the run ----

def while_an_exchange_is_under_way_its_keys_are_at_both_ends_and_nowhere_else(world):
    expect(Service.reached["read"].wait(30), "the program does not read")
    world.hpke_keys = {service: hpke_key(world, service) for service in SERVICES}
    secrets = exchange_secrets(world, 0)
    both = {name: s for name, s in secrets.items() if name.split()[0] in ("key", "base_nonce", "exporter_secret")}
    passing = {name: s for name, s in secrets.items() if name not in both}
    expect(len(both) == 3 and len(passing) == 5, f"{sorted(secrets)}")
    memories = snapshot(world)
    Service.go_on["read"].set()
    expect_only(memories, both, {"program", "gateway-store"})
    expect_only(memories, passing)


def while_data_is_under_way_it_is_at_both_ends_and_nowhere_else(world):
    expect(Service.reached["write"].wait(30), "the program does not write")
    memories = snapshot(world)
    Service.go_on["write"].set()
    expect_only(memories, {"body": Service.carried["body"]}, {"program", "gateway-messaging"})
    expect_only(memories, {"state": Service.carried["state"], "log": Service.carried["log"]}, {"program"})


def after_it_no_secret_of_any_exchange_is_anywhere(world):
    deadline = time.monotonic() + 30
    while sum(response is not None for _, _, response in exchanges(world)) < EXCHANGES:
        expect(time.monotonic() < deadline, f"only {len(exchanges(world))} exchanges")
        time.sleep(0.1)
    time.sleep(0.5)  # the last answer is opened, and the program waits
    world.after = snapshot(world)
    secrets = {}
    for number in range(EXCHANGES):
        secrets |= exchange_secrets(world, number)
    expect(len(secrets) == 12 * EXCHANGES, f"{len(secrets)} secrets")
    expect_the_search_finds(secrets)
    expect_only(world.after, secrets)


def after_it_no_data_is_left_anywhere(world):
    data = {**Service.carried, "answer": Service.answered}
    expect_the_search_finds(data)
    expect_only(world.after, data)


def a_gateways_keys_are_in_that_gateway_alone(world):
    for service in SERVICES:
        vault = secrets_of(world, "vault", world.state / f"gateway-{service}/state",
                           world.state / f"credentials/{service}/priv.pem")
        expect_only(world.after, {**vault, "hpke": world.hpke_keys[service]}, {f"gateway-{service}"})


def a_private_key_is_a_number_where_it_is_used_and_nowhere_else(world):
    """OpenSSL keeps the number with its lowest byte first; neither the file's text nor its DER is left of loading."""
    texts = {}
    for path, owner in key_files(world):
        pem, name = path.read_text(), str(path.relative_to(world.state))
        number = private_number(pem)
        texts |= {f"text of {name}": key_text(pem), f"bytes of {name}": number}
        expect_only(world.after, {name: number[::-1]}, () if owner == NEVER else {owner})
    expect(len(texts) == 2 * 14, f"{len(texts) // 2} files")
    expect_the_search_finds(texts)
    expect_only(world.after, texts)


def the_programs_signing_key_is_in_its_compartment_alone(world):
    pem = world.state / "program.pem"
    pem.write_text(world.idevs("cert", "show", world.last_run, "--pem", as_json=False).stdout)
    public = run("openssl", "x509", "-in", pem, "-noout", "-pubkey").stdout
    spki = base64.b64decode("".join(line for line in public.splitlines() if "-----" not in line))
    number = secrets_of(world, "signing-key", processes(world)["program"], spki.hex())["private"]
    expect_only(world.after, {"signing key": number}, {"program"})
    expect_only(world.after, {"signing key, as bytes": number[::-1]})


def an_enrolment_token_is_nowhere_after_its_use(world):
    token = (world.state / "warden/token").read_bytes().strip()
    needles = {"token": token, "its digest": hashlib.sha256(token).digest()}
    expect_the_search_finds(needles)
    expect_only(world.after, needles)


def the_owners_tool_keeps_numbers_not_files_and_forgets_what_opened_a_line(world):
    sealed = [body for _, kind, target, _, body in frames(world) if kind == 1 and target == "log:owner"]
    log_key, owner_key = ((world.home / name).read_text() for name in ("owner-log.key", "owner.key"))
    (world.state / "line").write_bytes(sealed[0])
    forgotten = secrets_of(world, "line", private_number(log_key).hex(), "secret", world.state / "line")
    expect(len(forgotten) == 7 and len(sealed) == 1, f"{sorted(forgotten)}")
    forgotten |= {"text of the log key": key_text(log_key), "text of the owner's key": key_text(owner_key),
                  "bytes of the owner's key": private_number(owner_key)}
    with subprocess.Popen([world.bin / "idevs", "logs", str(world.last_run), "--follow", "--home", world.home],
                          stdout=subprocess.PIPE) as tool:
        try:
            expect(Service.carried["log"] in tool.stdout.readline(), "the line is not shown")
            time.sleep(1)  # it asks for more, and waits
            memories = {"idevs": memory_of(tool.pid)}
        finally:
            tool.kill()
    expect_only(memories, {"the log key": private_number(log_key), "the owner's key": private_number(owner_key)[::-1]},
                {"idevs"})
    expect_the_search_finds(forgotten)
    expect_only(memories, forgotten)


def prepare(world):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    world.upstreams.update({"store": server.server_address[1], "messaging": server.server_address[1]})
    world.secret_memory = "off"  # what would be in a program's memory for root to find is what is looked for
    world.start()
    world.add_test_program("secret", PROGRAM, every="1h")
    world.last_run = world.run_program("secret")["id"]


if __name__ == "__main__":
    sys.exit(with_world(pathlib.Path(sys.argv[1]), [
        while_an_exchange_is_under_way_its_keys_are_at_both_ends_and_nowhere_else,
        while_data_is_under_way_it_is_at_both_ends_and_nowhere_else,
        after_it_no_secret_of_any_exchange_is_anywhere,
        after_it_no_data_is_left_anywhere,
        a_gateways_keys_are_in_that_gateway_alone,
        a_private_key_is_a_number_where_it_is_used_and_nowhere_else,
        the_programs_signing_key_is_in_its_compartment_alone,
        an_enrolment_token_is_nowhere_after_its_use,
        the_owners_tool_keeps_numbers_not_files_and_forgets_what_opened_a_line,
    ], prepare, programs=("secret",)))
