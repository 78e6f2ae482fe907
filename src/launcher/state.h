/* What the launcher must not forget: blobs, programs, builds, runs and what should run, logs,
 * services. Every function that changes something returns after it is on disk. An owner is the
 * SHA-256 of the owner's SPKI; whoever asks gets the owner's own rows only. */
#ifndef IDEVS_LAUNCHER_STATE_H
#define IDEVS_LAUNCHER_STATE_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/limits.h"

#define ID_LEN 20 /* decimal, without leading zeros */

struct store;
struct owner {
    uint8_t spki_sha256[32];
};
struct digest {
    bool set;
    uint8_t sha256[32];
};

struct state {
    struct store *store;
    char *blobs; /* folder */
};
/* Refuses `state.newer`, `state.unusable`, `disk.full`. */
bool state_open(struct state *state, const char *folder, struct idevs_error *ret_err) _must_check_;
void state_close(struct state *state);

/* ---- blobs ---- */
bool state_put_blob(struct state *state, const struct owner *owner, const uint8_t sha256[32],
                    struct bytes data, bool *ret_new, struct idevs_error *ret_err) _must_check_;
/* Refuses `api.not-found` unless it is the owner's. */
bool state_has_blob(struct state *state, const struct owner *owner, const uint8_t sha256[32],
                    struct idevs_error *ret_err) _must_check_;
/* The file of a blob, to be read by somebody who hashes it himself. -1: refuses `api.not-found`. */
int state_open_blob(struct state *state, const uint8_t sha256[32],
                    struct idevs_error *ret_err) _must_check_;

/* ---- programs ---- */
enum program_state {
    PROGRAM_NEW,
    PROGRAM_BUILDING,
    PROGRAM_BUILT,
    PROGRAM_FAILED,
};
struct program {
    struct owner owner;
    char name[LIMIT_PROGRAM_NAME + 1];
    uint8_t manifest[32];
    struct digest source;
    struct digest executable;
    struct digest toolchain;
    enum program_state state;
    int64_t created;
};
typedef bool (*program_each)(const struct program *program, void *context);

/* Refuses `program.exists` when another content has the name; `*ret_new` false when it was there.
 */
bool state_add_program(struct state *state, const struct program *program, bool *ret_new,
                       struct idevs_error *ret_err) _must_check_;
bool state_get_program(struct state *state, const struct owner *owner, const char *name,
                       struct program *ret, struct idevs_error *ret_err) _must_check_;
bool state_each_program(struct state *state, const struct owner *owner, program_each each,
                        void *context, struct idevs_error *ret_err) _must_check_;
/* With its builds, and the blobs that nothing of this owner refers to any more. Refuses
 * `program.running`. */
bool state_delete_program(struct state *state, const struct owner *owner, const char *name,
                          struct idevs_error *ret_err) _must_check_;

/* ---- builds ---- */
enum build_state {
    BUILD_RUNNING,
    BUILD_DONE,
    BUILD_FAILED,
};
struct build {
    int64_t number;      /* of the database, and of the API */
    char id[ID_LEN + 1]; /* the same as text */
    struct owner owner;
    char program[LIMIT_PROGRAM_NAME + 1];
    uint8_t source[32];
    uint8_t manifest[32];
    enum build_state state;
    struct digest executable;
    struct digest toolchain;
    bool cached;
    int64_t milliseconds;
    struct idevs_error error; /* code empty: none */
    struct buffer messages;   /* the compiler's; build_free() */
};
void build_free(struct build *build);
#define _cleanup_build_ _cleanup_(build_free)
typedef bool (*build_each)(const struct build *build, void *context);

/* Chooses the number; the program is `building`. */
bool state_add_build(struct state *state, struct build *build,
                     struct idevs_error *ret_err) _must_check_;
/* The program has what was built, unless it was replaced meanwhile. */
bool state_end_build(struct state *state, const struct build *build,
                     struct idevs_error *ret_err) _must_check_;
bool state_get_build(struct state *state, const struct owner *owner, const char *id,
                     struct build *ret, struct idevs_error *ret_err) _must_check_;
/* The build of this program that is under way; refuses `api.not-found`. */
bool state_running_build(struct state *state, const struct owner *owner, const char *program,
                         struct build *ret, struct idevs_error *ret_err) _must_check_;
bool state_each_running_build(struct state *state, build_each each, void *context,
                              struct idevs_error *ret_err) _must_check_;

/* ---- runs ---- */
enum run_state {
    RUN_STARTING,
    RUN_RUNNING,
    RUN_WAITING,
    RUN_STOPPING,
    RUN_ENDED,
};
extern const char *const RUN_STATES[]; /* their names, by enum run_state */

struct run_row {
    int64_t number;      /* of the database, and of the API */
    char id[ID_LEN + 1]; /* the same as text */
    struct owner owner;
    char program[LIMIT_PROGRAM_NAME + 1];
    uint8_t executable[32];
    uint8_t manifest[32];
    bool wanted; /* it should run, whatever happens to us */
    enum run_state state;
    int64_t started;
    int64_t ended; /* 0: it has not */
    int64_t restarts;
    int64_t exchanges;
    int64_t lines; /* of its log; read only */
    struct idevs_error error;
    char spans[LIMIT_SPANS_TEXT]; /* JSON object */
};
typedef bool (*run_each)(const struct run_row *row, void *context);

/* Chooses the number. Refuses `program.running`. */
bool state_add_run(struct state *state, struct run_row *row,
                   struct idevs_error *ret_err) _must_check_;
bool state_save_run(struct state *state, const struct run_row *row,
                    struct idevs_error *ret_err) _must_check_;
bool state_get_run(struct state *state, const struct owner *owner, const char *id,
                   struct run_row *ret, struct idevs_error *ret_err) _must_check_;
/* Newest first, at most LIMIT_RUNS_KEPT. */
bool state_each_run(struct state *state, const struct owner *owner, run_each each, void *context,
                    struct idevs_error *ret_err) _must_check_;
bool state_each_unended_run(struct state *state, run_each each, void *context,
                            struct idevs_error *ret_err) _must_check_;
bool state_save_certificate(struct state *state, int64_t run, struct bytes pem,
                            struct idevs_error *ret_err) _must_check_;
/* Refuses `api.not-found` when none was issued yet. */
bool state_get_certificate(struct state *state, int64_t run, struct buffer *b,
                           struct idevs_error *ret_err) _must_check_;

/* ---- logs ---- */
enum line_kind {
    LINE_OWNER,
    LINE_OPEN,
    LINE_LAUNCHER,
};
struct line {
    int64_t run;
    int64_t n; /* from 1 */
    int64_t time;
    enum line_kind kind;
    struct bytes data;
};
typedef bool (*line_each)(const struct line *line, void *context);

/* All in one transaction. */
bool state_add_lines(struct state *state, const struct line *lines, size_t n,
                     struct idevs_error *ret_err) _must_check_;
/* At most `max` lines after line `after`. */
bool state_each_line(struct state *state, int64_t run, int64_t after, int64_t max, line_each each,
                     void *context, struct idevs_error *ret_err) _must_check_;

/* ---- services ---- */
typedef bool (*service_each)(const char *name, const char *url, void *context);
bool state_put_service(struct state *state, const struct owner *owner, const char *name,
                       const char *url, bool *ret_new, struct idevs_error *ret_err) _must_check_;
bool state_delete_service(struct state *state, const struct owner *owner, const char *name,
                          struct idevs_error *ret_err) _must_check_;
bool state_each_service(struct state *state, const struct owner *owner, service_each each,
                        void *context, struct idevs_error *ret_err) _must_check_;

#endif
