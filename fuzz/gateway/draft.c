#include "draft.h"
#include "base/text.h"

#include "fuzz.h"

#include <stdio.h>

#define SEAL_LABEL "message/bhttp request"

/* Base64 of any kind as text. */
static void put_text(struct bytes in, bool (*encode)(struct bytes, struct buffer *), char *ret,
                     size_t size)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(256);

    must(encode(in, &b) && b.len < size);
    memcpy(ret, b.data, b.len + 1);
}

static void set_up_seal(struct draft *d, const struct ohttp_key_config *to)
{
    uint8_t raw[32];
    uint8_t info[sizeof(SEAL_LABEL) + 7] = SEAL_LABEL; /* with its NUL */
    const uint8_t header[7] = {to->key_id, 0, 0x20, 0, 1, 0, 1};

    memcpy(info + sizeof(SEAL_LABEL), header, sizeof(header));
    must(hpke_setup_sender(to->public_key, bytes_of(info, sizeof(info)), NULL, d->exchange.enc,
                           &d->exchange.hpke));
    must(hpke_export(&d->exchange.hpke, bytes_of_text("idevs attested request nonce v1"), raw,
                     sizeof(raw)));
    put_text(bytes_of(raw, sizeof(raw)), base64url_encode, d->nonce, sizeof(d->nonce));
}

void draft_begin(struct draft *d, const struct actor_program *sender,
                 const struct ohttp_key_config *to, int64_t now)
{
    *d = (struct draft){.sender = sender,
                        .key = sender->key,
                        .created = now,
                        .expires = now + 60,
                        .date = now,
                        .method = "POST",
                        .scheme = "https",
                        .authority = TEST_AUTHORITY,
                        .path = "/api/trips?x=1",
                        .type = "application/json",
                        .once = "sale-809",
                        .label = "idevs",
                        .alg = "ecdsa-p256-sha256",
                        .tag = "idevs-attested-request-v1",
                        .content = buffer_up_to(MIB(1)),
                        .plain = buffer_up_to(MIB(2)),
                        .sealed = buffer_up_to(MIB(2))};
    put_text(bytes_of(sender->keyid, SHA256_LEN), base64url_encode, d->keyid, sizeof(d->keyid));
    must(buffer_append_text(&d->content, "{\"sale\":809}"));
    set_up_seal(d, to);
}

/* ---- signing ---- */

static void add_field(struct draft *d, const char *name, const char *format, const char *value)
{
    struct draft_field *f = &d->fields[d->n_fields++];

    snprintf(f->name, sizeof(f->name), "%s", name);
    snprintf(f->value, sizeof(f->value), format, value);
}

static void add_digest(struct draft *d)
{
    uint8_t hash[SHA256_LEN];
    char text[64];

    sha256(buffer_bytes(&d->content), hash);
    put_text(bytes_of(hash, sizeof(hash)), base64_encode, text, sizeof(text));
    add_field(d, "content-digest", "sha-256=:%s:", text);
}

static void write_params(const struct draft *d, char *ret, size_t size)
{
    snprintf(
        ret, size,
        "(\"@method\" \"@scheme\" \"@authority\" \"@path\" \"@query\" \"content-digest\"%s "
        "\"date\"%s);created=%lld;expires=%lld;nonce=\"%s\";alg=\"%s\";keyid=\"%s\";tag=\"%s\"",
        d->type[0] ? " \"content-type\"" : "", d->once[0] ? " \"idempotency-key\"" : "",
        (long long)d->created, (long long)d->expires, d->nonce, d->alg, d->keyid, d->tag);
}

/* RFC 9421, 2.5: a line for each component, then the parameters. */
static void write_base(const struct draft *d, const char *date, const char *params,
                       struct buffer *b)
{
    int path_len = (int)strcspn(d->path, "?");
    const char *query = d->path[path_len] ? d->path + path_len : "?";

    must(buffer_append_format(b, "\"@method\": %s\n\"@scheme\": %s\n\"@authority\": %s\n",
                              d->method, d->scheme, d->authority) &&
         buffer_append_format(b, "\"@path\": %.*s\n\"@query\": %s\n\"content-digest\": %s\n",
                              path_len, d->path, query, d->fields[0].value));
    if (d->type[0])
        must(buffer_append_format(b, "\"content-type\": %s\n", d->type));
    must(buffer_append_format(b, "\"date\": %s\n", date));
    if (d->once[0])
        must(buffer_append_format(b, "\"idempotency-key\": %s\n", d->once));
    must(buffer_append_format(b, "\"@signature-params\": %s", params));
}

void draft_sign(struct draft *d)
{
    char date[HTTP_DATE_LEN + 1];
    char params[800];
    char text[128];
    char value[160];
    uint8_t signature[ES256_LEN];
    _cleanup_buffer_ struct buffer base = buffer_up_to(KIB(4));

    http_date_format(d->date, date);
    add_digest(d);
    if (d->type[0])
        add_field(d, "content-type", "%s", d->type);
    add_field(d, "date", "%s", date);
    if (d->once[0])
        add_field(d, "idempotency-key", "%s", d->once);
    write_params(d, params, sizeof(params));
    write_base(d, date, params, &base);
    must(key_sign(d->key, buffer_bytes(&base), signature));
    put_text(bytes_of(signature, sizeof(signature)), base64_encode, text, sizeof(text));
    snprintf(value, sizeof(value), "%s=:%s:", d->label, text);
    add_field(d, "signature", "%s", value);
    add_field(d, "signature-input", "%s", "");
    snprintf(d->fields[d->n_fields - 1].value, sizeof(d->fields[0].value), "%s=%s", d->label,
             params);
}

/* ---- Binary HTTP, RFC 9292 ---- */

static void put_length(const struct draft *d, size_t n, struct buffer *b)
{
    if (d->wide || n > 16383)
        must(buffer_append_u32(b, (uint32_t)n | 0x80000000));
    else if (n > 63)
        must(buffer_append_u16(b, (uint16_t)(n | 0x4000)));
    else
        must(buffer_append_u8(b, (uint8_t)n));
}

static void put_part(const struct draft *d, const char *text, struct buffer *b)
{
    put_length(d, strlen(text), b);
    must(buffer_append_text(b, text));
}

void draft_encode(struct draft *d)
{
    _cleanup_buffer_ struct buffer fields = buffer_up_to(MIB(1));

    for (size_t i = 0; i < d->n_fields; i++) {
        put_part(d, d->fields[i].name, &fields);
        put_part(d, d->fields[i].value, &fields);
    }
    must(buffer_append_u8(&d->plain, 0)); /* a request of known length */
    put_part(d, d->method, &d->plain);
    put_part(d, d->scheme, &d->plain);
    put_part(d, d->authority, &d->plain);
    put_part(d, d->path, &d->plain);
    put_length(d, fields.len, &d->plain);
    must(buffer_append_bytes(&d->plain, buffer_bytes(&fields)));
    put_length(d, d->content.len, &d->plain);
    must(buffer_append_bytes(&d->plain, buffer_bytes(&d->content)));
    put_length(d, 0, &d->plain); /* no trailers */
    for (size_t i = 0; i < d->padding; i++)
        must(buffer_append_u8(&d->plain, 0));
}

void draft_seal(struct draft *d, const struct ohttp_key_config *to)
{
    const uint8_t header[7] = {to->key_id, 0, 0x20, 0, 1, 0, 1};

    must(buffer_append(&d->sealed, header, sizeof(header)) &&
         buffer_append(&d->sealed, d->exchange.enc, HPKE_ENC_LEN) &&
         hpke_seal(&d->exchange.hpke, bytes_of(NULL, 0), buffer_bytes(&d->plain), &d->sealed));
}

void draft_free(struct draft *d)
{
    exchange_wipe(&d->exchange);
    buffer_free(&d->content);
    buffer_free(&d->plain);
    buffer_free(&d->sealed);
}
