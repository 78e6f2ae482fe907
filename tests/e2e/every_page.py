"""No page shows a command that nothing runs, and what runs a page notices when the page is wrong.

    every_page.py BUILD
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

import page
from claims import ROOT, check, expect
from pages import PAGES

# What a line of commands begins with.
COMMAND = re.compile(r"\s*(?:\$ |sudo )?(?:idevs(?:-[a-z]+)?|free-ride-[a-z]+|curl|openssl|ninja|meson|gcc|jq|kill|cp|mkdir|"
                     r"setpriv|proverif|python3?|npm|node|apt-get|git|\.?/?(?:script|bench|docs|data|examples)/[\w./-]+|"
                     r"\./[\w-]+)(?:\s|$)")
CALL = re.compile(r"`((?:idevs(?:-[a-z]+)?|free-ride-[a-z]+)\s[^`]+)`")
TOOLS = ("idevs", "idevs-authority", "idevs-ca", "idevs-gateway", "idevs-launcher", "idevs-warden")


def page_names():
    files = (file.relative_to(ROOT) for file in ROOT.rglob("*.md"))
    return sorted(str(file) for file in files
                  if not re.match(r"build|\.", file.parts[0]) and "node_modules" not in file.parts)


UNTRIED = "docs/cheri.md"  # for a machine that no test has


def text_of(name):
    return (ROOT / name).read_text()


def shown_only(text):
    """The lines of blocks that nothing runs: in fences, or indented by four."""
    inside = {line for block in page.blocks(text) for line in range(block.line - 1, block.line + len(block.lines) + 1)}
    lines = text.splitlines()
    for block in page.blocks(text):
        if block.language not in ("sh", "text") and not block.file:
            yield from block.lines
    yield from (line for n, line in enumerate(lines) if n not in inside and line.startswith("    "))


def each_page_with_commands_is_run(_):
    with_commands = {name for name in page_names() for block in page.blocks(text_of(name))
                     if block.language == "sh" and not all(page.left_out(line) for line in block.lines)}
    expect(with_commands == set(PAGES), f"run or with commands, not both: {with_commands ^ set(PAGES)}")
    tests = (ROOT / "tests/e2e/meson.build").read_text()
    expect(all(f"'{name}'" in tests for name in PAGES), "a page is not among the tests")


def no_command_stands_in_a_block_that_nothing_runs(_):
    expect("**Status: not yet run.**" in text_of(UNTRIED), f"{UNTRIED} does not say that nobody has run it")
    for name in set(page_names()) - {UNTRIED}:
        for line in shown_only(text_of(name)):
            expect(not COMMAND.match(line), f"{name}: {line}")


def what_is_left_out_stands_on_a_page(_):
    lines = [line for name in page_names() for block in page.blocks(text_of(name)) for line in block.lines]
    for command in page.LEFT_OUT:
        expect(any(line.startswith(command) for line in lines), command)


def help_of(tool, words):
    """What --help says where the command `words` is one; None where it is not."""
    if tool == "idevs":
        done = subprocess.run([binary(tool), *words, "--help"], capture_output=True, text=True)
        return done.stdout if done.returncode == 0 else None
    done = subprocess.run([binary(tool), "--help"], capture_output=True, text=True)
    return done.stdout if re.search(rf"^\W*(?:usage: )?{' '.join([tool, *words])}\b", done.stdout, re.M) else None


def binary(tool):
    return next(p for p in pathlib.Path(sys.argv[1]).resolve().rglob(tool) if p.is_file() and os.access(p, os.X_OK))


def each_call_that_a_sentence_names_exists(_):
    n = 0
    for name in page_names():
        prose = re.sub(r"^```.*?^```$", "", text_of(name), flags=re.M | re.S)
        for call in (" ".join(call.split()) for call in CALL.findall(prose)):
            tool, *rest = call.split()
            if tool not in TOOLS or not re.match(r"[a-z-]+$", rest[0]):
                continue  # `idevs COMMAND --help`, and a tool's name in other words
            words = list(iter_words(rest))
            text = help_of(tool, words)
            expect(text, f"{name}: `{call}` is no command of {tool}")
            for option in re.findall(r"--[a-z-]+", call):
                expect(option in text or option in ("--help", "--json", "--home"), f"{name}: `{call}`: {option}")
            n += 1
    expect(n > 40, f"only {n} calls were found")


def iter_words(rest):
    """The words of a command: those before options, file names and what stands for something else."""
    for word in rest:
        if not re.match(r"[a-z]+$", word):
            return
        yield word


# ---- what runs a page can fail ----

def run_text(text):
    """What running a page of this text says: None, or why it fails."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "page.md").write_text(text)
        try:
            page.run(folder / "page.md", folder, folder, {"PATH": "/usr/bin:/bin"}, 20)
        except AssertionError as error:
            return str(error)
    return None


def a_page_that_is_right_passes(_):
    expect(run_text("# A\n```txt some\nb\n```\n```sh\ncat some\necho c; X=1\n```\nand\n```text\nb\n…\n```\n"
                    "```sh\n[ $X = 1 ]\n```\n") is None, "it fails")


def a_command_that_fails_fails_the_page_and_its_line_is_said(_):
    for commands in ("echo a\nfalse\necho b", "echo a\nno-such-command\necho b", "echo a\ncat absent | cat\necho b"):
        why = run_text(f"# A\n\n```sh\n{commands}\n```\n")
        expect(why and "line 5" in why and "\nb" not in why, why)


def a_result_that_is_not_printed_fails_the_page(_):
    for promise in ("b", "a\nb", "", "a…c", "… a"):
        why = run_text(f"# A\n```sh\necho a\n```\n```text\n{promise}\n```\n")
        expect(why and "line 5 says" in why, f"{promise!r}: {why}")


def a_result_belongs_to_the_block_before_it(_):
    expect(run_text("# A\n```sh\necho a\n```\n```sh\necho b\n```\n```text\na\n```\n"), "it passes")


def a_page_without_commands_fails(_):
    expect(run_text("# A\n    echo a\n"), "it passes")


def a_block_without_an_end_fails(_):
    expect(run_text("# A\n```sh\necho a\n"), "it passes")


if __name__ == "__main__":
    sys.exit(check(None, [
        each_page_with_commands_is_run,
        no_command_stands_in_a_block_that_nothing_runs,
        what_is_left_out_stands_on_a_page,
        each_call_that_a_sentence_names_exists,
        a_page_that_is_right_passes,
        a_command_that_fails_fails_the_page_and_its_line_is_said,
        a_result_that_is_not_printed_fails_the_page,
        a_result_belongs_to_the_block_before_it,
        a_page_without_commands_fails,
        a_block_without_an_end_fails,
    ]))
