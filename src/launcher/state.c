#include "launcher/state.h"
#include "base/alloc.h"
#include "base/fd.h"
#include "launcher/state_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

/* The partial index is what makes "one run of a program at a time" true after any crash. */
static const char FIRST[] =
    "CREATE TABLE blobs(owner BLOB NOT NULL, sha256 BLOB NOT NULL,"
    " PRIMARY KEY(owner, sha256)) WITHOUT ROWID;"
    "CREATE TABLE programs(owner BLOB NOT NULL, name TEXT NOT NULL, manifest BLOB NOT NULL,"
    " source BLOB, executable BLOB, toolchain BLOB, state INTEGER NOT NULL,"
    " created INTEGER NOT NULL, PRIMARY KEY(owner, name)) WITHOUT ROWID;"
    "CREATE TABLE builds(number INTEGER PRIMARY KEY AUTOINCREMENT, owner "
    "BLOB NOT NULL, program TEXT NOT NULL,"
    " source BLOB NOT NULL, manifest BLOB NOT NULL, state INTEGER NOT NULL, executable BLOB,"
    " toolchain BLOB, cached INTEGER NOT NULL DEFAULT 0, milliseconds INTEGER NOT NULL DEFAULT 0,"
    " code TEXT, expected TEXT, found TEXT, messages BLOB);"
    "CREATE UNIQUE INDEX one_build ON builds(owner, program) WHERE state = 0;"
    "CREATE INDEX builds_of ON builds(owner, program);"
    "CREATE TABLE runs(number INTEGER PRIMARY KEY AUTOINCREMENT,"
    " owner BLOB NOT NULL, program TEXT NOT NULL, executable BLOB NOT NULL,"
    " manifest BLOB NOT NULL, wanted INTEGER NOT NULL, state INTEGER NOT NULL,"
    " started INTEGER NOT NULL, ended INTEGER NOT NULL DEFAULT 0,"
    " restarts INTEGER NOT NULL DEFAULT 0, exchanges INTEGER NOT NULL DEFAULT 0,"
    " code TEXT, expected TEXT, found TEXT,"
    " spans TEXT NOT NULL DEFAULT '{}', certificate BLOB);"
    "CREATE UNIQUE INDEX one_run ON runs(owner, program) WHERE state <> 4;"
    "CREATE INDEX runs_of ON runs(owner, number);"
    "CREATE TABLE logs(run INTEGER NOT NULL REFERENCES runs(number) ON DELETE CASCADE,"
    " n INTEGER NOT NULL, time INTEGER NOT NULL, kind INTEGER NOT NULL, data BLOB NOT NULL,"
    " PRIMARY KEY(run, n)) WITHOUT ROWID;"
    "CREATE TABLE services(owner BLOB NOT NULL, name TEXT NOT NULL, url TEXT NOT NULL,"
    " PRIMARY KEY(owner, name)) WITHOUT ROWID;";

static const char *const MIGRATIONS[] = {FIRST, NULL};

bool state_open(struct state *state, const char *folder, struct idevs_error *ret_err)
{
    _cleanup_text_ char *database = alloc_format("%s/launcher.db", folder);

    *state = (struct state){0};
    if (!folder_make(folder, 0750, ret_err))
        return false;
    state->blobs = alloc_format("%s/blobs", folder);
    if (folder_make(state->blobs, 0750, ret_err))
        state->store = store_open(database, MIGRATIONS, ret_err);
    if (state->store)
        return true;
    state_close(state);
    return false;
}

void state_close(struct state *state)
{
    store_close(state->store);
    free(state->blobs);
    *state = (struct state){0};
}

/* ---- shared by the state_*.c ---- */

void bind_owner(struct statement *s, int i, const struct owner *owner)
{
    bind_bytes(s, i, bytes_of(owner->spki_sha256, sizeof(owner->spki_sha256)));
}

void bind_sha256(struct statement *s, int i, const uint8_t sha256[32])
{
    bind_bytes(s, i, bytes_of(sha256, 32));
}

void bind_digest(struct statement *s, int i, const struct digest *digest)
{
    if (digest->set)
        bind_sha256(s, i, digest->sha256);
    else
        bind_text(s, i, NULL);
}

bool column_sha256(struct statement *s, int i, uint8_t ret[32])
{
    struct bytes v = column_bytes(s, i);

    if (v.len != 32)
        return false;
    memcpy(ret, v.data, 32);
    return true;
}

void column_digest(struct statement *s, int i, struct digest *ret)
{
    ret->set = !column_is_null(s, i) && column_sha256(s, i, ret->sha256);
}

void bind_error(struct statement *s, int i, const struct idevs_error *err)
{
    bool none = err->code[0] == 0;

    bind_text(s, i, none ? NULL : err->code);
    bind_text(s, i + 1, none ? NULL : err->expected);
    bind_text(s, i + 2, none ? NULL : err->found);
}

void column_error(struct statement *s, int i, struct idevs_error *ret)
{
    char code[sizeof(ret->code)];
    char expected[sizeof(ret->expected)];

    *ret = (struct idevs_error){0};
    if (column_is_null(s, i))
        return;
    snprintf(code, sizeof(code), "%s", column_text(s, i));
    snprintf(expected, sizeof(expected), "%s", column_text(s, i + 1));
    refuse_expecting(ret, code, expected, "%s", column_text(s, i + 2));
}

void number_text(int64_t number, char ret[ID_LEN + 1])
{
    snprintf(ret, ID_LEN + 1, "%lld", (long long)number);
}

bool number_of_text(const char *id, int64_t *ret, struct idevs_error *ret_err)
{
    uint64_t number;

    if (!parse_u64(bytes_of_text(id), INT64_MAX, &number))
        return refuse(ret_err, "api.not-found", "%s, which is no number", id);
    *ret = (int64_t)number;
    return true;
}

bool step_done(struct statement *s, struct idevs_error *ret_err)
{
    enum step step = statement_step(s, ret_err);

    if (step == STEP_DONE)
        return true;
    if (step != STEP_FAILED)
        refuse(ret_err, "state.unusable", "the database refused a row");
    return false;
}

bool step_row(struct statement *s, const char *kind, const char *name, struct idevs_error *ret_err)
{
    enum step step = statement_step(s, ret_err);

    if (step == STEP_ROW)
        return true;
    if (step != STEP_FAILED)
        refuse(ret_err, "api.not-found", "no %s %s", kind, name);
    return false;
}

/* ---- blobs ---- */

bool state_put_blob(struct state *state, const struct owner *owner, const uint8_t sha256[32],
                    struct bytes data, bool *ret_new, struct idevs_error *ret_err)
{
    uint8_t found[32];
    struct idevs_error missing;

    *ret_new = !state_has_blob(state, owner, sha256, &missing);
    if (!*ret_new)
        return true;
    if (!blob_put(state->blobs, data, found, ret_err))
        return false;
    _cleanup_statement_ struct statement *s = store_prepare(
        state->store, "INSERT OR IGNORE INTO blobs(owner, sha256) VALUES(?, ?)", ret_err);
    if (!s)
        return false;
    bind_owner(s, 1, owner);
    bind_sha256(s, 2, sha256);
    return step_done(s, ret_err);
}

bool state_has_blob(struct state *state, const struct owner *owner, const uint8_t sha256[32],
                    struct idevs_error *ret_err)
{
    char text[65];
    _cleanup_statement_ struct statement *s =
        store_prepare(state->store, "SELECT 1 FROM blobs WHERE owner = ? AND sha256 = ?", ret_err);

    if (!s)
        return false;
    bind_owner(s, 1, owner);
    bind_sha256(s, 2, sha256);
    hex_text(sha256, 32, text);
    return step_row(s, "blob", text, ret_err) &&
           (blob_exists(state->blobs, sha256) ||
            refuse(ret_err, "api.not-found", "%s is not in the state directory any more", text));
}

int state_open_blob(struct state *state, const uint8_t sha256[32], struct idevs_error *ret_err)
{
    char text[65];

    hex_text(sha256, 32, text);
    _cleanup_text_ char *path = alloc_format("%s/%.2s/%s", state->blobs, text, text + 2);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
    if (fd < 0)
        refuse_errno(ret_err, errno == ENOENT ? "api.not-found" : "state.unusable", text);
    return fd;
}

/* ---- services ---- */

bool state_put_service(struct state *state, const struct owner *owner, const char *name,
                       const char *url, bool *ret_new, struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *known =
        store_prepare(state->store, "SELECT 1 FROM services WHERE owner = ? AND name = ?", ret_err);
    _cleanup_statement_ struct statement *s = store_prepare(
        state->store, "INSERT OR REPLACE INTO services(owner, name, url) VALUES(?, ?, ?)", ret_err);

    if (!known || !s)
        return false;
    bind_owner(known, 1, owner);
    bind_text(known, 2, name);
    *ret_new = statement_step(known, ret_err) != STEP_ROW;
    statement_done(known);
    known = NULL;
    bind_owner(s, 1, owner);
    bind_text(s, 2, name);
    bind_text(s, 3, url);
    return step_done(s, ret_err);
}

bool state_delete_service(struct state *state, const struct owner *owner, const char *name,
                          struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s = store_prepare(
        state->store, "DELETE FROM services WHERE owner = ? AND name = ? RETURNING 1", ret_err);

    if (!s)
        return false;
    bind_owner(s, 1, owner);
    bind_text(s, 2, name);
    return step_row(s, "service", name, ret_err) && step_done(s, ret_err);
}

bool state_each_service(struct state *state, const struct owner *owner, service_each each,
                        void *context, struct idevs_error *ret_err)
{
    enum step step;
    _cleanup_statement_ struct statement *s = store_prepare(
        state->store, "SELECT name, url FROM services WHERE owner = ? ORDER BY name", ret_err);

    if (!s)
        return false;
    bind_owner(s, 1, owner);
    while ((step = statement_step(s, ret_err)) == STEP_ROW)
        if (!each(column_text(s, 0), column_text(s, 1), context))
            return true;
    return step == STEP_DONE;
}
