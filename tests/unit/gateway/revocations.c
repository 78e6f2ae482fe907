/* A gateway's lists of revoked certificates: which count, which are refused, and what they do to
 * certificates that are in the cache. */
#include "test.h"

#include "crypto/revocation.h"
#include "gateway/certificates.h"

#include "actors.h"

#include <stdlib.h>

#define NOW     INT64_C(1800000000)
#define MAX_AGE 45

struct fixture {
    struct actor_ca isolated;
    struct actor_ca development; /* accepted, too */
    struct actor_ca stranger;    /* not */
    struct actor_program program;
    struct bytes anchors[2];
    struct revocations *revocations;
    struct certificates *certificates;
    struct idevs_error err;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    actor_ca_make(&f->isolated, "isolated", NOW);
    actor_ca_make(&f->development, "development", NOW);
    actor_ca_make(&f->stranger, "isolated", NOW);
    actor_program_make(&f->program, &f->isolated, NULL, NOW);
    f->anchors[0] = certificate_der(f->development.certificate);
    f->anchors[1] = certificate_der(f->isolated.certificate);
    f->revocations = revocations_new(f->anchors, 2, MAX_AGE, &f->err);
    f->certificates = certificates_new(TEST_AUTHORITY, f->anchors, 2);
    certificates_heed(f->certificates, f->revocations);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    certificates_free(f->certificates);
    revocations_free(f->revocations);
    actor_program_free(&f->program);
    actor_ca_free(&f->isolated);
    actor_ca_free(&f->development);
    actor_ca_free(&f->stranger);
    free(f);
    return 0;
}

/* A list by `ca`; `revokes` (or nobody) is the one entry. */
static void make(const struct actor_ca *ca, uint64_t number, int64_t at,
                 const struct actor_program *revokes, struct buffer *der)
{
    struct revoked entry = {.at = at};
    struct revocation_fields fields = {
        .number = number, .this_update = at, .next_update = at + LIMIT_LIST_LIFE};

    if (revokes) {
        assert_true(certificate_serial(revokes->chain.at[0], entry.serial));
        fields.revoked = &entry;
        fields.n_revoked = 1;
    }
    *der = buffer_up_to(LIMIT_REVOCATION_LIST);
    assert_true(revocation_list_make(&fields, ca->certificate, ca->key, der));
}

static bool take(struct fixture *f, const struct actor_ca *ca, uint64_t number, int64_t at,
                 const struct actor_program *revokes, int64_t now)
{
    _cleanup_buffer_ struct buffer der;

    make(ca, number, at, revokes, &der);
    f->err = (struct idevs_error){0};
    return revocations_take(f->revocations, buffer_bytes(&der), now, NULL, &f->err);
}

static bool accepts(struct fixture *f, int64_t now)
{
    f->err = (struct idevs_error){0};
    struct caller *caller = certificates_find(f->certificates, buffer_bytes(&f->program.cert),
                                              buffer_bytes(&f->program.cert_chain), now, &f->err);

    caller_release(caller);
    return caller != NULL;
}

static void assert_not_accepted(struct fixture *f, int64_t now, const char *code)
{
    assert_false(accepts(f, now));
    assert_refused(&f->err, code);
}

static void nobody_is_accepted_before_the_first_list(void **state)
{
    struct fixture *f = *state;

    assert_not_accepted(f, NOW, "crl.stale");
    /* The list of another CA says nothing of this one's. */
    assert_true(take(f, &f->development, 1, NOW, NULL, NOW));
    assert_not_accepted(f, NOW, "crl.stale");
    assert_true(take(f, &f->isolated, 1, NOW, NULL, NOW));
    assert_true(accepts(f, NOW));
}

static void a_cached_certificate_is_refused_once_it_is_revoked(void **state)
{
    struct fixture *f = *state;

    assert_true(take(f, &f->isolated, 1, NOW, NULL, NOW));
    assert_true(accepts(f, NOW));
    assert_int_equal(certificates_count(f->certificates), 1);
    assert_true(accepts(f, NOW + 1)); /* out of the cache */
    assert_true(take(f, &f->isolated, 2, NOW + 1, &f->program, NOW + 1));
    assert_not_accepted(f, NOW + 1, "certificate.revoked");
    assert_not_accepted(f, NOW + 1, "certificate.revoked"); /* and again */
}

static void a_certificate_that_was_never_seen_is_refused_too(void **state)
{
    struct fixture *f = *state;

    assert_true(take(f, &f->isolated, 1, NOW, &f->program, NOW));
    assert_not_accepted(f, NOW, "certificate.revoked");
}

static void the_same_serial_of_another_ca_is_not_meant(void **state)
{
    struct fixture *f = *state;

    assert_true(take(f, &f->development, 1, NOW, &f->program, NOW));
    assert_true(take(f, &f->isolated, 1, NOW, NULL, NOW));
    assert_true(accepts(f, NOW));
}

static void an_older_list_does_not_come_back(void **state)
{
    struct fixture *f = *state;

    assert_true(take(f, &f->isolated, 1, NOW, NULL, NOW));
    assert_true(take(f, &f->isolated, 2, NOW + 1, &f->program, NOW + 1));
    assert_false(take(f, &f->isolated, 1, NOW, NULL, NOW + 1));
    assert_refused(&f->err, "crl.number");
    assert_false(take(f, &f->isolated, 2, NOW + 1, NULL, NOW + 1)); /* another of this number */
    assert_refused(&f->err, "crl.number");
    assert_false(take(f, &f->isolated, 3, NOW, NULL, NOW + 1)); /* higher, but from before */
    assert_refused(&f->err, "crl.number");
    assert_not_accepted(f, NOW + 1, "certificate.revoked");
}

static void the_same_list_again_is_no_news_and_no_harm(void **state)
{
    struct fixture *f = *state;
    _cleanup_buffer_ struct buffer der;
    bool news = false;

    make(&f->isolated, 1, NOW, NULL, &der);
    assert_true(revocations_take(f->revocations, buffer_bytes(&der), NOW, &news, &f->err));
    assert_true(news);
    assert_true(revocations_take(f->revocations, buffer_bytes(&der), NOW, &news, &f->err));
    assert_false(news);
    assert_true(accepts(f, NOW));
}

static void a_list_that_is_too_old_refuses_all_until_a_new_one_comes(void **state)
{
    struct fixture *f = *state;

    assert_true(take(f, &f->isolated, 1, NOW, NULL, NOW));
    assert_true(accepts(f, NOW + MAX_AGE));
    assert_not_accepted(f, NOW + MAX_AGE + 1, "crl.stale");
    /* An old one that was held back does not help. */
    assert_true(take(f, &f->isolated, 2, NOW + 1, NULL, NOW + MAX_AGE + 2));
    assert_not_accepted(f, NOW + MAX_AGE + 2, "crl.stale");
    assert_true(take(f, &f->isolated, 3, NOW + MAX_AGE + 2, NULL, NOW + MAX_AGE + 2));
    assert_true(accepts(f, NOW + MAX_AGE + 2));
}

static void a_list_counts_no_longer_than_it_says_itself(void **state)
{
    struct fixture *f = *state;
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_REVOCATION_LIST);
    const struct revocation_fields fields = {
        .number = 1, .this_update = NOW, .next_update = NOW + 10};

    assert_true(revocation_list_make(&fields, f->isolated.certificate, f->isolated.key, &der));
    assert_true(revocations_take(f->revocations, buffer_bytes(&der), NOW, NULL, &f->err));
    assert_true(accepts(f, NOW + 10));
    assert_not_accepted(f, NOW + 11, "crl.stale");
    assert_false(revocations_take(f->revocations, buffer_bytes(&der), NOW + 11, NULL, &f->err));
    assert_refused(&f->err, "crl.time");
}

static void a_list_from_the_future_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_false(take(f, &f->isolated, 1, NOW + LIMIT_CLOCK_SKEW + 1, NULL, NOW));
    assert_refused(&f->err, "crl.time");
    assert_true(take(f, &f->isolated, 1, NOW + LIMIT_CLOCK_SKEW, NULL, NOW));
}

static void a_list_by_another_ca_of_that_name_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_false(take(f, &f->stranger, 1, NOW, NULL, NOW));
    assert_refused(&f->err, "crl.issuer");
    assert_not_accepted(f, NOW, "crl.stale");
}

static void what_is_no_list_changes_nothing(void **state)
{
    struct fixture *f = *state;
    static uint8_t giant[LIMIT_REVOCATION_LIST + 1];

    assert_true(take(f, &f->isolated, 1, NOW, NULL, NOW));
    assert_false(revocations_take(f->revocations, bytes_of_text("<html>"), NOW, NULL, &f->err));
    assert_refused(&f->err, "crl.malformed");
    assert_false(
        revocations_take(f->revocations, bytes_of(giant, sizeof(giant)), NOW, NULL, &f->err));
    assert_refused(&f->err, "crl.malformed");
    assert_false(revocations_take(f->revocations, bytes_of("", 0), NOW, NULL, &f->err));
    assert_refused(&f->err, "crl.malformed");
    assert_true(accepts(f, NOW));
}

static void everything_until_a_time_is_refused_and_what_comes_after_is_not(void **state)
{
    struct fixture *f = *state;
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_REVOCATION_LIST);
    const struct revocation_fields fields = {
        .number = 2, .this_update = NOW, .next_update = NOW + LIMIT_LIST_LIFE, .through = NOW};
    const struct actor_program_fields after = {.not_before = NOW + 1, .not_after = NOW + 600};

    assert_true(take(f, &f->isolated, 1, NOW, NULL, NOW));
    assert_true(accepts(f, NOW));
    assert_true(revocation_list_make(&fields, f->isolated.certificate, f->isolated.key, &der));
    assert_true(revocations_take(f->revocations, buffer_bytes(&der), NOW, NULL, &f->err));
    assert_not_accepted(f, NOW, "certificate.revoked");
    actor_program_free(&f->program);
    actor_program_make(&f->program, &f->isolated, &after, NOW);
    assert_true(accepts(f, NOW + 1));
}

/* With a root as anchor nobody could say which list speaks of the leaf. */
static void a_leaf_whose_issuer_is_no_anchor_is_refused(void **state)
{
    struct fixture *f = *state;
    size_t issuer;
    struct actor_program other;

    actor_program_make(&other, &f->stranger, NULL, NOW);
    assert_false(revocations_find_issuer(f->revocations, other.chain.at[0], &issuer, &f->err));
    assert_refused(&f->err, "crl.stale");
    assert_true(revocations_find_issuer(f->revocations, f->program.chain.at[0], &issuer, &f->err));
    assert_int_equal(issuer, 1);
    actor_program_free(&other);
}

/* What was let in before a new list came goes on: its certificate and the list are its own. */
static void a_new_list_takes_nothing_from_an_exchange_under_way(void **state)
{
    struct fixture *f = *state;

    assert_true(take(f, &f->isolated, 1, NOW, NULL, NOW));
    struct caller *caller = certificates_find(f->certificates, buffer_bytes(&f->program.cert),
                                              buffer_bytes(&f->program.cert_chain), NOW, &f->err);
    assert_non_null(caller);
    for (uint64_t number = 2; number < 100; number++)
        assert_true(take(f, &f->isolated, number, NOW, number % 2 ? &f->program : NULL, NOW));
    assert_string_equal(caller->program.id, TEST_PROGRAM);
    assert_non_null(certificate_public_key(caller->chain.at[0]));
    caller_release(caller);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(nobody_is_accepted_before_the_first_list),
        TEST(a_cached_certificate_is_refused_once_it_is_revoked),
        TEST(a_certificate_that_was_never_seen_is_refused_too),
        TEST(the_same_serial_of_another_ca_is_not_meant),
        TEST(an_older_list_does_not_come_back),
        TEST(the_same_list_again_is_no_news_and_no_harm),
        TEST(a_list_that_is_too_old_refuses_all_until_a_new_one_comes),
        TEST(a_list_counts_no_longer_than_it_says_itself),
        TEST(a_list_from_the_future_is_refused),
        TEST(a_list_by_another_ca_of_that_name_is_refused),
        TEST(what_is_no_list_changes_nothing),
        TEST(everything_until_a_time_is_refused_and_what_comes_after_is_not),
        TEST(a_leaf_whose_issuer_is_no_anchor_is_refused),
        TEST(a_new_list_takes_nothing_from_an_exchange_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
