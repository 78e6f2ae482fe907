"""The conformance kit: everything holds at a gateway in order; and it notices, by the right check, a gateway that
has one check taken out, and one that something misbehaving stands before."""

import contextlib
import http.server
import json
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading

from claims import ROOT, check, expect

sys.path.insert(0, str(ROOT / "script"))
from world import Daemon, free_port, run  # noqa: E402

PATH, WRITE_PATH = "/api/sales?after=0", "/api/trips"
HELD, NOT_HELD, UNUSABLE = range(3)
SLOW = ("--skip", "slow.")  # these take ten seconds each at a gateway in order
TIMEOUT = 60

# What each fault of tests/e2e/faulty_gateway.c lets through: exactly these checks must fail.
UNCERTAIN = ("sealed request.date", "sealed request.signature", "sealed exchange.claimed")
FAULTS = {
    "certificate.chain": {"certificate.foreign", "certificate.tier", "certificate.forged", "certificate.domain"},
    "certificate.expired": {"certificate.expired", "certificate.early"},
    "certificate.malformed": {"certificate.ca", "certificate.usage", "certificate.purpose"},
    "request.authority": {"authority.other", "authority.none", "authority.scheme"},
    "request.field": {"field.unsigned", "field.host", "field.transfer-encoding", "field.program",
                      "field.client-cert", "field.signature-twice", "field.signature-input-twice",
                      "field.digest-twice", "field.date-twice", "field.no-signature", "field.no-digest",
                      "field.no-date"},
    "request.date": {"window.past", "window.future", "window.long", "window.day", "window.empty",
                     "window.backwards", "window.date"},
    "request.nonce": {"signature.nonce"},
    "request.digest": {"signature.digest"},
    "request.signature": {"signature.key", "signature.keyid", "signature.certificate", "replay.swapped"},
    "policy.program": {"policy.program"},
    "policy.reads": {"policy.reads", "policy.reads-head"},
    "policy.writes": {"policy.writes"},
    "policy.method": {"policy.method"},
    "policy.path": {"policy.path"},
    "exchange.claimed": {"replay.again", "replay.at-once"},
    "paths": {"path.dots", "path.dot", "path.encoded-dots", "path.encoded-slash", "path.encoded-backslash",
              "path.backslash", "path.two-slashes", "path.host", "path.encoded-crlf", "path.encoded-nul",
              "path.escape", "path.fragment"},
    "padding": {"binary.padding"},
    "suite": {"seal.kem", "seal.kdf", "seal.aead"},
    "codings": {"http.chunked", "http.length-and-chunked", "http.odd-coding"},
    "unpadded": {"answer.padded"},
    "nonces": {"answer.fresh"},
    "idempotency": {"once.other"},
    "state": {"state.conflict"},
    "old-tls": {"tls.version"},
    "old-keys": {"keys.signed"},
}


class Service(http.server.BaseHTTPRequestHandler):
    """Any service: it counts what reaches it."""

    protocol_version = "HTTP/1.1"
    asked = []

    def answer(self):
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        Service.asked.append((self.command, self.path, content))
        body = json.dumps({"n": len(Service.asked)}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, *_):
        pass


class Stand:
    """A service, its credentials, a test authority, and gateways before the service."""

    def __init__(self, build):
        self.build = pathlib.Path(build)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="idevs-conformance-", dir="/var/tmp"))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.upstream = server.server_address[1]
        self.authority = self.folder / "authority"
        ca = self.build / "src/ca/idevs-ca"
        run(ca, "root", "--out", self.folder / "ca.pem", "--key", self.folder / "ca.key", "--subject", "services CA")
        run(ca, "server", "--ca", self.folder / "ca.pem", "--ca-key", self.folder / "ca.key", "--host", "127.0.0.1",
            "--out", self.folder / "cert.pem", "--key", self.folder / "priv.pem")
        self.idevs("init", self.authority)
        self.gateways = 0

    def idevs(self, *arguments):
        return subprocess.run([self.build / "src/cli/idevs", "conformance", *map(str, arguments)],
                              capture_output=True, text=True, timeout=TIMEOUT, check=False,
                              env={"PATH": "/usr/bin:/bin", "IDEVS_HOME": str(self.folder / "home")})

    @contextlib.contextmanager
    def gateway(self, fault=None, name=None):
        """A running one: yields its port. With a fault it is the one that the tests break."""
        self.gateways += 1
        port = free_port()
        config = self.folder / f"gateway-{self.gateways}.yaml"
        config.write_text(f"""listen: 127.0.0.1:{port}
upstream: http://127.0.0.1:{self.upstream}
authority: {name or f'127.0.0.1:{port}'}
certificate: cert.pem
key: priv.pem
program_anchors: [authority/tier-development.pem]
state: state-{self.gateways}
honours_idempotency_key: false
programs:
  - {{name: 'spiffe://conformance.invalid/program/conformance', methods: [GET, POST], paths: [/api/sales, /api/trips]}}
""")
        binary = self.build / ("tests/e2e/faulty-gateway" if fault else "src/gateway/idevs-gateway")
        daemon = Daemon("gateway", [binary, "--config", config], self.folder / "gateway.log", port=port,
                        environment={"IDEVS_FAULT_OF": fault} if fault else None)
        daemon.start()
        try:
            yield port
            expect(daemon.running(), f"the gateway ended: {daemon.process.poll()}\n{daemon.tail()}")
        finally:
            daemon.stop()

    def try_it(self, port, *options, status=None):
        """Exit status and report of one run."""
        done = self.idevs(f"https://127.0.0.1:{port}", "--authority", self.authority, "--ca", self.folder / "ca.pem",
                          "--path", PATH, "--write-path", WRITE_PATH, "--json", *options)
        answer = documents(done.stdout)
        expect(status is None or done.returncode == status, f"exit {done.returncode}: {answer[-1]}")
        return done.returncode, answer[0]


def documents(text):
    """The JSON documents of an output, one after the other."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        document, at = decoder.raw_decode(text, at)
        found.append(document)
    return found


def not_held(report):
    return {c["id"]: c["found"] for c in report["checks"] if c["held"] is False}


# ---- a gateway in order ----

def everything_holds_at_a_gateway_in_order(stand):
    with stand.gateway() as port:
        before = len(Service.asked)
        status, report = stand.try_it(port)
        expect(status == HELD and not not_held(report), f"exit {status}: {not_held(report)}")
        expect(report["counts"]["held"] == len(report["checks"]) > 150, report["counts"])
        expect(report["counts"]["not_tried"] == 0 and report["complete"], report["counts"])
        stand.report = report
        reached = [r for r in Service.asked[before:]]
        expect({method for method, _, _ in reached} == {"GET", "POST"}, str(reached))
        expect({path for _, path, _ in reached} == {PATH, WRITE_PATH}, str(reached))
        expect(sum(method == "GET" for method, _, _ in reached) < 15, "more reads than the page says")
        # One write in order; one of a pair under one key, twice: the kit's own word for what "once" means.
        expect(sum(method == "POST" for method, _, _ in reached) == 3, str(reached))


def a_second_run_finds_the_same(stand):
    with stand.gateway() as port:
        for _ in range(2):
            status, report = stand.try_it(port, *SLOW)
            expect(status == HELD, not_held(report))
            expect(not report["complete"], "a part is called complete")


def the_report_says_whom_it_is_about(stand):
    with stand.gateway() as port:
        _, report = stand.try_it(port, "--only", "accepted.", status=HELD)
    der = ssl.PEM_cert_to_DER_cert((stand.folder / "cert.pem").read_text())
    import hashlib
    expect(report["certificate_sha256"] == hashlib.sha256(der).hexdigest(), report["certificate_sha256"])
    expect(report["url"] == f"https://127.0.0.1:{port}" and report["authority"] == f"127.0.0.1:{port}", report["url"])
    expect(0 <= report["key_id"] <= 255 and report["kit"].startswith("idevs "), str(report["key_id"]))
    expect([c["id"] for c in report["checks"]] == ["accepted.read", "accepted.twin", "accepted.write"], "--only")


def a_gateway_behind_another_address_is_tried_under_its_name(stand):
    with stand.gateway(name="127.0.0.1:8443") as port:
        _, report = stand.try_it(port, *SLOW, "--name", "127.0.0.1:8443", status=HELD)
        expect(report["authority"] == "127.0.0.1:8443", report["authority"])
        status, report = stand.try_it(port, "--only", "accepted.")
        expect(status == NOT_HELD and set(not_held(report).values()) == {"sealed request.authority"}, str(report))


def without_a_path_to_write_the_rest_is_tried(stand):
    with stand.gateway() as port:
        done = stand.idevs(f"https://127.0.0.1:{port}", "--authority", stand.authority, "--ca",
                           stand.folder / "ca.pem", "--path", PATH, *SLOW, "--json")
        report = documents(done.stdout)[0]
    left = {c["id"] for c in report["checks"] if c["held"] is None}
    expect(done.returncode == HELD and left == {"accepted.write", "once.again", "once.other"}, f"{left}")
    expect(report["counts"]["not_tried"] == len(left), report["counts"])


# ---- the report ----

def the_signature_verifies_with_openssl_and_with_the_kit_and_binds_every_byte(stand):
    report = stand.authority / "report.json"
    public = stand.authority / "report.pub.pem"
    command = ["openssl", "dgst", "-sha256", "-verify", public, "-signature", f"{report}.sig", report]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    expect(done.stdout == "Verified OK\n", done.stdout + done.stderr)
    expect(stand.idevs("verify", report, "--key", public).returncode == HELD, "verify")
    changed = stand.folder / "changed.json"
    shutil.copy(f"{report}.sig", f"{changed}.sig")
    for old, new in (('"not_held": 0', '"not_held": 1'), ("accepted.read", "accepted.reat"), ("\n}", "\n} ")):
        text = report.read_text()
        expect(old in text, f"{old!r} is not in the report")
        changed.write_text(text.replace(old, new, 1))
        done = stand.idevs("verify", changed, "--key", public, "--json")
        expect(done.returncode == NOT_HELD and documents(done.stdout)[-1]["code"] == "conformance.signature",
               done.stdout)


def another_key_verifies_nothing(stand):
    run(stand.build / "src/cli/idevs", "init", "--home", stand.folder / "stranger")
    done = stand.idevs("verify", stand.authority / "report.json", "--key", stand.folder / "stranger/owner.pub.pem",
                       "--json")
    expect(done.returncode == NOT_HELD and documents(done.stdout)[-1]["code"] == "conformance.signature", done.stdout)


def an_owner_signs_with_a_key_of_his_own(stand):
    out, home = stand.folder / "signed.json", stand.folder / "owner"
    run(stand.build / "src/cli/idevs", "init", "--home", home)
    with stand.gateway() as port:
        stand.try_it(port, "--only", "accepted.", "--key", home / "owner.key", "--out", out, status=HELD)
    expect(stand.idevs("verify", out, "--key", home / "owner.pub.pem").returncode == HELD, "verify")
    done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", home / "owner.pub.pem", "-signature",
                           f"{out}.sig", out], capture_output=True, text=True, check=False)
    expect(done.stdout == "Verified OK\n", done.stdout + done.stderr)


# ---- what cannot be tried ----

def unusable(stand, *arguments):
    done = stand.idevs(*arguments, "--json")
    answer = documents(done.stdout)[-1]
    expect(done.returncode == UNUSABLE, f"{arguments}: exit {done.returncode}: {answer}")
    return answer


def what_cannot_begin_is_neither_held_nor_refused(stand):
    ca, nowhere = stand.folder / "ca.pem", f"https://127.0.0.1:{free_port()}"
    report = stand.folder / "none.json"
    good = ["--authority", stand.authority, "--ca", ca, "--out", report]
    expect("refused" in unusable(stand, nowhere, *good)["found"], "nobody listens")
    for url in ("http://127.0.0.1:1", "https://", "https://a/b", "127.0.0.1:1", "https://A"):
        expect(unusable(stand, url, *good)["code"] == "conformance.unusable", url)
    unusable(stand, nowhere, "--authority", stand.folder / "absent", "--ca", ca)
    unusable(stand, nowhere, "--authority", stand.authority, "--ca", stand.folder / "absent.pem")
    unusable(stand, nowhere, *good, "--path", "api")
    unusable(stand, nowhere, *good, "--path", "/a/../b")
    expect(unusable(stand, nowhere, "--ca", ca)["code"] == "usage", "no authority")
    expect(not report.exists(), "something was signed")


def a_gateway_of_another_ca_or_name_is_not_tried(stand):
    with stand.gateway() as port:
        common = [f"https://127.0.0.1:{port}", "--authority", stand.authority]
        answer = unusable(stand, *common, "--ca", stand.authority / "root.pem")
        expect("certificate" in answer["found"], answer["found"])
        for name in ("store.example", "127.0.0.2", f"[::1]:{port}"):
            answer = unusable(stand, *common, "--ca", stand.folder / "ca.pem", "--name", name)
            expect("mismatch" in answer["found"], answer["found"])


def the_test_authority_is_made_once_and_its_keys_are_the_operators(stand):
    for name in ("root.key", "tier-development.key", "report.key"):
        expect((stand.authority / name).stat().st_mode & 0o777 == 0o600, f"{name} is open")
    before = (stand.authority / "root.key").read_bytes()
    done = stand.idevs("init", stand.authority, "--json")
    expect(done.returncode == 1 and documents(done.stdout)[-1]["code"] == "file.unwritable", done.stdout)
    expect((stand.authority / "root.key").read_bytes() == before, "the key was replaced")
    seven_days = subprocess.run(["openssl", "x509", "-in", stand.authority / "tier-development.pem", "-noout",
                                 "-checkend", str(7 * 86400 + 60)], capture_output=True, check=False)
    expect(seven_days.returncode == 1, "the test authority outlives a week")


# ---- gateways with one check taken out ----

def each_fault_is_named_by_the_check_it_breaks(stand):
    known = {c["id"] for c in stand.report["checks"]}
    wrong = []
    for fault, names in FAULTS.items():
        expect(names <= known, f"{fault}: no check is called {names - known}")
        with stand.gateway(fault=fault) as port:
            status, report = stand.try_it(port, *SLOW)
        found = not_held(report)
        if status != NOT_HELD or set(found) != names:
            wrong.append(f"{fault}: not noticed {names - set(found)}, noticed too "
                         f"{ {i: found[i] for i in set(found) - names} }")
    expect(not wrong, "\n".join(wrong))


def a_faulty_gateway_without_its_fault_holds(stand):
    """So that the faults above are all that is wrong with it."""
    with stand.gateway(fault="none") as port:
        status, report = stand.try_it(port, *SLOW)
    expect(status == HELD, str(not_held(report)))


def a_false_certainty_is_noticed(stand):
    names = {c["id"] for c in stand.report["checks"] if c["expected"] in UNCERTAIN} | {"replay.at-once"}
    with stand.gateway(fault="certain") as port:
        _, report = stand.try_it(port, *SLOW, status=NOT_HELD)
    expect(set(not_held(report)) == names, str(set(not_held(report)) ^ names))


def keys_that_cannot_be_believed_end_the_run_early(stand):
    with stand.gateway(fault="old-keys") as port:
        _, report = stand.try_it(port, *SLOW, status=NOT_HELD)
    expect(report["key_id"] is None and report["counts"]["not_tried"] > 100, report["counts"])


def endless_patience_is_noticed(stand):
    with stand.gateway(fault="patience") as port:
        _, report = stand.try_it(port, "--only", "slow.header", status=NOT_HELD)
    expect(set(not_held(report)) == {"slow.header"}, str(not_held(report)))


# ---- something misbehaving in front ----

class Front:
    """Ends the TLS with the gateway's own credentials and treats each request as `behave` says."""

    def __init__(self, stand, port, behave):
        self.port, self.behave, self.lock = port, behave, threading.Lock()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.context.load_cert_chain(stand.folder / "cert.pem", stand.folder / "priv.pem")
        self.trust = ssl.create_default_context(cafile=stand.folder / "ca.pem")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self.handle, args=(connection,), daemon=True).start()

    def handle(self, connection):
        with contextlib.suppress(OSError), connection:
            connection.settimeout(20)
            if connection.recv(1, socket.MSG_PEEK) != b"\x16" and self.behave is talk_in_the_clear:
                connection.sendall(plain_answer(b"hello"))
                return
            with self.context.wrap_socket(connection, server_side=True) as secure:
                request = read_request(secure)
                secure.sendall(self.behave(self, request))

    def ask(self, request):
        """What the gateway answers to these very bytes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as plain, \
                self.trust.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
            secure.sendall(request)
            answer = b""
            with contextlib.suppress(OSError):
                while piece := secure.recv(65536):
                    answer += piece
            return answer


def read_request(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return data
        data += piece
    head, rest = data.split(b"\r\n\r\n", 1)
    length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                   if line.startswith(b"content-length:") and line.split(b":")[1].strip().isdigit()), 0)
    while len(rest) < min(length, 1 << 20):
        piece = connection.recv(65536)
        if not piece:
            break
        rest += piece
    return head + b"\r\n\r\n" + rest


def plain_answer(body):
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def pass_on(front, request):
    return front.ask(request)


def talk_in_the_clear(front, request):
    return front.ask(request)


def say_yes_to_everything(front, request):
    return front.ask(request) if request.startswith(b"GET /.well-known/ohttp") else plain_answer(b"yes")


def repeat_the_first_answer(front, request):
    """To every sealed request the answer to the first that was accepted."""
    if not request.startswith(b"POST"):
        return front.ask(request)
    with front.lock:
        answer = front.ask(request)
        if b"message/ohttp-res" in answer:
            front.stored = getattr(front, "stored", answer)
        return getattr(front, "stored", answer)


def deliver_twice(front, request):
    front.ask(request)
    return front.ask(request)


def drop_certificates(front, request):
    lines = request.split(b"\r\n")
    return front.ask(b"\r\n".join(line for line in lines if not line.lower().startswith(b"client-cert:")))


def behind(stand, behave, *options):
    """Exit status and report of a run at a gateway in order with that front."""
    with stand.gateway(name="127.0.0.1:8443") as port:
        front = Front(stand, port, behave)
        try:
            return stand.try_it(front.address, *SLOW, "--name", "127.0.0.1:8443", *options)
        finally:
            front.listener.close()


def a_front_that_passes_everything_on_changes_nothing_but_what_it_reads(stand):
    status, report = behind(stand, pass_on, "--skip", "slow.,http.")
    expect(status == HELD, str(not_held(report)))


def an_answer_in_the_clear_is_noticed(stand):
    _, report = behind(stand, talk_in_the_clear, "--skip", "slow.,http.")
    expect(set(not_held(report)) == {"tls.none"}, str(not_held(report)))


def a_yes_to_everything_holds_nothing(stand):
    _, report = behind(stand, say_yes_to_everything)
    held = {c["id"] for c in report["checks"] if c["held"]}
    expect(held <= {"tls.version", "tls.none", "tls.clock", "keys.signed", "keys.certificate", "keys.again",
                    "http.health"}, str(held))


def a_stored_answer_is_noticed(stand):
    status, report = behind(stand, repeat_the_first_answer, "--only", "a")
    found = not_held(report)
    expect(status == NOT_HELD and found["accepted.twin"] == "a sealed answer that does not open", str(found))
    expect(found["answer.fresh"] == "a sealed answer that does not open", str(found))


def a_second_delivery_is_noticed(stand):
    status, report = behind(stand, deliver_twice, "--only", "accepted.")
    expect(status == NOT_HELD and set(not_held(report).values()) == {"sealed exchange.claimed"}, str(report))


def dropped_certificates_are_noticed(stand):
    status, report = behind(stand, drop_certificates, "--only", "accepted.")
    expect(status == NOT_HELD and set(not_held(report).values()) == {"plain certificate.malformed"}, str(report))


# ---- the page ----

def the_page_names_every_group_of_checks(stand):
    page = (ROOT / "docs/conformance.md").read_text()
    groups = {c["id"].split(".")[0] for c in stand.report["checks"]}
    expect(not [g for g in groups if f"`{g}`" not in page], f"not in the page: {groups}")


CLAIMS = [
    everything_holds_at_a_gateway_in_order,
    the_signature_verifies_with_openssl_and_with_the_kit_and_binds_every_byte,
    another_key_verifies_nothing,
    a_second_run_finds_the_same,
    the_report_says_whom_it_is_about,
    a_gateway_behind_another_address_is_tried_under_its_name,
    without_a_path_to_write_the_rest_is_tried,
    an_owner_signs_with_a_key_of_his_own,
    what_cannot_begin_is_neither_held_nor_refused,
    a_gateway_of_another_ca_or_name_is_not_tried,
    the_test_authority_is_made_once_and_its_keys_are_the_operators,
    a_faulty_gateway_without_its_fault_holds,
    each_fault_is_named_by_the_check_it_breaks,
    a_false_certainty_is_noticed,
    keys_that_cannot_be_believed_end_the_run_early,
    endless_patience_is_noticed,
    a_front_that_passes_everything_on_changes_nothing_but_what_it_reads,
    an_answer_in_the_clear_is_noticed,
    a_yes_to_everything_holds_nothing,
    a_stored_answer_is_noticed,
    a_second_delivery_is_noticed,
    dropped_certificates_are_noticed,
    the_page_names_every_group_of_checks,
]


def main():
    stand = Stand(sys.argv[1])
    try:
        return check(stand, CLAIMS)
    finally:
        shutil.rmtree(stand.folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
