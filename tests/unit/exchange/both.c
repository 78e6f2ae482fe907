#include "both.h"

struct ca ca;
struct certificate *leaf;
struct x25519_key *gateway;
struct ohttp_key_config config = {.key_id = 7};
struct exchange_signer signer;

int set_up(void **state)
{
    (void)state;
    ca_make(&ca);
    struct certificate_fields f = program_fields(&ca);
    leaf = made(&f, ca.tier, ca.tier_key);
    gateway = x25519_generate();
    x25519_public(gateway, config.public_key);
    signer.key = ca.leaf_key;
    certificate_sha256(leaf, signer.keyid);
    return 0;
}

int tear_down(void **state)
{
    (void)state;
    certificate_free(leaf);
    x25519_free(gateway);
    ca_free(&ca);
    return 0;
}

void both_free(struct both *b)
{
    exchange_wipe(&b->program);
    exchange_wipe(&b->gateway);
    buffer_free(&b->sealed);
    buffer_free(&b->plain);
}
struct http_message post(void)
{
    struct http_message m = {.method = bytes_of_text("POST"),
                             .scheme = bytes_of_text("https"),
                             .authority = bytes_of_text(AUTHORITY),
                             .path = bytes_of_text("/api/trips?dry=1"),
                             .content = bytes_of_text("{\"to\":\"here\"}")};

    assert_true(http_add(&m, "content-type", bytes_of_text("application/json")));
    assert_true(http_add(&m, "idempotency-key", bytes_of_text("sale-809")));
    return m;
}

void begin(struct both *b, const struct http_message *m, int64_t now)
{
    struct idevs_error err;

    *b = (struct both){.sealed = buffer_up_to(LIMIT_MESSAGE), .plain = buffer_up_to(LIMIT_MESSAGE)};
    assert_true(exchange_seal_request(&config, &signer, m, now, NULL, &b->program, &b->sealed));
    assert_true(exchange_open_request(&config, gateway, buffer_bytes(&b->sealed), &b->gateway,
                                      &b->plain, &b->m, &err));
}

void begin_post(struct both *b)
{
    struct http_message m = post();

    begin(b, &m, NOW);
}

bool verifies(const struct both *b, struct idevs_error *err)
{
    return exchange_verify_request(&b->gateway, &b->m, AUTHORITY, leaf, NOW, err);
}

void assert_unverified(const struct both *b, const char *code)
{
    struct idevs_error err;

    assert_false(verifies(b, &err));
    assert_refused(&err, code);
}

struct bytes *value_of(struct http_message *m, const char *name)
{
    for (size_t i = 0; i < m->n_fields; i++)
        if (bytes_equal_text(m->fields[i].name, name))
            return &m->fields[i].value;
    fail_msg("no %s", name);
    return NULL;
}
