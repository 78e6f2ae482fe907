#include "conformance/request.h"
#include "exchange/nonce.h"
#include "wire/bhttp.h"
#include "wire/httpsig.h"

#define NOTHING bytes_of(NULL, 0)

void built_release(struct built *b)
{
    exchange_wipe(&b->exchange);
    buffer_free(&b->sealed);
    buffer_free(&b->wire);
}

/* ---- fields ---- */

/* Room that never moves, so that messages may point into it. */
static bool scratch_open(struct buffer *scratch)
{
    *scratch = buffer_up_to(LIMIT_TEST_SCRATCH);
    if (!buffer_extend(scratch, LIMIT_TEST_SCRATCH))
        return false;
    scratch->len = 0;
    return true;
}

static bool keep(struct buffer *scratch, struct bytes a, struct bytes b, struct bytes *ret)
{
    size_t at = scratch->len;

    if (!buffer_append_bytes(scratch, a) || !buffer_append_bytes(scratch, b))
        return false;
    *ret = bytes_of(scratch->data + at, a.len + b.len);
    return true;
}

static struct http_field *find(struct http_message *m, const char *name)
{
    for (size_t i = 0; i < m->n_fields; i++)
        if (bytes_equal_text(m->fields[i].name, name))
            return &m->fields[i];
    return NULL;
}

static void drop(struct http_message *m, const char *name)
{
    struct http_field *f = find(m, name);

    if (f)
        *f = m->fields[--m->n_fields];
}

static bool set(struct http_message *m, const char *name, const char *value)
{
    struct http_field *f = find(m, name);

    if (!f)
        return http_add(m, name, bytes_of_text(value));
    f->value = bytes_of_text(value);
    return true;
}

static bool change(const struct change *c, struct http_message *m, struct buffer *scratch)
{
    struct http_field *f;

    if (c->drop)
        drop(m, c->drop);
    if (c->repeat && (!(f = find(m, c->repeat)) || !http_add(m, c->repeat, f->value)))
        return false;
    if (c->set && !set(m, c->set, c->value))
        return false;
    if (!c->extend)
        return true;
    f = find(m, c->extend);
    return f && keep(scratch, f->value, bytes_of_text(c->value), &f->value);
}

/* ---- the message and its signature ---- */

static const char *text_or(const char *text, const char *otherwise)
{
    return text ? text : otherwise;
}

static bool begin_message(const struct context *c, const struct request *r, struct http_message *m)
{
    *m = (struct http_message){.method = bytes_of_text(text_or(r->method, "GET")),
                               .scheme = bytes_of_text(text_or(r->scheme, "https")),
                               .authority = bytes_of_text(text_or(r->authority, c->name)),
                               .path = bytes_of_text(text_or(r->path, c->path)),
                               .content = bytes_of_text(text_or(r->content, ""))};
    return (!r->type || http_add(m, "content-type", bytes_of_text(r->type))) &&
           (!r->key || http_add(m, "idempotency-key", bytes_of_text(r->key)));
}

static bool add_digest_and_date(const struct request *r, int64_t created, struct http_message *m,
                                struct buffer *scratch)
{
    uint8_t hash[SHA256_LEN];
    char date[HTTP_DATE_LEN + 1];
    struct bytes value;
    _cleanup_buffer_ struct buffer digest = buffer_up_to(LIMIT_SIGNATURE_ADDED);

    sha256(r->other_digest ? bytes_of_text("other content") : m->content, hash);
    http_date_format(created + r->dated, date);
    return httpsig_digest(hash, &digest) && keep(scratch, buffer_bytes(&digest), NOTHING, &value) &&
           http_add(m, "content-digest", value) &&
           keep(scratch, bytes_of_text(date), NOTHING, &value) && http_add(m, "date", value);
}

static bool fill_params(const struct context *c, const struct request *r, const struct exchange *x,
                        struct httpsig_params *ret)
{
    _cleanup_exchange_ struct exchange other;
    const struct program *named = &c->programs[r->keyid != WHO_PROGRAM ? r->keyid : r->who];

    ret->created = c->now + r->created;
    ret->expires = ret->created + (r->life == AT_ONCE ? 0
                                   : r->life          ? r->life
                                                      : LIMIT_SIGNATURE_LIFE);
    return exchange_begin(c->keys, &other) &&
           exchange_nonce(r->other_nonce ? &other : x, ret->nonce) &&
           digest_text(named->keyid, ret->keyid);
}

/* Replaces the one occurrence, if there is one. */
static bool edit_text(const struct edit *e, struct buffer *b)
{
    _cleanup_buffer_ struct buffer out = buffer_up_to(b->max);
    const uint8_t *at = memmem(b->data, b->len, e->from, strlen(e->from));

    if (!at)
        return true;
    size_t before = (size_t)(at - b->data);
    size_t after = before + strlen(e->from);
    if (!buffer_append(&out, b->data, before) || !buffer_append_text(&out, e->to) ||
        !buffer_append(&out, b->data + after, b->len - after))
        return false;
    buffer_clear(b);
    return buffer_append_bytes(b, buffer_bytes(&out));
}

static bool edit_all(const struct request *r, struct buffer *b)
{
    for (size_t i = 0; i < ARRAY_LEN(r->signed_text) && r->signed_text[i].from; i++)
        if (!edit_text(&r->signed_text[i], b))
            return false;
    return true;
}

static bool add_signature(const struct context *c, const struct request *r,
                          const struct httpsig_params *p, struct http_message *m,
                          struct buffer *scratch)
{
    const struct program *signer = &c->programs[r->signer != WHO_PROGRAM ? r->signer : r->who];
    uint8_t raw[ES256_LEN];
    struct bytes value;
    _cleanup_buffer_ struct buffer base = buffer_up_to(LIMIT_FIELD_BYTES);
    _cleanup_buffer_ struct buffer input = buffer_up_to(LIMIT_SIGNATURE_ADDED);
    _cleanup_buffer_ struct buffer signature = buffer_up_to(LIMIT_SIGNATURE_ADDED);

    return httpsig_request_base(m, p, &base) && httpsig_request_input(m, p, &input) &&
           edit_all(r, &base) && edit_all(r, &input) &&
           key_sign(signer->key, buffer_bytes(&base), raw) &&
           httpsig_signature(HTTPSIG_LABEL, raw, &signature) &&
           keep(scratch, buffer_bytes(&input), NOTHING, &value) &&
           http_add(m, "signature-input", value) &&
           keep(scratch, buffer_bytes(&signature), NOTHING, &value) &&
           http_add(m, "signature", value);
}

static bool sign(const struct context *c, const struct request *r, const struct exchange *x,
                 struct http_message *m, struct buffer *scratch)
{
    struct httpsig_params p;

    return fill_params(c, r, x, &p) && add_digest_and_date(r, p.created, m, scratch) &&
           add_signature(c, r, &p, m, scratch) && change(&r->fields, m, scratch);
}

/* ---- Binary HTTP and the seal ---- */

static bool overwrite(const struct edit *e, struct buffer *b)
{
    size_t len = e->from ? strlen(e->from) : 0;
    uint8_t *at = len ? memmem(b->data, b->len, e->from, len) : NULL;

    if (at)
        memcpy(at, e->to, len);
    return at || len == 0;
}

static bool write_binary(const struct context *c, const struct request *r, const struct exchange *x,
                         struct buffer *b)
{
    struct http_message m;
    _cleanup_buffer_ struct buffer scratch = {0};

    if (!scratch_open(&scratch))
        return false;
    if (r->instead)
        return buffer_append_text(b, r->instead);
    if (!begin_message(c, r, &m) || !sign(c, r, x, &m, &scratch) || !bhttp_encode_request(&m, b) ||
        !overwrite(&r->binary, b))
        return false;
    if (r->rewrite)
        r->rewrite(b);
    if (!bhttp_pad(b))
        return false;
    if (r->padded)
        r->padded(b);
    return true;
}

static void cut(const struct request *r, struct buffer *sealed)
{
    if (r->cut && r->cut_to >= 0)
        sealed->len = (size_t)r->cut_to < sealed->len ? (size_t)r->cut_to : sealed->len;
    else if (r->cut)
        sealed->len -= (size_t)-r->cut_to;
}

static bool seal(const struct context *c, const struct request *r, struct exchange *x,
                 struct buffer *sealed)
{
    struct ohttp_key_config to = *c->keys;
    _cleanup_x25519_ struct x25519_key *other = x25519_generate();
    _cleanup_buffer_ struct buffer plain = buffer_up_to(LIMIT_MESSAGE);

    if (r->other_key)
        x25519_public(other, to.public_key);
    if (!exchange_begin(&to, x) || !write_binary(c, r, x, &plain) ||
        !exchange_seal_bytes(x, &to, buffer_bytes(&plain), sealed))
        return false;
    if (r->sealed)
        r->sealed(sealed);
    cut(r, sealed);
    return true;
}

/* ---- HTTP around it ---- */

static bool append_line(struct buffer *b, struct bytes name, struct bytes value)
{
    return buffer_append_bytes(b, name) && buffer_append_text(b, ": ") &&
           buffer_append_bytes(b, value) && buffer_append_text(b, "\r\n");
}

bool http_write(const struct http_message *m, const char *host, struct buffer *b)
{
    if (!buffer_append_bytes(b, m->method) || !buffer_append_text(b, " ") ||
        !buffer_append_bytes(b, m->path) || !buffer_append_text(b, " HTTP/1.1\r\n") ||
        !append_line(b, bytes_of_text("Host"), bytes_of_text(host)) ||
        !buffer_append_text(b, "Connection: close\r\n"))
        return false;
    for (size_t i = 0; i < m->n_fields; i++)
        if (!append_line(b, m->fields[i].name, m->fields[i].value))
            return false;
    return buffer_append_format(b, "Content-Length: %zu\r\n\r\n", m->content.len) &&
           buffer_append_bytes(b, m->content);
}

bool request_wrap(const struct context *c, const struct request *r, struct built *b)
{
    const struct program *shown = &c->programs[r->attached != WHO_PROGRAM ? r->attached : r->who];
    struct http_message outer = {.method = bytes_of_text("POST"),
                                 .path = bytes_of_text(GATEWAY_PATH),
                                 .content = buffer_bytes(&b->sealed)};
    _cleanup_buffer_ struct buffer scratch = {0};

    buffer_clear(&b->wire);
    return scratch_open(&scratch) &&
           http_add(&outer, "content-type", bytes_of_text(OHTTP_REQUEST_TYPE)) &&
           http_add(&outer, "client-cert", buffer_bytes(&shown->cert)) &&
           http_add(&outer, "client-cert-chain", buffer_bytes(&shown->cas)) &&
           change(&r->outer, &outer, &scratch) && http_write(&outer, c->name, &b->wire);
}

bool request_build(const struct context *c, const struct request *r, struct built *ret)
{
    *ret = (struct built){.sealed = buffer_up_to(LIMIT_MESSAGE),
                          .wire = buffer_up_to(LIMIT_MESSAGE + LIMIT_TEST_SCRATCH)};
    return seal(c, r, &ret->exchange, &ret->sealed) && request_wrap(c, r, ret);
}
