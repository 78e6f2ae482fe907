/* Lists of revoked certificates at the signer: within the profile and in order, or not at all. */
#include "test.h"

#include "base/alloc.h"
#include "crypto/revocation.h"
#include "signer/signer.h"
#include "wire/revocation.h"

#define NOW INT64_C(1800000000)

static struct signer signer;

static int set_up(void **state)
{
    (void)state;
    for (unsigned i = 0; i < TIERS; i++) {
        _cleanup_key_ struct key *key = key_generate();
        _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_CERTIFICATE);
        _cleanup_buffer_ struct buffer pem = buffer_up_to(KIB(4));
        _cleanup_buffer_ struct buffer key_pem = buffer_up_to(KIB(4));
        uint8_t spki[SPKI_LEN];
        struct certificate_fields f = {.subject = tier_name((enum tier)i),
                                       .spki = spki,
                                       .not_before = NOW - 10000,
                                       .not_after = NOW + 10000,
                                       .is_ca = true,
                                       .uri = "spiffe://example.org"};
        key_spki(key, spki);
        assert_true(certificate_make(&f, NULL, key, &der));
        _cleanup_certificate_ struct certificate *c = certificate_parse(buffer_bytes(&der), NULL);
        struct chain chain = {.at = {c}, .n = 1};
        assert_true(chain_to_pem(&chain, &pem) && key_save(key, &key_pem));
        assert_true(
            signer_add(&signer, (enum tier)i, buffer_bytes(&key_pem), buffer_bytes(&pem), NULL));
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    signer_free(&signer);
    return 0;
}

/* A good request for list `number`; tests change it before asking. */
struct scene {
    struct buffer entries;
    struct signer_list list;
    struct buffer der;
    struct idevs_error err;
};

static void put(struct scene *s, uint8_t last, int64_t at, uint8_t reason)
{
    uint8_t serial[SERIAL_LEN] = {[SERIAL_LEN - 1] = last};
    const struct signer_entry e = {bytes_of(serial, sizeof(serial)), at, reason};

    assert_true(signer_entry_put(&e, &s->entries));
}

static void scene_make(struct scene *s, uint64_t number)
{
    *s = (struct scene){.entries = buffer_up_to(KIB(1)),
                        .list = {.tier = TIER_ISOLATED,
                                 .number = number,
                                 .this_update = NOW,
                                 .next_update = NOW + LIMIT_LIST_LIFE},
                        .der = buffer_up_to(LIMIT_REVOCATION_LIST)};
    put(s, 1, NOW - 1, REVOKED_UNSPECIFIED);
    put(s, 2, NOW, REVOKED_KEY_COMPROMISE);
}

static void scene_free(struct scene *s)
{
    buffer_free(&s->entries);
    buffer_free(&s->der);
}
#define _cleanup_scene_ _cleanup_(scene_free)

static bool ask(struct scene *s)
{
    _cleanup_buffer_ struct buffer message = buffer_up_to(LIMIT_SIGNER_LIST);
    _cleanup_buffer_ struct buffer answer = buffer_up_to(LIMIT_SIGNER_LIST);
    struct bytes der;

    s->list.entries = buffer_bytes(&s->entries);
    assert_true(signer_list_encode(&s->list, &message));
    signer_answer(&signer, buffer_bytes(&message), NOW, &answer);
    return signer_list_answer_decode(buffer_bytes(&answer), &der, &s->err) &&
           buffer_append_bytes(&s->der, der);
}

static void checked_fields_become_a_list_of_that_tier(void **state)
{
    _cleanup_scene_ struct scene s;
    (void)state;
    scene_make(&s, 1);
    assert_true(ask(&s));
    _cleanup_revocation_list_ struct revocation_list *l =
        revocation_list_parse(buffer_bytes(&s.der), NULL);
    assert_non_null(l);
    assert_int_equal(revocation_list_number(l), 1);
    assert_int_equal(revocation_list_this_update(l), NOW);
    assert_int_equal(revocation_list_count(l), 2);
    assert_true(revocation_list_is_by(l, signer.issuers[TIER_ISOLATED]));
    assert_false(revocation_list_is_by(l, signer.issuers[TIER_DEVELOPMENT]));
}

/* wire/revocation.h names them, crypto/revocation.h writes them: were one missing there, no list at
 * all could be signed once somebody was revoked for it. */
static void every_reason_that_can_be_asked_for_can_be_listed(void **state)
{
    (void)state;
    for (unsigned reason = 0; reason <= UINT8_MAX; reason++)
        assert_int_equal(revocation_reason_name(reason) != NULL,
                         revocation_reason_is_valid(reason));
}

static void a_number_is_signed_once_and_never_goes_back(void **state)
{
    static const uint64_t AFTER[] = {11, 10, 1, 0};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(AFTER); i++) {
        _cleanup_scene_ struct scene s;
        scene_make(&s, AFTER[i]);
        assert_int_equal(ask(&s), i == 0);
        if (i > 0)
            assert_refused(&s.err, "signer.request");
    }
    _cleanup_scene_ struct scene other;
    scene_make(&other, 2); /* each tier counts for itself */
    other.list.tier = TIER_DEVELOPMENT;
    assert_true(ask(&other));
}

/* ---- bad fields, one by one ---- */

static void from_the_past(struct scene *s)
{
    s->list.this_update = NOW - LIMIT_CLOCK_SKEW - 1;
}
static void from_the_future(struct scene *s)
{
    s->list.this_update = NOW + LIMIT_CLOCK_SKEW + 1;
    s->list.next_update = s->list.this_update + 1;
}
static void ends_before_it_begins(struct scene *s)
{
    s->list.next_update = NOW;
}
static void ends_too_late(struct scene *s)
{
    s->list.next_update++;
}
static void all_in_the_future(struct scene *s)
{
    s->list.through = NOW + LIMIT_CLOCK_SKEW + 1;
}
static void all_before_time(struct scene *s)
{
    s->list.through = -1;
}
static void a_number_beyond_all(struct scene *s)
{
    s->list.number = (uint64_t)INT64_MAX + 1;
}
static void a_serial_twice(struct scene *s)
{
    put(s, 2, NOW, REVOKED_UNSPECIFIED);
}
static void out_of_order(struct scene *s)
{
    put(s, 1, NOW, REVOKED_UNSPECIFIED);
}
static void serial_zero(struct scene *s)
{
    buffer_clear(&s->entries);
    put(s, 0, NOW, REVOKED_UNSPECIFIED);
}
static void revoked_tomorrow(struct scene *s)
{
    put(s, 3, NOW + LIMIT_CLOCK_SKEW + 1, REVOKED_UNSPECIFIED);
}
static void a_reason_that_takes_off_the_list(struct scene *s)
{
    put(s, 3, NOW, 8);
}

static void each_bad_field_is_refused_and_uses_up_no_number(void **state)
{
    static void (*const SPOIL[])(struct scene *) = {
        from_the_past,    from_the_future,     ends_before_it_begins,
        ends_too_late,    all_in_the_future,   all_before_time,
        a_serial_twice,   out_of_order,        serial_zero,
        revoked_tomorrow, a_number_beyond_all, a_reason_that_takes_off_the_list,
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(SPOIL); i++) {
        _cleanup_scene_ struct scene s;
        scene_make(&s, 20);
        SPOIL[i](&s);
        if (ask(&s))
            fail_msg("signed number %zu", i);
        assert_refused(&s.err, "signer.request");
    }
    _cleanup_scene_ struct scene s;
    scene_make(&s, 20);
    s.list.through = NOW;
    assert_true(ask(&s));
}

static void a_tier_without_a_key_signs_no_list(void **state)
{
    struct signer none = {0};
    _cleanup_scene_ struct scene s;
    (void)state;
    scene_make(&s, 1);
    s.list.entries = buffer_bytes(&s.entries);
    assert_false(signer_sign_list(&none, &s.list, NOW, &s.der, &s.err));
    assert_refused(&s.err, "signer.request");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checked_fields_become_a_list_of_that_tier),
        cmocka_unit_test(every_reason_that_can_be_asked_for_can_be_listed),
        cmocka_unit_test(a_number_is_signed_once_and_never_goes_back),
        cmocka_unit_test(each_bad_field_is_refused_and_uses_up_no_number),
        cmocka_unit_test(a_tier_without_a_key_signs_no_list),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
