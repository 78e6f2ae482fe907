/* Attempts to get out of a compartment, and their rows. A row says in one sentence what a hostile
 * program tries and how that ends; the program of inside.c makes the attempts, the driver of
 * escape.c holds each to its row, and docs/escapes.md is made of rows. */
#ifndef IDEVS_TESTS_ESCAPE_ATTEMPT_H
#define IDEVS_TESTS_ESCAPE_ATTEMPT_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* How an attempt ended. What is below 200 is the errno of a refusal; up to 255 it is the exit
 * status by which the program inside says it. */
enum outcome {
    THROUGH = 0,         /* it did what it tried */
    NOTHING_THERE = 200, /* nothing to be found */
    UNKNOWN_ORDER = 201, /* the program did not understand what it should try */
    CLOSED = 202,        /* the warden closed the stream */
    PROBLEM = 203,       /* the warden answered with a problem */
    FORBIDDEN = 256,     /* ended with `compartment.forbidden` at a system call */
    LIMIT,               /* ended with `compartment.limit` */
    CRASHED,             /* ended by another signal */
    WAITS,               /* never ends, and is ended from outside */
};

struct attempt {
    const char *claim;
    int refused;       /* in a compartment */
    int unfiltered;    /* the same without the system-call filter: what stands behind it */
    const char *alone; /* why it is not made without a compartment; "": it is, and goes through */
    const char *tries; /* "The program ..." */
    int (*make)(void); /* in a process of its own; returns an outcome */
};

/* A row and the head of its function. script/escape-table reads these lines. */
#define ATTEMPT(claim_, refused_, unfiltered_, alone_, tries_)                                     \
    static int claim_(void);                                                                       \
    static const struct attempt claim_##_row = {#claim_, refused_, unfiltered_,                    \
                                                alone_,  tries_,   claim_};                        \
    static int claim_(void)
#define ROW(claim)  &claim##_row
#define HARMS       "it would harm the machine"
#define NO_WARDEN   "there is no warden"
#define GRANTED_MIB 16 /* memory of the compartment */

struct attempt_group {
    const struct attempt *const *attempts;
    size_t n;
};
extern const struct attempt_group FILES, SOCKETS, PROCESSES, MEMORY, KERNEL, DESCRIPTORS;
extern const struct attempt_group
    ATTESTER; /* for a warden alone: not among those of attempt_at() */

/* All of them, one after the other: NULL past the last. */
const struct attempt *attempt_at(size_t number);

/* What the program reads from its channel before it tries: where on the host there is something to
 * find. Fields are NUL-terminated. */
#define ORDER_WARDEN 50000  /* from this number on: those of ATTESTER */
#define ORDER_SWEEP  100000 /* from this number on: the bare system call of number - ORDER_SWEEP */
struct order {
    uint32_t number;
    int32_t victim;     /* a process of the host that waits for nothing */
    int32_t shared;     /* key of shared memory of the host (System V) */
    char folder[40];    /* of the host, open to everybody: in it a file `secret` */
    char secret[48];    /* that file */
    char left[48];      /* no file yet, in that folder */
    char listening[32]; /* an abstract Unix socket of the host (without the NUL before it) */
};
extern struct order order;

/* The outcome of a call that answers -1 and errno. */
static inline int went(long result)
{
    return result >= 0 ? THROUGH : errno;
}

/* The same where a success would do harm, so that the arguments are no good: it went through when
 * the kernel came to judge them. */
static inline int reached(long result)
{
    bool refused = result < 0 && (errno == EPERM || errno == EACCES || errno == ENOSYS);

    return refused ? errno : THROUGH;
}

#endif
