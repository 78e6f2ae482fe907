/* Software TPMs (swtpm) for tests: each in a folder of its own, its endorsement certificate by a CA
 * that was made with it. */
#ifndef IDEVS_TESTS_SOFT_TPM_H
#define IDEVS_TESTS_SOFT_TPM_H

#include "base/buffer.h"

#include <sys/types.h>

struct soft_tpm {
    char folder[64]; /* roots.pem, intermediates.pem: script/soft-tpm */
    pid_t process;
    int socket; /* to it; whoever closes all copies ends it */
};

/* False: there is no swtpm on this machine, or no swtpm_setup. Fails the test otherwise. */
bool soft_tpm_exists(void);
void soft_tpm_start(struct soft_tpm *t);
void soft_tpm_stop(struct soft_tpm *t);

/* A copy of the socket, for whoever takes one over. */
int soft_tpm_connect(const struct soft_tpm *t);
/* Extends a register of the SHA-256 bank, as whatever is started on the machine does. */
void soft_tpm_extend(const struct soft_tpm *t, unsigned number);
/* The point x || y of the endorsement key on P-256 (TCG's template L-2). */
void soft_tpm_endorsement_point(const struct soft_tpm *t, uint8_t ret[64]);

#endif
