/* What was issued, and what of it was revoked. A row of `issued` lives as long as its certificate;
 * so no list names one that has expired. */
#include "authority/registry_store.h"
#include "base/text.h"

static bool forget_expired(struct registry *r, int64_t now, struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s =
        store_prepare(r->store, "DELETE FROM issued WHERE not_after < ?", ret_err);

    if (!s)
        return false;
    bind_int(s, 1, now);
    return registry_run(s, ret_err);
}

static bool put_issued(struct registry *r, const struct registry_issued *issued,
                       struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s =
        store_prepare(r->store,
                      "INSERT INTO issued(serial, tier, program, executable, platform, not_after)"
                      " VALUES(?, ?, ?, ?, ?, ?)",
                      ret_err);

    if (!s)
        return false;
    bind_bytes(s, 1, bytes_of(issued->serial, SERIAL_LEN));
    bind_int(s, 2, (int64_t)issued->tier);
    bind_text(s, 3, issued->program);
    bind_bytes(s, 4, bytes_of(issued->executable, SHA256_LEN));
    bind_bytes(s, 5, bytes_of(issued->platform, SHA256_LEN));
    bind_int(s, 6, issued->not_after);
    return registry_run(s, ret_err);
}

bool registry_note_issued(struct registry *r, const struct registry_issued *issued, int64_t now,
                          struct idevs_error *ret_err)
{
    if (!store_begin(r->store, ret_err))
        return false;
    bool done = forget_expired(r, now, ret_err) && put_issued(r, issued, ret_err);
    return registry_commit(r, done, ret_err);
}

bool registry_check_executable(struct registry *r, const uint8_t executable[SHA256_LEN],
                               const uint8_t owner[SHA256_LEN], struct idevs_error *ret_err)
{
    char hex[2 * SHA256_LEN + 1];
    _cleanup_statement_ struct statement *s = store_prepare(
        r->store, "SELECT 1 FROM revoked_executables WHERE executable = ? AND owner IN (?, x'')",
        ret_err);

    if (!s)
        return false;
    bind_bytes(s, 1, bytes_of(executable, SHA256_LEN));
    bind_bytes(s, 2, bytes_of(owner, SHA256_LEN));
    enum step step = statement_step(s, ret_err);
    hex_text(executable, SHA256_LEN, hex);
    return step == STEP_DONE ||
           (step == STEP_ROW && refuse(ret_err, "approval.revoked", "executable %s", hex));
}

bool registry_revoked_through(struct registry *r, int64_t *ret, struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s =
        store_prepare(r->store, "SELECT coalesce(max(through), 0) FROM revocations", ret_err);

    if (!s || statement_step(s, ret_err) != STEP_ROW)
        return false;
    *ret = column_int(s, 0);
    return true;
}

/* ---- revoking ---- */

/* Marks what one statement selects: ?1 id, ?2 time, ?3 reason, ?4 owner, or empty for all. */
static bool mark(struct registry *r, const char *sql, const struct revocation *what,
                 struct bytes owner, int64_t now, size_t *ret_n, struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s = store_prepare(r->store, sql, ret_err);

    if (!s)
        return false;
    bind_bytes(s, 1, bytes_of(what->id, revocation_id_len(what->what)));
    bind_int(s, 2, now);
    bind_int(s, 3, what->reason);
    bind_bytes(s, 4, owner);
    if (!registry_run(s, ret_err))
        return false;
    *ret_n = (size_t)store_changes(r->store);
    return true;
}

#define MARK                                                                                       \
    "UPDATE issued SET revoked = ?2, reason = ?3 WHERE revoked IS NULL AND not_after >= ?2"        \
    " AND (length(?4) = 0 OR program IN (SELECT program FROM names WHERE owner = ?4)) AND "

static bool revoke_certificate(struct registry *r, const struct revocation *what,
                               struct bytes owner, int64_t now, size_t *ret_n,
                               struct idevs_error *ret_err)
{
    if (!mark(r, MARK "serial = ?1", what, owner, now, ret_n, ret_err))
        return false;
    return *ret_n > 0 || refuse_expecting(ret_err, "api.not-found", "a certificate that is alive",
                                          "none of this number that you may revoke");
}

/* Also when none of its certificates is alive: no new one is issued. */
static bool revoke_executable(struct registry *r, const struct revocation *what, struct bytes owner,
                              int64_t now, size_t *ret_n, struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s = store_prepare(
        r->store, "INSERT OR IGNORE INTO revoked_executables(executable, owner) VALUES(?, ?)",
        ret_err);

    if (!s)
        return false;
    bind_bytes(s, 1, bytes_of(what->id, SHA256_LEN));
    bind_bytes(s, 2, owner);
    return registry_run(s, ret_err) &&
           mark(r, MARK "executable = ?1", what, owner, now, ret_n, ret_err);
}

static bool revoke_platform(struct registry *r, const struct revocation *what, int64_t now,
                            size_t *ret_n, struct idevs_error *ret_err)
{
    bool enrolled = registry_drop_platform(r, what->id, ret_err);

    if (!enrolled && !error_is(ret_err, "api.not-found"))
        return false;
    if (!mark(r, MARK "platform = ?1", what, bytes_of("", 0), now, ret_n, ret_err))
        return false;
    return enrolled || *ret_n > 0 || refuse(ret_err, "api.not-found", "no platform of this id");
}

/* The list has one line for all of them; these are only counted. */
static bool count_alive(struct registry *r, int64_t now, size_t *ret_n, struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s = store_prepare(
        r->store, "SELECT count(*) FROM issued WHERE revoked IS NULL AND not_after >= ?", ret_err);

    if (!s)
        return false;
    bind_int(s, 1, now);
    if (statement_step(s, ret_err) != STEP_ROW)
        return false;
    *ret_n = (size_t)column_int(s, 0);
    return true;
}

static bool carry_out(struct registry *r, const struct registry_owner *by,
                      const struct revocation *what, int64_t now, size_t *ret_n,
                      struct idevs_error *ret_err)
{
    struct bytes owner = by->administrator ? bytes_of("", 0) : bytes_of(by->id, SHA256_LEN);
    bool is_wide = what->what == REVOKE_PLATFORM || what->what == REVOKE_EVERYTHING;

    if (is_wide && !by->administrator)
        return refuse_expecting(ret_err, "revocation.right", "a request of an administrator",
                                "one of owner %s", by->name);
    switch (what->what) {
    case REVOKE_CERTIFICATE:
        return revoke_certificate(r, what, owner, now, ret_n, ret_err);
    case REVOKE_EXECUTABLE:
        return revoke_executable(r, what, owner, now, ret_n, ret_err);
    case REVOKE_PLATFORM:
        return revoke_platform(r, what, now, ret_n, ret_err);
    default:
        return count_alive(r, now, ret_n, ret_err);
    }
}

/* No list could say more: rather refuse now than have gateways without one. */
static bool lists_have_room(struct registry *r, int64_t now, struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s = store_prepare(
        r->store,
        "SELECT count(*) AS n FROM issued WHERE revoked IS NOT NULL AND not_after >= ?1"
        " GROUP BY tier ORDER BY n DESC LIMIT 1",
        ret_err);

    if (!s)
        return false;
    bind_int(s, 1, now);
    enum step step = statement_step(s, ret_err);
    if (step == STEP_ROW && column_int(s, 0) > LIMIT_REVOKED)
        return refuse(ret_err, "revocation.full", "%lld certificates", (long long)column_int(s, 0));
    return step == STEP_ROW || step == STEP_DONE;
}

/* By who signed and what: the same from somebody else is another request. */
static bool put_request(struct registry *r, const struct registry_owner *by,
                        const struct revocation *what, struct bytes payload,
                        struct bytes signed_form, int64_t now, bool *ret_is_new,
                        struct idevs_error *ret_err)
{
    uint8_t digest[SHA256_LEN];
    _cleanup_statement_ struct statement *s = store_prepare(
        r->store,
        "INSERT OR IGNORE INTO revocations(sha256, signed, received, through) VALUES(?, ?, ?, ?)",
        ret_err);

    if (!s)
        return false;
    struct sha256_run *run = sha256_begin();
    sha256_add(run, bytes_of(by->id, SHA256_LEN));
    sha256_add(run, payload);
    sha256_end(run, digest);
    bind_bytes(s, 1, bytes_of(digest, sizeof(digest)));
    bind_bytes(s, 2, signed_form);
    bind_int(s, 3, now);
    bind_int(s, 4, what->what == REVOKE_EVERYTHING ? now : 0);
    if (!registry_run(s, ret_err))
        return false;
    *ret_is_new = store_changes(r->store) > 0;
    return true;
}

bool registry_revoke(struct registry *r, const struct registry_owner *by,
                     const struct revocation *what, struct bytes payload, struct bytes signed_form,
                     int64_t now, size_t *ret_n, struct idevs_error *ret_err)
{
    bool is_new = false;

    *ret_n = 0;
    if (!store_begin(r->store, ret_err))
        return false;
    bool done = put_request(r, by, what, payload, signed_form, now, &is_new, ret_err) &&
                (!is_new ||
                 (carry_out(r, by, what, now, ret_n, ret_err) && lists_have_room(r, now, ret_err)));
    return registry_commit(r, done, ret_err);
}

/* ---- lists ---- */

static bool take_number(struct registry *r, enum tier tier, uint64_t *ret,
                        struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s =
        store_prepare(r->store,
                      "INSERT INTO lists(tier, number) VALUES(?, 1)"
                      " ON CONFLICT(tier) DO UPDATE SET number = number + 1 RETURNING number",
                      ret_err);

    if (!s)
        return false;
    bind_int(s, 1, (int64_t)tier);
    if (statement_step(s, ret_err) != STEP_ROW)
        return false;
    *ret = (uint64_t)column_int(s, 0);
    return registry_run(s, ret_err);
}

static bool take_entries(struct registry *r, enum tier tier, int64_t now, struct buffer *entries,
                         struct idevs_error *ret_err)
{
    enum step step;
    _cleanup_statement_ struct statement *s = store_prepare(
        r->store,
        "SELECT serial, revoked, reason FROM issued WHERE tier = ? AND revoked IS NOT NULL"
        " AND not_after >= ? ORDER BY serial",
        ret_err);

    if (!s)
        return false;
    bind_int(s, 1, (int64_t)tier);
    bind_int(s, 2, now);
    while ((step = statement_step(s, ret_err)) == STEP_ROW) {
        const struct signer_entry e = {.serial = column_bytes(s, 0),
                                       .at = column_int(s, 1),
                                       .reason = (uint8_t)column_int(s, 2)};
        if (!signer_entry_put(&e, entries))
            return refuse(ret_err, "state.unusable", "a damaged revocation");
    }
    return step == STEP_DONE;
}

bool registry_next_list(struct registry *r, enum tier tier, int64_t now, struct signer_list *ret,
                        struct buffer *entries, struct idevs_error *ret_err)
{
    struct signer_list made = {
        .tier = tier, .this_update = now, .next_update = now + LIMIT_LIST_LIFE};

    if (!store_begin(r->store, ret_err))
        return false;
    bool done = registry_revoked_through(r, &made.through, ret_err) &&
                take_entries(r, tier, now, entries, ret_err) &&
                take_number(r, tier, &made.number, ret_err);
    if (!registry_commit(r, done, ret_err))
        return false;
    /* Whatever was issued until then has expired. */
    if (made.through + LIMIT_CERTIFICATE_LIFE < now)
        made.through = 0;
    made.entries = buffer_bytes(entries);
    *ret = made;
    return true;
}
