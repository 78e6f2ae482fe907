#include "exchange/keys.h"
#include "exchange/nonce.h"
#include "wire/httpsig.h"

#define CERT       "idevs-service-cert"
#define CERT_CHAIN "idevs-service-cert-chain"

void signed_keys_free(struct signed_keys *k)
{
    buffer_free(&k->storage);
    k->message = (struct http_message){.status = 0};
}

/* ---- making ---- */

/* Moves `b` to the end of the storage, which never grows beyond its first room, so that what points
 * into it stays. */
static struct bytes keep(struct signed_keys *k, struct buffer *b)
{
    size_t at = k->storage.len;

    if (!buffer_append_bytes(&k->storage, buffer_bytes(b)))
        return (struct bytes){0};
    struct bytes kept = bytes_of(k->storage.data + at, b->len);
    buffer_clear(b);
    return kept;
}

static bool reserve(struct buffer *storage)
{
    *storage = buffer_up_to(LIMIT_KEYS_STORAGE);
    if (!buffer_extend(storage, LIMIT_KEYS_STORAGE))
        return false;
    storage->len = 0;
    return true;
}

static bool add(struct signed_keys *k, const char *name, struct buffer *value)
{
    struct bytes kept = keep(k, value);

    return kept.len > 0 && http_add(&k->message, name, kept);
}

static bool add_content(struct signed_keys *k, const struct ohttp_key_config *config,
                        struct buffer *scratch)
{
    uint8_t hash[SHA256_LEN];

    if (!ohttp_encode_keys(config, scratch))
        return false;
    k->message.content = keep(k, scratch);
    sha256(k->message.content, hash);
    return http_add(&k->message, "content-type", bytes_of_text(OHTTP_KEYS_TYPE)) &&
           httpsig_digest(hash, scratch) && add(k, "content-digest", scratch);
}

static bool add_signature(struct signed_keys *k, const struct key *key,
                          const struct httpsig_params *p, struct buffer *scratch)
{
    uint8_t signature[ES256_LEN];

    if (!httpsig_keys_base(&k->message, p, scratch) ||
        !key_sign(key, buffer_bytes(scratch), signature))
        return false;
    buffer_clear(scratch);
    return httpsig_keys_input(p, scratch) && add(k, "signature-input", scratch) &&
           httpsig_signature(HTTPSIG_KEYS_LABEL, signature, scratch) &&
           add(k, "signature", scratch);
}

static bool add_chain(struct signed_keys *k, const struct chain *service, struct buffer *scratch)
{
    _cleanup_buffer_ struct buffer above = buffer_up_to(LIMIT_KEYS_STORAGE);

    return client_cert_encode(service, scratch, &above) && add(k, CERT, scratch) &&
           (above.len == 0 || add(k, CERT_CHAIN, &above));
}

bool signed_keys_make(const struct ohttp_key_config *config, const struct chain *service,
                      const struct key *key, int64_t now, int64_t life, struct signed_keys *ret)
{
    struct httpsig_params p = {.created = now, .expires = now + life};
    struct signed_keys k = {.message = {.status = 200}};
    uint8_t hash[SHA256_LEN];
    _cleanup_buffer_ struct buffer scratch = buffer_up_to(LIMIT_KEYS_STORAGE);

    if (service->n == 0 || life <= 0 || life > (int64_t)LIMIT_KEYS_LIFE)
        return false;
    certificate_sha256(service->at[0], hash);
    if (reserve(&k.storage) && digest_text(hash, p.keyid) && add_content(&k, config, &scratch) &&
        add_signature(&k, key, &p, &scratch) && add_chain(&k, service, &scratch)) {
        *ret = k;
        return true;
    }
    signed_keys_free(&k);
    return false;
}

/* ---- verifying ---- */

static bool take_chain(const struct http_message *m, struct chain *ret, struct idevs_error *ret_err)
{
    struct bytes cert;
    struct bytes above = {0};

    if (!http_get(m, CERT, &cert) ||
        (http_count(m, CERT_CHAIN) != 0 && !http_get(m, CERT_CHAIN, &above)))
        return refuse(ret_err, "keys.signature", "no service certificate, or several");
    return client_cert_decode(cert, above, ret, ret_err);
}

static bool is_key_response(const struct http_message *m, struct idevs_error *ret_err)
{
    struct bytes value;
    uint8_t said[SHA256_LEN];
    uint8_t own[SHA256_LEN];

    if (m->status != 200)
        return refuse(ret_err, "keys.signature", "status %u", (unsigned)m->status);
    if (!http_get(m, "content-type", &value) || !bytes_equal_text(value, OHTTP_KEYS_TYPE))
        return refuse(ret_err, "keys.signature", "another content type");
    sha256(m->content, own);
    if (!http_get(m, "content-digest", &value) || !httpsig_digest_parse(value, said) ||
        !equal_in_constant_time(said, own, sizeof(own)))
        return refuse(ret_err, "keys.signature", "the digest of other content");
    return true;
}

static bool is_in_time(const struct httpsig_params *p, int64_t now, struct idevs_error *ret_err)
{
    if (p->expires <= p->created || p->expires - p->created > (int64_t)LIMIT_KEYS_LIFE)
        return refuse(ret_err, "keys.signature", "a life of %lld s",
                      (long long)(p->expires - p->created));
    if (p->created > now + LIMIT_CLOCK_SKEW || p->expires < now - LIMIT_CLOCK_SKEW)
        return refuse(ret_err, "keys.signature", "keys from %lld to %lld, now %lld",
                      (long long)p->created, (long long)p->expires, (long long)now);
    return true;
}

static bool is_signed_by(const struct certificate *leaf, const struct http_message *m, int64_t now,
                         int64_t *ret_expires, struct idevs_error *ret_err)
{
    struct httpsig_params p;
    uint8_t signature[ES256_LEN];
    uint8_t hash[SHA256_LEN];
    char keyid[HTTPSIG_NONCE_TEXT + 1];
    const struct public_key *key = certificate_public_key(leaf);
    _cleanup_buffer_ struct buffer base = buffer_up_to(LIMIT_FIELD_BYTES);

    if (!httpsig_keys_parse(m, &p, signature))
        return refuse(ret_err, "keys.signature", "a signature of another form");
    if (!is_in_time(&p, now, ret_err))
        return false;
    certificate_sha256(leaf, hash);
    if (!digest_text(hash, keyid) || strcmp(keyid, p.keyid) != 0)
        return refuse(ret_err, "keys.signature", "the keyid of another certificate");
    if (!key || !httpsig_keys_base(m, &p, &base) ||
        !public_key_verify(key, buffer_bytes(&base), signature))
        return refuse(ret_err, "keys.signature", "a signature that does not verify");
    *ret_expires = p.expires;
    return true;
}

/* To a key of low order nothing can be sealed (RFC 9180, 7.1.4): better known now than at the first
 * call. */
static bool can_be_sealed_to(const struct ohttp_key_config *config)
{
    uint8_t enc[HPKE_ENC_LEN];
    _cleanup_hpke_ struct hpke unused;

    return hpke_setup_sender(config->public_key, bytes_of("", 0), NULL, enc, &unused);
}

bool signed_keys_verify(const struct http_message *m, const char *authority,
                        const struct bytes *anchors, size_t n_anchors, int64_t now,
                        struct ohttp_key_config *ret, int64_t *ret_expires,
                        struct idevs_error *ret_err)
{
    int64_t expires = 0;
    _cleanup_chain_ struct chain chain = {.n = 0};

    if (!is_key_response(m, ret_err) || !take_chain(m, &chain, ret_err) ||
        !chain_verify(&chain, anchors, n_anchors, CHAIN_SERVICE, now, ret_err))
        return false;
    if (!certificate_names_host(chain.at[0], authority))
        return refuse(ret_err, "certificate.name", "a certificate that does not name %s",
                      authority);
    if (!is_signed_by(chain.at[0], m, now, &expires, ret_err))
        return false;
    if (!ohttp_decode_keys(m->content, ret))
        return refuse(ret_err, "keys.signature", "no key of the one suite");
    if (!can_be_sealed_to(ret))
        return refuse(ret_err, "keys.signature", "a key of low order");
    if (ret_expires)
        *ret_expires = expires;
    return true;
}
