#include "exchange/request.h"
#include "base/text.h"
#include "exchange/nonce.h"
#include "wire/bhttp.h"
#include "wire/httpsig.h"

#define REQUEST_LABEL "message/bhttp request"

void exchange_wipe(struct exchange *x)
{
    wipe(x, sizeof(*x));
}

/* RFC 9458, 4.3: info = label || 00 || hdr. */
#define INFO_LEN (sizeof(REQUEST_LABEL) + OHTTP_HEADER_LEN)
static struct bytes request_info(const uint8_t header[OHTTP_HEADER_LEN], uint8_t room[INFO_LEN])
{
    memcpy(room, REQUEST_LABEL, sizeof(REQUEST_LABEL));
    memcpy(room + sizeof(REQUEST_LABEL), header, OHTTP_HEADER_LEN);
    return bytes_of(room, INFO_LEN);
}

bool exchange_nonce(const struct exchange *x, char ret[HTTPSIG_NONCE_TEXT + 1])
{
    uint8_t raw[32];
    bool ok = hpke_export(&x->hpke, bytes_of_text(EXCHANGE_NONCE_LABEL), raw, sizeof(raw)) &&
              digest_text(raw, ret);

    wipe(raw, sizeof(raw));
    return ok;
}

bool digest_text(const uint8_t digest[SHA256_LEN], char ret[HTTPSIG_NONCE_TEXT + 1])
{
    _cleanup_buffer_ struct buffer text = buffer_up_to(HTTPSIG_NONCE_TEXT);

    if (!base64url_encode(bytes_of(digest, SHA256_LEN), &text) || text.len != HTTPSIG_NONCE_TEXT)
        return false;
    memcpy(ret, text.data, HTTPSIG_NONCE_TEXT + 1); /* with the buffer's NUL */
    return true;
}

/* ---- program ---- */

/* The values of the fields that are added; the message points into them. */
struct additions {
    struct buffer digest;
    struct buffer input;
    struct buffer signature;
    char date[HTTP_DATE_LEN + 1];
};

static void additions_free(struct additions *a)
{
    buffer_free(&a->digest);
    buffer_free(&a->input);
    buffer_free(&a->signature);
}

static bool add_digest_and_date(struct http_message *m, int64_t now, struct additions *a)
{
    uint8_t hash[SHA256_LEN];

    sha256(m->content, hash);
    http_date_format(now, a->date);
    return httpsig_digest(hash, &a->digest) &&
           http_add(m, "content-digest", buffer_bytes(&a->digest)) &&
           http_add(m, "date", bytes_of_text(a->date));
}

static bool add_signature(struct http_message *m, const struct exchange_signer *signer,
                          const struct httpsig_params *p, struct additions *a)
{
    uint8_t signature[ES256_LEN];
    _cleanup_buffer_ struct buffer base = buffer_up_to(LIMIT_FIELD_BYTES);

    return httpsig_request_base(m, p, &base) &&
           key_sign(signer->key, buffer_bytes(&base), signature) &&
           httpsig_request_input(m, p, &a->input) &&
           httpsig_signature(HTTPSIG_LABEL, signature, &a->signature) &&
           http_add(m, "signature-input", buffer_bytes(&a->input)) &&
           http_add(m, "signature", buffer_bytes(&a->signature));
}

/* Only what the signature covers may travel. */
static bool is_signable(const struct http_message *m)
{
    size_t types = http_count(m, "content-type");
    size_t keys = http_count(m, "idempotency-key");

    return types <= 1 && keys <= 1 && m->n_fields == types + keys &&
           bytes_equal_text(m->scheme, "https");
}

static bool write_signed(const struct http_message *m, const struct exchange_signer *signer,
                         const struct exchange *x, int64_t now, struct buffer *ret_plain)
{
    struct httpsig_params p = {.created = now, .expires = now + LIMIT_SIGNATURE_LIFE};
    struct http_message all = *m;
    __attribute__((cleanup(additions_free))) struct additions a = {
        .digest = buffer_up_to(LIMIT_SIGNATURE_ADDED),
        .input = buffer_up_to(LIMIT_SIGNATURE_ADDED),
        .signature = buffer_up_to(LIMIT_SIGNATURE_ADDED),
    };

    return is_signable(m) && exchange_nonce(x, p.nonce) && digest_text(signer->keyid, p.keyid) &&
           add_digest_and_date(&all, now, &a) && add_signature(&all, signer, &p, &a) &&
           bhttp_encode_request(&all, ret_plain);
}

bool exchange_begin(const struct ohttp_key_config *to, struct exchange *ret)
{
    uint8_t header[OHTTP_HEADER_LEN];
    uint8_t info[INFO_LEN];

    ohttp_header(to->key_id, header);
    return hpke_setup_sender(to->public_key, request_info(header, info), NULL, ret->enc,
                             &ret->hpke);
}

bool exchange_seal_bytes(struct exchange *x, const struct ohttp_key_config *to, struct bytes plain,
                         struct buffer *b)
{
    uint8_t header[OHTTP_HEADER_LEN];
    size_t before = b->len;

    ohttp_header(to->key_id, header);
    if (buffer_append(b, header, OHTTP_HEADER_LEN) && buffer_append(b, x->enc, HPKE_ENC_LEN) &&
        hpke_seal(&x->hpke, bytes_of("", 0), plain, b))
        return true;
    b->len = before;
    return false;
}

bool exchange_seal_request(const struct ohttp_key_config *to, const struct exchange_signer *signer,
                           const struct http_message *m, int64_t now, struct spans *spans,
                           struct exchange *ret, struct buffer *b)
{
    struct spans unused = {0};
    struct spans *to_spans = spans ? spans : &unused;
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer plain = buffer_up_to(LIMIT_MESSAGE);

    uint64_t at = clock_monotonic_ns();
    if (!exchange_begin(to, &x))
        return false;
    uint64_t encapsulated = clock_monotonic_ns();
    if (!write_signed(m, signer, &x, now, &plain))
        return false;
    /* Encapsulation comes before signing (the nonce is its export) but is part of "encrypt". */
    uint64_t written = span_end(to_spans, "sign", encapsulated);
    if (!bhttp_pad(&plain) || !exchange_seal_bytes(&x, to, buffer_bytes(&plain), b))
        return false;
    span_end(to_spans, "encrypt", written - (encapsulated - at));
    *ret = x;
    return true;
}

bool exchange_open_response(const struct exchange *x, struct bytes in, struct buffer *plain,
                            struct http_message *ret, struct idevs_error *ret_err)
{
    struct ohttp_response sealed;
    struct aead a;

    buffer_clear(plain);
    if (!ohttp_decode_response(in, &sealed))
        return refuse(ret_err, "exchange.response", "%zu bytes", in.len);
    bool ok = ohttp_response_aead(&x->hpke, x->enc, sealed.nonce.data, &a) &&
              aead_open(&a, bytes_of("", 0), sealed.ciphertext, plain);
    wipe(&a, sizeof(a));
    if (!ok)
        return refuse(ret_err, "exchange.response", "%zu bytes that do not open", in.len);
    if (!bhttp_decode_response(buffer_bytes(plain), ret))
        return refuse(ret_err, "exchange.response", "an opened message that is not Binary HTTP");
    return true;
}

/* ---- gateway ---- */

bool exchange_open_request(const struct ohttp_key_config *config, const struct x25519_key *key,
                           struct bytes in, struct exchange *ret, struct buffer *plain,
                           struct http_message *ret_m, struct idevs_error *ret_err)
{
    struct ohttp_request sealed;
    uint8_t info[INFO_LEN];
    _cleanup_exchange_ struct exchange x;

    buffer_clear(plain);
    if (!ohttp_decode_request(in, &sealed))
        return refuse(ret_err, "exchange.decrypt", "%zu bytes of another shape or suite", in.len);
    if (sealed.key_id != config->key_id)
        return refuse(ret_err, "exchange.key", "key identifier %u", (unsigned)sealed.key_id);
    memcpy(x.enc, sealed.enc.data, HPKE_ENC_LEN);
    if (!hpke_setup_receiver(x.enc, key, request_info(sealed.header, info), &x.hpke) ||
        !hpke_open(&x.hpke, bytes_of("", 0), sealed.ciphertext, plain))
        return refuse(ret_err, "exchange.decrypt", "%zu bytes that do not open", in.len);
    *ret = x; /* from here on an answer can, and must, be sealed */
    if (!bhttp_decode_request(buffer_bytes(plain), ret_m))
        return refuse(ret_err, "bhttp.malformed", "an opened message of %zu bytes", plain->len);
    return true;
}

bool exchange_seal_response(const struct exchange *x, const struct http_message *m,
                            struct buffer *b)
{
    uint8_t nonce[OHTTP_NONCE_LEN];
    struct aead a;
    size_t before = b->len;
    _cleanup_buffer_ struct buffer plain = buffer_up_to(LIMIT_MESSAGE);

    random_bytes(nonce, sizeof(nonce));
    bool ok = bhttp_encode_response(m, &plain) && bhttp_pad(&plain) &&
              ohttp_response_aead(&x->hpke, x->enc, nonce, &a) &&
              buffer_append(b, nonce, sizeof(nonce)) &&
              aead_seal(&a, bytes_of("", 0), buffer_bytes(&plain), b);
    wipe(&a, sizeof(a));
    if (!ok)
        b->len = before;
    return ok;
}
