/* What a compartment costs a program that works in memory: one program (blocks_program.c) as a
 * conventional process and in compartments, taking turns. As root.
 *
 *   bench-blocks [-b] [-r ROUNDS] [-g GUEST] PROGRAM SIDE...
 *
 * SIDE is conventional, none, ordinary (the back end process), secret (process on secret memory)
 * or microvm, which takes the folder of a guest. -b: blocks alone, neither starts nor steady work.
 * Lines "SIDE WHAT BYTES NANOSECONDS" for every sample; bench/measure.py makes medians. */
#include "blocks.h"
#include "base/fd.h"
#include "base/limits.h"
#include "compartment/compartment.h"
#include "compartment/microvm.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEMORY MIB(256)
#define STARTS 60  /* of each side */
#define ROUNDS 5   /* by default, in which each side has its turn with a size */
#define STEADY 200 /* turns of steady work */
#define TIMES  4   /* a block of a size in a turn */

enum { CONVENTIONAL, SIDES = 5 };

static const struct side {
    const char *name;
    const char *back_end; /* NULL: a conventional process */
    enum compartment_secrecy secrecy;
} SIDE[SIDES] = {
    [CONVENTIONAL] = {"conventional", NULL, SECRECY_OFF},
    {"none", "none", SECRECY_OFF},
    {"ordinary", "process", SECRECY_OFF},
    {"secret", "process", SECRECY_REQUIRED},
    {"microvm", "microvm", SECRECY_OFF},
};

static const uint64_t SIZES[] = {1000000, 5000000, 10000000, 25000000, 50000000, 100000000};

static const struct side *sides[SIDES]; /* that take turns */
static size_t n_sides;
static const char *path;
static int executable;

struct program {
    const struct compartment_back_end *back_end; /* or NULL: a conventional process */
    struct compartment *c;
    pid_t pid;
    int channel;
    int attester;
};

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void start_conventional(struct program *p, int channel)
{
    p->pid = fork();
    if (p->pid != 0)
        return;
    dup2(channel, 3);
    execl(path, path, (char *)NULL);
    _exit(127);
}

static void start_inside(struct program *p, const struct side *side, int channel, int attester)
{
    struct idevs_error err;
    const struct compartment_spec spec = {
        .profile = COMPARTMENT_RUN,
        .uid = 712347 + (uid_t)(side - SIDE),
        .memory = MEMORY,
        .processes = 1,
        .executable = executable,
        .channel = channel,
        .attester = attester,
        .secrecy = side->secrecy,
        .root = -1,
        .work = -1,
        .output = -1,
    };

    p->back_end = compartment_back_end(side->back_end);
    if (p->back_end->open(&err) && p->back_end->start(&spec, &p->c, &err))
        return;
    fprintf(stderr, "%s: %s: %s\n", side->name, err.code, err.found);
    exit(1);
}

/* Returns the processor time of the process until main() began: its own set-up, exec, the move. */
static uint64_t start(struct program *p, const struct side *side)
{
    int channel[2];
    int attester[2];
    uint64_t had;

    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) == 0 &&
         socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, attester) == 0);
    *p = (struct program){.channel = channel[0], .attester = attester[0], .pid = -1};
    if (!side->back_end)
        start_conventional(p, channel[1]);
    else
        start_inside(p, side, channel[1], attester[1]);
    close(channel[1]);
    close(attester[1]);
    must(fd_read_exactly(p->channel, &had, sizeof(had)));
    return had;
}

static void end(struct program *p)
{
    close(p->channel);
    close(p->attester);
    if (p->c)
        p->back_end->destroy(p->c);
    else
        waitpid(p->pid, NULL, 0);
}

static void say(const struct side *side, const char *what, uint64_t size, uint64_t ns)
{
    printf("%s %s %llu %llu\n", side->name, what, (unsigned long long)size, (unsigned long long)ns);
}

static struct blocks_answer ask(struct program *p, uint64_t size, uint64_t times)
{
    const struct blocks_question q = {size, times};
    struct blocks_answer a = {0};

    must(write(p->channel, &q, sizeof(q)) == (ssize_t)sizeof(q) &&
         fd_read_exactly(p->channel, &a, sizeof(a)));
    return a;
}

static void starts(void)
{
    for (size_t i = 0; i < STARTS; i++)
        for (size_t s = 0; s < n_sides; s++) {
            struct program p;
            say(sides[s], "start", 0, start(&p, sides[s]));
            end(&p);
        }
}

static void say_block(const struct side *side, uint64_t size, const struct blocks_answer *a)
{
    say(side, "allocate", size, a->allocate / TIMES);
    say(side, "write", size, a->write / TIMES);
    say(side, "read", size, a->read / TIMES);
    say(side, "free", size, a->release / TIMES);
}

static void blocks(struct program programs[SIDES], unsigned long rounds)
{
    for (size_t i = 0; i < ARRAY_LEN(SIZES); i++) {
        for (size_t s = 0; s < n_sides; s++) {
            struct blocks_answer first = ask(&programs[s], SIZES[i], 1);
            say(sides[s], "first-write", SIZES[i], first.allocate + first.write);
        }
        for (size_t round = 0; round < rounds; round++)
            for (size_t s = 0; s < n_sides; s++) {
                struct blocks_answer a = ask(&programs[s], SIZES[i], TIMES);
                say_block(sides[s], SIZES[i], &a);
            }
    }
}

static void steady(struct program programs[SIDES])
{
    for (size_t round = 0; round < STEADY; round++)
        for (size_t s = 0; s < n_sides; s++) {
            struct blocks_answer a = ask(&programs[s], 0, 1);
            if (round > 0) /* which touched its memory for the first time */
                say(sides[s], "steady", 0, a.allocate);
        }
}

static bool add_side(const char *name)
{
    for (size_t i = 0; i < SIDES; i++)
        if (strcmp(SIDE[i].name, name) == 0 && n_sides < SIDES) {
            sides[n_sides++] = &SIDE[i];
            return true;
        }
    return false;
}

struct options {
    bool blocks_alone;
    unsigned long rounds;
};

static bool read_options(int argc, char **argv, struct options *ret)
{
    int c;

    while ((c = getopt(argc, argv, "br:g:")) != -1) {
        if (c == '?')
            return false;
        if (c == 'b')
            ret->blocks_alone = true;
        else if (c == 'r')
            ret->rounds = strtoul(optarg, NULL, 10);
        else
            microvm_use(optarg);
    }
    path = optind < argc ? argv[optind++] : "";
    while (optind < argc)
        if (!add_side(argv[optind++]))
            return false;
    return ret->rounds > 0 && n_sides > 0;
}

int main(int argc, char **argv)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_EXECUTABLE);
    struct options options = {.rounds = ROUNDS};
    struct program programs[SIDES];
    struct idevs_error err;

    if (!read_options(argc, argv, &options) || geteuid() != 0 || !file_read(path, &b, &err)) {
        fprintf(stderr, "as root: bench-blocks [-b] [-r ROUNDS] [-g GUEST] PROGRAM SIDE...\n");
        return 2;
    }
    executable = memfd_sealed("blocks", buffer_bytes(&b));
    must(executable >= 0);
    if (!options.blocks_alone)
        starts();
    for (size_t s = 0; s < n_sides; s++)
        start(&programs[s], sides[s]);
    if (!options.blocks_alone)
        steady(programs);
    blocks(programs, options.rounds);
    for (size_t s = 0; s < n_sides; s++)
        end(&programs[s]);
    return 0;
}
