#include "authority/registry_store.h"
#include "base/clock.h"

/* A name belongs to whoever first approved it. */
static bool take_name(struct registry *r, const char *program, const uint8_t owner[SHA256_LEN],
                      struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *put = store_prepare(
        r->store, "INSERT OR IGNORE INTO names(program, owner) VALUES(?, ?)", ret_err);
    _cleanup_statement_ struct statement *get =
        store_prepare(r->store, "SELECT owner FROM names WHERE program = ?", ret_err);

    if (!put || !get)
        return false;
    bind_text(put, 1, program);
    bind_bytes(put, 2, bytes_of(owner, SHA256_LEN));
    bind_text(get, 1, program);
    if (!registry_run(put, ret_err) || statement_step(get, ret_err) != STEP_ROW)
        return false;
    if (!bytes_equal(column_bytes(get, 0), bytes_of(owner, SHA256_LEN)))
        return refuse(ret_err, "approval.name-taken", "%s", program);
    return true;
}

/* An approval from before its owner was removed may have been kept by anybody. */
static bool outlived_removal(struct registry *r, const uint8_t owner[SHA256_LEN], int64_t issued_at,
                             struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s =
        store_prepare(r->store, "SELECT until FROM removals WHERE owner = ?", ret_err);

    if (!s)
        return false;
    bind_bytes(s, 1, bytes_of(owner, SHA256_LEN));
    enum step step = statement_step(s, ret_err);
    if (step == STEP_ROW && issued_at <= column_int(s, 0))
        return refuse_expecting(ret_err, "approval.date", "one made after the owner was removed",
                                "an approval from before");
    return step == STEP_ROW || step == STEP_DONE;
}

static bool put_approval(struct registry *r, const struct approval *approval, struct bytes payload,
                         struct bytes signed_form, struct idevs_error *ret_err)
{
    uint8_t digest[SHA256_LEN];
    _cleanup_statement_ struct statement *s = store_prepare(
        r->store,
        "INSERT OR IGNORE INTO approvals(sha256, program, payload, signed, issued, received)"
        " VALUES(?, ?, ?, ?, ?, ?)",
        ret_err);

    if (!s)
        return false;
    sha256(payload, digest);
    bind_bytes(s, 1, bytes_of(digest, sizeof(digest)));
    bind_text(s, 2, approval->program);
    bind_bytes(s, 3, payload);
    bind_bytes(s, 4, signed_form);
    bind_int(s, 5, approval->issued_at);
    bind_int(s, 6, clock_unix());
    return registry_run(s, ret_err);
}

/* Only the newest count: an owner's mistakes of long ago must not run for ever. */
static bool drop_oldest(struct registry *r, const char *program, struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s = store_prepare(
        r->store,
        "DELETE FROM approvals WHERE program = ?1 AND sha256 NOT IN (SELECT sha256 FROM approvals"
        " WHERE program = ?1 ORDER BY issued DESC, received DESC LIMIT ?2)",
        ret_err);

    if (!s)
        return false;
    bind_text(s, 1, program);
    bind_int(s, 2, LIMIT_APPROVALS);
    return registry_run(s, ret_err);
}

bool registry_add_approval(struct registry *r, const uint8_t owner[SHA256_LEN],
                           const struct approval *approval, struct bytes payload,
                           struct bytes signed_form, struct idevs_error *ret_err)
{
    if (!store_begin(r->store, ret_err))
        return false;
    bool done = outlived_removal(r, owner, approval->issued_at, ret_err) &&
                take_name(r, approval->program, owner, ret_err) &&
                put_approval(r, approval, payload, signed_form, ret_err) &&
                drop_oldest(r, approval->program, ret_err);
    return registry_commit(r, done, ret_err);
}

/* Of a registered owner only. */
static bool find_name_owner(struct registry *r, const char *program, struct appraisal_name *ret,
                            struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s = store_prepare(
        r->store,
        "SELECT names.owner FROM names JOIN owners ON owners.id = names.owner WHERE program = ?",
        ret_err);

    if (!s)
        return false;
    bind_text(s, 1, program);
    enum step step = statement_step(s, ret_err);
    if (step == STEP_DONE)
        return true;
    if (step != STEP_ROW)
        return false;
    struct bytes owner = column_bytes(s, 0);
    if (owner.len != SHA256_LEN)
        return refuse(ret_err, "state.unusable", "a damaged name");
    memcpy(ret->owner, owner.data, SHA256_LEN);
    ret->is_owned = true;
    return true;
}

bool registry_name(struct registry *r, const char *program, struct appraisal_name *ret,
                   struct idevs_error *ret_err)
{
    enum step step;

    ret->is_owned = false;
    ret->n_approvals = 0;
    if (!find_name_owner(r, program, ret, ret_err))
        return false;
    if (!ret->is_owned)
        return true;
    _cleanup_statement_ struct statement *s = store_prepare(
        r->store,
        "SELECT payload FROM approvals WHERE program = ? ORDER BY issued DESC, received DESC",
        ret_err);
    if (!s)
        return false;
    bind_text(s, 1, program);
    while ((step = statement_step(s, ret_err)) == STEP_ROW)
        if (ret->n_approvals < LIMIT_APPROVALS &&
            approval_decode(column_bytes(s, 0), &ret->approvals[ret->n_approvals]))
            ret->n_approvals++;
    return step == STEP_DONE;
}

bool registry_each_approval(struct registry *r,
                            void (*each)(const char *owner, const struct approval *, void *),
                            void *context, struct idevs_error *ret_err)
{
    enum step step;
    _cleanup_statement_ struct statement *s = store_prepare(
        r->store,
        "SELECT coalesce(owners.name, ''), payload FROM approvals"
        " JOIN names ON names.program = approvals.program"
        " LEFT JOIN owners ON owners.id = names.owner ORDER BY approvals.program, issued DESC",
        ret_err);

    if (!s)
        return false;
    while ((step = statement_step(s, ret_err)) == STEP_ROW) {
        struct approval approval;
        if (approval_decode(column_bytes(s, 1), &approval))
            each(column_text(s, 0), &approval, context);
    }
    return step == STEP_DONE;
}
