/* What the gateway believes of an opened request, step by step. */
#include "exchange/nonce.h"
#include "wire/httpsig.h"

#include <stdlib.h>

/* All that the signature covers, and the signature. */
static const struct {
    const char *name;
    bool required;
} FIELDS[] = {
    {"content-digest", true},   {"content-type", false}, {"date", true},
    {"idempotency-key", false}, {"signature", true},     {"signature-input", true},
};

static bool is_for(const struct http_message *m, const char *authority, struct idevs_error *ret_err)
{
    if (!bytes_equal_text(m->scheme, "https"))
        return refuse(ret_err, "request.authority", "scheme %.*s", (int)m->scheme.len,
                      (const char *)m->scheme.data);
    if (!bytes_equal_text(m->authority, authority))
        return refuse(ret_err, "request.authority", "%.*s", (int)m->authority.len,
                      (const char *)m->authority.data);
    return true;
}

static bool fields_are_signed(const struct http_message *m, struct idevs_error *ret_err)
{
    size_t known = 0;

    for (size_t i = 0; i < ARRAY_LEN(FIELDS); i++) {
        size_t n = http_count(m, FIELDS[i].name);
        if (n > 1)
            return refuse(ret_err, "request.field", "%s repeated", FIELDS[i].name);
        if (n == 0 && FIELDS[i].required)
            return refuse(ret_err, "request.field", "no %s", FIELDS[i].name);
        known += n;
    }
    for (size_t i = 0; known != m->n_fields && i < m->n_fields; i++) {
        const struct http_field *f = &m->fields[i];
        bool found = false;
        for (size_t j = 0; j < ARRAY_LEN(FIELDS); j++)
            found = found || bytes_equal_text(f->name, FIELDS[j].name);
        if (!found)
            return refuse(ret_err, "request.field", "unsigned field %.*s", (int)f->name.len,
                          (const char *)f->name.data);
    }
    return true;
}

/* The `date` field repeats `created` for HTTP's sake; a peer may have looked at its clock twice. */
static bool date_agrees(const struct http_message *m, int64_t created)
{
    char text[HTTP_DATE_LEN + 1];
    int64_t date;
    struct bytes value;

    if (!http_get(m, "date", &value) || value.len != HTTP_DATE_LEN)
        return false;
    memcpy(text, value.data, HTTP_DATE_LEN);
    text[HTTP_DATE_LEN] = 0;
    return http_date_parse(text, &date) && llabs(date - created) <= LIMIT_CLOCK_SKEW;
}

static bool is_in_time(const struct http_message *m, const struct httpsig_params *p, int64_t now,
                       struct idevs_error *ret_err)
{
    if (p->expires <= p->created || p->expires - p->created > LIMIT_SIGNATURE_LIFE)
        return refuse(ret_err, "request.date", "a life of %lld s",
                      (long long)(p->expires - p->created));
    if (p->created > now + LIMIT_CLOCK_SKEW)
        return refuse(ret_err, "request.date", "created %lld s ahead of this clock",
                      (long long)(p->created - now));
    if (p->expires < now - LIMIT_CLOCK_SKEW)
        return refuse(ret_err, "request.date", "expired %lld s ago", (long long)(now - p->expires));
    if (!date_agrees(m, p->created))
        return refuse(ret_err, "request.date", "a date field that contradicts `created`");
    return true;
}

static bool is_of_this_encapsulation(const struct exchange *x, const struct httpsig_params *p,
                                     struct idevs_error *ret_err)
{
    char own[HTTPSIG_NONCE_TEXT + 1];

    if (!exchange_nonce(x, own) || !equal_in_constant_time(own, p->nonce, HTTPSIG_NONCE_TEXT))
        return refuse(ret_err, "request.nonce", "a nonce of another encapsulation");
    return true;
}

static bool names_key_of(const struct certificate *leaf, const struct httpsig_params *p,
                         struct idevs_error *ret_err)
{
    uint8_t hash[SHA256_LEN];
    char keyid[HTTPSIG_NONCE_TEXT + 1];

    certificate_sha256(leaf, hash);
    if (!digest_text(hash, keyid) || !equal_in_constant_time(keyid, p->keyid, HTTPSIG_NONCE_TEXT))
        return refuse(ret_err, "request.signature", "the keyid of another certificate");
    return true;
}

static bool digest_matches(const struct http_message *m, struct idevs_error *ret_err)
{
    uint8_t said[SHA256_LEN];
    uint8_t own[SHA256_LEN];
    struct bytes value;

    if (!http_get(m, "content-digest", &value) || !httpsig_digest_parse(value, said))
        return refuse(ret_err, "request.digest", "a content-digest of another form");
    sha256(m->content, own);
    if (!equal_in_constant_time(said, own, sizeof(own)))
        return refuse(ret_err, "request.digest", "the digest of other content");
    return true;
}

static bool is_signed_by(const struct certificate *leaf, const struct http_message *m,
                         const struct httpsig_params *p, const uint8_t signature[ES256_LEN],
                         struct idevs_error *ret_err)
{
    const struct public_key *key = certificate_public_key(leaf);
    _cleanup_buffer_ struct buffer base = buffer_up_to(2 * LIMIT_FIELD_BYTES);

    if (!key || !httpsig_request_base(m, p, &base) ||
        !public_key_verify(key, buffer_bytes(&base), signature))
        return refuse(ret_err, "request.signature", "a signature that does not verify");
    return true;
}

bool exchange_verify_request(const struct exchange *x, const struct http_message *m,
                             const char *authority, const struct certificate *leaf, int64_t now,
                             struct idevs_error *ret_err)
{
    struct httpsig_params p;
    uint8_t signature[ES256_LEN];

    if (!is_for(m, authority, ret_err) || !fields_are_signed(m, ret_err))
        return false;
    if (!httpsig_request_parse(m, &p, signature))
        return refuse(ret_err, "request.signature", "components or parameters of another form");
    return is_in_time(m, &p, now, ret_err) && is_of_this_encapsulation(x, &p, ret_err) &&
           names_key_of(leaf, &p, ret_err) && digest_matches(m, ret_err) &&
           is_signed_by(leaf, m, &p, signature, ret_err);
}
