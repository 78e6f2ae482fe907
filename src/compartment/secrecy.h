/* Whether this host lets a program have secret memory (base/secret_memory.h), and by which means.
 */
#ifndef IDEVS_COMPARTMENT_SECRECY_H
#define IDEVS_COMPARTMENT_SECRECY_H

#include "compartment/compartment.h"

struct secrecy {
    bool secret; /* the program is told to move onto secret memory */
    /* It may lock so much only by CAP_IPC_LOCK, which it holds until it has moved. That right
     * counts in the host's user namespace alone, so such a program gets none of its own. */
    bool lock_right;
};

/* Tries what the caller may do now. Once, before anything is started. */
void secrecy_open(void);
const char *secrecy_describe(void);
/* For one start; `counted` when a group counts the program's memory: resource limits do not see
 * secret memory that is not mapped at the moment. With SECRECY_PREFERRED the log says what is not
 * to be had. Refuses `compartment.secret-memory` with SECRECY_REQUIRED: the kernel, the group, or
 * the limit to raise. */
bool secrecy_decide(const struct compartment_spec *spec, bool counted, struct secrecy *ret,
                    struct idevs_error *ret_err) _must_check_;

#endif
