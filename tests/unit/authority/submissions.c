/* Owners, platforms and approvals through the registry, on a real database. */
#include "authority/submissions.h"
#include "test.h"

#include "wire/cose.h"
#include "wire/platform_request.h"

#include "station.h"

static bool submit(struct station *s, const struct approval *approval, struct idevs_error *err)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(8));
    struct approval got;

    station_sign_approval(&s->e, approval, &b);
    return submit_approval(s->issuer.registry, buffer_bytes(&b), clock_unix(), &got, err);
}

static void an_approval_is_kept_and_found_by_its_name(void **state)
{
    struct station *s = *state;
    struct appraisal_name name;
    struct idevs_error err;
    uint8_t owner[SHA256_LEN];

    assert_true(registry_name(s->issuer.registry, "free-ride", &name, &err));
    sha256(OWNER_KEY(&s->e), owner);
    assert_true(name.is_owned);
    assert_memory_equal(name.owner, owner, SHA256_LEN);
    assert_int_equal(name.n_approvals, 1);
    assert_memory_equal(name.approvals[0].manifest, s->e.approval.manifest, SHA256_LEN);
    assert_true(registry_name(s->issuer.registry, "nobodys", &name, &err));
    assert_false(name.is_owned);
}

static void the_same_approval_again_changes_nothing(void **state)
{
    struct station *s = *state;
    struct appraisal_name name;
    struct idevs_error err;

    assert_true(submit(s, &s->e.approval, &err)); /* another signature, the same payload */
    assert_true(registry_name(s->issuer.registry, "free-ride", &name, &err));
    assert_int_equal(name.n_approvals, 1);
}

static void count_other(const char *owner, const struct approval *approval, void *context)
{
    assert_string_equal(owner, "owner");
    if (strcmp(approval->program, "other") == 0)
        ++*(int *)context;
}

static void only_the_newest_32_count_newest_first(void **state)
{
    struct station *s = *state;
    struct appraisal_name name;
    struct idevs_error err;
    struct approval a = s->e.approval;

    strcpy(a.program, "other");
    a.issued_at = 1000;
    for (int i = 0; i < 40; i++, a.issued_at++)
        assert_true(submit(s, &a, &err));
    a.issued_at = 500; /* an old one, sent again by whoever kept it, pushes none out */
    assert_true(submit(s, &a, &err));
    assert_true(registry_name(s->issuer.registry, "other", &name, &err));
    assert_int_equal(name.n_approvals, LIMIT_APPROVALS);
    for (int i = 0; i < LIMIT_APPROVALS; i++)
        assert_int_equal(name.approvals[i].issued_at, 1039 - i);
    int kept = 0;
    assert_true(registry_each_approval(s->issuer.registry, count_other, &kept, &err));
    assert_int_equal(kept, LIMIT_APPROVALS);
}

static void a_name_stays_with_its_first_owner(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    struct example other = s->e;
    struct appraisal_name name;
    struct approval got;
    uint8_t spki[SPKI_LEN];
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(8));

    other.owner = key;
    key_spki(key, spki);
    station_sign_approval(&other, &s->e.approval, &b);
    assert_false(submit_approval(s->issuer.registry, buffer_bytes(&b), clock_unix(), &got, &err));
    assert_refused(&err, "approval.owner"); /* not registered yet */
    assert_true(registry_add_owner(s->issuer.registry, "second", spki, &err));
    assert_false(submit_approval(s->issuer.registry, buffer_bytes(&b), clock_unix(), &got, &err));
    assert_refused(&err, "approval.name-taken");
    /* Also when the first owner is gone: then nobody has it. */
    assert_true(registry_remove_owner(s->issuer.registry, "owner", &err));
    assert_false(submit_approval(s->issuer.registry, buffer_bytes(&b), clock_unix(), &got, &err));
    assert_refused(&err, "approval.name-taken");
    assert_true(registry_name(s->issuer.registry, "free-ride", &name, &err));
    assert_false(name.is_owned);
}

static void an_owner_who_comes_back_approves_anew(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    struct approval got;
    struct approval a = s->e.approval;
    struct appraisal_name name;
    struct registry *r = s->issuer.registry;
    _cleanup_buffer_ struct buffer old = buffer_up_to(KIB(8));
    _cleanup_buffer_ struct buffer anew = buffer_up_to(KIB(8));

    a.issued_at = clock_unix() + 100; /* the owner's clock is ahead */
    station_sign_approval(&s->e, &a, &old);
    assert_true(submit_approval(r, buffer_bytes(&old), clock_unix(), &got, &err));
    assert_true(registry_remove_owner(r, "owner", &err));
    assert_true(registry_add_owner(r, "owner", s->e.manifest.owner_spki, &err));
    assert_true(registry_name(r, "free-ride", &name, &err));
    assert_true(name.is_owned);
    assert_int_equal(name.n_approvals, 0);
    assert_false(submit_approval(r, buffer_bytes(&old), clock_unix(), &got, &err));
    assert_refused(&err, "approval.date");
    a.issued_at++;
    station_sign_approval(&s->e, &a, &anew);
    assert_true(submit_approval(r, buffer_bytes(&anew), clock_unix(), &got, &err));
    assert_true(registry_name(r, "free-ride", &name, &err));
    assert_int_equal(name.n_approvals, 1);
}

static void spoiled_approvals_are_refused(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    struct approval got;
    struct approval future = s->e.approval;
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(8));
    _cleanup_buffer_ struct buffer other = buffer_up_to(KIB(8));

    station_sign_approval(&s->e, &s->e.approval, &b);
    for (size_t i = 0; i < b.len; i++) {
        b.data[i] ^= 1;
        assert_false(
            submit_approval(s->issuer.registry, buffer_bytes(&b), clock_unix(), &got, &err));
        assert_true(error_is(&err, "approval."));
        b.data[i] ^= 1;
        assert_false(
            submit_approval(s->issuer.registry, bytes_of(b.data, i), clock_unix(), &got, &err));
        assert_refused(&err, "approval.signature");
    }
    assert_true(cose_sign(s->e.owner, APPROVAL_TYPE, bytes_of_text("x"), &other));
    assert_false(
        submit_approval(s->issuer.registry, buffer_bytes(&other), clock_unix(), &got, &err));
    assert_refused(&err, "approval.signature");
    future.issued_at = clock_unix() + 400;
    assert_false(submit(s, &future, &err));
    assert_refused(&err, "approval.date");
}

/* An owner's signature over something else is no approval. */
static void another_signed_text_is_no_approval(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    struct approval got;
    _cleanup_buffer_ struct buffer payload = buffer_up_to(KIB(4));
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(8));

    assert_true(approval_encode(&s->e.approval, &payload));
    assert_true(cose_sign(s->e.owner, "application/other", buffer_bytes(&payload), &b));
    assert_false(submit_approval(s->issuer.registry, buffer_bytes(&b), clock_unix(), &got, &err));
    assert_refused(&err, "approval.signature");
}

static void an_owner_is_registered_once(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    uint8_t spki[SPKI_LEN];
    _cleanup_key_ struct key *key = key_generate();

    key_spki(key, spki);
    assert_false(registry_add_owner(s->issuer.registry, "owner", spki, &err));
    assert_refused(&err, "owner.exists");
    assert_false(registry_add_owner(s->issuer.registry, "again", s->e.manifest.owner_spki, &err));
    assert_refused(&err, "owner.exists");
    assert_false(registry_add_owner(s->issuer.registry, "No Name", spki, &err));
    assert_refused(&err, "name.invalid");
    assert_false(registry_remove_owner(s->issuer.registry, "nobody", &err));
    assert_refused(&err, "api.not-found");
}

static bool enrol(struct station *s, const struct key *key, const char *token, enum tier *ret,
                  struct idevs_error *err)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_PLATFORM_REQUEST);

    station_platform_request(key, token, &b);
    return submit_platform(s->issuer.registry, buffer_bytes(&b), clock_unix(), ret, err);
}

static void a_token_enrols_one_platform_once(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    struct appraisal_platform got;
    uint8_t spki[SPKI_LEN];
    uint8_t found[SPKI_LEN];
    uint8_t id[SHA256_LEN];
    enum tier tier;
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_key_ struct key *second = key_generate();

    key_spki(key, spki);
    sha256(bytes_of(spki, sizeof(spki)), id);
    station_token(s, "new token", TIER_DEVELOPMENT, clock_unix() + 60);
    assert_false(enrol(s, key, "another token", &tier, &err));
    assert_refused(&err, "platform.token");
    assert_false(registry_find_platform(s->issuer.registry, id, found, &got));
    assert_true(enrol(s, key, "new token", &tier, &err));
    assert_int_equal(tier, TIER_DEVELOPMENT);
    assert_false(enrol(s, second, "new token", &tier, &err));
    assert_refused(&err, "platform.token");
    assert_true(registry_find_platform(s->issuer.registry, id, found, &got));
    assert_memory_equal(found, spki, SPKI_LEN);
    assert_int_equal(got.tier, TIER_DEVELOPMENT);
    assert_int_equal(got.n_back_ends, 1);
    assert_string_equal(got.back_ends[0], "process");
    assert_true(registry_remove_platform(s->issuer.registry, id, &err));
    assert_false(registry_find_platform(s->issuer.registry, id, found, &got));
    assert_false(registry_remove_platform(s->issuer.registry, id, &err));
    assert_refused(&err, "api.not-found");
}

static void an_old_token_enrols_nothing(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    enum tier tier;
    _cleanup_key_ struct key *key = key_generate();

    station_token(s, "old token", TIER_ISOLATED, clock_unix());
    assert_false(enrol(s, key, "old token", &tier, &err));
    assert_refused(&err, "platform.token");
}

/* Whoever saw a token's request cannot enrol another key with it, nor change a byte. */
static void spoiled_platform_requests_are_refused(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    enum tier tier;
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_PLATFORM_REQUEST);

    station_token(s, "third token", TIER_ISOLATED, clock_unix() + 60);
    station_platform_request(key, "third token", &b);
    struct cose_sign1 m;
    assert_true(cose_decode(buffer_bytes(&b), &m));
    size_t kid = (size_t)(m.kid.data - b.data);
    for (size_t i = 0; i < b.len; i++) {
        if (i >= kid && i < kid + m.kid.len)
            continue; /* a hint that nobody takes here */
        b.data[i] ^= 1;
        assert_false(
            submit_platform(s->issuer.registry, buffer_bytes(&b), clock_unix(), &tier, &err));
        assert_refused(&err, "platform.request");
        b.data[i] ^= 1;
    }
    assert_true(submit_platform(s->issuer.registry, buffer_bytes(&b), clock_unix(), &tier, &err));
}

/* The request is no secret: an operator carries it, and the proof in it is of its own key. */
static void a_request_that_was_seen_enrols_no_other_key(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    enum tier tier;
    struct cose_sign1 m;
    struct platform_request seen;
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_key_ struct key *thief = key_generate();
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_PLATFORM_REQUEST);
    _cleanup_buffer_ struct buffer payload = buffer_up_to(LIMIT_PLATFORM_REQUEST);
    _cleanup_buffer_ struct buffer stolen = buffer_up_to(LIMIT_PLATFORM_REQUEST);

    station_token(s, "fourth token", TIER_ISOLATED, clock_unix() + 60);
    station_platform_request(key, "fourth token", &b);
    assert_true(cose_decode(buffer_bytes(&b), &m));
    assert_true(platform_request_decode(m.payload, &seen));
    key_spki(thief, seen.spki);
    assert_true(platform_request_encode(&seen, &payload));
    assert_true(cose_sign(thief, PLATFORM_REQUEST_TYPE, buffer_bytes(&payload), &stolen));
    assert_false(
        submit_platform(s->issuer.registry, buffer_bytes(&stolen), clock_unix(), &tier, &err));
    assert_refused(&err, "platform.token");
    assert_true(submit_platform(s->issuer.registry, buffer_bytes(&b), clock_unix(), &tier, &err));
}

static int set_up(void **state)
{
    static struct station station;

    station_make(&station);
    *state = &station;
    return 0;
}

static int tear_down(void **state)
{
    station_free(*state);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_approval_is_kept_and_found_by_its_name),
        TEST(the_same_approval_again_changes_nothing),
        TEST(only_the_newest_32_count_newest_first),
        TEST(a_name_stays_with_its_first_owner),
        TEST(an_owner_who_comes_back_approves_anew),
        TEST(spoiled_approvals_are_refused),
        TEST(another_signed_text_is_no_approval),
        TEST(an_owner_is_registered_once),
        TEST(a_token_enrols_one_platform_once),
        TEST(an_old_token_enrols_nothing),
        TEST(spoiled_platform_requests_are_refused),
        TEST(a_request_that_was_seen_enrols_no_other_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
