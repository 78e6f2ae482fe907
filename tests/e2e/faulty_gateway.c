/* idevs-gateway with one check taken out: whether the conformance kit notices.
 *
 * This is the real gateway; the linker hands some of its inner calls to the functions below
 * (--wrap). IDEVS_FAULT_OF says which fault is in: an error code, then whatever refuses with that
 * code accepts instead; or one of the names below. */
#include "exchange/keys.h"
#include "exchange/request.h"
#include "gateway/claims.h"
#include "gateway/ledger.h"
#include "gateway/policy.h"
#include "gateway/states.h"
#include "gateway/verify.h"
#include "net/server.h"
#include "wire/bhttp.h"
#include "wire/http1.h"

#include <openssl/ssl.h>
#include <stdlib.h>

#define DAY 86400

/* A function in place of `name`, which is still there as __real_name. */
#define REPLACE(type, name, ...)                                                                   \
    type __real_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__)

static bool fault_is(const char *name)
{
    const char *fault = getenv("IDEVS_FAULT_OF");

    return fault && strcmp(fault, name) == 0;
}

/* ---- a code that refuses nothing ---- */

static bool forgiven(bool accepted, const struct idevs_error *err)
{
    return accepted || fault_is(err->code);
}

REPLACE(bool, exchange_verify_request, const struct exchange *x, const struct http_message *m,
        const char *authority, const struct certificate *leaf, int64_t now, struct idevs_error *err)
{
    return forgiven(__real_exchange_verify_request(x, m, authority, leaf, now, err), err);
}

REPLACE(bool, policy_permits, const struct policy *policy, const struct program *program,
        const struct http_message *request, struct idevs_error *err)
{
    return forgiven(__real_policy_permits(policy, program, request, err), err);
}

REPLACE(bool, chain_verify, const struct chain *chain, const struct bytes *anchors,
        size_t n_anchors, enum chain_purpose purpose, int64_t now, struct idevs_error *err)
{
    return forgiven(__real_chain_verify(chain, anchors, n_anchors, purpose, now, err), err);
}

REPLACE(bool, claims_take, struct claims *claims, const uint8_t keyid[CLAIM_PART_LEN],
        const uint8_t enc[CLAIM_PART_LEN], int64_t until, int64_t now, struct idevs_error *err)
{
    return forgiven(__real_claims_take(claims, keyid, enc, until, now, err), err);
}

/* ---- readers that are too kind ---- */

REPLACE(bool, path_is_valid, const char *path)
{
    return fault_is("paths") || __real_path_is_valid(path);
}

/* Takes any padding. */
REPLACE(bool, bhttp_decode_request, struct bytes in, struct http_message *ret)
{
    if (fault_is("padding") && in.len > 0 && in.data[in.len - 1] != 0)
        in.len--;
    return __real_bhttp_decode_request(in, ret);
}

/* Reads every suite as the one that it has. */
REPLACE(bool, ohttp_decode_request, struct bytes in, struct ohttp_request *ret)
{
    if (fault_is("suite") && in.len >= OHTTP_HEADER_LEN)
        ohttp_header(in.data[0], (uint8_t *)(uintptr_t)in.data);
    return __real_ohttp_decode_request(in, ret);
}

/* Leaves out transfer codings. */
REPLACE(bool, http1_parse, uint8_t *data, size_t len, struct http1_head *ret,
        struct idevs_error *err)
{
    uint8_t *field = memmem(data, len, "Transfer-Encoding", 17);

    if (fault_is("codings") && field)
        memcpy(field, "X-ansfer-Encoding", 17);
    return __real_http1_parse(data, len, ret, err);
}

/* ---- answers that say too much, or too little ---- */

REPLACE(bool, bhttp_pad, struct buffer *b)
{
    return fault_is("unpadded") || __real_bhttp_pad(b);
}

/* No chance in the nonces of answers. */
REPLACE(void, random_bytes, void *ret, size_t len)
{
    if (fault_is("nonces") && len == OHTTP_NONCE_LEN)
        memset(ret, 7, len);
    else
        __real_random_bytes(ret, len);
}

/* Says of every refusal that the request surely was not processed. */
REPLACE(enum verdict, verify_request, const struct verifier *v, const struct http_message *outer,
        int64_t now, struct verified *ret, struct idevs_error *err)
{
    enum verdict verdict = __real_verify_request(v, outer, now, ret, err);

    if (fault_is("certain") && verdict == VERDICT_SEALED)
        ret->unprocessed = true;
    return verdict;
}

/* ---- memory that does not compare ---- */

REPLACE(void, ledger_digest, const struct http_message *request, uint8_t ret[SHA256_LEN])
{
    __real_ledger_digest(request, ret);
    if (fault_is("idempotency"))
        memset(ret, 0, SHA256_LEN);
}

REPLACE(bool, state_request_run, const struct state_request *request, struct store *store,
        const struct vault *vault, const char *program, enum state_verdict *ret,
        int64_t *ret_version, struct buffer *ret_value, struct idevs_error *err)
{
    bool worked =
        __real_state_request_run(request, store, vault, program, ret, ret_version, ret_value, err);

    if (worked && *ret == STATE_REFUSED && fault_is("state"))
        *ret = STATE_SAVED;
    return worked;
}

/* ---- below the exchange ---- */

/* Signs keys that were good the day before yesterday. */
REPLACE(bool, signed_keys_make, const struct ohttp_key_config *config, const struct chain *service,
        const struct key *key, int64_t now, int64_t life, struct signed_keys *ret)
{
    return __real_signed_keys_make(config, service, key, fault_is("old-keys") ? now - 2 * DAY : now,
                                   life, ret);
}

REPLACE(long, SSL_CTX_ctrl, SSL_CTX *ctx, int command, long number, void *pointer)
{
    if (fault_is("old-tls") && command == SSL_CTRL_SET_MIN_PROTO_VERSION)
        number = TLS1_2_VERSION;
    return __real_SSL_CTX_ctrl(ctx, command, number, pointer);
}

REPLACE(struct server *, server_start, struct event_base *base,
        const struct server_options *options, struct idevs_error *err)
{
    struct server_options patient = *options;

    patient.header_seconds = fault_is("patience") ? DAY : options->header_seconds;
    return __real_server_start(base, &patient, err);
}
