/* Hardware evidence of the machine that this runs on, as files: for whoever wants to see what a
 * guest or an enclave proves, before anything runs in it. */
#ifndef IDEVS_WARDEN_EVIDENCE_MAKE_H
#define IDEVS_WARDEN_EVIDENCE_MAKE_H

#include "attester/hardware_maker.h"

/* Names in the folder. */
#define EVIDENCE_FILE     "evidence.bin"     /* report, quote or document */
#define ENDORSEMENTS_FILE "endorsements.pem" /* where the host gave any */

/* Evidence over `over` in the folder `out`, which must not be there: nothing of another time stands
 * beside it. `*ret_endorsed`: the second file was written. Refuses `evidence.*`, `file.*`. */
bool evidence_make(const struct hardware_maker *maker, const uint8_t over[REPORT_DATA_LEN],
                   const char *out, bool *ret_endorsed, struct idevs_error *ret_err) _must_check_;

#endif
