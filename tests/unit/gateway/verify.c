/* Every refusal of the gateway, in its order, with its code, and whether it may be sealed and
 * whether it says that the request was not processed. */
#include "test.h"

#include "gateway/verify.h"

#include "actors.h"

#include <stdlib.h>

#define NOW INT64_C(1800000000)

struct fixture {
    struct actor_ca tier;
    struct actor_ca service_ca;
    struct actor_program program;
    struct key *service_key;
    struct chain service;
    struct keyring keyring;
    struct bytes anchor;
    struct policy policy;
    struct steps steps;
    struct verifier verifier;
    struct exchange exchange; /* of the last sealed request */
    struct buffer sealed;
    struct verified verified;
    struct idevs_error err;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    actor_ca_make(&f->tier, "isolated", NOW);
    actor_ca_make(&f->service_ca, "services", NOW);
    actor_program_make(&f->program, &f->tier, NULL, NOW);
    actor_service_make(&f->service_ca, "127.0.0.1", NOW, &f->service_key, &f->service);
    assert_true(keyring_open(&f->keyring, &f->service, f->service_key, NOW, &f->err));
    f->anchor = certificate_der(f->tier.certificate);
    f->sealed = buffer_up_to(LIMIT_MESSAGE);
    f->verifier = (struct verifier){
        .authority = TEST_AUTHORITY,
        .max_body = KIB(64),
        .keyring = &f->keyring,
        .policy = &f->policy,
        .certificates = certificates_new(TEST_AUTHORITY, &f->anchor, 1),
        .claims = claims_new(4),
        .steps = &f->steps,
    };
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    certificates_free(f->verifier.certificates);
    claims_free(f->verifier.claims);
    keyring_close(&f->keyring);
    key_free(f->service_key);
    chain_free(&f->service);
    actor_program_free(&f->program);
    actor_ca_free(&f->tier);
    actor_ca_free(&f->service_ca);
    exchange_wipe(&f->exchange);
    buffer_free(&f->sealed);
    free(f);
    return 0;
}

static enum verdict verify_at(struct fixture *f, const struct http_message *outer, int64_t now)
{
    f->err = (struct idevs_error){0};
    enum verdict verdict = verify_request(&f->verifier, outer, now, &f->verified, &f->err);
    verified_release(&f->verified);
    return verdict;
}

static struct http_message sealed_by(struct fixture *f, const struct actor_program *p,
                                     const struct http_message *m, int64_t now)
{
    actor_seal(p, &f->keyring.config, m, now, &f->exchange, &f->sealed);
    return actor_outer(p, buffer_bytes(&f->sealed));
}

static struct http_message sealed_get(struct fixture *f)
{
    struct http_message m = actor_request("GET", "/api/sales", NULL, NULL, bytes_of(NULL, 0));

    return sealed_by(f, &f->program, &m, NOW);
}

static void assert_plain(struct fixture *f, const struct http_message *outer, const char *code)
{
    assert_int_equal(verify_at(f, outer, NOW), VERDICT_PLAIN);
    assert_refused(&f->err, code);
}

/* `certain`: it also says that the request was not processed. */
static void assert_sealed_at(struct fixture *f, const struct http_message *outer, int64_t now,
                             const char *code, bool certain)
{
    f->err = (struct idevs_error){0};
    enum verdict verdict = verify_request(&f->verifier, outer, now, &f->verified, &f->err);
    bool unprocessed = f->verified.unprocessed;
    verified_release(&f->verified);
    assert_int_equal(verdict, VERDICT_SEALED);
    assert_refused(&f->err, code);
    assert_int_equal(unprocessed, certain);
}

static void a_request_in_order_is_accepted(void **state)
{
    struct fixture *f = *state;
    struct http_message m = actor_request("POST", "/api/trips?x=1", "sale-809", "application/json",
                                          bytes_of_text("{}"));
    struct http_message outer = sealed_by(f, &f->program, &m, NOW);
    struct bytes key;

    assert_int_equal(verify_request(&f->verifier, &outer, NOW, &f->verified, &f->err),
                     VERDICT_ACCEPTED);
    assert_true(bytes_equal_text(f->verified.message.path, "/api/trips?x=1"));
    assert_true(bytes_equal_text(f->verified.message.content, "{}"));
    assert_true(http_get(&f->verified.message, "idempotency-key", &key));
    assert_true(bytes_equal_text(key, "sale-809"));
    assert_string_equal(f->verified.caller->program.id, TEST_PROGRAM);
    assert_true(f->verified.unprocessed);
    verified_release(&f->verified);
}

static void the_media_type_comes_first(void **state)
{
    struct fixture *f = *state;
    struct http_message outer = sealed_get(f);

    outer.fields[0].value = bytes_of_text("application/json");
    outer.fields[1].value = bytes_of_text("garbage");
    assert_plain(f, &outer, "exchange.media-type");
    outer.fields[0].name = bytes_of_text("x");
    assert_plain(f, &outer, "exchange.media-type");
}

static void a_certificate_is_asked_for_before_anything_is_opened(void **state)
{
    struct fixture *f = *state;
    struct http_message outer = sealed_get(f);
    struct http_message other = outer;

    outer.content = bytes_of_text("garbage");
    outer.fields[1].value = bytes_of_text(":AAAA:");
    assert_plain(f, &outer, "certificate.malformed");
    outer.fields[1].value = bytes_of_text("AAAA");
    assert_plain(f, &outer, "certificate.malformed");
    outer.fields[1].value = bytes_of(NULL, 0);
    assert_plain(f, &outer, "certificate.malformed");
    outer.fields[1].name = bytes_of_text("x");
    assert_plain(f, &outer, "certificate.malformed");
    outer = other;
    assert_true(http_add(&outer, "client-cert", outer.fields[1].value));
    assert_plain(f, &outer, "certificate.malformed");
    outer = other;
    assert_true(http_add(&outer, "client-cert-chain", outer.fields[2].value));
    assert_plain(f, &outer, "certificate.malformed");
}

static void a_certificate_of_another_ca_is_refused(void **state)
{
    struct fixture *f = *state;
    struct actor_ca other;
    struct actor_program program;
    struct http_message m = actor_request("GET", "/a", NULL, NULL, bytes_of(NULL, 0));

    actor_ca_make(&other, "isolated", NOW); /* the same name */
    actor_program_make(&program, &other, NULL, NOW);
    struct http_message outer = sealed_by(f, &program, &m, NOW);
    assert_plain(f, &outer, "certificate.chain");
    actor_program_free(&program);
    actor_ca_free(&other);
}

static void an_expired_certificate_is_refused_also_when_it_was_cached(void **state)
{
    struct fixture *f = *state;
    struct http_message outer = sealed_get(f);

    assert_int_equal(verify_at(f, &outer, NOW), VERDICT_ACCEPTED);
    assert_int_equal(certificates_count(f->verifier.certificates), 1);
    /* the path verified a moment ago, so that it is the cache that looks at the time */
    assert_int_equal(verify_at(f, &outer, NOW + 1790), VERDICT_SEALED);
    assert_int_equal(verify_at(f, &outer, NOW + 1801), VERDICT_PLAIN);
    assert_refused(&f->err, "certificate.expired");
    assert_int_equal(certificates_count(f->verifier.certificates), 0);
    assert_int_equal(verify_at(f, &outer, NOW + 1801), VERDICT_PLAIN);
    assert_refused(&f->err, "certificate.expired");
    assert_int_equal(verify_at(f, &outer, NOW - 1806), VERDICT_PLAIN);
    assert_refused(&f->err, "certificate.expired");
}

static void what_an_authority_whose_clock_is_ahead_has_just_issued_is_accepted(void **state)
{
    static const int64_t AHEAD[] = {1, LIMIT_CLOCK_SKEW, LIMIT_CLOCK_SKEW + 1};
    struct fixture *f = *state;
    struct http_message m = actor_request("GET", "/a", NULL, NULL, bytes_of(NULL, 0));

    for (size_t n = 0; n < ARRAY_LEN(AHEAD); n++) {
        const struct actor_program_fields fields = {.not_before = NOW + AHEAD[n]};
        struct actor_program program;
        bool tolerable = AHEAD[n] <= LIMIT_CLOCK_SKEW;
        actor_program_make(&program, &f->tier, &fields, NOW);
        for (int i = 0; i < 2; i++) { /* found out, and remembered */
            struct http_message outer = sealed_by(f, &program, &m, NOW);
            assert_int_equal(verify_at(f, &outer, NOW),
                             tolerable ? VERDICT_ACCEPTED : VERDICT_PLAIN);
        }
        actor_program_free(&program);
    }
    assert_refused(&f->err, "certificate.expired");
}

/* The cache trusts a path for five minutes; then an anchor that expired meanwhile ends it. */
static void an_expired_anchor_is_noticed(void **state)
{
    struct fixture *f = *state;
    const struct actor_program_fields long_lived = {.not_after = NOW + 200000};
    const int64_t end = NOW + 86400;
    struct actor_program p;

    actor_program_make(&p, &f->tier, &long_lived, NOW);
    for (int64_t at = end - 100; at <= end + 500; at += 300) {
        struct caller *caller = certificates_find(f->verifier.certificates, buffer_bytes(&p.cert),
                                                  bytes_of(NULL, 0), at, &f->err);
        assert_int_equal(caller != NULL, at < end + 200);
        caller_release(caller);
    }
    assert_true(error_is(&f->err, "certificate."));
    actor_program_free(&p);
}

static void a_certificate_of_a_service_is_not_one_of_a_program(void **state)
{
    struct fixture *f = *state;
    struct actor_program fake = {.chain = f->service};
    struct http_message outer = sealed_get(f);

    f->anchor = certificate_der(f->service_ca.certificate);
    fake.cert = fake.cert_chain = buffer_up_to(LIMIT_CHAIN_BYTES);
    assert_true(client_cert_encode(&fake.chain, &fake.cert, &fake.cert_chain));
    outer.fields[1].value = buffer_bytes(&fake.cert);
    outer.n_fields = 2;
    assert_int_equal(verify_at(f, &outer, NOW), VERDICT_PLAIN);
    assert_true(error_is(&f->err, "certificate."));
    buffer_free(&fake.cert);
    buffer_free(&fake.cert_chain);
}

static void the_forwarded_chain_holds_nothing_unverified(void **state)
{
    struct fixture *f = *state;
    struct http_message outer = sealed_get(f);

    assert_int_equal(verify_request(&f->verifier, &outer, NOW, &f->verified, &f->err),
                     VERDICT_ACCEPTED);
    assert_int_equal(f->verified.caller->chain.n, 1); /* the tier's CA is the anchor itself */
    assert_int_equal(f->verified.caller->cert_chain.len, 0);
    verified_release(&f->verified);
}

static void another_key_or_changed_bytes_are_refused(void **state)
{
    struct fixture *f = *state;
    struct http_message outer = sealed_get(f);
    uint8_t *sealed = f->sealed.data;

    sealed[0] ^= 1;
    assert_plain(f, &outer, "exchange.key");
    sealed[0] ^= 1;
    for (size_t i = 7; i < f->sealed.len; i += 13) {
        sealed[i] ^= 0x10;
        assert_plain(f, &outer, "exchange.decrypt");
        sealed[i] ^= 0x10;
    }
    assert_int_equal(verify_at(f, &outer, NOW), VERDICT_ACCEPTED);
}

static void every_truncation_is_refused(void **state)
{
    struct fixture *f = *state;
    struct http_message outer = sealed_get(f);

    for (size_t len = 0; len < f->sealed.len; len++) {
        outer.content.len = len;
        assert_int_equal(verify_at(f, &outer, NOW), VERDICT_PLAIN);
        assert_true(error_is(&f->err, "exchange."));
    }
}

static void what_is_not_strict_binary_http_is_refused_in_the_seal(void **state)
{
    static const char *const PLAIN[] = {
        "",
        "\1",
        "garbage",
        /* GET https 127.0.0.1:8443 /a with a field whose value has CR LF; with an upper-case name
         */
        "\0\3GET\5https\016127.0.0.1:8443\2/a\0\012\1a\7x\r\nb: c\0\0",
        "\0\3GET\5https\016127.0.0.1:8443\2/a\0\4\1A\1x\0\0",
        "\0\5GET\r\n\5https\016127.0.0.1:8443\2/a\0\0\0",
    };
    static const size_t LEN[] = {0, 1, 7, 40, 34, 32};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(PLAIN); i++) {
        actor_seal_raw(&f->keyring.config, bytes_of(PLAIN[i], LEN[i]), &f->exchange, &f->sealed);
        struct http_message outer = actor_outer(&f->program, buffer_bytes(&f->sealed));
        assert_int_equal(verify_request(&f->verifier, &outer, NOW, &f->verified, &f->err),
                         VERDICT_SEALED);
        assert_true(error_is(&f->err, "bhttp.malformed") || error_is(&f->err, "request."));
        assert_true(f->verified.unprocessed);
        verified_release(&f->verified);
    }
}

static void a_request_for_another_service_is_misdirected(void **state)
{
    struct fixture *f = *state;
    struct http_message m = actor_request("GET", "/a", NULL, NULL, bytes_of(NULL, 0));

    m.authority = bytes_of_text("127.0.0.1:8444");
    struct http_message outer = sealed_by(f, &f->program, &m, NOW);
    assert_sealed_at(f, &outer, NOW, "request.authority", true);
}

static void the_window_is_checked_and_proves_nothing_about_processing(void **state)
{
    struct fixture *f = *state;
    struct http_message outer = sealed_get(f);

    assert_sealed_at(f, &outer, NOW + LIMIT_SIGNATURE_LIFE + LIMIT_CLOCK_SKEW + 1, "request.date",
                     false);
    assert_sealed_at(f, &outer, NOW - LIMIT_CLOCK_SKEW - 1, "request.date", false);
    assert_int_equal(verify_at(f, &outer, NOW - LIMIT_CLOCK_SKEW), VERDICT_ACCEPTED);
}

/* The relay may attach whatever certificate it likes: that refusal must not tell the program that
 * its request was not processed, for the same bytes may come again with the right one. */
static void a_swapped_certificate_is_refused_without_certainty(void **state)
{
    struct fixture *f = *state;
    struct actor_program other;
    struct http_message outer = sealed_get(f);
    struct http_message swapped = outer;

    actor_program_make(&other, &f->tier, NULL, NOW);
    swapped.fields[1].value = buffer_bytes(&other.cert);
    f->err = (struct idevs_error){0};
    assert_int_equal(verify_request(&f->verifier, &swapped, NOW, &f->verified, &f->err),
                     VERDICT_SEALED);
    assert_false(f->verified.unprocessed);
    verified_release(&f->verified);
    assert_int_equal(verify_at(f, &outer, NOW), VERDICT_ACCEPTED);
    actor_program_free(&other);
}

static void a_signature_of_another_key_is_refused(void **state)
{
    struct fixture *f = *state;
    struct actor_program thief = f->program;
    struct http_message m = actor_request("GET", "/a", NULL, NULL, bytes_of(NULL, 0));

    thief.key = key_generate();
    struct http_message outer = sealed_by(f, &thief, &m, NOW);
    assert_sealed_at(f, &outer, NOW, "request.signature", false);
    key_free(thief.key);
}

static void what_no_service_should_see_is_refused(void **state)
{
    static const struct {
        const char *method, *path, *key, *code;
        size_t len;
    } WRONG[] = {
        {"CONNECT", "/a", NULL, "api.method", 0},
        {"get", "/a", NULL, "api.method", 0},
        {"GET", "/a/../b", NULL, "http.malformed", 0},
        {"GET", "/a%2fb", NULL, "http.malformed", 0},
        {"GET", "/a//b", NULL, "http.malformed", 0},
        {"GET", "/a", NULL, "request.field", 1},
        {"GET", "/a", "k", "request.field", 0},
        {"POST", "/a", "k k", "request.field", 0},
        {"POST", "/a", "", "request.field", 0},
        {"POST", "/a", NULL, "http.body-too-large", KIB(64) + 1},
    };
    static const uint8_t zeros[KIB(64) + 1];
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(WRONG); i++) {
        struct http_message m = actor_request(WRONG[i].method, WRONG[i].path, WRONG[i].key, NULL,
                                              bytes_of(zeros, WRONG[i].len));
        struct http_message outer = sealed_by(f, &f->program, &m, NOW);
        assert_sealed_at(f, &outer, NOW, WRONG[i].code, true);
    }
    assert_int_equal(claims_count(f->verifier.claims), 0);
}

static void policy_is_asked_before_the_claim(void **state)
{
    static struct policy_program none = {.name = "spiffe://free-ride.example/program/other"};
    struct fixture *f = *state;
    struct http_message outer = sealed_get(f);

    f->policy = (struct policy){.names_programs = true, .programs = &none, .n_programs = 1};
    for (int i = 0; i < 2; i++)
        assert_sealed_at(f, &outer, NOW, "policy.program", true);
    f->policy = (struct policy){0};
    assert_int_equal(verify_at(f, &outer, NOW), VERDICT_ACCEPTED);
}

static void reads_and_writes_of_the_manifest_are_enforced(void **state)
{
    static const struct actor_program_fields READER = {.writes = ""}, WRITER = {.reads = ""},
                                             ELSEWHERE = {.reads = "a", .writes = "a"};
    static const struct {
        const struct actor_program_fields *who;
        const char *method, *code;
    } CASES[] = {{&READER, "POST", "policy.writes"},  {&WRITER, "GET", "policy.reads"},
                 {&ELSEWHERE, "GET", "policy.reads"}, {&ELSEWHERE, "PUT", "policy.writes"},
                 {&WRITER, "HEAD", "policy.reads"},   {&READER, "DELETE", "policy.writes"}};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct actor_program p;
        struct http_message m = actor_request(CASES[i].method, "/a", NULL, NULL, bytes_of(NULL, 0));
        actor_program_make(&p, &f->tier, CASES[i].who, NOW);
        struct http_message outer = sealed_by(f, &p, &m, NOW);
        assert_sealed_at(f, &outer, NOW, CASES[i].code, true);
        actor_program_free(&p);
    }
}

static void a_replay_is_refused_without_certainty(void **state)
{
    struct fixture *f = *state;
    struct http_message outer = sealed_get(f);

    assert_int_equal(verify_at(f, &outer, NOW), VERDICT_ACCEPTED);
    assert_sealed_at(f, &outer, NOW, "exchange.claimed", false);
    assert_sealed_at(f, &outer, NOW + LIMIT_SIGNATURE_LIFE + LIMIT_CLOCK_SKEW, "exchange.claimed",
                     false);
}

static void a_full_claim_set_refuses_without_certainty(void **state)
{
    struct fixture *f = *state;
    struct http_message outer;

    for (int i = 0; i < 4; i++) {
        outer = sealed_get(f);
        assert_int_equal(verify_at(f, &outer, NOW), VERDICT_ACCEPTED);
    }
    outer = sealed_get(f);
    assert_sealed_at(f, &outer, NOW, "exchange.full", false);
}

static void the_cache_is_bounded_and_keeps_those_in_use(void **state)
{
    struct fixture *f = *state;
    struct caller *held = certificates_find(
        f->verifier.certificates, buffer_bytes(&f->program.cert), bytes_of(NULL, 0), NOW, &f->err);

    assert_non_null(held);
    for (int i = 0; i < 3; i++) { /* the same chain with and without its CA is two entries */
        struct actor_program p;
        actor_program_make(&p, &f->tier, NULL, NOW);
        caller_release(certificates_find(f->verifier.certificates, buffer_bytes(&p.cert),
                                         buffer_bytes(&p.cert_chain), NOW, &f->err));
        actor_program_free(&p);
    }
    assert_int_equal(certificates_count(f->verifier.certificates), 4);
    assert_string_equal(held->program.id, TEST_PROGRAM);
    caller_release(held);
}

#define CLAIM(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(a_request_in_order_is_accepted),
        CLAIM(the_media_type_comes_first),
        CLAIM(a_certificate_is_asked_for_before_anything_is_opened),
        CLAIM(a_certificate_of_another_ca_is_refused),
        CLAIM(an_expired_certificate_is_refused_also_when_it_was_cached),
        CLAIM(what_an_authority_whose_clock_is_ahead_has_just_issued_is_accepted),
        CLAIM(an_expired_anchor_is_noticed),
        CLAIM(a_certificate_of_a_service_is_not_one_of_a_program),
        CLAIM(the_forwarded_chain_holds_nothing_unverified),
        CLAIM(another_key_or_changed_bytes_are_refused),
        CLAIM(every_truncation_is_refused),
        CLAIM(what_is_not_strict_binary_http_is_refused_in_the_seal),
        CLAIM(a_request_for_another_service_is_misdirected),
        CLAIM(the_window_is_checked_and_proves_nothing_about_processing),
        CLAIM(a_swapped_certificate_is_refused_without_certainty),
        CLAIM(a_signature_of_another_key_is_refused),
        CLAIM(what_no_service_should_see_is_refused),
        CLAIM(policy_is_asked_before_the_claim),
        CLAIM(reads_and_writes_of_the_manifest_are_enforced),
        CLAIM(a_replay_is_refused_without_certainty),
        CLAIM(a_full_claim_set_refuses_without_certainty),
        CLAIM(the_cache_is_bounded_and_keeps_those_in_use),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
