#include "gateway/ledger.h"
#include "base/fault.h"

/* Column `state` of table `once`; stored, so never renumbered. */
enum {
    ONCE_INTENT = 0,
    ONCE_DONE = 1,
    ONCE_LOST = 2,
};

static void add_part(struct sha256_run *run, struct bytes part)
{
    uint64_t len = part.len;

    sha256_add(run, bytes_of(&len, sizeof(len)));
    sha256_add(run, part);
}

void ledger_digest(const struct http_message *request, uint8_t ret[SHA256_LEN])
{
    struct bytes type = {0};
    struct bytes digest = {0};
    struct sha256_run *run = sha256_begin();

    /* Verified against the content before anybody gets here, and cheaper than eight megabytes. */
    if (!http_get(request, "content-digest", &digest))
        digest = request->content;
    if (!http_get(request, "content-type", &type))
        type = bytes_of(NULL, 0);
    add_part(run, request->method);
    add_part(run, request->path);
    add_part(run, type);
    add_part(run, digest);
    sha256_end(run, ret);
}

static struct vault_place place_of(const struct ledger_key *key)
{
    return (struct vault_place){.kind = "once", .program = key->program, .name = key->key};
}

/* Runs a statement that gives no rows. */
static bool run(struct statement *s, struct idevs_error *err)
{
    return statement_step(s, err) == STEP_DONE;
}

static bool insert_intent(const struct ledger *ledger, struct store *store,
                          const struct ledger_key *key, const uint8_t digest[SHA256_LEN],
                          int64_t now, struct idevs_error *err)
{
    _cleanup_statement_ struct statement *s =
        store_prepare(store,
                      "INSERT OR REPLACE INTO once (program, key, digest, boot, state, created)"
                      " VALUES (?, ?, ?, ?, 0, ?)",
                      err);

    if (!s)
        return false;
    bind_text(s, 1, key->program);
    bind_text(s, 2, key->key);
    bind_bytes(s, 3, bytes_of(digest, SHA256_LEN));
    bind_bytes(s, 4, bytes_of(ledger->boot, BOOT_LEN));
    bind_int(s, 5, now);
    return run(s, err);
}

/* Row: digest, boot, state, response. */
static enum ledger_verdict judge(const struct ledger *ledger, struct statement *row,
                                 const struct ledger_key *key, const uint8_t digest[SHA256_LEN],
                                 struct buffer *response, struct idevs_error *err)
{
    bool same_boot = bytes_equal(column_bytes(row, 1), bytes_of(ledger->boot, BOOT_LEN));
    int64_t state = column_int(row, 2);
    struct vault_place place = place_of(key);

    if (!bytes_equal(column_bytes(row, 0), bytes_of(digest, SHA256_LEN)))
        refuse(err, "idempotency.mismatch", "the key of another request");
    else if (state == ONCE_DONE)
        return vault_unseal(ledger->vault, &place, column_bytes(row, 3), response)
                   ? LEDGER_REPLAY
                   : (refuse(err, "state.unusable", "a stored response that does not open"),
                      LEDGER_REFUSED);
    else if (state == ONCE_INTENT && same_boot)
        refuse(err, "idempotency.in-progress", "a request that was not answered yet");
    else if (ledger->service_honours)
        return LEDGER_FORWARD;
    else
        refuse(err, "outcome.unknown", "a request whose answer was lost");
    return LEDGER_REFUSED;
}

static bool look(const struct ledger *ledger, struct store *store, const struct ledger_key *key,
                 const uint8_t digest[SHA256_LEN], int64_t now, enum ledger_verdict *ret,
                 struct buffer *response, struct idevs_error *err)
{
    _cleanup_statement_ struct statement *s =
        store_prepare(store,
                      "SELECT digest, boot, state, response FROM once"
                      " WHERE program = ? AND key = ? AND created > ?",
                      err);

    if (!s)
        return false;
    bind_text(s, 1, key->program);
    bind_text(s, 2, key->key);
    bind_int(s, 3, now - (int64_t)(LIMIT_IDEMPOTENCY_LIFE));
    switch (statement_step(s, err)) {
    case STEP_DONE:
        *ret = LEDGER_FORWARD;
        return true;
    case STEP_ROW:
        *ret = judge(ledger, s, key, digest, response, err);
        return true;
    default:
        return false;
    }
}

bool ledger_begin(const struct ledger *ledger, struct store *store, const struct ledger_key *key,
                  const uint8_t digest[SHA256_LEN], int64_t now, enum ledger_verdict *ret,
                  struct buffer *ret_response, struct idevs_error *ret_err)
{
    fault_point("gateway.before-intent");
    buffer_clear(ret_response);
    return look(ledger, store, key, digest, now, ret, ret_response, ret_err) &&
           (*ret != LEDGER_FORWARD || insert_intent(ledger, store, key, digest, now, ret_err));
}

bool ledger_finish(const struct ledger *ledger, struct store *store, const struct ledger_key *key,
                   struct bytes response, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(LIMIT_MESSAGE);
    struct vault_place place = place_of(key);

    fault_point("gateway.before-result");
    if (!vault_seal(ledger->vault, &place, response, &sealed))
        return refuse(ret_err, "internal", "a response that cannot be encrypted");
    _cleanup_statement_ struct statement *s = store_prepare(
        store, "UPDATE once SET state = 1, response = ? WHERE program = ? AND key = ?", ret_err);
    if (!s)
        return false;
    bind_bytes(s, 1, buffer_bytes(&sealed));
    bind_text(s, 2, key->program);
    bind_text(s, 3, key->key);
    return run(s, ret_err);
}

static bool run_for_key(struct store *store, const char *sql, const struct ledger_key *key,
                        struct idevs_error *err)
{
    _cleanup_statement_ struct statement *s = store_prepare(store, sql, err);

    if (!s)
        return false;
    bind_text(s, 1, key->program);
    bind_text(s, 2, key->key);
    return run(s, err);
}

bool ledger_release(struct store *store, const struct ledger_key *key, struct idevs_error *ret_err)
{
    return run_for_key(store, "DELETE FROM once WHERE program = ? AND key = ? AND state = 0", key,
                       ret_err);
}

bool ledger_lost(struct store *store, const struct ledger_key *key, struct idevs_error *ret_err)
{
    return run_for_key(store,
                       "UPDATE once SET state = 2 WHERE program = ? AND key = ? AND state = 0", key,
                       ret_err);
}

static bool count_expired(struct store *store, int64_t before, int64_t *ret,
                          struct idevs_error *err)
{
    _cleanup_statement_ struct statement *s =
        store_prepare(store, "SELECT count(*) FROM once WHERE created <= ?", err);

    if (!s)
        return false;
    bind_int(s, 1, before);
    if (statement_step(s, err) != STEP_ROW)
        return false;
    *ret = column_int(s, 0);
    return true;
}

bool ledger_sweep(struct store *store, int64_t now, bool *ret_more, struct idevs_error *ret_err)
{
    int64_t before = now - (int64_t)(LIMIT_IDEMPOTENCY_LIFE);
    int64_t n = 0;

    if (!count_expired(store, before, &n, ret_err))
        return false;
    *ret_more = n > LIMIT_SWEEP_ROWS;
    if (n == 0)
        return true;
    _cleanup_statement_ struct statement *s = store_prepare(
        store, "DELETE FROM once WHERE id IN (SELECT id FROM once WHERE created <= ? LIMIT ?)",
        ret_err);
    if (!s)
        return false;
    bind_int(s, 1, before);
    bind_int(s, 2, LIMIT_SWEEP_ROWS);
    return run(s, ret_err);
}
