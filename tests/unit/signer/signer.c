#include "signer/signer.h"
#include "base/clock.h"
#include "test.h"
#include "wire/cmw.h"
#include "wire/eat.h"
#include "wire/signer_request.h"

#define NOW         INT64_C(1800000000)
#define ISSUED_FROM (NOW - 1000)
#define ISSUED_TO   (NOW + 100000)

static struct signer signer;
static struct buffer pems[TIERS][2]; /* key, issuer */

static void make_issuer(enum tier tier, const char *uri, struct buffer *key_pem,
                        struct buffer *issuer_pem)
{
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_CERTIFICATE);
    uint8_t spki[SPKI_LEN];
    struct certificate_fields f = {.subject = tier_name(tier),
                                   .spki = spki,
                                   .not_before = ISSUED_FROM,
                                   .not_after = ISSUED_TO,
                                   .is_ca = true,
                                   .uri = uri};
    struct idevs_error err;

    key_spki(key, spki);
    *key_pem = buffer_up_to(KIB(4));
    *issuer_pem = buffer_up_to(KIB(4));
    assert_true(key_save(key, key_pem));
    assert_true(certificate_make(&f, NULL, key, &der));
    _cleanup_certificate_ struct certificate *c = certificate_parse(buffer_bytes(&der), &err);
    struct chain chain = {.at = {c}, .n = 1};
    assert_non_null(c);
    assert_true(chain_to_pem(&chain, issuer_pem));
}

static int set_up(void **state)
{
    struct idevs_error err;
    (void)state;
    for (unsigned i = 0; i < TIERS; i++) {
        make_issuer((enum tier)i, "spiffe://example.org", &pems[i][0], &pems[i][1]);
        assert_true(signer_add(&signer, (enum tier)i, buffer_bytes(&pems[i][0]),
                               buffer_bytes(&pems[i][1]), &err));
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    signer_free(&signer);
    for (unsigned i = 0; i < TIERS; i++) {
        buffer_free(&pems[i][0]);
        buffer_free(&pems[i][1]);
    }
    return 0;
}

/* A good request; tests change `claims` or `request` before asking. */
struct scene {
    uint8_t spki[SPKI_LEN + 1];
    struct eat_claims claims;
    struct signer_request request;
    struct buffer encoded;
    struct buffer der;
    struct idevs_error err;
};

static void scene_make(struct scene *s)
{
    _cleanup_key_ struct key *key = key_generate();

    *s = (struct scene){.encoded = buffer_up_to(LIMIT_SIGNER_CLAIMS),
                        .der = buffer_up_to(LIMIT_CERTIFICATE)};
    key_spki(key, s->spki);
    s->claims.executable.present = s->claims.manifest.present = true;
    s->claims.debug = EAT_DEBUG_DISABLED;
    strcpy(s->claims.tier, "isolated");
    strcpy(s->claims.breakers, "root of the host");
    strcpy(s->claims.policy, "policy");
    strcpy(s->claims.owner, "owner");
    s->request = (struct signer_request){.tier = TIER_ISOLATED,
                                         .program = "free-ride",
                                         .spki = bytes_of(s->spki, SPKI_LEN),
                                         .not_before = NOW,
                                         .not_after = NOW + 3600};
}

static void scene_free(struct scene *s)
{
    buffer_free(&s->encoded);
    buffer_free(&s->der);
}
#define _cleanup_scene_ _cleanup_(scene_free)

static bool ask_encoded(struct scene *s)
{
    _cleanup_buffer_ struct buffer message = buffer_up_to(LIMIT_SIGNER_MESSAGE);
    _cleanup_buffer_ struct buffer answer = buffer_up_to(LIMIT_SIGNER_LIST);
    struct bytes der;

    s->request.claims = buffer_bytes(&s->encoded);
    assert_true(signer_request_encode(&s->request, &message));
    signer_answer(&signer, buffer_bytes(&message), NOW, &answer);
    return signer_answer_decode(buffer_bytes(&answer), &der, &s->err) &&
           buffer_append_bytes(&s->der, der);
}

static bool ask(struct scene *s)
{
    buffer_clear(&s->encoded);
    assert_true(eat_encode(&s->claims, &s->encoded));
    return ask_encoded(s);
}

static void checked_fields_become_a_certificate(void **state)
{
    _cleanup_scene_ struct scene s;
    char uri[128];
    struct bytes cmw;
    struct bytes type = {0};
    struct bytes claims = {0};
    struct eat_claims got;
    (void)state;
    scene_make(&s);
    assert_true(ask(&s));
    _cleanup_certificate_ struct certificate *c = certificate_parse(buffer_bytes(&s.der), &s.err);
    assert_non_null(c);
    assert_true(certificate_uri(c, uri, sizeof(uri)));
    assert_string_equal(uri, "spiffe://example.org/program/free-ride");
    assert_int_equal(certificate_not_before(c), NOW);
    assert_int_equal(certificate_not_after(c), NOW + 3600);
    assert_true(certificate_cmw(c, &cmw) && cmw_decode(cmw, &type, &claims));
    assert_true(bytes_equal_text(type, CMW_EAT_UCS));
    assert_true(eat_decode(claims, &got));
    assert_string_equal(got.tier, "isolated");
    struct chain chain = {.at = {c}, .n = 1};
    struct bytes isolated = certificate_der(signer.issuers[TIER_ISOLATED]);
    struct bytes development = certificate_der(signer.issuers[TIER_DEVELOPMENT]);
    assert_true(chain_verify(&chain, &isolated, 1, CHAIN_PROGRAM, NOW + 1, &s.err));
    assert_false(chain_verify(&chain, &development, 1, CHAIN_PROGRAM, NOW + 1, &s.err));
}

/* ---- bad fields, one by one ---- */

static void bad_name(struct scene *s)
{
    strcpy(s->request.program, "free/../ride");
}
static void no_name(struct scene *s)
{
    s->request.program[0] = 0;
}
static void short_key(struct scene *s)
{
    s->request.spki.len--;
}
static void long_key(struct scene *s)
{
    s->request.spki.len++;
}
static void other_curve(struct scene *s)
{
    s->spki[12] ^= 1;
}
static void point_off_the_curve(struct scene *s)
{
    s->spki[SPKI_LEN - 1] ^= 1;
}
static void early(struct scene *s)
{
    s->request.not_before = NOW - 6;
    s->request.not_after = NOW + 10;
}
static void late(struct scene *s)
{
    s->request.not_before = NOW + 6;
    s->request.not_after = NOW + 7;
}
static void long_life(struct scene *s)
{
    s->request.not_after = NOW + 3601;
}
static void no_life(struct scene *s)
{
    s->request.not_after = NOW;
}
static void backward_life(struct scene *s)
{
    s->request.not_after = INT64_MIN;
}
static void huge_life(struct scene *s)
{
    s->request.not_after = INT64_MAX;
}
static void huge_start(struct scene *s)
{
    s->request.not_before = INT64_MAX;
    s->request.not_after = INT64_MAX;
}
static void other_tier_in_the_claims(struct scene *s)
{
    strcpy(s->claims.tier, "hardware");
}
static void other_tier_of_the_key(struct scene *s)
{
    s->request.tier = TIER_HARDWARE;
}
static void no_tier_in_the_claims(struct scene *s)
{
    s->claims.tier[0] = 0;
}
static void no_breakers(struct scene *s)
{
    s->claims.breakers[0] = 0;
}
static void no_policy(struct scene *s)
{
    s->claims.policy[0] = 0;
}
static void no_owner(struct scene *s)
{
    s->claims.owner[0] = 0;
}
static void debugging(struct scene *s)
{
    s->claims.debug = EAT_DEBUG_ENABLED;
}

static void each_bad_field_is_refused(void **state)
{
    static void (*const SPOIL[])(struct scene *) = {
        bad_name,
        no_name,
        short_key,
        long_key,
        other_curve,
        point_off_the_curve,
        early,
        late,
        long_life,
        no_life,
        backward_life,
        huge_life,
        huge_start,
        other_tier_in_the_claims,
        other_tier_of_the_key,
        no_tier_in_the_claims,
        no_breakers,
        no_policy,
        no_owner,
        debugging,
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(SPOIL); i++) {
        _cleanup_scene_ struct scene s;
        scene_make(&s);
        SPOIL[i](&s);
        if (ask(&s))
            fail_msg("signed number %zu", i);
        assert_refused(&s.err, "signer.request");
    }
}

/* Asked at `now` for a life from then on. */
static bool ask_at(struct scene *s, int64_t now, int64_t life)
{
    _cleanup_buffer_ struct buffer message = buffer_up_to(LIMIT_SIGNER_MESSAGE);
    _cleanup_buffer_ struct buffer answer = buffer_up_to(LIMIT_SIGNER_LIST);
    struct bytes der;

    buffer_clear(&s->encoded);
    assert_true(eat_encode(&s->claims, &s->encoded));
    s->request.claims = buffer_bytes(&s->encoded);
    s->request.not_before = now;
    s->request.not_after = now + life;
    assert_true(signer_request_encode(&s->request, &message));
    signer_answer(&signer, buffer_bytes(&message), now, &answer);
    return signer_answer_decode(buffer_bytes(&answer), &der, &s->err);
}

static void a_life_beyond_the_issuers_is_refused(void **state)
{
    _cleanup_scene_ struct scene s;
    (void)state;
    scene_make(&s);
    assert_true(ask_at(&s, ISSUED_FROM, 3600));
    assert_false(ask_at(&s, ISSUED_FROM - 1, 3600));
    assert_refused(&s.err, "signer.request");
    assert_true(ask_at(&s, ISSUED_TO - 3600, 3600));
    assert_false(ask_at(&s, ISSUED_TO - 3599, 3600));
    assert_refused(&s.err, "signer.request");
}

static void claims_that_are_no_eat_are_refused(void **state)
{
    _cleanup_scene_ struct scene s;
    (void)state;
    scene_make(&s);
    assert_true(eat_encode(&s.claims, &s.encoded));
    assert_true(buffer_append_u8(&s.encoded, 0)); /* a trailing byte */
    assert_false(ask_encoded(&s));
    assert_refused(&s.err, "signer.request");
    buffer_clear(&s.encoded);
    assert_true(buffer_append_text(&s.encoded, "tbsCertificate"));
    assert_false(ask_encoded(&s));
    assert_refused(&s.err, "signer.request");
}

static void debugging_is_signed_for_development(void **state)
{
    _cleanup_scene_ struct scene s;
    (void)state;
    scene_make(&s);
    debugging(&s);
    strcpy(s.claims.tier, "development");
    s.request.tier = TIER_DEVELOPMENT;
    assert_true(ask(&s));
}

static void garbage_is_answered_with_a_refusal(void **state)
{
    _cleanup_buffer_ struct buffer answer = buffer_up_to(LIMIT_SIGNER_LIST);
    struct idevs_error err;
    struct bytes der;
    (void)state;
    signer_answer(&signer, bytes_of_text("garbage"), NOW, &answer);
    assert_false(signer_answer_decode(buffer_bytes(&answer), &der, &err));
    assert_refused(&err, "signer.request");
}

static void a_tier_without_a_key_signs_nothing(void **state)
{
    struct signer partial = {0};
    _cleanup_scene_ struct scene s;
    _cleanup_buffer_ struct buffer message = buffer_up_to(LIMIT_SIGNER_MESSAGE);
    _cleanup_buffer_ struct buffer answer = buffer_up_to(LIMIT_SIGNER_LIST);
    struct bytes der;
    (void)state;
    scene_make(&s);
    assert_true(eat_encode(&s.claims, &s.encoded));
    s.request.claims = buffer_bytes(&s.encoded);
    assert_true(signer_request_encode(&s.request, &message));
    signer_answer(&partial, buffer_bytes(&message), NOW, &answer);
    assert_false(signer_answer_decode(buffer_bytes(&answer), &der, &s.err));
    assert_refused(&s.err, "signer.request");
}

static void keys_and_issuers_that_do_not_fit_are_refused(void **state)
{
    struct signer other = {0};
    struct idevs_error err;
    _cleanup_buffer_ struct buffer key = {0};
    _cleanup_buffer_ struct buffer issuer = {0};
    (void)state;
    assert_false(signer_add(&other, TIER_HARDWARE, buffer_bytes(&pems[1][0]),
                            buffer_bytes(&pems[0][1]), &err));
    assert_refused(&err, "certificate.key");
    make_issuer(TIER_HARDWARE, "spiffe://other.org", &key, &issuer);
    assert_true(signer_add(&other, TIER_HARDWARE, buffer_bytes(&key), buffer_bytes(&issuer), &err));
    assert_false(signer_add(&other, TIER_ISOLATED, buffer_bytes(&pems[1][0]),
                            buffer_bytes(&pems[1][1]), &err));
    assert_refused(&err, "certificate.name");
    signer_free(&other);
    buffer_free(&key);
    buffer_free(&issuer);
    make_issuer(TIER_HARDWARE, NULL, &key, &issuer);
    assert_false(
        signer_add(&other, TIER_HARDWARE, buffer_bytes(&key), buffer_bytes(&issuer), &err));
    assert_refused(&err, "certificate.malformed");
    assert_null(other.keys[TIER_HARDWARE]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checked_fields_become_a_certificate),
        cmocka_unit_test(each_bad_field_is_refused),
        cmocka_unit_test(a_life_beyond_the_issuers_is_refused),
        cmocka_unit_test(claims_that_are_no_eat_are_refused),
        cmocka_unit_test(debugging_is_signed_for_development),
        cmocka_unit_test(garbage_is_answered_with_a_refusal),
        cmocka_unit_test(a_tier_without_a_key_signs_nothing),
        cmocka_unit_test(keys_and_issuers_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
