"""The paper's case on a platform with a TPM (swtpm): from its endorsement certificate to a program's certificate, and
from there to the services."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

from case import program_of
from claims import ROOT, SKIPPED, expect, need_root, with_world
from world import run

DATA = ROOT / "examples/free-ride/data"
# SYS_ADMIN, SYS_PTRACE, IPC_LOCK, SETPCAP, SETUID, SETGID, KILL (src/warden/privileges.c).
KEPT = sum(1 << right for right in (21, 19, 14, 8, 7, 6, 5))
SALES = 60  # of the data set: enough that some qualify


def the_authority_knows_the_platform_by_its_tpm(world):
    listed = world.authority_admin("platform", "list")
    expect("TPM registers 0,1,2,3,4,5,6,7" in listed, listed)


def a_program_is_certified_and_exchanges_with_every_gateway(world):
    result = world.wait_for_agreement(120)
    expect(result["expected"] > 0, "there is nothing to do in the data set")


def its_certificate_says_what_the_tpm_quoted_and_what_that_does_not_protect_from(world):
    shown = world.idevs("cert", "show", world.run["id"])
    quoted = {c["name"]: c["text"] for c in shown["components"]}["tpm"]
    expect("registers 0,1,2,3,4,5,6,7 of SHA-256 as enrolled: nothing measured" in quoted, quoted)
    words = " ".join(world.idevs("cert", "show", world.run["id"], as_json=False).stdout.split())
    expect("a software TPM is as honest as its host" in words, words)


def openssl_verifies_the_chain(world):
    pem = world.state / "program.pem"
    pem.write_text(world.idevs("cert", "show", world.run["id"], "--pem", as_json=False).stdout)
    done = subprocess.run(["openssl", "verify", "-CAfile", world.public / "root.pem", "-untrusted",
                           world.public / "tier-isolated.pem", pem], capture_output=True, text=True)
    expect(done.returncode == 0, done.stdout + done.stderr)


def the_warden_has_as_few_rights_as_without_a_tpm_and_no_network(world):
    pid = world.daemons["warden"].process.pid
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    rights = int(re.search(r"^CapEff:\t([0-9a-f]+)", status, re.M).group(1), 16)
    expect(rights and not rights & ~KEPT, f"rights {rights:x}")
    expect(re.search(r"^NoNewPrivs:\t1", status, re.M), status)
    interfaces = [line.split(":")[0].strip() for line in
                  pathlib.Path(f"/proc/{pid}/net/dev").read_text().splitlines()[2:]]
    expect(interfaces == ["lo"], f"interfaces {interfaces}")


def a_program_has_no_descriptor_of_the_wardens(world):
    """The TPM among them: the warden has it open from its start."""
    def sockets(pid):
        return {os.readlink(fd) for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir()} - {"/dev/null"}
    warden, program = sockets(world.daemons["warden"].process.pid), sockets(program_of(world))
    expect(program and warden and not program & warden, f"{program & warden}")


def every_daemon_ends_by_itself(world):
    failures = world.stop()
    expect(not failures, "; ".join(failures))


def prepare(world):
    world.tpm = world.folder("tpm")
    run(ROOT / "script/soft-tpm", world.tpm)
    world.sales = world.state / "sales.ndjson"
    world.sales.write_text("\n".join(run("python3", DATA / "make-sales").stdout.splitlines()[:SALES]) + "\n")
    world.start()
    world.add_program()
    world.build_program()
    world.run = world.run_program()


def main():
    need_root()
    if not shutil.which("swtpm") or not shutil.which("swtpm_setup"):
        print("skipped: no swtpm and swtpm_setup here")
        return SKIPPED
    return with_world(pathlib.Path(sys.argv[1]), [
        the_authority_knows_the_platform_by_its_tpm,
        a_program_is_certified_and_exchanges_with_every_gateway,
        its_certificate_says_what_the_tpm_quoted_and_what_that_does_not_protect_from,
        openssl_verifies_the_chain,
        the_warden_has_as_few_rights_as_without_a_tpm_and_no_network,
        a_program_has_no_descriptor_of_the_wardens,
        every_daemon_ends_by_itself,
    ], prepare)


if __name__ == "__main__":
    sys.exit(main())
