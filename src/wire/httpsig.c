#include "wire/httpsig.h"
#include "base/text.h"

#define ALG        "ecdsa-p256-sha256"
#define TIME_MAX   999999999999999 /* an integer of structured fields has at most 15 digits */
#define SIG_TEXT   88              /* base64 of 64 bytes */
#define DIGEST_LEN 32

static bool put_view(struct buffer *b, const char *before, struct bytes view, const char *after)
{
    return buffer_append_text(b, before) && buffer_append_bytes(b, view) &&
           buffer_append_text(b, after);
}

/* ---- parameters ---- */

static bool is_base64url(const char *text)
{
    size_t n = strnlen(text, HTTPSIG_NONCE_TEXT + 1);

    return n == HTTPSIG_NONCE_TEXT &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == n;
}

static bool times_are_valid(const struct httpsig_params *p)
{
    return p->created >= 0 && p->created <= TIME_MAX && p->expires >= 0 && p->expires <= TIME_MAX;
}

static bool put_times(const struct httpsig_params *p, struct buffer *b)
{
    return times_are_valid(p) && buffer_append_format(b, ";created=%lld;expires=%lld",
                                                      (long long)p->created, (long long)p->expires);
}

static bool put_request_params(const struct http_message *m, const struct httpsig_params *p,
                               struct buffer *b)
{
    const char *type = http_count(m, "content-type") ? " \"content-type\"" : "";
    const char *key = http_count(m, "idempotency-key") ? " \"idempotency-key\"" : "";

    return is_base64url(p->nonce) && is_base64url(p->keyid) &&
           buffer_append_text(b, "(\"@method\" \"@scheme\" \"@authority\" \"@path\" \"@query\" "
                                 "\"content-digest\"") &&
           buffer_append_text(b, type) && buffer_append_text(b, " \"date\"") &&
           buffer_append_text(b, key) && buffer_append_text(b, ")") && put_times(p, b) &&
           put_view(b, ";nonce=\"", bytes_of_text(p->nonce), "\";alg=\"" ALG "\";keyid=\"") &&
           put_view(b, "", bytes_of_text(p->keyid), "\";tag=\"" HTTPSIG_TAG "\"");
}

static bool put_keys_params(const struct httpsig_params *p, struct buffer *b)
{
    return p->nonce[0] == 0 && is_base64url(p->keyid) &&
           buffer_append_text(b, "(\"@status\" \"content-type\" \"content-digest\")") &&
           put_times(p, b) &&
           put_view(b, ";keyid=\"", bytes_of_text(p->keyid),
                    "\";alg=\"" ALG "\";tag=\"" HTTPSIG_KEYS_TAG "\"");
}

bool httpsig_request_input(const struct http_message *m, const struct httpsig_params *p,
                           struct buffer *b)
{
    return buffer_append_text(b, HTTPSIG_LABEL "=") && put_request_params(m, p, b);
}

bool httpsig_keys_input(const struct httpsig_params *p, struct buffer *b)
{
    return buffer_append_text(b, HTTPSIG_KEYS_LABEL "=") && put_keys_params(p, b);
}

/* ---- signature base (RFC 9421, 2.5) ---- */

/* A line break inside a value would let it speak for another line. */
static bool put_line(struct buffer *b, const char *name, const char *before, struct bytes value)
{
    if (value.len && (memchr(value.data, '\n', value.len) || memchr(value.data, '\r', value.len)))
        return false;
    return buffer_append_text(b, "\"") && buffer_append_text(b, name) &&
           buffer_append_text(b, "\": ") && put_view(b, before, value, "\n");
}

static bool put_field(struct buffer *b, const struct http_message *m, const char *name)
{
    struct bytes value;

    return http_get(m, name, &value) && put_line(b, name, "", value);
}

/* Covered when it is there; a repeated one is refused. */
static bool put_optional(struct buffer *b, const struct http_message *m, const char *name)
{
    return http_count(m, name) == 0 || put_field(b, m, name);
}

static bool put_path(struct buffer *b, struct bytes target)
{
    const uint8_t *mark = target.len ? memchr(target.data, '?', target.len) : NULL;
    size_t len = mark ? (size_t)(mark - target.data) : target.len;
    struct bytes query = mark ? bytes_of(mark + 1, target.len - len - 1) : (struct bytes){0};

    return len > 0 && put_line(b, "@path", "", bytes_of(target.data, len)) &&
           put_line(b, "@query", "?", query);
}

bool httpsig_request_base(const struct http_message *m, const struct httpsig_params *p,
                          struct buffer *b)
{
    return put_line(b, "@method", "", m->method) && put_line(b, "@scheme", "", m->scheme) &&
           put_line(b, "@authority", "", m->authority) && put_path(b, m->path) &&
           put_field(b, m, "content-digest") && put_optional(b, m, "content-type") &&
           put_field(b, m, "date") && put_optional(b, m, "idempotency-key") &&
           buffer_append_text(b, "\"@signature-params\": ") && put_request_params(m, p, b);
}

bool httpsig_keys_base(const struct http_message *m, const struct httpsig_params *p,
                       struct buffer *b)
{
    return m->status >= 100 && m->status <= 599 &&
           buffer_append_format(b, "\"@status\": %u\n", (unsigned)m->status) &&
           put_field(b, m, "content-type") && put_field(b, m, "content-digest") &&
           buffer_append_text(b, "\"@signature-params\": ") && put_keys_params(p, b);
}

/* ---- reading ---- */

static bool take_time(struct reader *r, int64_t *ret)
{
    const uint8_t *start = r->at;
    uint64_t v;

    while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
        r->at++;
    if (!parse_u64(bytes_of(start, (size_t)(r->at - start)), TIME_MAX, &v))
        return false;
    *ret = (int64_t)v;
    return true;
}

static bool take_base64url(struct reader *r, char ret[HTTPSIG_NONCE_TEXT + 1])
{
    struct bytes text;

    if (!reader_bytes(r, HTTPSIG_NONCE_TEXT, &text))
        return false;
    memcpy(ret, text.data, HTTPSIG_NONCE_TEXT);
    ret[HTTPSIG_NONCE_TEXT] = 0;
    return is_base64url(ret);
}

/* The values only; all the rest of the text is judged by writing it again. */
static bool take_params(struct bytes input, bool with_nonce, struct httpsig_params *ret)
{
    const uint8_t *end = input.len ? memchr(input.data, ')', input.len) : NULL;

    if (!end)
        return false;
    struct reader r = reader_of(input);
    r.at = end + 1;
    if (!reader_text(&r, ";created=") || !take_time(&r, &ret->created) ||
        !reader_text(&r, ";expires=") || !take_time(&r, &ret->expires))
        return false;
    ret->nonce[0] = 0;
    if (!with_nonce)
        return reader_text(&r, ";keyid=\"") && take_base64url(&r, ret->keyid);
    return reader_text(&r, ";nonce=\"") && take_base64url(&r, ret->nonce) &&
           reader_text(&r, "\";alg=\"" ALG "\";keyid=\"") && take_base64url(&r, ret->keyid);
}

static bool decode_exactly(struct bytes text, uint8_t *ret, size_t len)
{
    _cleanup_buffer_ struct buffer decoded = buffer_up_to(len);

    if (!base64_decode(text, &decoded) || decoded.len != len)
        return false;
    memcpy(ret, decoded.data, len);
    return true;
}

/* prefix:base64: with `text_len` characters between the colons. */
static bool parse_byte_sequence(struct bytes value, const char *prefix, size_t text_len,
                                uint8_t *ret, size_t len)
{
    struct reader r = reader_of(value);
    struct bytes text;

    return reader_text(&r, prefix) && reader_text(&r, "=:") && reader_bytes(&r, text_len, &text) &&
           reader_text(&r, ":") && reader_left(&r) == 0 && decode_exactly(text, ret, len);
}

static bool parse_signature(const struct http_message *m, const char *label,
                            uint8_t ret[HTTPSIG_SIG_LEN])
{
    struct bytes value;

    return http_get(m, "signature", &value) &&
           parse_byte_sequence(value, label, SIG_TEXT, ret, HTTPSIG_SIG_LEN);
}

bool httpsig_request_parse(const struct http_message *m, struct httpsig_params *ret,
                           uint8_t ret_signature[HTTPSIG_SIG_LEN])
{
    _cleanup_buffer_ struct buffer again = buffer_up_to(LIMIT_SIGNATURE_INPUT);
    struct bytes input;

    return http_get(m, "signature-input", &input) && take_params(input, true, ret) &&
           httpsig_request_input(m, ret, &again) && bytes_equal(buffer_bytes(&again), input) &&
           parse_signature(m, HTTPSIG_LABEL, ret_signature);
}

bool httpsig_keys_parse(const struct http_message *m, struct httpsig_params *ret,
                        uint8_t ret_signature[HTTPSIG_SIG_LEN])
{
    _cleanup_buffer_ struct buffer again = buffer_up_to(LIMIT_SIGNATURE_INPUT);
    struct bytes input;

    return http_get(m, "signature-input", &input) && take_params(input, false, ret) &&
           httpsig_keys_input(ret, &again) && bytes_equal(buffer_bytes(&again), input) &&
           parse_signature(m, HTTPSIG_KEYS_LABEL, ret_signature);
}

/* ---- byte sequences ---- */

static bool put_byte_sequence(const char *prefix, struct bytes value, struct buffer *b)
{
    return buffer_append_text(b, prefix) && buffer_append_text(b, "=:") &&
           base64_encode(value, b) && buffer_append_text(b, ":");
}

bool httpsig_signature(const char *label, const uint8_t signature[HTTPSIG_SIG_LEN],
                       struct buffer *b)
{
    return put_byte_sequence(label, bytes_of(signature, HTTPSIG_SIG_LEN), b);
}

bool httpsig_digest(const uint8_t sha256[32], struct buffer *b)
{
    return put_byte_sequence("sha-256", bytes_of(sha256, DIGEST_LEN), b);
}

bool httpsig_digest_parse(struct bytes value, uint8_t ret_sha256[32])
{
    return parse_byte_sequence(value, "sha-256", 44, ret_sha256, DIGEST_LEN);
}
