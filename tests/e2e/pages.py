"""Every page that shows commands, run as it stands there, in a place of its own where everything that the page takes
for granted was made before.

    pages.py BUILD docs/api.md

In namespaces of its own: the pages' ports are free there, and no process outlives the test."""

import contextlib
import dataclasses
import fcntl
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

import page
from claims import ROOT, SKIPPED, World, WorldError, expect, need_root
from world import UIDS, run

SECONDS = 280
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


@dataclasses.dataclass
class Place:
    """Where a page is run."""

    folder: pathlib.Path  # all of it
    build: pathlib.Path
    clone: pathlib.Path  # the repository, built in build/
    here: pathlib.Path  # an empty folder
    environment: dict

    def credentials(self, host):
        """ca.pem, cert.pem and priv.pem for TLS under the name `host`."""
        ca = self.folder / "bin/idevs-ca"
        run(ca, "root", "--subject", "a CA", "--out", self.here / "ca.pem", "--key", self.folder / "ca.key")
        run(ca, "server", "--ca", self.here / "ca.pem", "--ca-key", self.folder / "ca.key", "--host", host,
            "--out", self.here / "cert.pem", "--key", self.here / "priv.pem")


def make_place(folder, build):
    """The clone is a copy, so that a page can leave in it what it makes; build/ is the folder under test."""
    for name in ("here", "tmp", "home"):
        (folder / name).mkdir()
    shutil.copytree(ROOT, folder / "clone", ignore=lambda path, names: (
        [name for name in names if name.startswith(("build", "."))] if path == str(ROOT) else []))
    for name in ("build", "build-bench"):
        (folder / "clone" / name).symlink_to(build)
    World(build, state=folder).install()
    environment = {"PATH": f"{folder}/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(folder / "home"),
                   "TMPDIR": str(folder / "tmp"), "LC_ALL": "C.UTF-8"}
    return Place(folder, build, folder / "clone", folder / "here", environment)


# ---- what a page takes for granted: each gives the folder where the page begins ----

@contextlib.contextmanager
def a_clone(place):
    """The repository, built."""
    yield place.clone


@contextlib.contextmanager
def a_world(place, **options):
    """Everything runs, and the owner has the built free-ride program at the launcher."""
    world = World(place.build, **options)
    try:
        world.start()
        world.add_program()
        world.build_program()
        place.environment["IDEVS_HOME"] = str(world.home)
        yield world
    finally:
        world.remove()


@contextlib.contextmanager
def an_owners_home(place):
    with a_world(place, ports={"launcher": 8443}) as world:
        shutil.copy(ROOT / "examples/free-ride/integration_process.c", world.home)
        yield world.home


@contextlib.contextmanager
def a_launchers_folder(place):
    """A world whose launcher is still to be started."""
    with a_world(place) as world:
        world.daemons["launcher"].stop()
        place.here.chmod(0o700)
        os.chown(place.here, UIDS["launcher"], UIDS["launcher"])
        world.copy_for(UIDS["launcher"], place.here, world.state / "credentials/launcher/cert.pem",
                       world.state / "credentials/launcher/priv.pem", world.public / "all-ca.pem",
                       world.public / "infrastructure-ca.pem", world.home / "owner.pub.pem")
        pathlib.Path("/run/idevs").symlink_to(world.state / "warden")
        yield place.here


@contextlib.contextmanager
def an_authoritys_folder(place):
    """TLS credentials, an owner, a software TPM, and a warden that is to be enrolled."""
    if not shutil.which("swtpm") or not shutil.which("swtpm_setup"):
        print("skipped: no swtpm and swtpm_setup here")
        sys.exit(SKIPPED)
    tpm = place.here / "tpm"
    run(ROOT / "script/soft-tpm", tpm)
    place.credentials("127.0.0.1")
    place.environment["IDEVS_HOME"] = str(place.folder / "owner")
    run(place.folder / "bin/idevs", "init", "--home", place.folder / "owner", "--authority", "https://127.0.0.1:8443",
        "--authority-ca", place.here / "ca.pem")
    shutil.copy(place.folder / "owner/owner.pub.pem", place.here)
    (place.here / "warden.yaml").write_text("socket: warden.sock\nstate: warden\nlauncher_uid: 62001\n")
    run(place.folder / "bin/idevs-warden", "init", "--config", place.here / "warden.yaml")
    served = subprocess.Popen(["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={tpm / 'state'}", "--server",
                               f"type=unixio,path={tpm / 'socket'}", "--flags", "not-need-init,startup-clear"])
    try:
        while not (tpm / "socket").exists() and served.poll() is None:
            time.sleep(0.01)
        yield place.here
    finally:
        served.terminate()
        served.wait()


@contextlib.contextmanager
def beside_a_service(place):
    """A service on port 8080, and an authority's anchor."""
    state = place.folder / "authority"
    run(place.folder / "bin/idevs-authority", "init", "--state", state, "--trust-domain", "free-ride.example")
    shutil.copy(state / "public/tier-isolated.pem", place.here)
    service = subprocess.Popen([place.folder / "bin/free-ride-store", "--listen", "127.0.0.1:8080", "--database",
                                place.folder / "store.db"], stdout=subprocess.DEVNULL)
    try:
        yield place.here
    finally:
        service.kill()
        service.wait()


@contextlib.contextmanager
def beside_a_gateways_files(place):
    """The service, and what its gateway reads."""
    with beside_a_service(place) as here:
        place.credentials("store.example")
        yield here


@contextlib.contextmanager
def an_auditors_clone(place):
    """What the demo's program left behind, beside the sources."""
    sales = place.folder / "sales.ndjson"
    sales.write_text(run("python3", ROOT / "examples/free-ride/data/make-sales").stdout)
    with a_world(place, sales=sales) as world:
        started = world.run_program()
        world.wait_for_agreement()
        pem = world.idevs("cert", "show", started["id"], "--pem", as_json=False).stdout
        (place.clone / "program.pem").write_text(pem)
        for file in (world.public / "root.pem", world.public / "tier-isolated.pem", world.record_file):
            shutil.copy(file, place.clone)
        shutil.copytree(world.state / "program", place.clone / "program")
        shutil.copy(ROOT / "examples/free-ride/integration_process.c", place.clone / "program")
        (place.clone / "state").symlink_to(world.state / "authority/state")
        yield place.clone


@contextlib.contextmanager
def a_program_writers_clone(place):
    """The repository, built, and a CA's certificate."""
    place.credentials("127.0.0.1")
    shutil.copy(place.here / "ca.pem", place.clone / "infrastructure-ca.pem")
    yield place.clone


@contextlib.contextmanager
def the_example(place):
    yield place.clone / "examples/free-ride"


@contextlib.contextmanager
def beside_a_manifests_files(place):
    """What the manifest names."""
    place.credentials("127.0.0.1")
    for name in ("root", "root-next", "services-ca", "services-ca-next"):
        shutil.copy(place.here / "ca.pem", place.here / f"{name}.pem")
    run(place.folder / "bin/idevs", "init", "--home", place.folder / "owner")
    shutil.copy(place.folder / "owner/owner.pub.pem", place.here)
    yield place.here


PAGES = {
    "README.md": a_clone,
    "bench/README.md": a_clone,
    "docs/api.md": an_owners_home,
    "docs/auditors.md": an_auditors_clone,
    "docs/authority.md": an_authoritys_folder,
    "docs/by-hand.md": a_clone,
    "docs/compartments.md": a_clone,
    "docs/conformance.md": beside_a_gateways_files,
    "docs/launcher.md": a_launchers_folder,
    "docs/manifest.md": beside_a_manifests_files,
    "docs/model/README.md": a_clone,
    "docs/service-owners.md": beside_a_service,
    "docs/writing-programs.md": a_program_writers_clone,
    "examples/free-ride/README.md": the_example,
}


# ---- namespaces ----

def namespaces():
    """This very script again, with processes, mounts and a network of its own."""
    os.execvp("unshare", ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc",
                          sys.executable, __file__, *sys.argv[1:], "inside"])


def loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(sock, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def logs(folder):
    return "\n".join(f"---- {file.name}\n{file.read_text(errors='replace')[-3000:]}"
                     for file in sorted(folder.rglob("*log")) if file.is_file())


def main():
    need_root()
    if sys.argv[-1] != "inside":
        namespaces()
    loopback_up()
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    build, name = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="idevs-page-", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        place = make_place(folder, build)
        with PAGES[name](place) as where:
            n = page.run(name, place.folder, where, place.environment, SECONDS)
        print(f"ok   {name}: its {n} blocks of commands do what it says")
        return 0
    except (AssertionError, WorldError, OSError, subprocess.SubprocessError) as error:
        print(f"FAIL {name}: {error}\n{logs(folder)}")
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
