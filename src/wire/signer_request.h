/* What the authority asks its signer, and what it answers (docs/interfaces.md): a request
 * {0: 1, 1: tier, 2: program, 3: SPKI, 4: notBefore, 5: notAfter, 6: EAT claims} or, for a list of
 * revoked certificates, {0: 2, 1: tier, 2: number, 3: thisUpdate, 4: nextUpdate, 5: through, 6:
 * entries}; an answer {0: kind, 1: DER} or {10: code, 11: found}. Pure, no I/O. */
#ifndef IDEVS_WIRE_SIGNER_REQUEST_H
#define IDEVS_WIRE_SIGNER_REQUEST_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/limits.h"
#include "wire/tier.h"

struct signer_request {
    enum tier tier;
    char program[LIMIT_PROGRAM_NAME + 1];
    struct bytes spki; /* any length here: the signer judges it */
    int64_t not_before;
    int64_t not_after;
    struct bytes claims; /* 1 to LIMIT_SIGNER_CLAIMS */
};

bool signer_request_encode(const struct signer_request *r, struct buffer *b) _must_check_;
/* Strict about the form: keys, types, lengths. `ret` points into `in`. */
bool signer_request_decode(struct bytes in, struct signer_request *ret) _must_check_;

/* A list of revoked certificates. `entries` are of 29 bytes: serial (20, zeros in front), time of
 * the revocation (8), reason (1); big endian. */
#define SIGNER_ENTRY_LEN 29
struct signer_list {
    enum tier tier;
    uint64_t number;
    int64_t this_update;
    int64_t next_update;
    int64_t through; /* see crypto/revocation.h */
    struct bytes entries;
};
struct signer_entry {
    struct bytes serial; /* 20 bytes */
    int64_t at;
    uint8_t reason;
};
bool signer_list_encode(const struct signer_list *l, struct buffer *b) _must_check_;
/* Strict about the form: whole entries, at most LIMIT_REVOKED. `ret` points into `in`. */
bool signer_list_decode(struct bytes in, struct signer_list *ret) _must_check_;
bool signer_entry_put(const struct signer_entry *e, struct buffer *entries) _must_check_;
/* Takes the next; false at the end. */
bool signer_entry_next(struct reader *entries, struct signer_entry *ret) _must_check_;

bool signer_answer_encode(struct bytes der, struct buffer *b) _must_check_;
bool signer_list_answer_encode(struct bytes der, struct buffer *b) _must_check_;
bool signer_refusal_encode(const struct idevs_error *err, struct buffer *b) _must_check_;
/* False with `ret_err` filled: the signer's refusal, or `signer.answer` for anything else. */
bool signer_answer_decode(struct bytes in, struct bytes *ret_der,
                          struct idevs_error *ret_err) _must_check_;
bool signer_list_answer_decode(struct bytes in, struct bytes *ret_der,
                               struct idevs_error *ret_err) _must_check_;

#endif
