"""idevs without any daemon: exit statuses, and JSON whenever it was asked for."""

import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

IDEVS, CA = sys.argv[1:3]
DONE, REFUSED, USAGE, UNREACHABLE = range(4)
REFUSAL = {"code", "expected", "found", "remedy"}
# Nobody listens on port 1 of loopback.
NOWHERE = "https://127.0.0.1:1"


def idevs(home, *arguments, text="", as_json=False):
    command = [IDEVS, *map(str, arguments), *(["--json"] if as_json else [])]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=30, check=False,
                          env={"IDEVS_HOME": str(home), "PATH": "/usr/bin:/bin"})


def expect(condition, text):
    if not condition:
        raise AssertionError(text)


def refused(home, status, code, *arguments):
    """As text on standard error, and as one JSON object on standard output."""
    done = idevs(home, *arguments)
    expect(done.returncode == status, f"{arguments}: exit {done.returncode}: {done.stderr}")
    expect(done.stderr.startswith(f"idevs: {code}\n") and not done.stdout, f"{arguments}: {done}")
    for label in ("found", "expected", "remedy"):
        expect(f"\n  {label} " in done.stderr, f"{arguments}: no {label}: {done.stderr}")
    done = idevs(home, *arguments, as_json=True)
    expect(done.returncode == status, f"{arguments}: exit {done.returncode} with --json: {done.stdout}")
    answer = json.loads(done.stdout)
    expect(set(answer) == REFUSAL and answer["code"] == code and all(answer.values()), f"{arguments}: {answer}")
    return answer


def said(home, *arguments):
    done = idevs(home, *arguments, as_json=True)
    expect(done.returncode == DONE and not done.stderr, f"{arguments}: {done}")
    return json.loads(done.stdout)


def a_call_that_is_not_understood_is_a_usage_error(folder):
    for arguments in (["fly"], ["program"], ["program", "fly"], ["--wait", "ps"], ["--home", folder, "ps"],
                      ["ps", "--fly"], ["ps", "1"], ["run"], ["run", "a", "b"], ["show", "last"], ["logs", "-1"],
                      ["stop", "1x"], ["show", ""], ["measure"], ["approve"], ["init", "--launcher"],
                      ["init", "--launcher", "http://a"], ["init", "--authority", "https://a/b"],
                      ["program", "add", "a.c"], ["cert", "verify", "a.pem"], ["explain", "fly"],
                      ["service", "add", "store"], ["platform", "enrol"]):
        refused(folder / "none", USAGE, "usage", *arguments)
    expect(not (folder / "none/owner.key").exists(), "a refused init made keys")


def no_command_at_all_is_a_usage_error_that_lists_them(folder):
    done = idevs(folder)
    expect(done.returncode == USAGE and not done.stdout and "program add FILE" in done.stderr, str(done))


def help_is_no_error(folder):
    for arguments in (["--help"], ["-h"], ["help"], ["ps", "--help"], ["approve", "-h"], ["--version"]):
        done = idevs(folder, *arguments)
        expect(done.returncode == DONE and done.stdout.startswith("idevs") and not done.stderr, str(done))


def a_group_names_its_commands(folder):
    expect("program add, program list" in refused(folder, USAGE, "usage", "program")["expected"], "not named")


def measurements_are_sha256(folder):
    file = folder / "source.c"
    file.write_bytes(b"int main;\n")
    digest = hashlib.sha256(b"int main;\n").hexdigest()
    expect(said(folder, "measure", file) == {str(file): digest}, "another digest")
    expect(idevs(folder, "measure", file).stdout == f"{digest}  {file}\n", "another text")
    refused(folder, REFUSED, "file.unreadable", "measure", folder / "absent.c")
    refused(folder, REFUSED, "file.unreadable", "measure", folder)


MANIFEST = """program: free-ride
reads: [store]
owner: owner.pub.pem
authority: {url: 'https://authority.example', anchors: [ca.pem]}
services:
  store:
    authority: store.example
    anchors: [ca.pem]
"""
# (text of the manifest, what stands there instead, code, line:column of what is wrong)
FAULTS = (
    ("program: free-ride", "program: a;b", "name.invalid", "1:10"),
    ("program: free-ride", "program: ..", "name.invalid", "1:10"),
    ("program: free-ride", 'program: "a\\x07"', "manifest.syntax", "1:10"),
    ("program: free-ride", "program: ''", "manifest.syntax", "1:10"),
    ("program: free-ride", "", "manifest.syntax", "2:1"),
    ("reads: [store]", "reads: [store, hospital]", "manifest.unknown-service", "2:16"),
    ("reads: [store]", "reads: [store, store]", "manifest.syntax", "2:16"),
    ("reads: [store]", "limits: {memory: -1}", "manifest.syntax", "2:18"),
    ("reads: [store]", "limits:\n  run: -5s", "manifest.syntax", "3:8"),
    ("reads: [store]", "every: 0", "manifest.syntax", "2:8"),
    ("reads: [store]", "colour: blue", "manifest.syntax", "2:1"),
    ("  store:", "  a;b:", "name.invalid", "6:3"),
    ("    anchors: [ca.pem]", "    anchors: [ca.pem]\n    port: 1", "manifest.syntax", "9:5"),
    ("    anchors: [ca.pem]", "    anchors: [ca.pem, ca.pem, ca.pem]", "manifest.syntax", "8:14"),
    ("    anchors: [ca.pem]", "    anchors: [owner.pub.pem]", "manifest.syntax", "8:15"),
    ("store.example", "store.example/path", "manifest.syntax", "7:16"),
    ("https://authority.example", "http://authority.example", "manifest.syntax", "4:18"),
    ("https://authority.example", "https://" + "a" * 2000, "manifest.syntax", "4:18"),
    ("services:", "services: [", "manifest.syntax", "7:14"),
)


def a_faulty_manifest_is_refused_with_file_line_and_column(folder):
    home = folder / "writer"
    file = home / "manifest.yaml"
    said(home, "init")
    subprocess.run([CA, "root", "--subject", "test", "--out", home / "ca.pem", "--key", home / "ca.key"], check=True)
    file.write_text(MANIFEST)
    expect(len(said(home, "measure", file)[str(file)]) == 64, "the manifest without a fault")
    for right, wrong, code, place in FAULTS:
        expect(MANIFEST.count(right) == 1, right)
        file.write_text(MANIFEST.replace(right, wrong))
        found = refused(home, REFUSED, code, "measure", file)["found"]
        expect(f"manifest.yaml:{place}: " in found, f"{wrong}: {place} is not where it is: {found}")


def each_code_has_a_page(folder):
    pages = said(folder, "explain")
    expect(len(pages) > 80 and pages == sorted(pages, key=lambda page: page["code"]), "no sorted list")
    for page in pages[:5]:
        expect(said(folder, "explain", page["code"]) == page, page["code"])


def init_makes_keys_once_and_only_the_owner_reads_them(folder):
    home = folder / "home"
    expect(said(home, "init") == {"home": str(home), "made_keys": True}, "first")
    before = (home / "owner.key").read_bytes()
    expect(said(home, "init") == {"home": str(home), "made_keys": False}, "second")
    expect((home / "owner.key").read_bytes() == before, "the key was replaced")
    expect(home.stat().st_mode & 0o777 == 0o700, "the home is open")
    for name in ("owner.key", "owner-log.key"):
        expect((home / name).stat().st_mode & 0o777 == 0o600, f"{name} is open")


def init_keeps_what_it_is_not_told_again(folder):
    home = folder / "kept"
    subprocess.run([CA, "root", "--subject", "test", "--out", folder / "ca.pem", "--key", folder / "ca.key"],
                   check=True)
    said(home, "init", "--launcher", NOWHERE, "--launcher-ca", folder / "ca.pem")
    said(home, "init", "--authority", "https://authority.example:8440")
    said(home, "init")
    text = (home / "config.yaml").read_text()
    for part in (NOWHERE, "launcher-ca.pem", "https://authority.example:8440"):
        expect(part in text, f"{part} is gone: {text}")
    refused(home, UNREACHABLE, "launcher.unreachable", "ps")
    said(home, "init", "--launcher", "https://127.0.0.1:2")
    expect(NOWHERE not in (home / "config.yaml").read_text(), "the old launcher is still there")


def a_home_that_cannot_be_used_is_said(folder):
    file = folder / "a-file"
    file.write_text("no folder\n")
    refused(file, REFUSED, "file.unwritable", "init")
    home = folder / "spoiled"
    said(home, "init", "--launcher", NOWHERE)
    (home / "config.yaml").write_text("launcher: [\n")
    refused(home, REFUSED, "config.syntax", "ps")
    (home / "config.yaml").write_text("colour: blue\n")
    refused(home, REFUSED, "config.syntax", "ps")
    refused(folder / "new", REFUSED, "file.unreadable", "init", "--launcher-ca", folder / "absent.pem")


def a_home_without_addresses_is_said(folder):
    refused(folder / "absent", REFUSED, "owner.config", "ps")
    home = folder / "addressless"
    said(home, "init")
    refused(home, REFUSED, "owner.config", "program", "list")


def what_asks_a_launcher_says_that_there_is_none(folder):
    home = folder / "lonely"
    said(home, "init", "--launcher", NOWHERE, "--authority", NOWHERE)
    for arguments in (["ps"], ["program", "list"], ["program", "show", "a"], ["program", "rm", "a"],
                      ["program", "build", "a"], ["run", "a"], ["show", "1"], ["show", "1", "--wait"],
                      ["stop", "1"], ["logs", "1"], ["cert", "show", "1"], ["service", "list"],
                      ["service", "rm", "store"], ["service", "add", "store", "https://a:1"]):
        refused(home, UNREACHABLE, "launcher.unreachable", *arguments)
    request = folder / "request"
    request.write_bytes(b"anything")
    refused(home, UNREACHABLE, "authority.unreachable", "platform", "enrol", request)
    for arguments in (["run", "A"], ["program", "build", "a/b"], ["service", "rm", ".."]):
        refused(home, REFUSED, "name.invalid", *arguments)


def a_home_without_keys_is_said(folder):
    home = folder / "keyless"
    said(home, "init", "--launcher", NOWHERE)
    (home / "owner-log.key").unlink()
    refused(home, REFUSED, "owner.key", "logs", "1")


def a_file_that_is_no_certificate_is_refused(folder):
    file = folder / "no.pem"
    file.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    refused(folder, REFUSED, "certificate.malformed", "cert", "show", file)
    refused(folder, REFUSED, "certificate.malformed", "cert", "show", file, "--pem")
    refused(folder, REFUSED, "certificate.malformed", "cert", "show", folder / "ca.pem")
    refused(folder, REFUSED, "file.unreadable", "cert", "show", folder / "absent.pem")


def the_menu_outlives_mistakes_and_ends_with_its_input(folder):
    home = folder / "lonely"
    done = idevs(home, "menu", text="9\n\n" + "1" * 2000 + "\n1\n2\n" + "x" * 3000 + "\nno.yaml\n3\n../x\n")
    expect(done.returncode == DONE, str(done))
    codes = [line.removeprefix("idevs: ") for line in done.stderr.splitlines() if line.startswith("idevs: ")]
    expect(codes == ["usage", "usage", "usage", "launcher.unreachable", "file.unreadable", "name.invalid"], codes)
    for text in ("", "5\n", "2\n", "2\nfile.c"):
        expect(idevs(home, "menu", text=text).returncode == DONE, text)
    expect(idevs(home, "menu", text="6\n9\n").stderr == "", "it read on after 6")


def the_menu_gives_no_json(folder):
    done = idevs(folder, "menu", as_json=True)
    expect(done.returncode == USAGE and json.loads(done.stdout)["code"] == "usage", str(done))


CLAIMS = [
    a_call_that_is_not_understood_is_a_usage_error,
    no_command_at_all_is_a_usage_error_that_lists_them,
    help_is_no_error,
    a_group_names_its_commands,
    measurements_are_sha256,
    a_faulty_manifest_is_refused_with_file_line_and_column,
    each_code_has_a_page,
    init_makes_keys_once_and_only_the_owner_reads_them,
    init_keeps_what_it_is_not_told_again,
    a_home_that_cannot_be_used_is_said,
    a_home_without_addresses_is_said,
    what_asks_a_launcher_says_that_there_is_none,
    a_home_without_keys_is_said,
    a_file_that_is_no_certificate_is_refused,
    the_menu_outlives_mistakes_and_ends_with_its_input,
    the_menu_gives_no_json,
]


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for claim in CLAIMS:
            name = claim.__name__.replace("_", " ")
            try:
                claim(pathlib.Path(folder))
                print(f"ok   {name}")
            except (AssertionError, ValueError, OSError) as error:
                failed += 1
                print(f"FAIL {name}\n     {error}")
    return 1 if failed else 0


sys.exit(main())
