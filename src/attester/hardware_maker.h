/* Makers of hardware evidence, one file a technology. Each works inside of what its evidence speaks
 * of, a confidential guest or an enclave, and asks the kernel there. What comes back was made by
 * firmware and passed through the hostile host: it is bounded and taken apart, and not judged; that
 * is the verifier's part (evidence/hardware.h), which calls the technologies by the same names. */
#ifndef IDEVS_ATTESTER_HARDWARE_MAKER_H
#define IDEVS_ATTESTER_HARDWARE_MAKER_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/limits.h"
#include "wire/eat.h"

/* Zeroed is none. */
struct hardware_evidence {
    const char *format;         /* static text: "snp", "tdx", "nitro" */
    struct buffer evidence;     /* report, quote or document, at most LIMIT_HARDWARE_EVIDENCE */
    struct buffer endorsements; /* PEM, certificates and lists that the host gave along; or empty */
};
void hardware_evidence_free(struct hardware_evidence *e);
#define _cleanup_hardware_evidence_ _cleanup_(hardware_evidence_free)

struct hardware_maker {
    const char *format;
    const char *technology; /* for people */
    /* Whether this machine can make it. Refuses `evidence.unavailable` with what is missing, and as
     * remedy how to get it. Leaves nothing behind. */
    bool (*probe)(struct idevs_error *ret_err);
    /* Fills `ret` (zeroed). Refuses `evidence.unavailable`, `evidence.endorsement` (what the host
     * gave along cannot be read). May wait for the firmware. */
    bool (*make)(const uint8_t report_data[REPORT_DATA_LEN], struct hardware_evidence *ret,
                 struct idevs_error *ret_err);
};

/* All of them, `*ret_n` many. */
const struct hardware_maker *const *hardware_makers(size_t *ret_n);

/* The first that this machine can make. NULL: refused, `evidence.unavailable`. */
const struct hardware_maker *hardware_maker_here(struct idevs_error *ret_err);

/* For probe(): refuses `evidence.unavailable` with a remedy of the place. Always false. */
bool hardware_lacks(struct idevs_error *ret_err, const char *expected, const char *remedy,
                    const char *found, ...) _printf_(4, 5);

#endif
