/* Requests of the launcher and the warden's answers (docs/interfaces.md). Pure, no I/O. Every byte
 * of a request is the launcher's and hostile. */
#ifndef IDEVS_WARDEN_REQUEST_H
#define IDEVS_WARDEN_REQUEST_H

#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "crypto/digest.h"
#include "wire/warden.h"

struct request {
    enum warden_kind kind;
    uint32_t id;                   /* not 0 */
    char back_end[LIMIT_BACK_END]; /* of run */
    bool has_executable;           /* of run: */
    uint8_t executable[SHA256_LEN];
    uint32_t run; /* of kill */
};

/* What a connection is doing, which decides what it may ask. */
enum connection_state {
    CONNECTION_OPEN = 1,
    CONNECTION_ENDING = 2, /* the warden ends: nothing new is begun */
};

/* Strict: one deterministic map of exactly the keys of its kind, exactly its number of descriptors,
 * and a kind that `state` permits. False: close the connection. */
bool request_decode(struct bytes in, size_t n_fds, enum connection_state state,
                    struct request *ret) _must_check_;

/* Answers. All false past the buffer's max only. */
struct status_answer {
    uint32_t id;
    const char *const *back_ends;
    size_t n_back_ends;
    const uint8_t *toolchain; /* SHA256_LEN, or NULL */
    const uint8_t *platform;  /* SHA-256 of the platform key's SPKI */
    struct bytes listing;     /* one CBOR item: listing_encode() */
};
bool answer_status(const struct status_answer *a, struct buffer *b) _must_check_;

struct build_answer {
    uint32_t id;
    const uint8_t *executable; /* SHA256_LEN; NULL: not done */
    const uint8_t *toolchain;
    struct bytes text; /* valid UTF-8 */
    bool cached;
    uint64_t milliseconds;
    const struct idevs_error *err; /* when not done */
};
bool answer_build(const struct build_answer *a, struct buffer *b) _must_check_;

bool answer_run(uint32_t id, uint32_t run, const struct spans *spans,
                struct buffer *b) _must_check_;
bool answer_kill(uint32_t id, struct buffer *b) _must_check_;
bool answer_refusal(const struct request *request, const struct idevs_error *err,
                    struct buffer *b) _must_check_;
bool event_ended(uint32_t run, const char *code, const char *detail, struct buffer *b) _must_check_;

#endif
