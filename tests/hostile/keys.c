/* The keys that a program seals to: signed by the service that its manifest names, carried by a
 * launcher that would rather have it seal to another. */
#include "relay.h"

#include "wire/bhttp.h"
#include "wire/httpsig.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

/* What a test does to a key configuration on its way. */
struct spoiler {
    void (*spoil)(struct http_message *m);
};

static void put_back(struct passing *p, const struct http_message *m)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(128));

    if (!bhttp_encode_response(m, &b))
        abort();
    passing_reply(p, 200, "message/bhttp", buffer_bytes(&b));
}

static void spoil_keys(struct relay *r, struct passing *p)
{
    const struct spoiler *s = r->context;
    _cleanup_buffer_ struct buffer kept = buffer_up_to(KIB(128));
    struct http_message m;

    if (!passing_is(p, "service-keys:store"))
        return;
    if (!buffer_append_bytes(&kept, buffer_bytes(&p->reply)) ||
        !bhttp_decode_response(buffer_bytes(&kept), &m))
        abort();
    s->spoil(&m);
    put_back(p, &m);
}

static void program_does_not_open(const struct attack *this)
{
    struct idevs_error err = {0};

    program = relay_open(&relay, &err);
    assert_null(program);
    attack_refused(this, RUNTIME, err.code);
}

static void keys_are_refused(const struct attack *this, void (*spoil)(struct http_message *m))
{
    struct spoiler s = {spoil};

    relay.back = spoil_keys;
    relay.context = &s;
    program_does_not_open(this);
}

static struct bytes *field(struct http_message *m, const char *name)
{
    for (size_t i = 0; i < m->n_fields; i++)
        if (bytes_equal_text(m->fields[i].name, name))
            return &m->fields[i].value;
    abort();
}

/* The content with the launcher's own key in it, as static bytes. */
static struct bytes with_own_key(struct bytes content)
{
    static uint8_t changed[64];
    _cleanup_x25519_ struct x25519_key *own = x25519_generate();

    if (content.len > sizeof(changed))
        abort();
    memcpy(changed, content.data, content.len);
    x25519_public(own, changed + 5); /* after length, key identifier and KEM */
    return bytes_of(changed, content.len);
}

/* ---- changed ---- */

static void replace_key(struct http_message *m)
{
    m->content = with_own_key(m->content);
}

ATTACK(a_replaced_key_is_refused, RUNTIME, "keys.signature",
       "The launcher puts its own key into a gateway's key configuration.")
{
    keys_are_refused(this, replace_key);
}

static void replace_key_and_digest(struct http_message *m)
{
    static struct buffer digest;
    uint8_t hash[SHA256_LEN];

    replace_key(m);
    sha256(m->content, hash);
    digest = buffer_up_to(KIB(1));
    if (!httpsig_digest(hash, &digest))
        abort();
    *field(m, "content-digest") = buffer_bytes(&digest);
}

ATTACK(a_replaced_key_with_its_digest_is_refused, RUNTIME, "keys.signature",
       "The launcher puts its own key and the right digest into a key configuration.")
{
    keys_are_refused(this, replace_key_and_digest);
}

static void change_identifier(struct http_message *m)
{
    static uint8_t changed[64];

    memcpy(changed, m->content.data, m->content.len);
    changed[2] ^= 1;
    m->content = bytes_of(changed, m->content.len);
}

ATTACK(a_changed_identifier_of_keys_is_refused, RUNTIME, "keys.signature",
       "The launcher changes the key identifier in a key configuration.")
{
    keys_are_refused(this, change_identifier);
}

static void change_status(struct http_message *m)
{
    m->status = 203;
}

ATTACK(a_changed_status_of_keys_is_refused, RUNTIME, "keys.signature",
       "The launcher changes the signed status of a key configuration.")
{
    keys_are_refused(this, change_status);
}

static void change_type(struct http_message *m)
{
    *field(m, "content-type") = bytes_of_text("application/octet-stream");
}

ATTACK(a_changed_type_of_keys_is_refused, RUNTIME, "keys.signature",
       "The launcher changes the content type of a key configuration.")
{
    keys_are_refused(this, change_type);
}

/* By an hour: within what keys may live. */
static void live_longer(struct http_message *m)
{
    static char input[512];
    char expires[24];
    struct bytes *value = field(m, "signature-input");

    if (value->len >= sizeof(input))
        abort();
    memcpy(input, value->data, value->len);
    char *at = strstr(input, ";expires=");
    if (!at)
        abort();
    int n = snprintf(expires, sizeof(expires), "%lld", strtoll(at + 9, NULL, 10) + 3600);
    memcpy(at + 9, expires, (size_t)n); /* as many digits as before */
    *value = bytes_of(input, value->len);
}

ATTACK(keys_made_to_live_longer_are_refused, RUNTIME, "keys.signature",
       "The launcher changes the time at which a key configuration ends.")
{
    keys_are_refused(this, live_longer);
}

static const char *const SECURITY_FIELDS[] = {"content-type", "content-digest", "signature-input",
                                              "signature", "idevs-service-cert"};
static size_t at_field;

static void drop_field(struct http_message *m)
{
    for (size_t i = 0; i < m->n_fields; i++)
        if (bytes_equal_text(m->fields[i].name, SECURITY_FIELDS[at_field])) {
            m->fields[i] = m->fields[--m->n_fields];
            return;
        }
    abort();
}

static void repeat_field(struct http_message *m)
{
    if (!http_add(m, SECURITY_FIELDS[at_field], *field(m, SECURITY_FIELDS[at_field])))
        abort();
}

/* One program after another; the last is left to the end of the test. */
static void each_field_is_refused(const struct attack *this, void (*spoil)(struct http_message *m))
{
    for (at_field = 0; at_field < ARRAY_LEN(SECURITY_FIELDS); at_field++) {
        if (at_field) {
            relay_end(&relay);
            relay_init(&relay);
        }
        keys_are_refused(this, spoil);
    }
}

ATTACK(
    keys_without_a_security_field_are_refused, RUNTIME, "keys.signature",
    "The launcher takes digest, signature or certificate out of a key configuration: each of them.")
{
    each_field_is_refused(this, drop_field);
}

ATTACK(keys_with_a_security_field_twice_are_refused, RUNTIME, "keys.signature",
       "The launcher repeats a field of a key configuration: each of them.")
{
    each_field_is_refused(this, repeat_field);
}

static size_t cut_to;

static void cut_keys(struct relay *r, struct passing *p)
{
    (void)r;
    if (passing_is(p, "service-keys:store"))
        p->reply.len -= cut_to;
}

/* From the end into the key; the last byte says that there are no trailers, and may be missing. */
ATTACK(keys_cut_off_are_refused, RUNTIME, "bhttp.malformed",
       "The launcher cuts a key configuration off, at every byte of the key.")
{
    for (cut_to = 2; cut_to < 2 + OHTTP_KEY_LEN; cut_to++) {
        if (cut_to > 2) {
            relay_end(&relay);
            relay_init(&relay);
        }
        relay.back = cut_keys;
        program_does_not_open(this);
    }
}

/* ---- signed by others ---- */

/* Keys of the launcher's, signed with a certificate that `ca` issued for `host`. */
static struct {
    const struct actor_ca *ca;
    const char *host;
    int64_t age; /* of the signature, seconds */
    int64_t life;
} forgery;

static void forge_keys(struct relay *r, struct passing *p)
{
    struct ohttp_key_config config = {.key_id = 1};
    _cleanup_x25519_ struct x25519_key *own = x25519_generate();
    _cleanup_key_ struct key *key = NULL;
    _cleanup_chain_ struct chain chain = {.n = 0};
    struct signed_keys keys;
    int64_t now = clock_unix();
    (void)r;

    if (!passing_is(p, "service-keys:store"))
        return;
    x25519_public(own, config.public_key);
    actor_service_make(forgery.ca, forgery.host, now, &key, &chain);
    if (!signed_keys_make(&config, &chain, key, now - forgery.age, forgery.life, &keys))
        abort();
    put_back(p, &keys.message);
    signed_keys_free(&keys);
}

static void forged_keys_are_refused(const struct attack *this, const struct actor_ca *ca,
                                    const char *host, int64_t age)
{
    forgery.ca = ca;
    forgery.host = host;
    forgery.age = age;
    forgery.life = 3600;
    relay.forth = forge_keys;
    program_does_not_open(this);
}

ATTACK(
    keys_under_another_ca_are_refused, RUNTIME, "certificate.chain",
    "The launcher signs keys of its own with a certificate for the service's name by a CA of its "
    "own.")
{
    struct actor_ca own;

    actor_ca_make(&own, "services", clock_unix());
    forged_keys_are_refused(this, &own, store.host, 0);
    actor_ca_free(&own);
}

ATTACK(keys_of_another_host_are_refused, RUNTIME, "certificate.name",
       "Another site that the service's CA certified signs keys of its own, and the launcher hands "
       "them over as the service's.")
{
    forged_keys_are_refused(this, &store.service_ca, "127.0.0.3", 0);
}

ATTACK(keys_signed_by_the_tier_ca_are_refused, RUNTIME, "certificate.chain",
       "The authority of the programs certifies a service: the manifest trusts it with programs "
       "alone.")
{
    forged_keys_are_refused(this, &store.tier, store.host, 0);
}

ATTACK(keys_that_have_ended_are_refused, RUNTIME, "keys.signature",
       "The launcher keeps a key configuration that the service signed and hands it over after its "
       "end.")
{
    forged_keys_are_refused(this, &store.service_ca, store.host, 3600 + 60);
}

ATTACK(keys_of_the_future_are_refused, RUNTIME, "keys.signature",
       "The launcher hands over a key configuration that is signed for a time to come.")
{
    forged_keys_are_refused(this, &store.service_ca, store.host, -600);
}

static void swap_services(struct relay *r, struct passing *p)
{
    if (passing_is(p, "service-keys:store")) {
        strcpy(p->target, "service-keys:transport");
        relay_carry(r, p);
    }
}

ATTACK(the_keys_of_another_service_are_refused, RUNTIME, "certificate.chain",
       "The launcher hands over the keys of one service of the manifest as those of another.")
{
    relay_end(&relay);
    stage_add_transport();
    relay_init(&relay);
    relay.forth = swap_services;
    program_does_not_open(this);
}

static void sign_as_program(struct relay *r, struct passing *p)
{
    struct ohttp_key_config config = {.key_id = 1};
    struct signed_keys keys;
    (void)r;

    if (!passing_is(p, "service-keys:store"))
        return;
    if (!signed_keys_make(&config, &store.program.chain, store.program.key, clock_unix(), 3600,
                          &keys))
        abort();
    put_back(p, &keys.message);
    signed_keys_free(&keys);
}

ATTACK(keys_that_a_program_signed_are_refused, RUNTIME, "certificate.malformed",
       "A program signs keys of its own with its genuine certificate, and the launcher hands them "
       "over as a service's.")
{
    relay.forth = sign_as_program;
    program_does_not_open(this);
}

/* ---- later ---- */

/* A forged hint, then forged keys. */
static void ask_and_forge(struct relay *r, struct passing *p)
{
    if (passing_is(p, "service:store") && p->n == 0)
        passing_problem(p, 400, "exchange.key");
    if (passing_is(p, "service-keys:store") && p->n > 0)
        forge_keys(r, p);
}

ATTACK(
    keys_forged_after_the_start_are_not_taken, RUNTIME, NOT_BELIEVED,
    "The launcher says in the gateway's name that its key has changed, and hands over keys of its "
    "own: the program stays with those that it has.")
{
    struct actor_ca own;

    actor_ca_make(&own, "services", clock_unix());
    forgery.ca = &own;
    forgery.host = store.host;
    forgery.life = 3600;
    relay.forth = ask_and_forge;
    program_opens();
    program_reads("/ok", "{\"sale\":809}");
    assert_int_equal(relay_count(&relay, "service-keys:store"), 2);
    attack_refused(this, RUNTIME, NOT_BELIEVED);
    actor_ca_free(&own);
}

static struct buffer old_keys;

static void show_old_keys(struct relay *r, struct passing *p)
{
    (void)r;
    if (passing_is(p, "service-keys:store"))
        passing_reply(p, 200, "message/bhttp", buffer_bytes(&old_keys));
}

static void keep_keys(struct relay *r, struct passing *p)
{
    (void)r;
    if (passing_is(p, "service-keys:store") &&
        !buffer_append_bytes(&old_keys, buffer_bytes(&p->reply)))
        abort();
}

ATTACK(nobody_opens_what_is_sealed_to_the_keys_of_an_earlier_boot, RUNTIME, "outcome.unknown",
       "The launcher hands over the genuine keys of the gateway's boot before, which are still in "
       "time.")
{
    old_keys = buffer_up_to(KIB(64));
    relay.back = keep_keys;
    program_opens();
    idevs_close(program);
    program = NULL;
    relay_end(&relay);
    assert_int_equal(world_gateway_end(&store, SIGKILL), -SIGKILL);
    world_gateway_start(&store);
    relay_init(&relay);
    relay.forth = show_old_keys;
    program_opens();
    assert_int_equal(program_writes("store"), -1);
    assert_int_equal(fake_service_count(&store.service), 0);
    program_refused(this);
    buffer_free(&old_keys);
}

static const struct attack *const ATTACKS[] = {
    ROW(a_replaced_key_is_refused),
    ROW(a_replaced_key_with_its_digest_is_refused),
    ROW(a_changed_identifier_of_keys_is_refused),
    ROW(a_changed_status_of_keys_is_refused),
    ROW(a_changed_type_of_keys_is_refused),
    ROW(keys_made_to_live_longer_are_refused),
    ROW(keys_without_a_security_field_are_refused),
    ROW(keys_with_a_security_field_twice_are_refused),
    ROW(keys_cut_off_are_refused),
    ROW(keys_under_another_ca_are_refused),
    ROW(keys_of_another_host_are_refused),
    ROW(keys_signed_by_the_tier_ca_are_refused),
    ROW(keys_that_have_ended_are_refused),
    ROW(keys_of_the_future_are_refused),
    ROW(the_keys_of_another_service_are_refused),
    ROW(keys_that_a_program_signed_are_refused),
    ROW(keys_forged_after_the_start_are_not_taken),
    ROW(nobody_opens_what_is_sealed_to_the_keys_of_an_earlier_boot),
};

int main(int argc, char **argv)
{
    const struct area area = {.name = "keys",
                              .begin = relay_begin,
                              .end = relay_finish,
                              .control = relay_control,
                              .attacks = ATTACKS,
                              .n = ARRAY_LEN(ATTACKS)};

    return area_main(&area, argc, argv);
}
