/* What secret memory costs: one program (blocks_program.c, path in argv[1]) as a conventional
 * process, in a compartment on ordinary memory, and in one on secret memory, taking turns. As root.
 * Lines "SIDE WHAT BYTES NANOSECONDS" for every sample; bench/run makes medians and ratios. */
#include "blocks.h"
#include "base/fd.h"
#include "base/limits.h"
#include "compartment/compartment.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEMORY MIB(256)
#define STARTS 60  /* of each side */
#define ROUNDS 5   /* in which each side has its turn with a size */
#define STEADY 200 /* turns of steady work */
#define TIMES  4   /* a block of a size in a turn */

enum side { CONVENTIONAL, ORDINARY, SECRET, SIDES };

static const char *const NAMES[SIDES] = {"conventional", "ordinary", "secret"};
static const uint64_t SIZES[] = {1000000, 5000000, 10000000, 25000000, 50000000, 100000000};

static const struct compartment_back_end *back_end;
static const char *path;
static int executable;

struct program {
    struct compartment *c; /* or NULL: a conventional process */
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

static void start_inside(struct program *p, enum side side, int channel, int attester)
{
    struct idevs_error err;
    const struct compartment_spec spec = {
        .profile = COMPARTMENT_RUN,
        .uid = 712347 + side,
        .memory = MEMORY,
        .processes = 1,
        .executable = executable,
        .channel = channel,
        .attester = attester,
        .secrecy = side == SECRET ? SECRECY_REQUIRED : SECRECY_OFF,
        .root = -1,
        .work = -1,
        .output = -1,
    };

    if (back_end->start(&spec, &p->c, &err))
        return;
    fprintf(stderr, "%s: %s\n", err.code, err.found);
    exit(1);
}

/* Returns the processor time of the process until main() began: its own set-up, exec, the move. */
static uint64_t start(struct program *p, enum side side)
{
    int channel[2];
    int attester[2];
    uint64_t had;

    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) == 0 &&
         socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, attester) == 0);
    *p = (struct program){.channel = channel[0], .attester = attester[0], .pid = -1};
    if (side == CONVENTIONAL)
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
        back_end->destroy(p->c);
    else
        waitpid(p->pid, NULL, 0);
}

static void say(enum side side, const char *what, uint64_t size, uint64_t ns)
{
    printf("%s %s %llu %llu\n", NAMES[side], what, (unsigned long long)size,
           (unsigned long long)ns);
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
        for (enum side side = 0; side < SIDES; side++) {
            struct program p;
            say(side, "start", 0, start(&p, side));
            end(&p);
        }
}

static void say_block(enum side side, uint64_t size, const struct blocks_answer *a)
{
    say(side, "allocate", size, a->allocate / TIMES);
    say(side, "write", size, a->write / TIMES);
    say(side, "read", size, a->read / TIMES);
    say(side, "free", size, a->release / TIMES);
}

static void blocks(struct program programs[SIDES])
{
    for (size_t i = 0; i < ARRAY_LEN(SIZES); i++) {
        for (enum side side = 0; side < SIDES; side++) {
            struct blocks_answer first = ask(&programs[side], SIZES[i], 1);
            say(side, "first-write", SIZES[i], first.allocate + first.write);
        }
        for (size_t round = 0; round < ROUNDS; round++)
            for (enum side side = 0; side < SIDES; side++) {
                struct blocks_answer a = ask(&programs[side], SIZES[i], TIMES);
                say_block(side, SIZES[i], &a);
            }
    }
}

static void steady(struct program programs[SIDES])
{
    for (size_t round = 0; round < STEADY; round++)
        for (enum side side = 0; side < SIDES; side++) {
            struct blocks_answer a = ask(&programs[side], 0, 1);
            if (round > 0) /* which touched its memory for the first time */
                say(side, "steady", 0, a.allocate);
        }
}

int main(int argc, char **argv)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_EXECUTABLE);
    struct program programs[SIDES];
    struct idevs_error err;

    path = argc > 1 ? argv[1] : "";
    back_end = compartment_back_end("process");
    if (geteuid() != 0 || !file_read(path, &b, &err) || !back_end->open(&err)) {
        fprintf(stderr, "as root, with the path of bench-blocks-program\n");
        return 2;
    }
    executable = memfd_sealed("blocks", buffer_bytes(&b));
    must(executable >= 0);
    starts();
    for (enum side side = 0; side < SIDES; side++)
        start(&programs[side], side);
    steady(programs);
    blocks(programs);
    for (enum side side = 0; side < SIDES; side++)
        end(&programs[side]);
    return 0;
}
