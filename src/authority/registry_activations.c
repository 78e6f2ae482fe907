/* Platforms with a TPM, from their request to the secret that shows that the TPM is theirs. */
#include "authority/registry_store.h"

#include <stdio.h>

static bool drop_old(struct registry *r, int64_t now, struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s =
        store_prepare(r->store, "DELETE FROM activations WHERE expires <= ?", ret_err);

    if (!s)
        return false;
    bind_int(s, 1, now);
    return registry_run(s, ret_err);
}

static bool put_activation(struct registry *r, const struct platform_request *request,
                           enum tier tier, const struct tpm_platform *tpm,
                           const uint8_t secret_sha256[SHA256_LEN], int64_t expires,
                           struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s = store_prepare(
        r->store,
        "INSERT OR REPLACE INTO activations(id, spki, tier, back_ends, description, tpm_key,"
        " tpm_registers, tpm_digest, secret, expires) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        ret_err);

    if (!s || !registry_bind_platform(s, request, tier, ret_err))
        return false;
    bind_bytes(s, 6, bytes_of(tpm->key, sizeof(tpm->key)));
    bind_text(s, 7, tpm->registers);
    bind_bytes(s, 8, bytes_of(tpm->digest, sizeof(tpm->digest)));
    bind_bytes(s, 9, bytes_of(secret_sha256, SHA256_LEN));
    bind_int(s, 10, expires);
    return registry_run(s, ret_err);
}

bool registry_await(struct registry *r, const struct platform_request *request,
                    const struct tpm_platform *tpm, const uint8_t secret_sha256[SHA256_LEN],
                    int64_t now, struct idevs_error *ret_err)
{
    enum tier tier = TIER_DEVELOPMENT;

    if (!store_begin(r->store, ret_err))
        return false;
    bool done =
        drop_old(r, now, ret_err) && registry_spend_token(r, request, now, &tier, ret_err) &&
        put_activation(r, request, tier, tpm, secret_sha256, now + LIMIT_ACTIVATION_LIFE, ret_err);
    return registry_commit(r, done, ret_err);
}

/* The row of one activation, out of `s`. Refuses `platform.activation` when there is none. */
static bool find(struct statement *s, const uint8_t id[SHA256_LEN], struct idevs_error *ret_err)
{
    if (!s)
        return false;
    bind_bytes(s, 1, bytes_of(id, SHA256_LEN));
    enum step step = statement_step(s, ret_err);
    if (step == STEP_DONE)
        return refuse(ret_err, "platform.activation", "a platform of which nothing is awaited");
    return step == STEP_ROW;
}

bool registry_awaited(struct registry *r, const uint8_t id[SHA256_LEN], uint8_t ret_spki[SPKI_LEN],
                      struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s =
        store_prepare(r->store, "SELECT spki FROM activations WHERE id = ?", ret_err);

    if (!find(s, id, ret_err))
        return false;
    struct bytes spki = column_bytes(s, 0);
    if (spki.len != SPKI_LEN)
        return refuse(ret_err, "state.unusable", "a damaged activation");
    memcpy(ret_spki, spki.data, SPKI_LEN);
    return true;
}

/* Columns secret, tier, expires. */
static bool judge(struct statement *s, const uint8_t secret_sha256[SHA256_LEN], int64_t now,
                  enum tier *ret_tier, struct idevs_error *ret_err)
{
    struct bytes secret = column_bytes(s, 0);
    int64_t tier = column_int(s, 1);

    if (column_int(s, 2) <= now)
        return refuse(ret_err, "platform.activation", "an answer that comes too late");
    if (secret.len != SHA256_LEN ||
        !equal_in_constant_time(secret.data, secret_sha256, SHA256_LEN) || tier < 0 ||
        tier >= TIERS)
        return refuse(ret_err, "platform.activation", "another secret");
    *ret_tier = (enum tier)tier;
    return true;
}

/* `*ret_is_right`: it was the secret, in time; else `ret_err` says what it was. False: no answer
 * could be found out. */
static bool look(struct registry *r, const uint8_t id[SHA256_LEN],
                 const uint8_t secret_sha256[SHA256_LEN], int64_t now, enum tier *ret_tier,
                 bool *ret_is_right, struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s = store_prepare(
        r->store, "SELECT secret, tier, expires FROM activations WHERE id = ?", ret_err);

    if (!find(s, id, ret_err))
        return false;
    *ret_is_right = judge(s, secret_sha256, now, ret_tier, ret_err);
    return true;
}

static bool enrol(struct registry *r, const uint8_t id[SHA256_LEN], int64_t now,
                  struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s = store_prepare(
        r->store,
        "INSERT OR REPLACE INTO platforms(id, spki, tier, back_ends, description, enrolled,"
        " tpm_key, tpm_registers, tpm_digest) SELECT id, spki, tier, back_ends, description, ?2,"
        " tpm_key, tpm_registers, tpm_digest FROM activations WHERE id = ?1",
        ret_err);

    if (!s)
        return false;
    bind_bytes(s, 1, bytes_of(id, SHA256_LEN));
    bind_int(s, 2, now);
    return registry_run(s, ret_err);
}

bool registry_activate(struct registry *r, const uint8_t id[SHA256_LEN],
                       const uint8_t secret_sha256[SHA256_LEN], int64_t now, enum tier *ret_tier,
                       struct idevs_error *ret_err)
{
    bool is_right = false;
    enum tier tier = TIER_DEVELOPMENT;

    if (!store_begin(r->store, ret_err))
        return false;
    bool done = look(r, id, secret_sha256, now, &tier, &is_right, ret_err) &&
                (!is_right || enrol(r, id, now, ret_err)) &&
                registry_remove(r, "DELETE FROM activations WHERE id = ? RETURNING 1",
                                bytes_of(id, SHA256_LEN), NULL, is_right ? ret_err : NULL);
    if (!registry_commit(r, done, is_right ? ret_err : NULL) || !is_right)
        return false;
    *ret_tier = tier;
    return true;
}

bool registry_find_tpm(struct registry *r, const uint8_t id[SHA256_LEN], struct tpm_platform *ret)
{
    _cleanup_statement_ struct statement *s =
        store_prepare(r->store,
                      "SELECT tpm_key, tpm_digest, tpm_registers FROM platforms WHERE id = ? AND "
                      "tpm_key NOT NULL",
                      NULL);

    /* Of a damaged row, or when the database fails: a TPM with a key that nothing verifies with. */
    memset(ret, 0, sizeof(*ret));
    if (!s)
        return true;
    bind_bytes(s, 1, bytes_of(id, SHA256_LEN));
    enum step step = statement_step(s, NULL);
    if (step != STEP_ROW)
        return step != STEP_DONE;
    struct bytes key = column_bytes(s, 0);
    struct bytes digest = column_bytes(s, 1);
    if (key.len == sizeof(ret->key) && digest.len == sizeof(ret->digest)) {
        memcpy(ret->key, key.data, key.len);
        memcpy(ret->digest, digest.data, digest.len);
        snprintf(ret->registers, sizeof(ret->registers), "%s", column_text(s, 2));
    }
    return true;
}
