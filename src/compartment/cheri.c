#include "compartment/cheri.h"
#include "base/fd.h"
#include "compartment/cheri_executable.h"
#include "compartment/cheri_host.h"
#include "compartment/cheri_run.h"

#include <stdio.h>
#include <unistd.h>

#define LINKER "/libexec/ld-elf-c18n.so.1"

static const struct cheri_tools TOOLS = {
    .proccontrol = "/usr/bin/proccontrol",
    .procstat = "/usr/bin/procstat",
    .linker = LINKER,
    .folder = "/var/run/idevs-cheri",
};

/* On another machine that one gap says it all. */
static void cheri_probe(struct compartment_gaps *ret)
{
    const char *const needed[] = {TOOLS.proccontrol, TOOLS.procstat, TOOLS.linker};

    cheri_host_probe(ret);
    if (ret->n > 0)
        return;
    for (size_t i = 0; i < ARRAY_LEN(needed); i++)
        if (access(needed[i], X_OK) != 0)
            compartment_lacks(ret, needed[i], "Use a CheriBSD release that has it: 24.05 does.",
                              "no such program");
    if (geteuid() != 0)
        compartment_lacks(ret, "root: it gives each compartment a user of its own",
                          "Start it as root.", "user %u", (unsigned)geteuid());
}

static bool opened;

static bool cheri_open(struct idevs_error *ret_err)
{
    opened = opened || folder_make(TOOLS.folder, 0711, ret_err);
    return opened;
}

static void cheri_close(void)
{
    rmdir(TOOLS.folder);
    opened = false;
}

static void cheri_describe(char *ret, size_t size)
{
    snprintf(ret, size, "CheriBSD, a compartment for each library (c18n); " CHERI_STATUS);
}

static bool cheri_start(const struct compartment_spec *spec, struct compartment **ret,
                        struct idevs_error *ret_err)
{
    if (!opened)
        return refuse(ret_err, "compartment.unavailable", "a back end that was not opened");
    return cheri_executable_check(spec->executable, TOOLS.linker, ret_err) &&
           cheri_run_start(&TOOLS, spec, ret, ret_err);
}

static const char *const BUILD_FLAGS[] = {"-march=morello+c64", "-mabi=purecap",
                                          "-Wl,--dynamic-linker=" LINKER, NULL};

const struct compartment_back_end COMPARTMENT_CHERI = {
    .name = "cheri",
    .isolates = false, /* until somebody has seen that it does */
    .compiles = false,
    .protects_from =
        "by design, " CHERI_STATUS ": errors of memory in the program and its libraries, and other "
        "users of the host; the host is protected from the program as from any user",
    .exposed_to = "not yet run, so all of it is to be shown: root of the host and its kernel; "
                  "whoever holds the platform key",
    .build_flags = BUILD_FLAGS,
    .probe = cheri_probe,
    .open = cheri_open,
    .close = cheri_close,
    .describe = cheri_describe,
    .start = cheri_start,
    .watch = cheri_run_watch,
    .measure = cheri_run_measure,
    .cpu_time = cheri_run_cpu_time,
    .kill = cheri_run_kill,
    .wait = cheri_run_wait,
    .destroy = cheri_run_destroy,
};
