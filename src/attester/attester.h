/* Makers of evidence, one file a technology. They say what the warden measured; nobody here judges.
 * Whoever holds the platform key can sign anything, so the key stays in the warden. */
#ifndef IDEVS_ATTESTER_ATTESTER_H
#define IDEVS_ATTESTER_ATTESTER_H

#include "base/limits.h"
#include "crypto/key.h"
#include "wire/eat.h"

/* What is the same for every program of this host. */
struct attester_host {
    char cpu_model[LIMIT_EAT_TEXT];
    char cpu_version[LIMIT_EAT_TEXT]; /* family, model, stepping, microcode */
    char kernel[LIMIT_EAT_TEXT];
    uint32_t n_cpus; /* online */
};

/* What was measured of one run. */
struct attester_run {
    struct eat_digest executable;
    struct eat_digest manifest;
    struct eat_digest source;    /* absent: not compiled here */
    struct eat_digest toolchain; /* likewise */
    const char *back_end;
    bool isolates;                /* else it may be debugged, and the evidence says so */
    uint64_t memory;              /* bytes given to it */
    struct eat_measured measured; /* by the back end, now */
};

/* Never fails: what cannot be found out is "unknown". */
void attester_read_host(struct attester_host *ret);
/* From the text of /proc/cpuinfo. */
void attester_parse_cpuinfo(const char *text, struct attester_host *ret);
/* From FreeBSD's hw.model, hw.machine_arch and hw.ncpu; "" and 0 where there is no such value. */
void attester_take_sysctl(const char *model, const char *arch, int n_cpus,
                          struct attester_host *ret);

/* Appends a COSE_Sign1 over an EAT over `report_data`: what every kind of evidence of a warden
 * holds. False past the buffer's max. */
bool attest_sign_claims(const struct key *platform, const struct attester_host *host,
                        const struct attester_run *run, const uint8_t report_data[REPORT_DATA_LEN],
                        int64_t now, struct buffer *b) _must_check_;
/* Appends application/cmw+cbor: an EAT over `report_data`, signed with the platform key
 * (provider-signed). False past the buffer's max. */
bool attest_provider_signed(const struct key *platform, const struct attester_host *host,
                            const struct attester_run *run,
                            const uint8_t report_data[REPORT_DATA_LEN], int64_t now,
                            struct buffer *b) _must_check_;

#endif
