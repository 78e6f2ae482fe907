/* For a machine that we do not have, in POSIX alone: does the back end NAME start, measure, end and
 * clear up? board NAME PROGRAM, as root; PROGRAM is board_program.c, built for that back end. Each
 * claim is a line, and what it prints is what to report (docs/cheri.md). Here it runs against
 * `process`, to see that it can. */
#include "base/fd.h"
#include "compartment/compartment.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#define WAIT_MS 10000

static const struct compartment_back_end *back_end;
static int program = -1;
static int failed;

struct run {
    struct compartment *c;
    int channel[2]; /* ours, the compartment's */
    int attester[2];
};

static void claim(bool holds, const char *what, const char *found)
{
    printf("%s  %s: %s\n", holds ? "ok  " : "FAIL", what, found);
    fflush(stdout);
    failed += holds ? 0 : 1;
}

static bool begin(struct run *run, char what)
{
    struct idevs_error err = {.code = ""};
    char text[300];

    *run = (struct run){NULL, {-1, -1}, {-1, -1}};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, run->channel) < 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, run->attester) < 0 ||
        !fd_write_all(run->channel[0], &what, 1))
        return false;
    struct compartment_spec spec = {
        .profile = COMPARTMENT_RUN,
        .uid = (uid_t)(1000000 + 2 * getpid()),
        .memory = MIB(64),
        .processes = 1,
        .executable = program,
        .channel = run->channel[1],
        .attester = run->attester[1],
        .root = -1,
        .work = -1,
        .output = -1,
    };
    bool started = back_end->start(&spec, &run->c, &err);
    snprintf(text, sizeof(text), "%s %.200s", err.code, err.found);
    if (!started)
        claim(false, "it starts", text);
    fd_close(&run->channel[1]);
    fd_close(&run->attester[1]);
    return started;
}

static void finish(struct run *run)
{
    back_end->destroy(run->c);
    for (size_t i = 0; i < 2; i++) {
        fd_close(&run->channel[i]);
        fd_close(&run->attester[i]);
    }
}

static struct compartment_end outcome(struct run *run)
{
    struct pollfd p = {.fd = back_end->watch(run->c), .events = POLLIN};
    struct compartment_end end = {.code = "(it did not end)"};

    poll(&p, 1, WAIT_MS);
    if (!back_end->wait(run->c, &end))
        snprintf(end.detail, sizeof(end.detail), "after %d ms", WAIT_MS);
    return end;
}

static void it_ends_with(char what, const char *code, const char *words)
{
    struct run run;
    char text[200];

    if (begin(&run, what)) {
        struct compartment_end end = outcome(&run);
        snprintf(text, sizeof(text), "'%s' (%s)", end.code, end.detail);
        claim(strcmp(end.code, code) == 0, words, text);
    }
    finish(&run);
}

static void both_streams_carry(void)
{
    struct run run;
    char said[4] = "";

    if (begin(&run, 'e')) {
        bool told = fd_read_exactly(run.channel[0], said, 2) &&
                    fd_read_exactly(run.attester[0], said + 2, 2);
        claim(told && memcmp(said, "okok", 4) == 0, "both streams carry", told ? "ok" : "nothing");
    }
    finish(&run);
}

static void it_is_measured_while_it_runs_and_killed(void)
{
    struct eat_measured m = {.n_components = 0};
    struct run run;

    if (begin(&run, 'w')) {
        sleep(1); /* until its linker is done */
        claim(back_end->measure(run.c, &m), "it is measured", m.memory_map_summary);
        for (size_t i = 0; i < m.n_components; i++)
            printf("      %s: %s\n", m.components[i].name, m.components[i].text);
        back_end->kill(run.c, "run.stopped");
        struct compartment_end end = outcome(&run);
        claim(strcmp(end.code, "run.stopped") == 0, "it is killed", end.code);
        claim(!back_end->measure(run.c, &m), "nothing is measured after it", "");
    }
    finish(&run);
}

static bool is_usable(void)
{
    struct compartment_gaps gaps = {.n = 0};

    back_end->probe(&gaps);
    for (size_t i = 0; i < gaps.n; i++)
        printf("missing: %s (%s). %s\n", gaps.at[i].expected, gaps.at[i].found, gaps.at[i].remedy);
    return gaps.n == 0;
}

static bool prepare(const char *path)
{
    _cleanup_buffer_ struct buffer image = buffer_up_to(LIMIT_EXECUTABLE);
    struct idevs_error err = {.code = ""};
    struct utsname name;
    char text[256];

    if (!back_end->open(&err) || !file_read(path, &image, &err)) {
        claim(false, "it opens", err.found);
        return false;
    }
    program = memfd_sealed("program", buffer_bytes(&image));
    back_end->describe(text, sizeof(text));
    if (uname(&name) == 0)
        printf("%s %s %s\n", name.sysname, name.release, name.machine);
    printf("%s: %s\n", back_end->name, text);
    return program >= 0;
}

int main(int argc, char **argv)
{
    back_end = argc == 3 ? compartment_back_end(argv[1]) : NULL;
    if (!back_end) {
        fputs("usage: board NAME PROGRAM\n", stderr);
        return 2;
    }
    if (!is_usable())
        return 77;
    if (!prepare(argv[2]))
        return 1;
    both_streams_carry();
    it_ends_with('e', "", "a program ends by itself");
    it_ends_with('s', "compartment.crashed", "another status than 0 is told");
    it_ends_with('a', "compartment.crashed", "a signal is told");
    if (strcmp(back_end->name, "cheri") == 0)
        it_ends_with('b', "compartment.crashed", "a write behind an allocation ends it");
    it_is_measured_while_it_runs_and_killed();
    if (back_end->close)
        back_end->close();
    return failed ? 1 : 0;
}
