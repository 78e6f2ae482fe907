"""The tables that bench/README.md has from bench/launch.json."""

import tables
from tables import table, verdict

BACK_ENDS = ("process", "none", "microvm")
WORK = ("allocate", "write", "read", "free")
GOAL_START_MS, GOAL_IDLE_MB, GOAL_AT_ONCE = 15, 8, 200


def measured(section):
    return [b for b in BACK_ENDS if b in section]


def machine(out):
    return tables.machine(out) + (f"\n{out['note']}" if out["note"] else "")


def start(out):
    by_name = {b: out["start"][b]["steps"] for b in measured(out["start"])}
    first = next(iter(by_name.values()))
    names = sorted((n for n in first if n != "run"), key=lambda n: -first[n][0])
    rows = [(name, *(f"{ms:.3f}" for steps in by_name.values() for ms in steps[name])) for name in names]
    whole = ("**the whole**", *(f"{ms:.1f}" for steps in by_name.values() for ms in steps["run"]))
    counts = ("starts", *(n for b in by_name for n in (out["start"][b]["starts"], "")))
    return table(("ms", *(f"{b} {q}" for b in by_name for q in ("p50", "p95"))), [*rows, whole, counts])


def exchange(out):
    sides = out["exchange_us"]
    return table(("a read", "p50 us", "p99 us", "CPU of the program us", ": conventional", ": none"),
                 [(name, f"{s['p50_us']:,.0f}", f"{s['p99_us']:,.0f}", f"{s['cpu_us']:,.0f}",
                   f"{s['p50_us'] / sides['conventional']['p50_us']:.2f}",
                   f"{s['p50_us'] / sides['none']['p50_us']:.2f}") for name, s in sides.items()])


def beyond_mib(idle):
    """What a program costs the host beside the sealed copy of its executable."""
    return idle["group"] + idle["host"]


def idle(out):
    sizes = out["idle_mib"]
    rows = [("conventional", sizes["conventional"]["programs"], sizes["conventional"]["resident"],
             sizes["conventional"]["proportional"], "", "", "", "")]
    rows += [(b, s["programs"], s["resident"], s["proportional"], s["executable"], s["group"], s["host"],
              f"{beyond_mib(s):.2f}") for b, s in ((b, sizes[b]) for b in measured(sizes))]
    return table(("MiB a program", "programs", "resident", "proportional", "its executable", "its control group",
                  "launcher and warden", "beyond its executable"), rows)


def left(traces):
    more = [f"{n} {what}" for what, n in traces.items() if n]
    return ", ".join(more) if more else "nothing"


def at_once(out):
    sizes = out["idle_mib"]
    return table(("back end", "programs", "first byte p50 ms", "p95 ms", "all of them ms", "left behind"),
                 [(b, sizes[b]["programs"], *(f"{ms:,.0f}" for ms in sizes[b]["first_byte_ms"]),
                   f"{sizes[b]['all_first_bytes_ms']:,.0f}", left(sizes[b]["left"])) for b in measured(sizes)])


def blocks(side):
    """Of one side: microseconds inside against outside, and the ratio of a block's whole life."""
    def of(out):
        us = out["blocks_us"]
        if side not in us["write"]["1000000"]:
            return "Not measured: it is not to be had on that machine."
        rows = []
        for size, writes in us["write"].items():
            pairs = [(us[what][size][side], us[what][size]["conventional"]) for what in WORK]
            first = us["first-write"][size]
            inside, outside = (sum(column) for column in zip(*pairs))
            rows.append((f"{int(size) // 1_000_000} MB", *(f"{a:,.0f} / {b:,.0f}" for a, b in pairs),
                         f"{inside / outside:.2f}", f"{first[side] / first['conventional']:.2f}"))
        return table(("block", *WORK, "whole life", "first write"), rows)
    return of


def goals(out):
    p50, p95 = out["start"]["process"]["steps"]["run"]
    many = out["idle_mib"]["process"]
    beyond = beyond_mib(many)
    return table(("goal", "measured", ""), [
        (f"process: start to first protected byte under {GOAL_START_MS} ms", f"p50 {p50:.1f} ms, p95 {p95:.1f} ms",
         verdict(p50 < GOAL_START_MS)),
        (f"process: an idle program under {GOAL_IDLE_MB} MB beyond its own",
         f"{beyond:.2f} MiB, {beyond + many['executable']:.2f} with its executable",
         verdict(beyond * 1.048576 < GOAL_IDLE_MB)),
        (f"process: {GOAL_AT_ONCE} programs at once", f"{many['programs']}, all with their first byte after "
         f"{many['all_first_bytes_ms'] / 1000:.1f} s; left behind: {left(many['left'])}",
         verdict(many["programs"] >= GOAL_AT_ONCE and not any(many["left"].values()))),
    ], numbers_from=3)


PARTS = {"launch-machine": machine, "launch-start": start, "launch-exchange": exchange, "launch-idle": idle,
         "launch-at-once": at_once, "launch-goals": goals,
         **{f"launch-blocks-{side}": blocks(side) for side in ("none", "ordinary", "secret", "microvm")}}
