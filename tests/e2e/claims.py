"""What the end-to-end tests share: a world, and functions named as claims that are run one by one."""

import os
import pathlib
import sys
import traceback

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "script"))
from world import World, WorldError  # noqa: E402,F401

SKIPPED = 77


def need_root():
    if os.geteuid() != 0:
        print("skipped: compartments are made by root")
        sys.exit(SKIPPED)


def expect(condition, text):
    if not condition:
        raise AssertionError(text)


def check(world, claims):
    """Runs every claim with the world; prints each; exit status for meson."""
    failed = 0
    for claim in claims:
        name = claim.__name__.replace("_", " ")
        try:
            claim(world)
            print(f"ok   {name}", flush=True)
        except Exception:  # a claim may fail in any way; all others are still tried
            failed += 1
            print(f"FAIL {name}\n{traceback.format_exc()}", flush=True)
    print(f"{len(claims) - failed} claims hold, {failed} do not")
    return 1 if failed else 0


def with_world(build, claims, prepare=None, **options):
    """A world of its own around the claims; what its daemons logged is shown when one fails."""
    need_root()
    world = World(build, **options)
    status = 1
    try:
        if prepare:
            prepare(world)
        status = check(world, claims)
        return status
    except WorldError as error:
        print(f"FAIL the world does not stand: {error}")
        return 1
    finally:
        if status:
            for daemon in world.daemons.values():
                print(f"---- {daemon.name}\n{daemon.tail(12)}")
        world.remove()


def refusal(done):
    """The error code in the output of an `idevs --json` that refused."""
    import json
    try:
        return json.loads(done.stdout or done.stderr)["code"]
    except (ValueError, KeyError):
        return f"exit {done.returncode}: {done.stdout[-300:]}{done.stderr[-300:]}"
