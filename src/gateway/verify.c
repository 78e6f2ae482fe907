#include "gateway/verify.h"
#include "base/fault.h"
#include "base/text.h"
#include "wire/httpsig.h"

void verified_release(struct verified *v)
{
    caller_release(v->caller);
    exchange_wipe(&v->exchange);
    buffer_free(&v->plain);
    *v = (struct verified){0};
}

static bool media_type_is(const struct http_message *outer, struct idevs_error *err)
{
    struct bytes type;

    if (http_get(outer, "content-type", &type) && bytes_equal_text(type, OHTTP_REQUEST_TYPE))
        return true;
    return refuse(err, "exchange.media-type", "another content-type, or none");
}

static bool find_caller(const struct verifier *v, const struct http_message *outer, int64_t now,
                        struct verified *ret, struct idevs_error *err)
{
    struct bytes cert;
    struct bytes cert_chain = bytes_of(NULL, 0);

    if (!http_get(outer, "client-cert", &cert))
        return refuse(err, "certificate.malformed", "no client-cert field, or several");
    if (http_count(outer, "client-cert-chain") > 0 &&
        !http_get(outer, "client-cert-chain", &cert_chain))
        return refuse(err, "certificate.malformed", "several client-cert-chain fields");
    ret->caller = certificates_find(v->certificates, cert, cert_chain, now, err);
    return ret->caller != NULL;
}

/* What the signature does not forbid, but no service should see. */
static bool form_is_sound(const struct verifier *v, const struct http_message *m,
                          struct idevs_error *err)
{
    static const char *const METHODS[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
    char path[LIMIT_PATH + 1];
    bool known = false;

    for (size_t i = 0; i < ARRAY_LEN(METHODS); i++)
        known = known || bytes_equal_text(m->method, METHODS[i]);
    if (!known)
        return refuse(err, "api.method", "none of GET, HEAD, POST, PUT, PATCH, DELETE");
    if (m->path.len > LIMIT_PATH)
        return refuse(err, "http.malformed", "a path of %zu bytes", m->path.len);
    memcpy(path, m->path.data, m->path.len);
    path[m->path.len] = 0;
    if (strlen(path) != m->path.len || !path_is_valid(path))
        return refuse(err, "http.malformed", "a path that two servers may read differently");
    if (method_is_read(m->method) && (m->content.len || http_count(m, "idempotency-key")))
        return refuse(err, "request.field", "content or an idempotency key in a read");
    if (m->content.len > v->max_body)
        return refuse(err, "http.body-too-large", "%zu bytes", m->content.len);
    return true;
}

static bool key_is_sound(const struct http_message *m, struct idevs_error *err)
{
    char key[LIMIT_IDEMPOTENCY_KEY + 1];
    struct bytes value;

    if (!http_get(m, "idempotency-key", &value))
        return true; /* none: repeated ones were refused with the signature */
    if (value.len > LIMIT_IDEMPOTENCY_KEY)
        return refuse(err, "request.field", "an idempotency key of %zu bytes", value.len);
    memcpy(key, value.data, value.len);
    key[value.len] = 0;
    return (strlen(key) == value.len && token_is_valid(key, LIMIT_IDEMPOTENCY_KEY)) ||
           refuse(err, "request.field", "an idempotency key with other characters");
}

static bool claim(const struct verifier *v, const struct verified *r, int64_t now,
                  struct idevs_error *err)
{
    struct httpsig_params params;
    uint8_t signature[HTTPSIG_SIG_LEN];
    uint8_t keyid[SHA256_LEN];

    if (!httpsig_request_parse(&r->message, &params, signature))
        return refuse(err, "request.signature", "no canonical signature parameters");
    certificate_sha256(r->caller->chain.at[0], keyid);
    return claims_take(v->claims, keyid, r->exchange.enc, params.expires + LIMIT_CLOCK_SKEW, now,
                       err);
}

/* Whether a refusal speaks of the bytes alone, which every delivery has. The window moves with the
 * clock, and the certificate is what the relay put beside them. */
static bool is_of_every_delivery(const struct idevs_error *err)
{
    return !error_is(err, "request.date") && !error_is(err, "request.signature");
}

static bool verify_signed(const struct verifier *v, struct verified *r, int64_t now,
                          struct idevs_error *err)
{
    if (!exchange_verify_request(&r->exchange, &r->message, v->authority, r->caller->chain.at[0],
                                 now, err)) {
        r->unprocessed = is_of_every_delivery(err);
        return false;
    }
    r->unprocessed = true;
    return form_is_sound(v, &r->message, err) && key_is_sound(&r->message, err) &&
           policy_permits(v->policy, &r->caller->program, &r->message, err);
}

static bool verify_opened(const struct verifier *v, struct verified *r, int64_t now,
                          struct idevs_error *err)
{
    uint64_t since = clock_monotonic_ns();
    bool good = verify_signed(v, r, now, err);

    since = steps_add(v->steps, TIMED_VERIFY, since);
    if (!good)
        return false;
    r->unprocessed = claim(v, r, now, err);
    steps_add(v->steps, TIMED_CLAIM, since);
    if (r->unprocessed)
        fault_point("gateway.after-claim");
    return r->unprocessed;
}

enum verdict verify_request(const struct verifier *v, const struct http_message *outer, int64_t now,
                            struct verified *ret, struct idevs_error *ret_err)
{
    *ret = (struct verified){.plain = buffer_up_to(outer->content.len)};
    if (!media_type_is(outer, ret_err))
        return VERDICT_PLAIN;
    uint64_t since = clock_monotonic_ns();
    bool good = find_caller(v, outer, now, ret, ret_err);
    since = steps_add(v->steps, TIMED_VERIFY_CERTIFICATE, since);
    if (!good)
        return VERDICT_PLAIN;
    good = exchange_open_request(&v->keyring->config, v->keyring->x25519, outer->content,
                                 &ret->exchange, &ret->plain, &ret->message, ret_err);
    steps_add(v->steps, TIMED_DECRYPT, since);
    if (!good) { /* of these, only a message that is no Binary HTTP was opened */
        ret->unprocessed = error_is(ret_err, "bhttp.malformed");
        return ret->unprocessed ? VERDICT_SEALED : VERDICT_PLAIN;
    }
    return verify_opened(v, ret, now, ret_err) ? VERDICT_ACCEPTED : VERDICT_SEALED;
}
