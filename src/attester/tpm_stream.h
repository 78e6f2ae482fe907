/* A TPM behind a descriptor, as tpm2-tss talks to it (TCTI): a command is written, its response
 * read. So the warden decides what is opened, and when, and no further library is loaded. */
#ifndef IDEVS_ATTESTER_TPM_STREAM_H
#define IDEVS_ATTESTER_TPM_STREAM_H

#include "base/limits.h"
#include <stddef.h>
#include <tss2/tss2_tcti.h>

struct tpm_stream {
    TSS2_TCTI_CONTEXT_COMMON_V1 common; /* first: the library has a pointer to it */
    int fd;
    size_t len; /* of a response that was read and not taken yet */
    uint8_t response[LIMIT_TPM_REPLY];
};

void tpm_stream_begin(struct tpm_stream *s, int fd); /* takes `fd` */
void tpm_stream_end(struct tpm_stream *s);
TSS2_TCTI_CONTEXT *tpm_stream_tcti(struct tpm_stream *s);

#endif
