"""The attacks of tests/hostile and their mutations, read from the sources: for script/attack-table and
script/mutate. tests/hostile/README.md says how both are written."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
HOSTILE = ROOT / "tests" / "hostile"
SEEN = HOSTILE / "seen"  # what script/mutate saw: a line for each attack
UNREFUSED = "nobody refused it"
REFUSERS = {"GATEWAY": "gateway", "RUNTIME": "run-time", "AUTHORITY": "authority", "SIGNER": "signer",
            "WARDEN": "warden", "LAUNCHER": "launcher", "SERVICE": "service"}
TEXT = r'"((?:[^"\\]|\\.)*)"'
ATTACK = re.compile(r"^ATTACK\(\s*(\w+),\s*(\w+),\s*(" + TEXT + r"|\w+),\s*((?:" + TEXT + r"\s*)+)\)$", re.M)
CONSTANT = re.compile(r'^#define (\w+)\s+"(\([a-z ]+\))"', re.M)
LISTED = re.compile(r"^    ROW\((\w+)\),$", re.M)
CODE = re.compile(r'^    \{"([a-z.-]+)", \d', re.M)


class Attack:
    def __init__(self, area, claim, refuser, code, sentence):
        self.area, self.claim, self.refuser, self.code, self.sentence = area, claim, refuser, code, sentence


def introduction(area):
    """The comment at the head of the area's file."""
    text = (HOSTILE / f"{area}.c").read_text().partition("*/")[0]
    return " ".join(line.strip(" /*") for line in text.splitlines())


class Mutation:
    """For the tests of `claims`: in each file, each text that stands in it once becomes another."""

    def __init__(self, where):
        self.where, self.claims, self.changes = where, [], []


def attacks():
    """All of them, area by area, and what is wrong with their rows."""
    constants = dict(CONSTANT.findall((HOSTILE / "attack.h").read_text()))
    codes = set(CODE.findall((ROOT / "src/base/codes.c").read_text()))
    found, wrong, seen = [], [], set()
    for path in sorted(HOSTILE.glob("*.c")):
        text = path.read_text()
        here = [match.group(1, 2, 3, 4, 5) for match in ATTACK.finditer(text)]
        for claim, refuser, code, literal, sentence in here:
            code = literal if literal is not None else constants.get(code, code)
            sentence = "".join(re.findall(TEXT, sentence))
            found.append(Attack(path.stem, claim, REFUSERS.get(refuser), code, sentence))
            if claim in seen:
                wrong.append(f"{path.name}: {claim} stands twice")
            if refuser not in REFUSERS or (code not in codes and not code.startswith("(")):
                wrong.append(f"{path.name}: {claim}: {refuser} or {code} is not known")
            seen.add(claim)
        if text.count("\nATTACK(") != len(here):
            wrong.append(f"{path.name}: an ATTACK that cannot be read")
        if [claim for claim, *_ in here] != LISTED.findall(text):
            wrong.append(f"{path.name}: ATTACKS lists others, or in another order")
    return found, wrong


def read_mutations(path):
    """Blocks between blank lines: names, then files, each with its hunks of -old and +new lines."""
    for block in re.split(r"\n\s*\n", path.read_text()):
        mutation, file, old, new = Mutation(path.name), None, [], []

        def end_hunk():
            if old or new:
                mutation.changes.append((file, "\n".join(old), "\n".join(new)))
            old.clear()
            new.clear()

        for line in block.splitlines():
            if line.startswith("#"):
                continue
            if line.startswith("-"):
                if new:
                    end_hunk()
                old.append(line[1:])
            elif line.startswith("+"):
                new.append(line[1:])
            elif "/" in line:
                end_hunk()
                file = line.strip()
            elif line.strip():
                mutation.claims.append(line.strip())
        end_hunk()
        if mutation.claims:
            yield mutation


def read_seen():
    """What was seen of each attack when its check was taken out."""
    lines = SEEN.read_text().splitlines() if SEEN.is_file() else []
    return dict(line.split(": ", 1) for line in lines)


def write_seen(seen):
    known = {attack.claim for attack in attacks()[0]}
    SEEN.write_text("".join(f"{claim}: {seen[claim]}\n" for claim in sorted(known & set(seen))))


def mutations():
    """All of them, and what is wrong: an attack without one, a text that is not there once."""
    known = {attack.claim for attack in attacks()[0]}
    found = [m for path in sorted(HOSTILE.glob("*.mutations")) for m in read_mutations(path)]
    named = [claim for m in found for claim in m.claims]
    wrong = [f"{claim}: no mutation removes its check" for claim in sorted(known - set(named))]
    wrong += [f"{claim}: no such attack" for claim in sorted(set(named) - known)]
    wrong += [f"{claim}: mutated twice" for claim in sorted({c for c in named if named.count(c) > 1})]
    for m in found:
        if not m.changes:
            wrong.append(f"{m.where}: {m.claims[0]}: nothing is changed")
        for file, old, new in m.changes:
            path = ROOT / (file or "")
            times = path.read_text().count(old) if file and path.is_file() else 0
            if not old or times != 1:
                wrong.append(f"{m.where}: {m.claims[0]}: in {file} stands {times} times: {old}")
    return found, wrong
