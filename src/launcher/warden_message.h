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

/* Every kind's fields; those of other kinds are zero. */
struct warden_answer {
    enum warden_kind kind;
    uint32_t id;
    bool refused;
    struct idevs_error error; /* when refused, and of `ended` unless its status was 0 */
    /* status */
    char back_ends[LIMIT_BACK_ENDS][LIMIT_BACK_END];
    size_t n_back_ends;
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

#endif
