"""A whole iDevS on loopback in one state directory: for script/demo, the end-to-end tests and the benchmarks.

Every process runs under a uid of its own, as an installation would do it; the warden alone is root. Ports are
free ones, so that several worlds stand beside each other.
"""

import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SERVICES = ("store", "transport", "messaging")
BINARIES = ("idevs", "idevs-ca", "idevs-launcher", "idevs-authority", "idevs-signer", "idevs-gateway",
            "idevs-warden", "free-ride-store", "free-ride-transport", "free-ride-messaging")
# One uid a daemon, in the range that systemd gives to dynamic users, so that they clash with no account.
UIDS = {"launcher": 62001, "authority": 62002,
        "store": 62011, "transport": 62012, "messaging": 62013,
        "gateway-store": 62021, "gateway-transport": 62022, "gateway-messaging": 62023}
TRUST_DOMAIN = "free-ride.example"
# What a gateway grants: methods, paths.
GRANTS = {"store": ("[GET]", "[/api/sales]"), "transport": ("[POST]", "[/api/trips]"),
          "messaging": ("[POST]", "[/send-message]")}


class WorldError(Exception):
    """A step did not work; the text says which and why."""


def free_port():
    """By chance and below the range from which the kernel takes ports: worlds stand side by side."""
    while True:
        port = random.randrange(10000, 32768)
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port


def run(*command, check=True, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)
    if check and done.returncode != 0:
        raise WorldError(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


class Daemon:
    """One process that can be killed and started again with the same command."""

    def __init__(self, name, command, log, uid=None, port=None, socket_path=None, environment=None):
        self.name, self.log, self.port, self.socket_path = name, log, port, socket_path
        self.environment = environment or {}
        drop = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"] if uid else []
        self.command = drop + [str(c) for c in command]
        self.process = None

    def start(self, wait=True, environment=None):
        env = {"PATH": "/usr/bin:/bin", **self.environment, **(environment or {})}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=env, start_new_session=True)
        if wait:
            self.wait_ready()

    def ready(self):
        family, where = ((socket.AF_UNIX, str(self.socket_path)) if self.socket_path
                         else (socket.AF_INET, ("127.0.0.1", self.port)))
        kind = socket.SOCK_SEQPACKET if self.socket_path else socket.SOCK_STREAM
        with socket.socket(family, kind) as sock:
            sock.settimeout(1)
            try:
                sock.connect(where)
                return True
            except OSError:
                return False

    def wait_ready(self, seconds=20):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise WorldError(f"{self.name} ended with {self.process.returncode}:\n{self.tail()}")
            if self.ready():
                return
            time.sleep(0.01)
        raise WorldError(f"{self.name} does not listen after {seconds} s:\n{self.tail()}")

    def tail(self, lines=20):
        return "\n".join(pathlib.Path(self.log).read_text(errors="replace").splitlines()[-lines:])

    def running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self, signal_number=signal.SIGKILL):
        if self.running():
            self.process.send_signal(signal_number)

    def stop(self, seconds=20):
        if not self.running():
            return self.process.returncode if self.process else None
        self.kill(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.wait()
            raise WorldError(f"{self.name} did not end within {seconds} s of SIGTERM:\n{self.tail()}")

    def restart(self):
        """After a SIGKILL by whoever tests: the supervisor's part."""
        if self.process:
            self.process.wait()
        self.start()


class World:
    """Names: services S, their gateways gateway-S, authority, launcher, warden."""

    def __init__(self, build, state=None, delay_ms=0, record=True, every="1s", sales=None,
                 longest_pause="30s", programs=("free-ride",), https=False, ports=None):
        self.state = pathlib.Path(state or tempfile.mkdtemp(prefix="idevs-world-", dir="/var/tmp"))
        self.state.chmod(0o755)
        self.build, self.delay_ms, self.record, self.every = pathlib.Path(build), delay_ms, record, every
        self.bin = self.state / "bin"
        self.home = self.state / "owner"
        self.record_file = self.state / "launcher" / "record"
        self.daemons = {}
        self.ports = dict(ports or {})  # name: port, where it matters which
        self.upstreams = {}  # service: the port behind its gateway, where it is not the service's own
        self.grants = dict(GRANTS)
        self.tier = "isolated"  # in which the platform is enrolled
        self.secret_memory = "preferred"  # of the warden's configuration
        self.accepts = {}  # service: the tier by whose anchor its gateway knows programs, where it is another
        self.back_ends = None  # of the warden: "[process, none]"; otherwise its default
        self.guest = None  # folder of what guests of the back end microvm are made of
        self.tpm = None  # folder of a software TPM (script/soft-tpm) that the platform is enrolled with
        self.gateway_lines = {}  # service: further lines of its gateway's configuration
        self.hears_revocations = False  # whether all gateways ask the authority for its lists
        # Compartments have a uid each; two worlds beside each other must not share them.
        self.first_uid = 700_000 + 1000 * (os.getpid() % 90)
        self.small_disks = ()  # daemons whose folder is a small file system
        self.last_run = None
        self.sales = sales
        self.longest_pause = longest_pause  # before a crashed program is started again
        self.programs = programs  # whom the gateways serve
        self.https = https  # services also serve HTTPS: the conventional way, for comparison

    # ---- files ----

    def folder(self, name, uid=None, mode=0o700):
        path = self.state / name
        path.mkdir(parents=True, exist_ok=True)
        if name in self.small_disks and not path.is_mount():
            run("mount", "-t", "tmpfs", "-o", "size=192m", "tmpfs", path)
        path.chmod(mode)
        if uid is not None:
            os.chown(path, uid, uid)
        return path

    def write(self, path, text, uid=None, mode=0o644):
        path = pathlib.Path(path)
        path.write_text(text)
        path.chmod(mode)
        if uid is not None:
            os.chown(path, uid, uid)
        return path

    def install(self):
        """Copies what was built to where every uid can execute it."""
        self.folder("bin", mode=0o755)
        self.folder("log", mode=0o755)
        for name in BINARIES:
            found = [p for p in self.build.rglob(name) if p.is_file() and os.access(p, os.X_OK)]
            if not found:
                raise WorldError(f"{name} is not in {self.build}: build it first")
            shutil.copy(found[0], self.bin / name)

    def copy_for(self, uid, folder, *files):
        for file in files:
            target = folder / pathlib.Path(file).name
            shutil.copy(file, target)
            target.chmod(0o600)
            os.chown(target, uid, uid)

    # ---- credentials (docs/bootstrap.md) ----

    def make_credentials(self):
        ca = self.folder("ca")
        for name in ("services", "infrastructure"):
            run(self.bin / "idevs-ca", "root", "--out", ca / f"{name}-ca.pem", "--key", ca / f"{name}-ca.key",
                "--subject", f"free-ride {name} CA")
        for name in (*SERVICES, "authority", "launcher"):
            whose = name if name in ("authority", "launcher") else f"gateway-{name}"
            self.ports.setdefault(whose, free_port())
            issuer = "services" if name in SERVICES else "infrastructure"
            folder = self.folder(f"credentials/{name}")
            run(self.bin / "idevs-ca", "server", "--ca", ca / f"{issuer}-ca.pem", "--ca-key",
                ca / f"{issuer}-ca.key", "--host", "127.0.0.1", "--out", folder / "cert.pem", "--key",
                folder / "priv.pem")
        self.public = self.folder("public", mode=0o755)
        for name in ("services-ca.pem", "infrastructure-ca.pem"):
            shutil.copy(ca / name, self.public / name)
        self.write(self.public / "all-ca.pem", (ca / "services-ca.pem").read_text() +
                   (ca / "infrastructure-ca.pem").read_text())

    def idevs(self, *arguments, check=True, as_json=True, home=None, **options):
        command = [self.bin / "idevs", *arguments, "--home", home or self.home]
        done = run(*command, *(["--json"] if as_json else []), check=check, **options)
        return json.loads(done.stdout) if as_json and check else done

    # ---- daemons ----

    def add(self, name, command, start=True, **options):
        self.daemons[name] = Daemon(name, command, self.state / "log" / f"{name}.log", **options)
        if start:
            self.daemons[name].start()
        return self.daemons[name]

    def start_service(self, name):
        uid = UIDS[name]
        folder = self.folder(name, uid)
        database = folder / f"{name}.db"
        if name == "store" and self.sales:
            run(self.bin / "free-ride-store", "--database", database, "--load", self.sales)
            for file in folder.iterdir():
                os.chown(file, uid, uid)
        self.ports.setdefault(name, free_port())
        delay = ["--delay-ms", self.delay_ms] if self.delay_ms else []
        self.add(name, [self.bin / f"free-ride-{name}", "--listen", f"127.0.0.1:{self.ports[name]}",
                        "--database", database, *delay, *self.https_options(name, folder)],
                 uid=uid, port=self.ports[name])

    def https_options(self, name, folder):
        if not self.https:
            return []
        self.copy_for(UIDS[name], folder, self.state / f"credentials/{name}/cert.pem",
                      self.state / f"credentials/{name}/priv.pem")
        self.ports[f"https-{name}"] = free_port()
        return ["--https", f"127.0.0.1:{self.ports[f'https-{name}']}", "--certificate", folder / "cert.pem",
                "--key", folder / "priv.pem"]

    def database(self, name):
        return self.state / name / f"{name}.db"

    def start_authority(self):
        uid = UIDS["authority"]
        folder = self.folder("authority", uid)
        as_authority = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
        run(*as_authority, self.bin / "idevs-authority", "init", "--state", folder / "state", "--trust-domain",
            TRUST_DOMAIN)
        self.copy_for(uid, folder, self.state / "credentials/authority/cert.pem",
                      self.state / "credentials/authority/priv.pem")
        config = self.write(folder / "authority.yaml", f"""listen: 127.0.0.1:{self.ports['authority']}
certificate: cert.pem
key: priv.pem
state: state
signer: {self.bin / 'idevs-signer'}
{self.tpm_makers(uid, folder) if self.tpm else ""}
""", uid)
        for name in ("root.pem", "tier-isolated.pem", "tier-development.pem"):
            shutil.copy(folder / "state" / "public" / name, self.public / name)
        self.add("authority", [self.bin / "idevs-authority", "serve", "--config", config], uid=uid,
                 port=self.ports["authority"])
        self.authority_url = f"https://127.0.0.1:{self.ports['authority']}"

    def tpm_makers(self, uid, folder):
        self.copy_for(uid, folder, self.tpm / "roots.pem", self.tpm / "intermediates.pem")
        return "tpm_roots: [roots.pem]\ntpm_intermediates: [intermediates.pem]"

    def start_tpm(self):
        """It serves one connection at a time: that of whichever command of the warden runs."""
        path = self.tpm / "socket"
        self.add("tpm", ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.tpm / 'state'}", "--server",
                         f"type=unixio,path={path}", "--flags", "not-need-init,startup-clear"], start=False)
        self.daemons["tpm"].start(wait=False)
        deadline = time.monotonic() + 20
        while not path.exists():
            if time.monotonic() > deadline or not self.daemons["tpm"].running():
                raise WorldError(f"no software TPM:\n{self.daemons['tpm'].tail()}")
            time.sleep(0.01)
        return f"attester: tpm\ntpm: socket:{path}"

    def authority_admin(self, *arguments):
        uid = UIDS["authority"]
        command, rest = arguments[:2], arguments[2:]
        return run("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", self.bin / "idevs-authority",
                   *command, *rest, "--state", self.state / "authority/state").stdout.strip()

    def start_warden(self):
        folder = self.folder("warden", mode=0o755)
        self.warden_socket = folder / "warden.sock"
        run(self.bin / "idevs-warden", "toolchain", "--out", folder / "toolchain", "--include",
            ROOT / "include", "--lib", next(self.build.rglob("libidevs.a")))
        config = self.write(folder / "warden.yaml", f"""socket: {self.warden_socket}
state: {folder / 'state'}
toolchain: {folder / 'toolchain'}
launcher_uid: {UIDS['launcher']}
uid_first: {self.first_uid}
secret_memory: {self.secret_memory}
{f"back_ends: {self.back_ends}" if self.back_ends else ""}
{f"guest: {self.guest}" if self.guest else ""}
{self.start_tpm() if self.tpm else ""}
""")
        run(self.bin / "idevs-warden", "init", "--config", config)
        self.enrol_platform(self.tier)
        self.add("warden", [self.bin / "idevs-warden", "serve", "--config", config],
                 socket_path=self.warden_socket)

    def enrol_platform(self, tier):
        """A platform that is enrolled already moves to `tier`."""
        folder = self.state / "warden"
        token = self.write(folder / "token", self.authority_admin("platform", "token", "--tier", tier), mode=0o600)
        enrolment = folder / "enrolment.cbor"
        enrolment.unlink(missing_ok=True)
        run(self.bin / "idevs-warden", "enrol", "--config", folder / "warden.yaml", "--token-file", token, "--out",
            enrolment)
        if not self.tpm:
            return self.idevs("platform", "enrol", enrolment)
        self.idevs("platform", "enrol", enrolment, "--credential", folder / "credential")
        return self.activate_platform()

    def activate_platform(self):
        """The second step of an enrolment with a TPM, which opens the credential."""
        folder = self.state / "warden"
        answer = folder / "activation"
        answer.unlink(missing_ok=True)
        run(self.bin / "idevs-warden", "activate", "--config", folder / "warden.yaml", "--credential",
            folder / "credential", "--out", answer)
        return self.idevs("platform", "activate", answer)

    def revocation(self, tier):
        """Where a gateway hears what was revoked of a tier, as it stands in its configuration."""
        return (f"revocation: {{lists: ['{self.authority_url}/v1/crl/{tier}'], "
                f"ca: {self.public / 'infrastructure-ca.pem'}}}\n" if self.hears_revocations else "")

    def start_gateway(self, name):
        uid = UIDS[f"gateway-{name}"]
        folder = self.folder(f"gateway-{name}", uid)
        self.copy_for(uid, folder, self.state / f"credentials/{name}/cert.pem",
                      self.state / f"credentials/{name}/priv.pem")
        port = self.ports[f"gateway-{name}"]
        tier = self.accepts.get(name, "isolated")
        config = self.write(folder / "gateway.yaml", f"""listen: 127.0.0.1:{port}
upstream: http://127.0.0.1:{self.upstreams.get(name, self.ports[name])}
authority: 127.0.0.1:{port}
certificate: cert.pem
key: priv.pem
program_anchors: [{self.public / f"tier-{tier}.pem"}]
state: state
honours_idempotency_key: true
{self.revocation(tier)}{self.gateway_lines.get(name, "")}programs:
{self.policy(name)}""", uid)
        self.add(f"gateway-{name}", [self.bin / "idevs-gateway", "--config", config], uid=uid, port=port)

    def policy(self, service):
        methods, paths = self.grants[service]
        return "".join(f"  - {{name: 'spiffe://{TRUST_DOMAIN}/program/{program}', methods: {methods}, "
                       f"paths: {paths}}}\n" for program in self.programs)

    def start_launcher(self):
        uid = UIDS["launcher"]
        folder = self.folder("launcher", uid)
        self.copy_for(uid, folder, self.state / "credentials/launcher/cert.pem",
                      self.state / "credentials/launcher/priv.pem", self.home / "owner.pub.pem")
        record = f"record: {self.record_file}\n" if self.record else ""
        config = self.write(folder / "launcher.yaml", f"""listen: 127.0.0.1:{self.ports['launcher']}
certificate: cert.pem
key: priv.pem
state: state
warden: {self.warden_socket}
ca: {self.public / 'all-ca.pem'}
owners: [owner.pub.pem]
longest_pause: {self.longest_pause}
{record}""", uid)
        self.add("launcher", [self.bin / "idevs-launcher", "--config", config], uid=uid,
                 port=self.ports["launcher"])

    def make_owner(self):
        run(self.bin / "idevs", "init", "--home", self.home,
            "--launcher", f"https://127.0.0.1:{self.ports['launcher']}",
            "--launcher-ca", self.public / "infrastructure-ca.pem",
            "--authority", f"https://127.0.0.1:{self.ports['authority']}",
            "--authority-ca", self.public / "infrastructure-ca.pem")

    def write_manifest(self, name="manifest.yaml", **changes):
        """The free-ride manifest beside the files that it names; `changes` replace whole lines by key."""
        for file in (self.public / "root.pem", self.public / "services-ca.pem", self.home / "owner.pub.pem"):
            shutil.copy(file, self.state / "program" / file.name)
        lines = {"program": "free-ride", "reads": "[store]", "writes": "[transport, messaging]",
                 "every": self.every, "limits": "{memory: 64 MiB, processes: 1, run: 10 min}", "logs": "owner",
                 "owner": "owner.pub.pem",
                 "authority": f"{{url: '{self.authority_url}', anchors: [root.pem]}}"}
        lines.update(changes)
        text = "".join(f"{key}: {value}\n" for key, value in lines.items() if value is not None) + "services:\n"
        for service in SERVICES:
            text += (f"  {service}: {{authority: '127.0.0.1:{self.ports['gateway-' + service]}', "
                     f"anchors: [services-ca.pem]}}\n")
        return self.write(self.state / "program" / name, text)

    # ---- the whole ----

    def start_services(self):
        self.install()
        self.make_credentials()
        for name in SERVICES:
            self.start_service(name)

    def start_infrastructure(self):
        self.make_owner()
        self.start_authority()
        self.authority_admin("owner", "add", "owner", self.home_public_key())
        self.start_warden()
        for name in SERVICES:
            self.start_gateway(name)
        self.start_launcher()
        self.folder("program")

    def home_public_key(self):
        """Where the authority's uid can read the owner's public key."""
        shutil.copy(self.home / "owner.pub.pem", self.public / "owner.pub.pem")
        (self.public / "owner.pub.pem").chmod(0o644)
        return self.public / "owner.pub.pem"

    def start(self):
        self.start_services()
        self.start_infrastructure()
        return self

    def add_program(self, source=None, manifest=None):
        source = source or ROOT / "examples/free-ride/integration_process.c"
        manifest = manifest or self.write_manifest()
        self.idevs("approve", "--source", source, "--manifest", manifest, "--toolchain-from-launcher")
        return self.idevs("program", "add", source, "--manifest", manifest)

    def build_program(self, name="free-ride"):
        return self.idevs("program", "build", name)

    def run_program(self, name="free-ride"):
        return self.idevs("run", name)

    def add_test_program(self, name, source, **changes):
        """A program of one run under its own name, built; `changes` go to its manifest."""
        manifest = self.write_manifest(f"{name}.yaml", **{"program": name, "every": None, **changes})
        self.add_program(source, manifest)
        return self.build_program(name)

    def run_to_its_end(self, name):
        """The ended run; a program that is started again and again does not end."""
        self.last_run = self.run_program(name)["id"]
        return self.idevs("show", self.last_run, "--wait", timeout=100)

    def compare(self):
        done = run("python3", ROOT / "examples/free-ride/compare", "--json", self.database("store"),
                   self.database("transport"), self.database("messaging"), check=False)
        return json.loads(done.stdout) if done.stdout.strip() else {"ok": False, "error": done.stderr}

    def wait_for_agreement(self, seconds=120, progress=None):
        deadline = time.monotonic() + seconds
        while True:
            result = self.compare()
            if progress:
                progress(result)
            if result.get("ok"):
                return result
            if time.monotonic() > deadline:
                result["errors"] = result.get("errors", [])[:5]
                raise WorldError(f"the three databases do not agree after {seconds} s: {result}\n"
                                 f"{self.situation()}")
            time.sleep(0.2)

    def situation(self):
        """What the runs and the daemons say of themselves, for whoever has to find out why."""
        runs = self.idevs("ps", "--all", check=False).stdout
        tails = "\n".join(f"-- {name}\n{daemon.tail(5)}" for name, daemon in self.daemons.items())
        return f"{runs}\n{tails}"

    def stop(self):
        """Every daemon gets SIGTERM in the order of who asks whom; all of them must end by themselves."""
        order = ["launcher", "warden", *(f"gateway-{s}" for s in SERVICES), "authority", *SERVICES]
        failures = []
        for name in order:
            if name in self.daemons:
                try:
                    status = self.daemons[name].stop()
                    if status not in (0, None):
                        failures.append(f"{name} ended with {status}")
                except WorldError as error:
                    failures.append(str(error))
        return failures

    def end_processes(self, seconds=5):
        running = [d for d in self.daemons.values() if d.running()]
        for daemon in running:
            daemon.kill(signal.SIGTERM)
            daemon.kill(signal.SIGCONT)  # a test may have stopped it
        deadline = time.monotonic() + seconds
        for daemon in running:
            try:
                daemon.process.wait(max(0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.process.wait()

    def remove(self):
        """Leaves nothing behind, whatever state the world is in: who ends at SIGTERM takes along what it made."""
        self.end_processes()
        for daemon in self.small_disks:
            run("umount", "-l", self.state / daemon, check=False)
        shutil.rmtree(self.state, ignore_errors=True)
