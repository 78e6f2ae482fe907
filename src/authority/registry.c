#include "authority/registry.h"
#include "authority/registry_store.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const MIGRATIONS[] = {
    "CREATE TABLE owners(id BLOB PRIMARY KEY, name TEXT NOT NULL UNIQUE, spki BLOB NOT NULL,"
    "  added INTEGER NOT NULL);"
    "CREATE TABLE tokens(sha256 BLOB PRIMARY KEY, tier INTEGER NOT NULL,"
    "  expires INTEGER NOT NULL);"
    "CREATE TABLE platforms(id BLOB PRIMARY KEY, spki BLOB NOT NULL, tier INTEGER NOT NULL,"
    "  back_ends TEXT NOT NULL, description TEXT NOT NULL, enrolled INTEGER NOT NULL);"
    /* Names outlive the registration of their owner: nobody else may have them. */
    "CREATE TABLE names(program TEXT PRIMARY KEY, owner BLOB NOT NULL);"
    "CREATE TABLE approvals(sha256 BLOB PRIMARY KEY,"
    "  program TEXT NOT NULL REFERENCES names(program), payload BLOB NOT NULL,"
    "  signed BLOB NOT NULL, issued INTEGER NOT NULL, received INTEGER NOT NULL);"
    "CREATE INDEX approvals_by_program ON approvals(program, issued DESC);",
    /* When an owner was removed: what was signed until then stays void if the key comes back. */
    "CREATE TABLE removals(owner BLOB PRIMARY KEY, until INTEGER NOT NULL);",
    /* What a platform's TPM is held to; NULL in all three: it has none. An activation is a platform
     * that has yet to show that it can open what its TPM was sent. */
    "ALTER TABLE platforms ADD COLUMN tpm_key BLOB;"
    "ALTER TABLE platforms ADD COLUMN tpm_registers TEXT;"
    "ALTER TABLE platforms ADD COLUMN tpm_digest BLOB;"
    "CREATE TABLE activations(id BLOB PRIMARY KEY, spki BLOB NOT NULL, tier INTEGER NOT NULL,"
    "  back_ends TEXT NOT NULL, description TEXT NOT NULL, tpm_key BLOB NOT NULL,"
    "  tpm_registers TEXT NOT NULL, tpm_digest BLOB NOT NULL, secret BLOB NOT NULL,"
    "  expires INTEGER NOT NULL);",
    "ALTER TABLE owners ADD COLUMN administrator INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE issued(serial BLOB PRIMARY KEY, tier INTEGER NOT NULL, program TEXT NOT NULL,"
    "  executable BLOB NOT NULL, platform BLOB NOT NULL, not_after INTEGER NOT NULL,"
    "  revoked INTEGER, reason INTEGER);" /* revoked: when; NULL: not */
    "CREATE INDEX issued_by_end ON issued(not_after);"
    "CREATE INDEX issued_by_executable ON issued(executable);"
    "CREATE INDEX issued_by_platform ON issued(platform);"
    "CREATE INDEX issued_and_revoked ON issued(tier, serial) WHERE revoked IS NOT NULL;"
    /* owner: whose programs; empty: everybody's. */
    "CREATE TABLE revoked_executables(executable BLOB NOT NULL, owner BLOB NOT NULL,"
    "  PRIMARY KEY(executable, owner));"
    "CREATE TABLE revocations(sha256 BLOB PRIMARY KEY, signed BLOB NOT NULL,"
    "  received INTEGER NOT NULL, through INTEGER NOT NULL);" /* through: 0, or all until then */
    "CREATE INDEX revocations_by_through ON revocations(through);"
    "CREATE TABLE lists(tier INTEGER PRIMARY KEY, number INTEGER NOT NULL);",
    NULL,
};

struct registry *registry_open(const char *path, struct idevs_error *ret_err)
{
    struct store *store = store_open(path, MIGRATIONS, ret_err);

    if (!store)
        return NULL;
    struct registry *r = alloc_zero(1, sizeof(*r));
    r->store = store;
    return r;
}

void registry_close(struct registry *r)
{
    if (!r)
        return;
    store_close(r->store);
    free(r);
}

bool registry_run(struct statement *s, struct idevs_error *ret_err)
{
    switch (statement_step(s, ret_err)) {
    case STEP_DONE:
    case STEP_ROW:
        return true;
    case STEP_CONFLICT:
        return refuse(ret_err, "internal", "a row that the state's rules refuse");
    case STEP_FAILED:
        break;
    }
    return false;
}

bool registry_commit(struct registry *r, bool done, struct idevs_error *ret_err)
{
    if (done && store_commit(r->store, ret_err))
        return true;
    store_rollback(r->store);
    return false;
}

bool registry_remove(struct registry *r, const char *sql, struct bytes blob, const char *text,
                     struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s = store_prepare(r->store, sql, ret_err);

    if (!s)
        return false;
    if (text)
        bind_text(s, 1, text);
    else
        bind_bytes(s, 1, blob);
    switch (statement_step(s, ret_err)) {
    case STEP_ROW: /* RETURNING: it was there */
        return registry_run(s, ret_err);
    case STEP_DONE:
        return refuse(ret_err, "api.not-found", "nothing of this name");
    default:
        return false;
    }
}

/* ---- owners ---- */

bool registry_add_owner(struct registry *r, const char *name, const uint8_t spki[SPKI_LEN],
                        struct idevs_error *ret_err)
{
    uint8_t id[SHA256_LEN];

    if (!name_is_valid(name, LIMIT_OWNER_NAME))
        return refuse(ret_err, "name.invalid", "%s", name);
    _cleanup_statement_ struct statement *s = store_prepare(
        r->store, "INSERT INTO owners(id, name, spki, added) VALUES(?, ?, ?, ?)", ret_err);
    if (!s)
        return false;
    sha256(bytes_of(spki, SPKI_LEN), id);
    bind_bytes(s, 1, bytes_of(id, sizeof(id)));
    bind_text(s, 2, name);
    bind_bytes(s, 3, bytes_of(spki, SPKI_LEN));
    bind_int(s, 4, clock_unix());
    enum step step = statement_step(s, ret_err);
    if (step == STEP_CONFLICT)
        return refuse(ret_err, "owner.exists", "%s", name);
    return step == STEP_DONE;
}

/* Of an owner's clock that runs ahead, the latest approval says how far. */
static bool note_removal(struct registry *r, const char *name, struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s = store_prepare(
        r->store,
        "INSERT OR REPLACE INTO removals(owner, until) SELECT owners.id, max(?2, coalesce((SELECT"
        " max(issued) FROM approvals JOIN names ON names.program = approvals.program"
        " WHERE names.owner = owners.id), 0)) FROM owners WHERE owners.name = ?1",
        ret_err);

    if (!s)
        return false;
    bind_text(s, 1, name);
    bind_int(s, 2, clock_unix());
    return registry_run(s, ret_err);
}

static bool forget_approvals(struct registry *r, const char *name, struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s =
        store_prepare(r->store,
                      "DELETE FROM approvals WHERE program IN (SELECT program FROM names"
                      " JOIN owners ON owners.id = names.owner WHERE owners.name = ?)",
                      ret_err);

    if (!s)
        return false;
    bind_text(s, 1, name);
    return registry_run(s, ret_err);
}

bool registry_remove_owner(struct registry *r, const char *name, struct idevs_error *ret_err)
{
    if (!store_begin(r->store, ret_err))
        return false;
    bool done = note_removal(r, name, ret_err) && forget_approvals(r, name, ret_err) &&
                registry_remove(r, "DELETE FROM owners WHERE name = ? RETURNING 1",
                                (struct bytes){0}, name, ret_err);
    return registry_commit(r, done, ret_err);
}

bool registry_make_administrator(struct registry *r, const char *name, struct idevs_error *ret_err)
{
    return registry_remove(r, "UPDATE owners SET administrator = 1 WHERE name = ? RETURNING 1",
                           (struct bytes){0}, name, ret_err);
}

/* Columns id, name, spki, administrator. */
static bool take_owner(struct statement *s, struct registry_owner *ret)
{
    struct bytes id = column_bytes(s, 0);
    struct bytes spki = column_bytes(s, 2);

    if (id.len != SHA256_LEN || spki.len != SPKI_LEN)
        return false;
    memcpy(ret->id, id.data, SHA256_LEN);
    snprintf(ret->name, sizeof(ret->name), "%s", column_text(s, 1));
    memcpy(ret->spki, spki.data, SPKI_LEN);
    ret->administrator = column_int(s, 3) != 0;
    return true;
}

bool registry_find_owner(struct registry *r, const uint8_t id[SHA256_LEN],
                         struct registry_owner *ret, struct idevs_error *ret_err)
{
    char hex[2 * SHA256_LEN + 1];
    _cleanup_statement_ struct statement *s = store_prepare(
        r->store, "SELECT id, name, spki, administrator FROM owners WHERE id = ?", ret_err);

    if (!s)
        return false;
    bind_bytes(s, 1, bytes_of(id, SHA256_LEN));
    switch (statement_step(s, ret_err)) {
    case STEP_ROW:
        return take_owner(s, ret) || refuse(ret_err, "state.unusable", "a damaged owner");
    case STEP_DONE:
        hex_text(id, SHA256_LEN, hex);
        return refuse(ret_err, "approval.owner", "key %s", hex);
    default:
        return false;
    }
}

bool registry_each_owner(struct registry *r, void (*each)(const struct registry_owner *, void *),
                         void *context, struct idevs_error *ret_err)
{
    struct registry_owner owner;
    enum step step;
    _cleanup_statement_ struct statement *s = store_prepare(
        r->store, "SELECT id, name, spki, administrator FROM owners ORDER BY name", ret_err);

    if (!s)
        return false;
    while ((step = statement_step(s, ret_err)) == STEP_ROW)
        if (take_owner(s, &owner))
            each(&owner, context);
    return step == STEP_DONE;
}
