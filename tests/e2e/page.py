"""A page of the documentation as one bash script, and what the page says that its commands print.

Of the blocks in fences

    ```sh               holds commands: all of a page's are run by one bash, from the first to the last;
    ```text             after such a block is what it prints, the whole of it; `…` stands for anything;
    ```LANGUAGE FILE    is written to FILE in the folder where the page is by then;

and every other block is only shown.
"""

import dataclasses
import re
import subprocess

from claims import ROOT, expect

FENCE = re.compile(r"```(\w*) ?(\S*)$")
# Commands on pages that are not run, and why.
LEFT_OUT = {
    "bench/run --out bench/results.json": "takes eight minutes; the same with --smoke is run",
    "bench/launch ": "takes minutes; tests/e2e/launch.py runs it with --smoke",
    "script/fuzz": "takes long, and is run by script/test --fuzz",
    "proverif ": "is no package of Debian's",
    "script/test": "would run itself",
    "apt-get install ": "changes the machine",
    "idevs-warden guest ": "needs the kernel of that package; tests/guest/make runs it",
}
MARK = "\x1e"  # printed before each block's own output
END_OF_FILE = "end of the block"
# On the page's first line, which is its heading. A command in a function is said by the line that called it.
PROLOGUE = ("set -Eeuo pipefail; "
            "at() { local n=${#BASH_LINENO[@]}; echo \"line $((n > 2 ? BASH_LINENO[n - 2] : $1)): exit $2: $3\"; }; "
            "trap 'at $LINENO $? \"$BASH_COMMAND\"' ERR; trap 'kill $(jobs -p) 2>/dev/null || :; wait' EXIT")


@dataclasses.dataclass
class Block:
    language: str
    file: str  # empty: it is not written anywhere
    line: int  # of its opening fence, from 1
    lines: list


def blocks(text):
    """Every block in fences, in order."""
    found, current = [], None
    for number, line in enumerate(text.splitlines(), 1):
        fence = FENCE.match(line)
        if current is None and fence:
            current = Block(*fence.groups(), number, [])
        elif line == "```":
            found.append(current)
            current = None
        elif current:
            current.lines.append(line)
    expect(current is None, f"line {current and current.line}: a block without an end")
    return found


def left_out(line):
    """Whether the line is a command that no test can run."""
    return any(line.startswith(command) for command in LEFT_OUT)


def script(text):
    """The commands on the very lines that they have on the page, so that what bash says of a line is found there."""
    lines = [PROLOGUE] + [""] * text.count("\n")
    for block in blocks(text):
        inside = slice(block.line, block.line + len(block.lines))
        if block.language == "sh":
            lines[block.line - 1] = f"printf '{MARK}'"
            lines[inside] = [":" if left_out(line) else line for line in block.lines]
        elif block.file:
            lines[block.line - 1] = f"cat > '{block.file}' <<'{END_OF_FILE}'"
            lines[inside] = block.lines
            lines[inside.stop] = END_OF_FILE
    return "\n".join(lines) + "\n"


def promises(text):
    """[(index among the blocks of commands, Block with what that one prints)]."""
    found, n = [], 0
    for block in blocks(text):
        if block.language == "sh":
            n += 1
        elif block.language == "text" and not block.file:
            expect(n, f"line {block.line}: what is printed stands before any command")
            found.append((n - 1, block))
    return found


def matches(wanted, printed):
    pattern = ".*?".join(re.escape(part) for part in wanted.split("…"))
    return re.fullmatch(pattern, printed, re.DOTALL) is not None


def compare(text, printed):
    """`printed`: what each block of commands printed, as far as it came."""
    for index, block in promises(text):
        wanted = "\n".join(block.lines).strip()
        got = printed[index].strip() if index < len(printed) else "(nothing: it was not reached)"
        expect(matches(wanted, got), f"line {block.line} says\n{wanted}\nbut this was printed\n{got}")


def run(page, folder, where, environment, seconds):
    """Runs the page's commands in the folder `where`; `folder` gets the script and what it prints. How many blocks
    it ran."""
    text = (ROOT / page).read_text()
    commands, output = folder / "commands.sh", folder / "output"
    n = sum(block.language == "sh" for block in blocks(text))
    expect(n, f"{page} shows no command that can be run")
    commands.write_text(script(text))
    with open(output, "w") as to:  # a daemon that it starts may outlive it with a pipe in its hands
        done = subprocess.run(["bash", commands], cwd=where, env=environment, stdin=subprocess.DEVNULL, stdout=to,
                              stderr=to, timeout=seconds, check=False)
    printed = output.read_text(errors="replace").split(MARK)[1:]
    expect(done.returncode == 0, f"exit {done.returncode}; it printed\n{MARK.join(printed)[-4000:]}")
    compare(text, printed)
    return n
