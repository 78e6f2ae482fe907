/* Attacks and their rows. A row says in one sentence what the launcher (or whoever helps it) does,
 * who refuses it and how; its test is held to the same row, and docs/security.md is made of rows.
 */
#ifndef IDEVS_TESTS_HOSTILE_ATTACK_H
#define IDEVS_TESTS_HOSTILE_ATTACK_H

#include "test.h"

enum refuser {
    GATEWAY = 1,
    RUNTIME,
    AUTHORITY,
    SIGNER,
    WARDEN,
    LAUNCHER,
    SERVICE,
};

/* How an attack ends that is answered with no code: in parentheses, so that it is no code. */
#define DROPPED      "(dropped)"      /* what was smuggled in is not there any more */
#define NOT_BELIEVED "(not believed)" /* the call goes on as if nothing had been said */
#define CLOSED       "(closed)"       /* the connection ends */
#define ONCE         "(done once)"    /* answered as if it had been the first time */
#define APART        "(kept apart)"   /* answered, but with nothing of another's */
#define HELD_BACK    "(held back)"    /* no more is taken from whoever does it */

struct attack {
    const char *claim;
    enum refuser refuser;
    const char *code;
    const char *sentence;
    void (*run)(const struct attack *this);
};

/* A row and the head of its test. script/attack-table reads these lines. */
#define ATTACK(claim_, refuser_, code_, sentence_)                                                 \
    static void claim_(const struct attack *this);                                                 \
    static const struct attack claim_##_row = {#claim_, refuser_, code_, sentence_, claim_};       \
    static void claim_(const struct attack *this)
#define ROW(claim) &claim##_row

/* The attack was refused by `who` with `code`: fails unless its row says so. Every test must say
 * it, or it fails at its end. */
void attack_refused(const struct attack *this, enum refuser who, const char *code);

/* A file of attacks on one world. `begin` and `end` stand around each test; `control` is an honest
 * exchange in that world, which shows that it is the attack which is refused. */
struct area {
    const char *name;
    int (*begin)(void **state);
    int (*end)(void **state);
    void (*control)(void);
    const struct attack *const *attacks;
    size_t n;
};
/* Runs all, or the control and those that `argv` names. */
int area_main(const struct area *area, int argc, char **argv);

#endif
