"""Runs the commands of docs/by-hand.md as they stand there, and looks at what they print.

In namespaces of its own: the page's ports are free there, and no process outlives the test."""

import fcntl
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile

from claims import ROOT, expect, need_root

PAGE = ROOT / "docs/by-hand.md"
SECONDS = 90
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
# What the commands must have printed, in this order.
WANTED = [
    '"status":"ok"',  # the authority
    "made new keys in",
    "enrolled in tier isolated",
    '"warden":"ok"',  # the launcher
    "approved at the authority: free-ride",
    "run 1 of free-ride",
    '"to":"+441223000001"',  # the message
    '"customer":"Ana"',  # the trip
    "exchangeKeys",  # the steps of the start
    "NOT protected from:",
    "is valid now",
    "state      ended",
    "6. Exit",
    "run 2 of free-ride",
    "removed free-ride",
]


def namespaces():
    """This very script again, with processes and a network of its own."""
    os.execvp("unshare", ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc",
                          sys.executable, __file__, sys.argv[1], "inside"])


def loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(sock, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def commands(build, folder):
    """The page's blocks of shell; only where it was built and where it goes are the test's own."""
    text = "".join(re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE))
    for name, value in (("B", build), ("W", folder)):
        text, n = re.subn(rf"^{name}=\S+", f"{name}={value}", text, flags=re.MULTILINE)
        expect(n == 1, f"{n} lines say {name}=")
    return text


def the_page_does_what_it_says(build, folder):
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", commands(build, folder)], cwd=ROOT, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=SECONDS, check=False)
    expect(done.returncode == 0, f"exit {done.returncode}:\n{done.stdout}")
    rest = done.stdout
    for wanted in WANTED:
        expect(wanted in rest, f"'{wanted}' is not in what followed:\n{done.stdout}")
        rest = rest.split(wanted, 1)[1]
    expect(not folder.exists(), f"{folder} is left")


def main():
    need_root()
    if sys.argv[-1] != "inside":
        namespaces()
    loopback_up()
    parent = pathlib.Path(tempfile.mkdtemp(prefix="idevs-by-hand-", dir="/var/tmp"))
    parent.chmod(0o755)
    folder = parent / "world"
    try:
        the_page_does_what_it_says(pathlib.Path(sys.argv[1]).resolve(), folder)
        print("ok   the page does what it says")
        return 0
    except (AssertionError, subprocess.TimeoutExpired) as error:
        log = folder / "log"
        print(f"FAIL {error}\n---- log\n{log.read_text(errors='replace')[-4000:] if log.exists() else '(none)'}")
        return 1
    finally:
        shutil.rmtree(parent, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
