#include "forge.h"

#include "exchange/nonce.h"
#include "wire/bhttp.h"

void forge_free(struct forge *f)
{
    exchange_wipe(&f->x);
    buffer_free(&f->digest);
    buffer_free(&f->input);
    buffer_free(&f->signature);
    buffer_free(&f->plain);
    buffer_free(&f->sealed);
}

struct http_message forge_full_write(void)
{
    return actor_request("POST", "/count?x=1", "sale-809", "application/json", bytes_of_text("{}"));
}

void forge_begin(struct forge *f, const struct http_message *m)
{
    uint8_t hash[SHA256_LEN];
    int64_t now = clock_unix();

    *f = (struct forge){
        .m = *m,
        .params = {.created = now, .expires = now + LIMIT_SIGNATURE_LIFE},
        .digest = buffer_up_to(KIB(1)),
        .input = buffer_up_to(KIB(2)),
        .signature = buffer_up_to(KIB(1)),
        .plain = buffer_up_to(LIMIT_MESSAGE),
        .sealed = buffer_up_to(LIMIT_MESSAGE),
    };
    actor_encapsulate(&store.keys, &f->x);
    assert_true(exchange_nonce(&f->x, f->params.nonce));
    assert_true(digest_text(store.program.keyid, f->params.keyid));
    sha256(m->content, hash);
    assert_true(httpsig_digest(hash, &f->digest));
    http_date_format(now, f->date);
    assert_true(http_add(&f->m, "content-digest", buffer_bytes(&f->digest)) &&
                http_add(&f->m, "date", bytes_of_text(f->date)));
}

void forge_sign(struct forge *f)
{
    _cleanup_buffer_ struct buffer base = buffer_up_to(KIB(64));
    uint8_t signature[ES256_LEN];

    assert_true(httpsig_request_base(&f->m, &f->params, &base) &&
                key_sign(store.program.key, buffer_bytes(&base), signature));
    assert_true(httpsig_request_input(&f->m, &f->params, &f->input) &&
                httpsig_signature(HTTPSIG_LABEL, signature, &f->signature));
    assert_true(http_add(&f->m, "signature-input", buffer_bytes(&f->input)) &&
                http_add(&f->m, "signature", buffer_bytes(&f->signature)));
}

/* ---- Binary HTTP (RFC 9292, 3) with lengths in two bytes, or four ---- */

static void put_view(struct buffer *b, struct bytes view)
{
    if (view.len < 1U << 14)
        assert_true(buffer_append_u16(b, (uint16_t)(0x4000 | view.len)));
    else
        assert_true(buffer_append_u32(b, 0x80000000U | (uint32_t)view.len));
    assert_true(buffer_append_bytes(b, view));
}

void forge_write(struct forge *f)
{
    _cleanup_buffer_ struct buffer fields = buffer_up_to(MIB(1));

    for (size_t i = 0; i < f->m.n_fields; i++) {
        put_view(&fields, f->m.fields[i].name);
        put_view(&fields, f->m.fields[i].value);
    }
    assert_true(buffer_append_u8(&f->plain, 0)); /* a request of known length */
    put_view(&f->plain, f->m.method);
    put_view(&f->plain, f->m.scheme);
    put_view(&f->plain, f->m.authority);
    put_view(&f->plain, f->m.path);
    put_view(&f->plain, buffer_bytes(&fields));
    put_view(&f->plain, f->m.content);
    assert_true(buffer_append_u8(&f->plain, 0)); /* no trailers */
    assert_true(bhttp_pad(&f->plain));
}

void forge_signed(struct forge *f)
{
    const struct http_message m = forge_full_write();

    forge_begin(f, &m);
    forge_sign(f);
}

void forge_seal(struct forge *f)
{
    actor_seal_encapsulated(&store.keys, buffer_bytes(&f->plain), &f->x, &f->sealed);
}

void forged_is_refused(const struct attack *this, struct forge *f)
{
    forge_write(f);
    forge_seal(f);
    gateway_refuses(this, buffer_bytes(&f->sealed), &f->x);
}

void forge_control(void)
{
    _cleanup_forge_ struct forge f;
    _cleanup_answer_ struct answer a;

    forge_signed(&f);
    forge_write(&f);
    forge_seal(&f);
    assert_true(world_post(&store, &store.program, buffer_bytes(&f.sealed), &f.x, &a));
    assert_string_equal(refusal_of(&a), "");
    assert_int_equal(a.message.status, 201);
    assert_int_equal(fake_service_count(&store.service), 1);
}

/* ---- fields ---- */

struct bytes *forge_field(struct forge *f, const char *name)
{
    for (size_t i = 0; i < f->m.n_fields; i++)
        if (bytes_equal_text(f->m.fields[i].name, name))
            return &f->m.fields[i].value;
    fail_msg("no %s", name);
    return NULL;
}

void forge_set(struct forge *f, const char *name, const char *value)
{
    *forge_field(f, name) = bytes_of_text(value);
}

void forge_drop(struct forge *f, const char *name)
{
    struct http_field *at =
        (struct http_field *)((char *)forge_field(f, name) - offsetof(struct http_field, value));

    *at = f->m.fields[--f->m.n_fields];
}

void forge_add(struct forge *f, const char *name, const char *value)
{
    assert_true(http_add(&f->m, name, bytes_of_text(value)));
}
