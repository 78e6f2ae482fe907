"""How long each harness was fuzzed in all, what that reached, and the table of it in docs/security.md."""
import collections
import gzip
import json
import os
import pathlib
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
TALLY = ROOT / "fuzz/tally.json"
PAGE = ROOT / "docs/security.md"
BEGIN, END = "<!-- fuzzing: begin -->\n", "<!-- fuzzing: end -->\n"


def environment(**more):
    return {**os.environ, **more}


def read(path):
    return json.loads(path.read_text()) if path.exists() else {"harnesses": {}, "lines": {}}


def write(path, tally):
    """In one step: a reader or an interrupt sees the old file or the new one."""
    part = path.with_suffix(".new")
    part.write_text(json.dumps(tally, indent=1, sort_keys=True) + "\n")
    part.rename(path)


def add(path, harnesses):
    """Seconds, executions and findings add up; edges are what the latest corpus reaches."""
    tally = read(path)
    for name, more in harnesses.items():
        total = tally["harnesses"].setdefault(name, {"seconds": 0, "executions": 0, "findings": 0, "edges": 0})
        for key in ("seconds", "executions", "findings"):
            total[key] += more[key]
        total["edges"] = more["edges"] or total["edges"]
    write(path, tally)


def seconds(name, keep):
    """For how long that harness was fuzzed: in the tree's tally, and in that of the folder `keep` (or None)."""
    tallies = [TALLY, keep / "tally.json"] if keep else [TALLY]
    return sum(read(t)["harnesses"].get(name, {"seconds": 0})["seconds"] for t in tallies)


# ---- lines of src/ that the corpora reach ----

def gcov_lines(build):
    """Which lines of each file of src/ were run, of those that can be: {file: {line: bool}}."""
    lines = collections.defaultdict(dict)
    counts = [str(p) for p in build.rglob("*.gcda")]
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(["gcov", "--json-format", "--hash-filenames", *counts], cwd=scratch, check=True,
                       stdout=subprocess.DEVNULL)
        for report in pathlib.Path(scratch).glob("*.gcov.json.gz"):
            for entry in json.loads(gzip.decompress(report.read_bytes()))["files"]:
                parts = pathlib.Path(entry["file"]).parts
                if "src" not in parts or not entry["file"].endswith(".c"):
                    continue
                file = "/".join(parts[parts.index("src") + 1:])
                for line in entry["lines"]:
                    at = line["line_number"]
                    lines[file][at] = lines[file].get(at, False) or line["count"] > 0
    return lines


def measure_lines(programs, build="build-fuzz-lines"):
    """Replays all corpora in a build of its own and notes, for each folder of src/, the lines reached."""
    subprocess.run(["script/build", build, "-Db_coverage=true", "-Dbuildtype=debug", "-Dwerror=false"],
                   cwd=ROOT, check=True, stdout=subprocess.DEVNULL, env=environment(CC="gcc", TARGET="fuzzers"))
    for old in (ROOT / build).rglob("*.gcda"):
        old.unlink()
    for name in programs:
        subprocess.run([ROOT / build / "fuzz" / ("fuzz-" + name.replace("/", "_")), ROOT / "fuzz/corpus" / name],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    folders = collections.defaultdict(lambda: {"reached": 0, "all": 0})
    for file, lines in gcov_lines(ROOT / build).items():
        folder = folders[file.split("/")[0]]
        folder["reached"] += sum(lines.values())
        folder["all"] += len(lines)
    tally = read(TALLY)
    tally["lines"] = dict(folders)
    write(TALLY, tally)


# ---- the table ----

def rows(harnesses, names):
    yield "| harness | time | executions | findings | edges |"
    yield "| --- | --: | --: | --: | --: |"
    for name in names:
        t = harnesses.get(name, {"seconds": 0, "executions": 0, "findings": 0, "edges": 0})
        yield (f"| `{name}` | {t['seconds'] // 60} min | {t['executions']:,} | {t['findings']} | "
               f"{t['edges'] or '-'} |")


def line_rows(folders):
    yield "| folder of `src/` | lines that the corpora reach |"
    yield "| --- | --: |"
    for name, t in sorted(folders.items()):
        yield f"| `{name}` | {t['reached']:,} of {t['all']:,} ({100 * t['reached'] // max(1, t['all'])} %) |"


def table(names):
    tally = read(TALLY)
    known = [tally["harnesses"].get(n, {"seconds": 0, "executions": 0}) for n in names]
    hours = sum(t["seconds"] for t in known) / 3600
    full = sum(t["seconds"] >= 3600 for t in known)
    yield (f"So far {hours:.1f} hours in all, {sum(t['executions'] for t in known):,} executions; "
           f"{full} of {len(names)} harnesses had their hour.")
    yield ""
    yield from rows(tally["harnesses"], names)
    yield ""
    yield from line_rows(tally["lines"])


def write_table(names):
    text = PAGE.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(before + BEGIN + "\n".join(table(names)) + "\n" + END + after)
