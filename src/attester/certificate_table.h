/* The table of certificates that a host gives an SEV-SNP guest along with its report (AMD 56421,
 * GHCB, 4.1.8.1): entries of 24 bytes, each GUID, offset and length (little endian), the last one
 * zero; then what they point at. The host wrote it: nothing of it is true before a verifier has
 * followed it to AMD's root. */
#ifndef IDEVS_ATTESTER_CERTIFICATE_TABLE_H
#define IDEVS_ATTESTER_CERTIFICATE_TABLE_H

#include "base/buffer.h"
#include "base/error.h"

/* Appends what is AMD's of it (VCEK, VLEK, ASK, ARK, revocation list), as PEM. Each may be there
 * once, as DER or as PEM; what else hosts put there is left out. Refuses `evidence.endorsement`: a
 * table without an end or with too many entries, an entry that points outside or into the table
 * itself, an item twice, or what is neither certificate nor list. */
bool certificate_table_read(struct bytes table, struct buffer *ret_pem,
                            struct idevs_error *ret_err) _must_check_;

#endif
