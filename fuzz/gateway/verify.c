/* The gateway's whole verification, structure-aware: the first byte says how deep the rest goes in.
 * Keys and certificates are made anew in each process, so no input can hold them. */
#include "gateway/verify.h"
#include "base/text.h"

#include "actors.h"

#include "fuzz.h"

#define NOW INT64_C(1800000000)

enum depth {
    OUTER,  /* certificate fields and body as they come */
    BODY,   /* a good certificate, a body as it comes */
    PLAIN,  /* sealed: the Binary HTTP inside as it comes */
    SIGNED, /* signed: method, path, fields and content as they come */
    EDITED, /* signed, then some bytes of the Binary HTTP changed before sealing */
    N_DEPTHS,
};

static struct {
    bool made;
    struct actor_ca ca;
    struct actor_program program;
    struct key *service_key;
    struct chain service;
    struct keyring keyring;
    struct bytes anchor;
    struct certificates *certificates;
    struct policy policy;
    struct steps steps;
} world;

static void make_world(void)
{
    world.made = true;
    actor_ca_make(&world.ca, "isolated", NOW);
    actor_program_make(&world.program, &world.ca, NULL, NOW);
    actor_service_make(&world.ca, "127.0.0.1", NOW, &world.service_key, &world.service);
    if (!keyring_open(&world.keyring, &world.service, world.service_key, NOW, NULL))
        abort();
    world.anchor = certificate_der(world.ca.certificate);
    world.certificates = certificates_new(TEST_AUTHORITY, &world.anchor, 1);
}

static bool text_of(struct bytes in, char *ret, size_t size)
{
    if (in.len >= size || memchr(in.data, 0, in.len))
        return false;
    memcpy(ret, in.data, in.len);
    ret[in.len] = 0;
    return true;
}

static bool seal_signed(struct reader *r, struct exchange *x, struct buffer *sealed)
{
    struct exchange_signer signer = {.key = world.program.key};
    struct bytes type = next_part(r);
    struct bytes key = next_part(r);
    struct http_message m = {.method = next_part(r),
                             .scheme = bytes_of_text("https"),
                             .authority = bytes_of_text(TEST_AUTHORITY),
                             .path = next_part(r)};

    m.content = bytes_of(r->at, reader_left(r));
    memcpy(signer.keyid, world.program.keyid, SHA256_LEN);
    if ((type.len && !http_add(&m, "content-type", type)) ||
        (key.len && !http_add(&m, "idempotency-key", key)))
        abort();
    return exchange_seal_request(&world.keyring.config, &signer, &m, NOW, NULL, x, sealed);
}

/* Three bytes an edit: place, and what is xored in. Seals again under the same context. */
static void edit(struct reader *r, struct exchange *x, struct buffer *sealed)
{
    struct http_message m;
    struct exchange opened;
    _cleanup_buffer_ struct buffer plain = buffer_up_to(sealed->len);
    uint16_t place;
    uint8_t change;

    if (!exchange_open_request(&world.keyring.config, world.keyring.x25519, buffer_bytes(sealed),
                               &opened, &plain, &m, NULL))
        abort();
    while (reader_u16(r, &place) && reader_u8(r, &change))
        plain.data[place % plain.len] ^= change;
    x->hpke.sequence = 0;
    sealed->len = OHTTP_HEADER_LEN + HPKE_ENC_LEN;
    if (!hpke_seal(&x->hpke, bytes_of("", 0), buffer_bytes(&plain), sealed))
        abort();
}

static bool make_body(enum depth depth, struct reader *r, struct buffer *sealed)
{
    static const char CONTENT[] = "{\"sale\":809}";
    _cleanup_exchange_ struct exchange x = {0};
    struct http_message m = actor_request("POST", "/api/trips?x=1", "sale-809", "application/json",
                                          bytes_of_text(CONTENT));

    switch (depth) {
    case PLAIN:
        actor_seal_raw(&world.keyring.config, bytes_of(r->at, reader_left(r)), &x, sealed);
        return true;
    case SIGNED:
        return seal_signed(r, &x, sealed);
    case EDITED:
        actor_seal(&world.program, &world.keyring.config, &m, NOW, &x, sealed);
        edit(r, &x, sealed);
        return true;
    default:
        return buffer_append(sealed, r->at, reader_left(r));
    }
}

/* Whatever is accepted is safe to forward, and is what was signed. */
static void check_accepted(enum depth depth, const struct verified *v)
{
    char path[LIMIT_PATH + 1];
    struct bytes type = {0};

    if (depth < SIGNED || !v->caller || !v->unprocessed)
        abort();
    if (!text_of(v->message.path, path, sizeof(path)) || !path_is_valid(path))
        abort();
    if (http_get(&v->message, "content-type", &type) &&
        (memchr(type.data, '\n', type.len) || memchr(type.data, '\r', type.len)))
        abort();
    if (depth == EDITED && (!bytes_equal_text(v->message.method, "POST") ||
                            !bytes_equal_text(v->message.path, "/api/trips?x=1") ||
                            !bytes_equal_text(type, "application/json") ||
                            !bytes_equal_text(v->message.content, "{\"sale\":809}")))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!world.made)
        make_world();
    if (size == 0)
        return 0;
    _cleanup_claims_ struct claims *claims = claims_new(2);
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(LIMIT_MESSAGE);
    struct reader r = reader_of(bytes_of(data + 1, size - 1));
    const enum depth depth = data[0] % N_DEPTHS;
    const struct verifier verifier = {.authority = TEST_AUTHORITY,
                                      .max_body = KIB(64),
                                      .keyring = &world.keyring,
                                      .policy = &world.policy,
                                      .certificates = world.certificates,
                                      .claims = claims,
                                      .steps = &world.steps};
    struct http_message outer = actor_outer(&world.program, bytes_of(NULL, 0));
    if (depth == OUTER) {
        outer.fields[1].value = next_part(&r);
        outer.fields[2].value = next_part(&r);
    }
    if (!make_body(depth, &r, &sealed))
        return 0;
    outer.content = buffer_bytes(&sealed);
    struct verified v;
    struct idevs_error err = {0};
    enum verdict verdict = verify_request(&verifier, &outer, NOW, &v, &err);
    if (verdict == VERDICT_ACCEPTED)
        check_accepted(depth, &v);
    else if (!err.code[0])
        abort();
    verified_release(&v);
    return 0;
}
