/* The inside of a compartment's birth: what the new process does to itself between clone and exec,
 * as one list of operations. It trusts its parent and nobody else; after the last operation it is
 * the program. */
#ifndef IDEVS_COMPARTMENT_SETUP_H
#define IDEVS_COMPARTMENT_SETUP_H

#include "compartment/secrecy.h"

#define SETUP_UID 1000 /* user and group inside */

/* Everything that the child needs, prepared and checked before it was born. */
struct setup_plan {
    const struct compartment_spec *spec;
    int sync;    /* stream to the parent: its 'm' says the ids are mapped, its 'g' go */
    int status;  /* pipe to the parent: struct setup_failure, or end of file at exec */
    int nothing; /* an empty sealed file: standard input of the compiler */
    int root;    /* the toolchain, mounted read-only, not yet attached anywhere */
    struct secrecy secrecy;
    struct bytes filter; /* an array of struct sock_filter */
};

struct setup_failure {
    char operation[32];
    int error; /* errno */
};

struct setup_operation {
    const char *name;
    bool (*perform)(struct setup_plan *plan); /* false and errno */
};

/* Operations of every birth. Descriptors: the profile's and no others. Those that wait do so for a
 * word of the parent; one that died is seen at the other end of the stream. */
bool setup_place_descriptors(struct setup_plan *plan) _must_check_;
bool setup_await_mapping(struct setup_plan *plan) _must_check_;
bool setup_die_with_parent(struct setup_plan *plan) _must_check_;
bool setup_await_go(struct setup_plan *plan) _must_check_;
bool setup_become_program(struct setup_plan *plan) _must_check_;
/* Becomes that user and group, with no further groups. By the kernel's calls: glibc's would wait
 * for the threads of the warden, which are none of the child's. */
bool setup_take_user(uid_t id) _must_check_;
/* Performs the operations, of which the last is exec; returns only by _exit when one fails. */
void setup_perform_all(const struct setup_operation *operations, size_t n,
                       struct setup_plan *plan) _noreturn_;
/* All those that confine. */
void setup_perform(struct setup_plan *plan) _noreturn_;

#endif
