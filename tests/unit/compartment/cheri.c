/* The back end `cheri` as far as Linux has it: its runs, with scripts in place of CheriBSD's tools
 * (inside.c in argv[1]), and what it says where it cannot be used. As root. The format of the
 * memory map is explained in cheri_map.c. */
#include "compartment/cheri_run.h"
#include "crypto/digest.h"
#include "stage.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/idevs-cheri-XXXXXX";
static char proccontrol[64];
static char procstat[64];
static char linker[64];
static char runs[64];

static struct cheri_tools tools = {proccontrol, procstat, linker, runs};

/* As the real one does: it checks what it is asked for and becomes the program. A shell adds to the
 * environment, which is taken away again. */
static const char PROCCONTROL[] =
    "#!/bin/sh\n"
    "[ \"$1 $2 $3 $4\" = '-m cheric18n -s enable' ] && [ $# = 5 ] || exit 99\n"
    "shift 4\n"
    "exec /usr/bin/env -i \"$@\"\n";

static void script(const char *path, const char *text)
{
    assert_true(file_write(path, bytes_of_text(text), 0700, NULL));
    assert_int_equal(chmod(path, 0755), 0);
}

/* It prints a map of the process that it is asked for. */
static void procstat_prints(const char *lines)
{
    char text[1024];

    snprintf(text, sizeof(text),
             "#!/bin/sh\n[ \"$1\" = -v ] && [ $# = 2 ] || exit 99\n"
             "echo ' PID START END PRT RES PRES REF SHD FLAG TP PATH'\n%s",
             lines);
    script(procstat, text);
}

static void procstat_prints_a_map(void)
{
    char lines[512];

    snprintf(lines, sizeof(lines),
             "echo \" $2 0x100000 0x300000 r-xR- 3 9 3 1 CN--- vn %s\"\n"
             "echo \" $2 0x300000 0x400000 rw-RW 1 1 1 0 ----- sw \"\n",
             linker);
    procstat_prints(lines);
}

static bool start(const struct compartment_spec *spec, struct compartment **ret,
                  struct idevs_error *ret_err)
{
    return cheri_run_start(&tools, spec, ret, ret_err);
}

static const struct compartment_back_end ON_LINUX = {
    .name = "cheri",
    .start = start,
    .watch = cheri_run_watch,
    .measure = cheri_run_measure,
    .cpu_time = cheri_run_cpu_time,
    .kill = cheri_run_kill,
    .wait = cheri_run_wait,
    .destroy = cheri_run_destroy,
};

static bool is_empty(const char *path)
{
    size_t n = 0;
    DIR *dir = opendir(path);

    assert_non_null(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n == 2; /* itself and its parent */
}

static void it_is_started_as_the_paper_does(void **state)
{
    static const char *const wanted[] = {"/p", "-m", "cheric18n", "-s", "enable", "/x"};
    const struct cheri_tools somewhere = {.proccontrol = "/p"};
    const char *argv[CHERI_ARGUMENTS];

    (void)state;
    cheri_run_arguments(&somewhere, "/x", argv);
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        assert_string_equal(argv[i], wanted[i]);
    assert_null(argv[ARRAY_LEN(wanted)]);
}

static void on_linux_it_says_what_is_missing_and_that_nobody_ran_it(void **state)
{
    const struct compartment_back_end *cheri = compartment_back_end("cheri");
    struct compartment_gaps gaps = {.n = 0};
    char text[256];

    (void)state;
    assert_non_null(cheri);
    cheri->probe(&gaps);
    assert_int_equal(gaps.n, 1);
    assert_refused(&gaps.at[0], "compartment.missing");
    assert_non_null(strstr(gaps.at[0].expected, "Morello"));
    assert_non_null(strstr(gaps.at[0].remedy, "docs/cheri.md"));
    cheri->describe(text, sizeof(text));
    assert_non_null(strstr(text, CHERI_STATUS));
    assert_non_null(strstr(cheri->protects_from, CHERI_STATUS));
    assert_false(cheri->isolates);
}

static const struct {
    const char *attempt;
    const char *code;
} OUTCOMES[] = {
    {"nothing", ""},
    {"what-programs-do", ""},
    {"stray-output", ""},
    {"status-three", "compartment.crashed"},
    {"abort", "compartment.crashed"},
    {"null-pointer", "compartment.crashed"},
};

static void every_run_ends_with_its_code_and_leaves_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(OUTCOMES); i++) {
        struct compartment_end end = outcome_of(OUTCOMES[i].attempt);
        if (strcmp(end.code, OUTCOMES[i].code) != 0)
            fail_msg("%s: '%s' (%s)", OUTCOMES[i].attempt, end.code, end.detail);
        assert_true(is_empty(runs));
    }
}

static void one_that_is_killed_says_by_whom(void **state)
{
    struct run run;
    pid_t pid = 0;

    (void)state;
    run_begin(&run, "forever");
    assert_string_equal(run_outcome(&run, 50).code, "compartment.limit");
    assert_true(cheri_run_cpu_time(run.c) == 0); /* no more */
    run_finish(&run);
    run_begin(&run, "forever");
    assert_int_equal(processes_of(stage.uid, &pid), 1);
    kill(pid, SIGKILL);
    assert_string_equal(run_outcome(&run, STAGE_WAIT_MS).code, "compartment.lost");
    run_finish(&run);
    run_begin(&run, "forever");
    run_finish(&run);
    assert_true(processes_of_become(stage.uid, 0));
    assert_true(is_empty(runs));
}

static void what_is_measured_names_map_linker_and_status(void **state)
{
    struct run run;
    struct eat_measured m = {.n_components = 0};
    uint8_t wanted[SHA256_LEN];

    (void)state;
    procstat_prints_a_map();
    run_begin(&run, "forever");
    assert_true(cheri_run_measure(run.c, &m));
    assert_string_equal(m.memory_map_summary, "2 mappings, 3.0 MiB; writable 1.0, executable 2.0, "
                                              "both 0.0, capabilities 3.0");
    assert_int_equal(m.n_components, 2);
    assert_string_equal(m.components[0].name, "status");
    assert_string_equal(m.components[0].text, CHERI_STATUS);
    assert_false(m.components[0].digest.present);
    assert_string_equal(m.components[1].name, "linker");
    assert_string_equal(m.components[1].text, linker);
    sha256(bytes_of_text("linker"), wanted);
    assert_memory_equal(m.components[1].digest.sha256, wanted, sizeof(wanted));
    run_outcome(&run, 0);
    assert_false(cheri_run_measure(run.c, &(struct eat_measured){.n_components = 0}));
    run_finish(&run);
}

static const char *const BAD_TOOLS[] = {
    "",                                    /* only the head */
    "echo hello\n",                        /* no map */
    "exit 1\n",                            /* it failed */
    "kill -9 $$\n",                        /* it died */
    "while :; do echo 0123456789; done\n", /* it never ends printing */
    "exec sleep 60\n",                     /* it never ends */
};

static void without_a_sound_memory_map_there_is_no_evidence(void **state)
{
    struct run run;

    (void)state;
    run_begin(&run, "forever");
    for (size_t i = 0; i < ARRAY_LEN(BAD_TOOLS); i++) {
        struct eat_measured m = {.n_components = 0};
        procstat_prints(BAD_TOOLS[i]);
        if (cheri_run_measure(run.c, &m))
            fail_msg("taken: %s", BAD_TOOLS[i]);
    }
    run_finish(&run);
}

static void a_start_that_cannot_be_is_refused_and_leaves_nothing(void **state)
{
    struct idevs_error err = {.code = ""};
    struct run run;
    struct cheri_tools without = tools;

    (void)state;
    run_streams(&run);
    struct compartment_spec spec = stage_spec(&run);
    without.proccontrol = "/nonexistent/proccontrol";
    assert_false(cheri_run_start(&without, &spec, &run.c, &err));
    assert_refused(&err, "compartment.unavailable");
    assert_non_null(strstr(err.found, "No such file"));
    spec.memory = UINT64_MAX / 2;
    assert_false(cheri_run_start(&tools, &spec, &run.c, &err));
    assert_refused(&err, "compartment.too-large");
    spec = stage_spec(&run);
    spec.uid = 0;
    assert_false(cheri_run_start(&tools, &spec, &run.c, &err));
    assert_refused(&err, "compartment.unavailable");
    spec = stage_spec(&run);
    spec.profile = COMPARTMENT_COMPILE;
    assert_false(cheri_run_start(&tools, &spec, &run.c, &err));
    assert_refused(&err, "compartment.unavailable");
    spec = stage_spec(&run);
    spec.secrecy = SECRECY_REQUIRED;
    assert_false(cheri_run_start(&tools, &spec, &run.c, &err));
    assert_refused(&err, "compartment.secret-memory");
    run_finish(&run);
    assert_true(is_empty(runs));
}

static void its_executable_is_one_that_only_root_can_change(void **state)
{
    struct run run;
    char path[128];
    struct stat st;

    (void)state;
    run_begin(&run, "forever");
    snprintf(path, sizeof(path), "%s/%d-%u/program", runs, (int)getpid(), (unsigned)stage.uid);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_uid, 0);
    assert_int_equal(st.st_mode & 07777, 0555);
    run_finish(&run);
}

static void place(char *ret, size_t size, const char *name)
{
    snprintf(ret, size, "%s/%s", folder, name);
}

static void make_tools(void)
{
    if (!mkdtemp(folder) || chmod(folder, 0755) < 0)
        exit(1);
    place(proccontrol, sizeof(proccontrol), "proccontrol");
    place(procstat, sizeof(procstat), "procstat");
    place(linker, sizeof(linker), "linker");
    place(runs, sizeof(runs), "runs");
    script(proccontrol, PROCCONTROL);
    assert_true(file_write(linker, bytes_of_text("linker"), 0644, NULL));
    assert_true(folder_make(runs, 0711, NULL));
}

static void remove_tools(void)
{
    unlink(proccontrol);
    unlink(procstat);
    unlink(linker);
    rmdir(runs);
    rmdir(folder);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_started_as_the_paper_does),
        cmocka_unit_test(on_linux_it_says_what_is_missing_and_that_nobody_ran_it),
        cmocka_unit_test(every_run_ends_with_its_code_and_leaves_nothing),
        cmocka_unit_test(one_that_is_killed_says_by_whom),
        cmocka_unit_test(what_is_measured_names_map_linker_and_status),
        cmocka_unit_test(without_a_sound_memory_map_there_is_no_evidence),
        cmocka_unit_test(a_start_that_cannot_be_is_refused_and_leaves_nothing),
        cmocka_unit_test(its_executable_is_one_that_only_root_can_change),
    };

    if (argc != 2 || !stage_open("process", argv[1]))
        return STAGE_SKIPPED;
    stage.back_end = &ON_LINUX;
    make_tools();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove_tools();
    return failed;
}
