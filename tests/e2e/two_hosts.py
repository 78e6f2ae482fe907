"""Two hosts in different folders, each with a toolchain that it gathered and a warden that compiles: one executable."""

import pathlib
import shutil
import sys

from claims import ROOT, World, expect, need_root, with_world

SOURCE = ROOT / "examples/free-ride/integration_process.c"


def both_have_one_toolchain_and_none_took_what_was_compiled_before(here):
    expect(here.built["toolchain"] == here.there.built["toolchain"], f"{here.built} {here.there.built}")
    expect(not here.built["cached"] and not here.there.built["cached"], "not compiled here")
    expect(here.state != here.there.state, "they share a folder")


def both_compile_the_same_executable(here):
    expect(here.built["executable"] == here.there.built["executable"], f"{here.built} {here.there.built}")


def prepare(here, there):
    here.there = there
    here.start()
    shutil.copytree(here.home, there.home)  # one owner
    there.start()
    manifest = here.write_manifest()
    for world in (here, there):
        world.idevs("program", "add", SOURCE, "--manifest", manifest)
        world.built = world.build_program()


def main():
    need_root()
    build = pathlib.Path(sys.argv[1])
    there = World(build)
    try:
        return with_world(build, [
            both_have_one_toolchain_and_none_took_what_was_compiled_before,
            both_compile_the_same_executable,
        ], lambda here: prepare(here, there))
    finally:
        there.remove()


if __name__ == "__main__":
    sys.exit(main())
