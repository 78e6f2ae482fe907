#include "authority/registry_store.h"
#include "base/text.h"
#include "exchange/attestation.h"

#include <stdio.h>

bool registry_add_token(struct registry *r, const uint8_t sha256[SHA256_LEN], enum tier tier,
                        int64_t expires, struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s = store_prepare(
        r->store, "INSERT INTO tokens(sha256, tier, expires) VALUES(?, ?, ?)", ret_err);

    if (!s)
        return false;
    bind_bytes(s, 1, bytes_of(sha256, SHA256_LEN));
    bind_int(s, 2, (int64_t)tier);
    bind_int(s, 3, expires);
    return registry_run(s, ret_err);
}

/* The token that the request proves for its own key. Tokens are few: an administrator makes each.
 */
static bool find_token(struct registry *r, const struct platform_request *request,
                       uint8_t ret[SHA256_LEN], struct idevs_error *ret_err)
{
    uint8_t proof[SHA256_LEN];
    enum step step;
    _cleanup_statement_ struct statement *s =
        store_prepare(r->store, "SELECT sha256 FROM tokens", ret_err);

    if (!s)
        return false;
    while ((step = statement_step(s, ret_err)) == STEP_ROW) {
        struct bytes token = column_bytes(s, 0);
        if (token.len != SHA256_LEN)
            continue;
        platform_token_proof(token.data, request->spki, proof);
        if (!equal_in_constant_time(proof, request->proof, sizeof(proof)))
            continue;
        memcpy(ret, token.data, SHA256_LEN);
        return true;
    }
    return step == STEP_DONE && refuse(ret_err, "platform.token", "an unknown or used token");
}

bool registry_spend_token(struct registry *r, const struct platform_request *request, int64_t now,
                          enum tier *ret_tier, struct idevs_error *ret_err)
{
    uint8_t sha256[SHA256_LEN];

    if (!find_token(r, request, sha256, ret_err))
        return false;
    _cleanup_statement_ struct statement *s = store_prepare(
        r->store, "DELETE FROM tokens WHERE sha256 = ? RETURNING tier, expires", ret_err);

    if (!s)
        return false;
    bind_bytes(s, 1, bytes_of(sha256, SHA256_LEN));
    enum step step = statement_step(s, ret_err);
    if (step == STEP_DONE)
        return refuse(ret_err, "platform.token", "an unknown or used token");
    if (step != STEP_ROW)
        return false;
    int64_t tier = column_int(s, 0);
    bool is_alive = column_int(s, 1) > now;
    if (!registry_run(s, ret_err))
        return false;
    if (!is_alive || tier < 0 || tier >= TIERS)
        return refuse(ret_err, "platform.token", "a token that is too old");
    *ret_tier = (enum tier)tier;
    return true;
}

bool registry_bind_platform(struct statement *s, const struct platform_request *request,
                            enum tier tier, struct idevs_error *ret_err)
{
    uint8_t id[SHA256_LEN];
    _cleanup_buffer_ struct buffer back_ends =
        buffer_up_to((size_t)LIMIT_BACK_ENDS * LIMIT_PLATFORM_TEXT);

    for (size_t i = 0; i < request->n_back_ends; i++)
        if (!buffer_append_format(&back_ends, "%s%s", i ? " " : "", request->back_ends[i]))
            return refuse(ret_err, "internal", "too many back ends");
    sha256(bytes_of(request->spki, sizeof(request->spki)), id);
    bind_bytes(s, 1, bytes_of(id, sizeof(id)));
    bind_bytes(s, 2, bytes_of(request->spki, sizeof(request->spki)));
    bind_int(s, 3, (int64_t)tier);
    bind_text(s, 4, back_ends.len ? (const char *)back_ends.data : "");
    bind_text(s, 5, request->description);
    return true;
}

static bool put_platform(struct registry *r, const struct platform_request *request, int64_t now,
                         enum tier tier, struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s = store_prepare(
        r->store,
        "INSERT OR REPLACE INTO platforms(id, spki, tier, back_ends, description, enrolled)"
        " VALUES(?, ?, ?, ?, ?, ?)",
        ret_err);

    if (!s || !registry_bind_platform(s, request, tier, ret_err))
        return false;
    bind_int(s, 6, now);
    return registry_run(s, ret_err);
}

bool registry_enrol(struct registry *r, const struct platform_request *request, int64_t now,
                    enum tier *ret_tier, struct idevs_error *ret_err)
{
    enum tier tier = TIER_DEVELOPMENT;

    if (!store_begin(r->store, ret_err))
        return false;
    bool done = registry_spend_token(r, request, now, &tier, ret_err) &&
                put_platform(r, request, now, tier, ret_err);
    if (!registry_commit(r, done, ret_err))
        return false;
    *ret_tier = tier;
    return true;
}

static void take_back_ends(const char *text, struct appraisal_platform *ret)
{
    ret->n_back_ends = 0;
    while (*text && ret->n_back_ends < LIMIT_BACK_ENDS) {
        size_t n = strcspn(text, " ");
        snprintf(ret->back_ends[ret->n_back_ends++], LIMIT_PLATFORM_TEXT, "%.*s", (int)n, text);
        text += n + (text[n] == ' ');
    }
}

bool registry_find_platform(struct registry *r, const uint8_t id[SHA256_LEN],
                            uint8_t ret_spki[SPKI_LEN], struct appraisal_platform *ret)
{
    _cleanup_statement_ struct statement *s =
        store_prepare(r->store, "SELECT spki, tier, back_ends FROM platforms WHERE id = ?", NULL);

    if (!s)
        return false;
    bind_bytes(s, 1, bytes_of(id, SHA256_LEN));
    if (statement_step(s, NULL) != STEP_ROW)
        return false;
    struct bytes spki = column_bytes(s, 0);
    int64_t tier = column_int(s, 1);
    if (spki.len != SPKI_LEN || tier < 0 || tier >= TIERS)
        return false;
    memcpy(ret_spki, spki.data, SPKI_LEN);
    ret->tier = (enum tier)tier;
    take_back_ends(column_text(s, 2), ret);
    return true;
}

static bool drop_activation(struct registry *r, struct bytes id, struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s =
        store_prepare(r->store, "DELETE FROM activations WHERE id = ?", ret_err);

    if (!s)
        return false;
    bind_bytes(s, 1, id);
    return registry_run(s, ret_err);
}

bool registry_drop_platform(struct registry *r, const uint8_t id[SHA256_LEN],
                            struct idevs_error *ret_err)
{
    struct bytes key = bytes_of(id, SHA256_LEN);

    return drop_activation(r, key, ret_err) &&
           registry_remove(r, "DELETE FROM platforms WHERE id = ? RETURNING 1", key, NULL, ret_err);
}

bool registry_remove_platform(struct registry *r, const uint8_t id[SHA256_LEN],
                              struct idevs_error *ret_err)
{
    if (!store_begin(r->store, ret_err))
        return false;
    return registry_commit(r, registry_drop_platform(r, id, ret_err), ret_err);
}

bool registry_each_platform(struct registry *r,
                            void (*each)(const struct registry_platform *, void *), void *context,
                            struct idevs_error *ret_err)
{
    enum step step;
    _cleanup_statement_ struct statement *s = store_prepare(
        r->store,
        "SELECT id, tier, back_ends, description, enrolled, tpm_registers FROM platforms"
        " ORDER BY enrolled",
        ret_err);

    if (!s)
        return false;
    while ((step = statement_step(s, ret_err)) == STEP_ROW) {
        struct bytes id = column_bytes(s, 0);
        int64_t tier = column_int(s, 1);
        struct registry_platform platform = {.back_ends = column_text(s, 2),
                                             .description = column_text(s, 3),
                                             .tpm_registers = column_text(s, 5),
                                             .enrolled_at = column_int(s, 4)};
        if (id.len != SHA256_LEN || tier < 0 || tier >= TIERS)
            continue;
        memcpy(platform.id, id.data, SHA256_LEN);
        platform.tier = (enum tier)tier;
        each(&platform, context);
    }
    return step == STEP_DONE;
}
