/* Durable state on SQLite (WAL, foreign keys, full fsync), with numbered migrations; and files
 * named by their digest. A store is used by one thread at a time. */
#ifndef IDEVS_STORE_STORE_H
#define IDEVS_STORE_STORE_H

#include "base/buffer.h"
#include "base/error.h"

struct store;

/* `migrations[i]` is the SQL that leads from version i to i + 1; NULL-terminated. Runs what is
 * missing in one transaction each. The database's mode is 0600. Refuses `state.newer` (untouched),
 * `state.unusable`, `disk.full`. */
struct store *store_open(const char *path, const char *const *migrations,
                         struct idevs_error *ret_err);
void store_close(struct store *store); /* takes NULL */
DEFINE_CLEANUP(struct store *, store_close)
#define _cleanup_store_ _cleanup_(store_closep)

bool store_begin(struct store *store, struct idevs_error *ret_err) _must_check_;
bool store_commit(struct store *store, struct idevs_error *ret_err) _must_check_;
void store_rollback(struct store *store); /* a refused commit was rolled back already */
/* Rows that the last INSERT, UPDATE or DELETE changed: tells whether a compare-and-set took place.
 */
int64_t store_changes(const struct store *store) _must_check_;

/* A prepared statement out of the store's cache (keyed by the pointer of `sql`, which must be a
 * literal). NULL only for a bug or `disk.full`. Bind 1-based, step, read columns 0-based, done. */
struct statement;
struct statement *store_prepare(struct store *store, const char *sql, struct idevs_error *ret_err);
void statement_done(struct statement *s); /* resets and unbinds */
DEFINE_CLEANUP(struct statement *, statement_done)
#define _cleanup_statement_ _cleanup_(statement_donep)
void bind_text(struct statement *s, int i, const char *text); /* copies; NULL binds NULL */
void bind_bytes(struct statement *s, int i, struct bytes v);  /* copies */
void bind_int(struct statement *s, int i, int64_t v);

enum step {
    STEP_FAILED = 0, /* `ret_err` says why: `disk.full`, `state.unusable` */
    STEP_ROW,
    STEP_DONE,
    STEP_CONFLICT, /* a constraint refused the row */
};
enum step statement_step(struct statement *s, struct idevs_error *ret_err) _must_check_;
/* Views valid until the next step or done. */
int64_t column_int(struct statement *s, int i);
const char *column_text(struct statement *s, int i); /* NUL-terminated; "" for NULL */
struct bytes column_bytes(struct statement *s, int i);
bool column_is_null(struct statement *s, int i);

/* Content-addressed files below a folder: <folder>/<2 hex>/<62 hex>, mode 0640, written atomically.
 */
bool blob_put(const char *folder, struct bytes data, uint8_t ret_sha256[32],
              struct idevs_error *ret_err) _must_check_;
/* Reads and checks the digest: refuses `api.not-found`, `state.unusable` (damaged). */
bool blob_get(const char *folder, const uint8_t sha256[32], struct buffer *b,
              struct idevs_error *ret_err) _must_check_;
bool blob_exists(const char *folder, const uint8_t sha256[32]) _must_check_;
void blob_remove(const char *folder, const uint8_t sha256[32]);

#endif
