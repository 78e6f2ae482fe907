"""An auditor compiles a source again and compares it with a program's certificate: `idevs audit`."""

import json
import os
import pathlib
import shutil
import sys

from claims import ROOT, expect, refusal, with_world
from world import run

SOURCE = ROOT / "tests/e2e/programs/tell.c"


def folder_of(world, name, source=None, manifest=None):
    """A folder with what the owner would hand to an auditor, with other texts where they are given."""
    folder = world.state / "audits" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file in (world.state / "program").glob("*.pem"):
        shutil.copy(file, folder)
    (folder / "tell.c").write_text(source or SOURCE.read_text())
    (folder / "tell.yaml").write_text(manifest or (world.state / "program/tell.yaml").read_text())
    return folder


def audit(world, folder, toolchain=None, anchors=None, path=None):
    environment = {**os.environ, "PATH": path or f"{world.bin}:/usr/bin:/bin"}
    return world.idevs("audit", world.certificate, "--source", folder, "--toolchain", toolchain or world.toolchain,
                       "--anchors", anchors or world.public / "root.pem", check=False, env=environment)


def a_source_that_runs_is_found_to_run(world):
    done = audit(world, folder_of(world, "same"))
    expect(done.returncode == 0 and json.loads(done.stdout)["verdict"] == "same", done.stdout + done.stderr)


def another_source_is_told(world):
    done = audit(world, folder_of(world, "source", source=SOURCE.read_text() + "\n"))
    expect((refusal(done), done.returncode) == ("audit.source", 1), refusal(done))


def another_manifest_is_told(world):
    text = (world.state / "program/tell.yaml").read_text()
    done = audit(world, folder_of(world, "manifest", manifest=text.replace("memory: 64 MiB", "memory: 65 MiB")))
    expect(refusal(done) == "audit.manifest", refusal(done))


def another_toolchain_is_told(world):
    include = world.state / "audits/other-include"
    include.mkdir(parents=True)
    (include / "idevs.h").write_text((ROOT / "include/idevs.h").read_text() + "/* another */\n")
    other = world.state / "audits/other-toolchain"
    run(world.bin / "idevs-warden", "toolchain", "--out", other, "--include", include, "--lib",
        next(world.build.rglob("libidevs.a")))
    done = audit(world, folder_of(world, "toolchain"), toolchain=other)
    expect(refusal(done) == "audit.toolchain", refusal(done) + done.stderr)


def a_toolchain_that_was_changed_is_told(world):
    changed = world.state / "audits/changed"
    shutil.copytree(world.toolchain, changed, symlinks=True)
    shutil.copy(f"{world.toolchain}.digest", f"{changed}.digest")
    next(changed.rglob("idevs.h")).write_text("/* nothing */\n")
    done = audit(world, folder_of(world, "changed"), toolchain=changed)
    expect(refusal(done) == "audit.rebuild" and "build.toolchain" in done.stderr, done.stdout + done.stderr)


def pretended(world, name, script):
    """A PATH on which idevs-warden is this script."""
    folder = world.state / "audits" / name
    folder.mkdir(parents=True)
    (folder / "idevs-warden").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "idevs-warden").chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


def an_executable_that_the_source_does_not_give_is_told(world):
    """As where a platform lies about what it compiled."""
    toolchain = pathlib.Path(f"{world.toolchain}.digest").read_text().strip()
    path = pretended(world, "liar", f"echo '{'ab' * 32}  executable'; echo '{toolchain}  toolchain'")
    done = audit(world, folder_of(world, "executable"), path=path)
    expect(refusal(done) == "audit.executable", refusal(done))


def a_build_that_cannot_be_made_or_read_is_told(world):
    folder = folder_of(world, "rebuild")
    for name, script in (("silent", "exit 0"), ("failing", "exit 3"), ("dying", "kill -9 $$"),
                         ("talking", f"echo '{'ab' * 32}  executable'; yes")):
        done = audit(world, folder, path=pretended(world, name, script))
        expect(refusal(done) == "audit.rebuild", f"{name}: {refusal(done)}")
    done = audit(world, folder, path="/nowhere")
    expect(refusal(done) == "audit.rebuild", refusal(done))


def a_folder_that_names_no_one_source_is_told(world):
    folder = folder_of(world, "two")
    shutil.copy(folder / "tell.c", folder / "other.c")
    expect(refusal(audit(world, folder)) == "audit.files", "two sources")
    for file in folder.glob("*.c"):
        file.unlink()
    expect(refusal(audit(world, folder)) == "audit.files", "no source")
    expect(refusal(audit(world, folder / "nowhere")) == "file.unreadable", "no folder")


def a_certificate_of_nobody_known_is_not_audited(world):
    done = audit(world, folder_of(world, "anchors"), anchors=world.state / "program/services-ca.pem")
    expect(refusal(done) == "certificate.chain", refusal(done))


def prepare(world):
    world.start()
    world.add_test_program("tell", SOURCE)
    world.run_to_its_end("tell")
    world.toolchain = world.state / "warden/toolchain"
    world.certificate = world.state / "tell.pem"
    world.certificate.write_text(world.idevs("cert", "show", world.last_run, "--pem", as_json=False).stdout)


if __name__ == "__main__":
    sys.exit(with_world(pathlib.Path(sys.argv[1]), [
        a_source_that_runs_is_found_to_run,
        another_source_is_told,
        another_manifest_is_told,
        another_toolchain_is_told,
        a_toolchain_that_was_changed_is_told,
        an_executable_that_the_source_does_not_give_is_told,
        a_build_that_cannot_be_made_or_read_is_told,
        a_folder_that_names_no_one_source_is_told,
        a_certificate_of_nobody_known_is_not_audited,
    ], prepare, programs=("tell",), every=None))
