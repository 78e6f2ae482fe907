/* One back end under test, and runs of inside.c in it. As root. */
#ifndef IDEVS_TESTS_UNIT_COMPARTMENT_STAGE_H
#define IDEVS_TESTS_UNIT_COMPARTMENT_STAGE_H

#include "../test.h"
#include "base/fd.h"
#include "compartment/compartment.h"

#define STAGE_SKIPPED 77
#define STAGE_WAIT_MS 30000

struct stage {
    const struct compartment_back_end *back_end;
    int inside; /* sealed executable */
    uid_t uid;  /* nobody else's, not even that of another test: with the next one, two */
};
extern struct stage stage;

/* The back end called `name`, opened, and the executable at `path`. False, with the reason on
 * standard output: this machine cannot. */
bool stage_open(const char *name, const char *path);

struct run {
    struct compartment *c;
    int channel[2];  /* ours, the compartment's */
    int attester[2]; /* likewise */
};

struct compartment_spec stage_spec(const struct run *run);
void run_streams(struct run *run);
/* Starts `attempt` of inside.c. */
void run_begin(struct run *run, const char *attempt);
void run_begin_as(struct run *run, const char *attempt, uid_t uid);
void run_finish(struct run *run);
/* How it ends; after so long it is killed for compartment.limit. */
struct compartment_end run_outcome(struct run *run, int milliseconds);
struct compartment_end outcome_of(const char *attempt);
/* Processes of `uid` on this host; `ret_last` (may be NULL) gets one of them. */
unsigned processes_of(uid_t uid, pid_t *ret_last);
bool processes_of_become(uid_t uid, unsigned wanted);

#endif
