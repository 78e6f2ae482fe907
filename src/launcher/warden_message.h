/* Messages between launcher and warden (docs/interfaces.md) as pure functions: no I/O. The warden
 * is this host's, but what it sends is checked like everything else. */
#ifndef IDEVS_LAUNCHER_WARDEN_MESSAGE_H
#define IDEVS_LAUNCHER_WARDEN_MESSAGE_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/limits.h"
#include "wire/warden.h"

/* A named step and how long it took. */
struct warden_span {
    char name[LIMIT_SPAN_NAME];
    uint64_t ns;
};

/* One back end of the warden's host, as it describes it. */
struct warden_back_end {
    char name[LIMIT_BACK_END];
    bool permitted; /* by the warden's configuration */
    bool isolates;
    char protects_from[2 * LIMIT_EAT_TEXT];
    char exposed_to[2 * LIMIT_EAT_TEXT];
    struct idevs_error missing[LIMIT_GAPS]; /* none: it can be used */
    size_t n_missing;
};

/* Every kind's fields; those of other kinds are zero. */
struct warden_answer {
    enum warden_kind kind;
    uint32_t id;
    bool refused;
    struct idevs_error error; /* when refused, and of `ended` unless its status was 0 */
    /* status */
    char back_ends[LIMIT_BACK_ENDS][LIMIT_BACK_END];
    size_t n_back_ends;
    struct bytes listing; /* array of its back ends; points into the message; may be empty */
    bool has_toolchain;
    uint8_t toolchain[32]; /* also of a build */
    /* build */
    bool done;
    bool has_executable;
    uint8_t executable[32];
    struct bytes text; /* the compiler's; points into the message */
    bool cached;
    uint64_t milliseconds;
    /* run, ended */
    uint32_t run;
    struct warden_span spans[LIMIT_SPANS];
    size_t n_spans;
};

struct warden_ask {
    enum warden_kind kind;
    uint32_t id;
    const char *back_end;      /* of run */
    const uint8_t *executable; /* of run: its SHA-256 */
    uint32_t run;              /* of kill */
};

bool warden_ask_encode(const struct warden_ask *ask, struct buffer *b) _must_check_;
/* Strict: one map, known keys of that kind, nothing behind. */
bool warden_answer_decode(struct bytes in, struct warden_answer *ret) _must_check_;

/* The back ends of a listing, one by one: the count first. False: not what a warden says. */
bool warden_listing_begin(struct reader *r, size_t *ret_n) _must_check_;
bool warden_listing_next(struct reader *r, struct warden_back_end *ret) _must_check_;

#endif
