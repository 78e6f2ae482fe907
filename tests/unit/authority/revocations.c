/* Revoking, from a signed request to the list that the signer signs, on a real database. */
#include "authority/lists.h"
#include "authority/registry_store.h"
#include "crypto/revocation.h"
#include "test.h"

#include "station.h"

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

/* A certificate that the authority has just issued. */
static struct certificate *certified(struct station *s)
{
    struct idevs_error err;
    _cleanup_buffer_ struct buffer body = buffer_up_to(LIMIT_CERTIFICATE_REQUEST);
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);
    _cleanup_chain_ struct chain chain = {0};

    station_fresh_body(s, &body);
    if (!station_certify(s, buffer_bytes(&body), &pem, &err))
        fail_msg("%s: %s", err.code, err.found);
    assert_true(chain_from_pem(buffer_bytes(&pem), &chain, &err));
    return certificate_parse(certificate_der(chain.at[0]), &err);
}

static bool is_certified(struct station *s, struct idevs_error *err)
{
    _cleanup_buffer_ struct buffer body = buffer_up_to(LIMIT_CERTIFICATE_REQUEST);
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);

    station_fresh_body(s, &body);
    return station_certify(s, buffer_bytes(&body), &pem, err);
}

static struct revocation request_of(enum revoke what, const uint8_t *id)
{
    struct revocation r = {
        .what = what, .reason = REVOKED_KEY_COMPROMISE, .issued_at = clock_unix()};

    if (id)
        memcpy(r.id, id, revocation_id_len(what));
    random_bytes(r.nonce, sizeof(r.nonce));
    return r;
}

static bool send(struct station *s, const struct key *key, const struct revocation *r,
                 bool has_room, struct revoked_by *ret, struct idevs_error *err)
{
    _cleanup_buffer_ struct buffer payload = buffer_up_to(LIMIT_REVOCATION);
    _cleanup_buffer_ struct buffer body = buffer_up_to(LIMIT_REVOCATION);

    assert_true(revocation_encode(r, &payload));
    assert_true(cose_sign(key, REVOCATION_TYPE, buffer_bytes(&payload), &body));
    return submit_revocation(s->issuer.registry, buffer_bytes(&body), clock_unix(), has_room, ret,
                             err);
}

/* By `key`, expected to revoke `n` certificates. */
static void carry_out(struct station *s, const struct key *key, const struct revocation *r,
                      size_t n)
{
    struct idevs_error err;
    struct revoked_by done;

    if (!send(s, key, r, true, &done, &err))
        fail_msg("%s: %s", err.code, err.found);
    assert_int_equal(done.n, n);
}

static void assert_not_revoked(struct station *s, const struct key *key, const struct revocation *r,
                               const char *code)
{
    struct idevs_error err = {0};
    struct revoked_by done;

    assert_false(send(s, key, r, true, &done, &err));
    assert_refused(&err, code);
}

static struct revocation_list *list_of(struct station *s, struct lists *lists, enum tier tier)
{
    struct idevs_error err;
    struct bytes der;

    lists_spoil(lists);
    if (!lists_get(lists, &s->issuer, tier, clock_unix(), clock_monotonic_ns(), &der, &err))
        fail_msg("%s: %s", err.code, err.found);
    struct revocation_list *l = revocation_list_parse(der, &err);
    assert_non_null(l);
    assert_true(revocation_list_is_by(l, s->issuer.tiers[tier]));
    return l;
}

static void assert_listed(struct station *s, const struct certificate *c, bool listed)
{
    struct lists lists = {0};
    _cleanup_revocation_list_ struct revocation_list *l = list_of(s, &lists, TIER_ISOLATED);

    assert_int_equal(revocation_list_revokes(l, c), listed);
    lists_free(&lists);
}

/* A second registered owner. */
static struct key *registered(struct station *s, const char *name, bool administrator)
{
    struct idevs_error err;
    struct key *key = key_generate();
    uint8_t spki[SPKI_LEN];

    key_spki(key, spki);
    assert_true(registry_add_owner(s->issuer.registry, name, spki, &err));
    assert_true(!administrator || registry_make_administrator(s->issuer.registry, name, &err));
    return key;
}

static void an_owner_revokes_one_certificate_of_a_program(void **state)
{
    struct station *s = *state;
    uint8_t serial[SERIAL_LEN];
    _cleanup_certificate_ struct certificate *one = certified(s);
    _cleanup_certificate_ struct certificate *other = certified(s);

    assert_listed(s, one, false);
    assert_true(certificate_serial(one, serial));
    struct revocation r = request_of(REVOKE_CERTIFICATE, serial);
    carry_out(s, s->e.owner, &r, 1);
    assert_listed(s, one, true);
    assert_listed(s, other, false);
    _cleanup_certificate_ struct certificate *next = certified(s); /* the program lives on */
    assert_listed(s, next, false);
    /* It is revoked already. */
    struct revocation again = request_of(REVOKE_CERTIFICATE, serial);
    assert_not_revoked(s, s->e.owner, &again, "api.not-found");
}

static void a_revoked_executable_gets_no_new_certificate(void **state)
{
    struct station *s = *state;
    struct idevs_error err = {0};
    _cleanup_certificate_ struct certificate *one = certified(s);
    _cleanup_certificate_ struct certificate *two = certified(s);
    struct revocation r = request_of(REVOKE_EXECUTABLE, s->e.claims.executable.sha256);

    carry_out(s, s->e.owner, &r, 2);
    assert_listed(s, one, true);
    assert_listed(s, two, true);
    assert_false(is_certified(s, &err));
    assert_refused(&err, "approval.revoked");
    s->e.approval.issued_at++;
    station_approve(s); /* not by approving it again either */
    assert_false(is_certified(s, &err));
    assert_refused(&err, "approval.revoked");
}

static void another_owner_revokes_nothing_of_it(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    uint8_t serial[SERIAL_LEN];
    _cleanup_key_ struct key *other = registered(s, "other", false);
    _cleanup_certificate_ struct certificate *c = certified(s);

    assert_true(certificate_serial(c, serial));
    struct revocation one = request_of(REVOKE_CERTIFICATE, serial);
    struct revocation executable = request_of(REVOKE_EXECUTABLE, s->e.claims.executable.sha256);
    assert_not_revoked(s, other, &one, "api.not-found");
    carry_out(s, other, &executable, 0); /* of the own programs: there are none */
    assert_listed(s, c, false);
    assert_true(is_certified(s, &err));
}

static void platforms_and_everything_are_an_administrators(void **state)
{
    struct station *s = *state;
    uint8_t platform[SHA256_LEN];
    uint8_t spki[SPKI_LEN];
    _cleanup_key_ struct key *administrator = registered(s, "root", true);
    _cleanup_certificate_ struct certificate *c = certified(s);
    struct idevs_error err = {0};

    key_spki(s->e.platform_key, spki);
    sha256(bytes_of(spki, sizeof(spki)), platform);
    struct revocation by_platform = request_of(REVOKE_PLATFORM, platform);
    struct revocation everything = request_of(REVOKE_EVERYTHING, NULL);
    assert_not_revoked(s, s->e.owner, &by_platform, "revocation.right");
    assert_not_revoked(s, s->e.owner, &everything, "revocation.right");
    assert_listed(s, c, false);
    carry_out(s, administrator, &by_platform, 1);
    assert_listed(s, c, true);
    assert_false(is_certified(s, &err));
    assert_refused(&err, "evidence.platform");
    struct revocation again = request_of(REVOKE_PLATFORM, platform);
    assert_not_revoked(s, administrator, &again, "api.not-found");
}

static void everything_so_far_is_revoked_and_nothing_of_after(void **state)
{
    struct station *s = *state;
    _cleanup_key_ struct key *administrator = registered(s, "root", true);
    _cleanup_certificate_ struct certificate *before = certified(s);
    struct revocation r = request_of(REVOKE_EVERYTHING, NULL);

    carry_out(s, administrator, &r, 1);
    assert_listed(s, before, true);
    /* In the same second, most likely. */
    _cleanup_certificate_ struct certificate *after = certified(s);
    assert_listed(s, after, false);
}

static void a_request_is_carried_out_once(void **state)
{
    struct station *s = *state;
    _cleanup_key_ struct key *administrator = registered(s, "root", true);
    _cleanup_key_ struct key *second = registered(s, "second", true);
    struct revocation r = request_of(REVOKE_EVERYTHING, NULL);
    int64_t first = 0;
    int64_t through = 0;

    certificate_free(certified(s));
    carry_out(s, administrator, &r, 1);
    assert_true(registry_revoked_through(s->issuer.registry, &first, NULL));
    carry_out(s, administrator, &r, 0);
    assert_true(registry_revoked_through(s->issuer.registry, &through, NULL));
    assert_int_equal(through, first);
    /* Whoever saw it cannot keep it from being carried out for somebody else. */
    carry_out(s, second, &r, 1);
}

static void what_is_not_signed_by_whom_it_says_is_refused(void **state)
{
    struct station *s = *state;
    struct idevs_error err = {0};
    struct revoked_by done;
    _cleanup_key_ struct key *stranger = key_generate();
    _cleanup_buffer_ struct buffer payload = buffer_up_to(LIMIT_REVOCATION);
    _cleanup_buffer_ struct buffer body = buffer_up_to(LIMIT_REVOCATION);
    struct revocation r = request_of(REVOKE_EXECUTABLE, s->e.claims.executable.sha256);

    assert_not_revoked(s, stranger, &r, "revocation.right");
    assert_true(revocation_encode(&r, &payload));
    assert_true(cose_sign(s->e.owner, REVOCATION_TYPE, buffer_bytes(&payload), &body));
    for (size_t i = 0; i < body.len; i++) {
        body.data[i] ^= 1;
        assert_false(submit_revocation(s->issuer.registry, buffer_bytes(&body), clock_unix(), true,
                                       &done, &err));
        assert_true(error_is(&err, "revocation."));
        body.data[i] ^= 1;
    }
    buffer_clear(&body); /* an approval is no request to revoke */
    assert_true(cose_sign(s->e.owner, APPROVAL_TYPE, buffer_bytes(&payload), &body));
    assert_false(submit_revocation(s->issuer.registry, buffer_bytes(&body), clock_unix(), true,
                                   &done, &err));
    assert_refused(&err, "revocation.signature");
    assert_true(is_certified(s, &err));
}

static void an_old_request_and_one_of_tomorrow_are_refused(void **state)
{
    struct station *s = *state;
    struct revocation r = request_of(REVOKE_EXECUTABLE, s->e.claims.executable.sha256);

    r.issued_at -= LIMIT_SUBMISSION_AHEAD + 60;
    assert_not_revoked(s, s->e.owner, &r, "revocation.date");
    r.issued_at += 2 * (LIMIT_SUBMISSION_AHEAD + 60);
    assert_not_revoked(s, s->e.owner, &r, "revocation.date");
}

static void a_busy_authority_still_listens_to_its_administrators(void **state)
{
    struct station *s = *state;
    struct idevs_error err = {0};
    struct revoked_by done;
    _cleanup_key_ struct key *administrator = registered(s, "root", true);
    struct revocation r = request_of(REVOKE_EXECUTABLE, s->e.claims.executable.sha256);

    assert_false(send(s, s->e.owner, &r, false, &done, &err));
    assert_refused(&err, "authority.busy");
    assert_true(send(s, administrator, &r, false, &done, &err));
}

static void note(struct station *s, uint8_t number, int64_t not_after)
{
    struct registry_issued issued = {.serial = {1, 0, number},
                                     .tier = TIER_ISOLATED,
                                     .program = "free-ride",
                                     .not_after = not_after};
    struct idevs_error err;

    assert_true(registry_note_issued(s->issuer.registry, &issued, clock_unix(), &err));
}

/* In one transaction; platform, executable and all of them are zeros. */
static void issue_many(struct station *s, int n)
{
    struct idevs_error err;
    _cleanup_statement_ struct statement *put =
        store_prepare(s->issuer.registry->store,
                      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)"
                      " INSERT INTO issued SELECT CAST(printf('%020d', i) AS BLOB), 1, 'free-ride',"
                      " zeroblob(32), zeroblob(32), ?2, NULL, NULL FROM n",
                      &err);

    assert_non_null(put);
    bind_int(put, 1, n);
    bind_int(put, 2, clock_unix() + 3600);
    assert_int_equal(statement_step(put, &err), STEP_DONE);
}

static void more_than_a_list_holds_is_refused_whole(void **state)
{
    struct station *s = *state;
    struct lists lists = {0};
    static const uint8_t NO_PLATFORM[SHA256_LEN];
    _cleanup_key_ struct key *administrator = registered(s, "root", true);

    issue_many(s, LIMIT_REVOKED + 1);
    struct revocation r = request_of(REVOKE_PLATFORM, NO_PLATFORM);
    assert_not_revoked(s, administrator, &r, "revocation.full");
    _cleanup_revocation_list_ struct revocation_list *none = list_of(s, &lists, TIER_ISOLATED);
    assert_int_equal(revocation_list_count(none), 0);
    struct revocation all = request_of(REVOKE_EVERYTHING, NULL);
    carry_out(s, administrator, &all, LIMIT_REVOKED + 1);
    lists_free(&lists);
}

static void an_entry_leaves_the_list_with_the_end_of_its_certificate(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    int64_t now = clock_unix();
    struct signer_list list;
    _cleanup_buffer_ struct buffer before = buffer_up_to(KIB(1));
    _cleanup_buffer_ struct buffer after = buffer_up_to(KIB(1));
    struct revocation r = request_of(REVOKE_CERTIFICATE, (const uint8_t[SERIAL_LEN]){1, 0, 7});

    note(s, 7, now + 1000);
    carry_out(s, s->e.owner, &r, 1);
    assert_true(
        registry_next_list(s->issuer.registry, TIER_ISOLATED, now + 1000, &list, &before, &err));
    assert_int_equal(list.entries.len, SIGNER_ENTRY_LEN);
    assert_true(
        registry_next_list(s->issuer.registry, TIER_ISOLATED, now + 1001, &list, &after, &err));
    assert_int_equal(list.entries.len, 0);
}

static void a_list_is_kept_for_a_while_and_its_number_only_grows(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    struct lists lists = {0};
    struct bytes der;
    const uint64_t start = clock_monotonic_ns();
    uint64_t numbers[4];
    const uint64_t later[] = {0, LIMIT_LIST_KEPT * NS_PER_SECOND - 1,
                              LIMIT_LIST_KEPT * NS_PER_SECOND, LIMIT_LIST_KEPT * NS_PER_SECOND + 1};

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        assert_true(lists_get(&lists, &s->issuer, TIER_ISOLATED, clock_unix(), start + later[i],
                              &der, &err));
        _cleanup_revocation_list_ struct revocation_list *l = revocation_list_parse(der, &err);
        numbers[i] = revocation_list_number(l);
    }
    assert_int_equal(numbers[1], numbers[0]);
    assert_int_equal(numbers[2], numbers[0] + 1);
    assert_int_equal(numbers[3], numbers[2]);
    lists_free(&lists);
}

static void revocations_survive_a_restart_and_numbers_go_on(void **state)
{
    struct station *s = *state;
    struct lists lists = {0};
    uint8_t serial[SERIAL_LEN];
    struct idevs_error err = {0};
    _cleanup_certificate_ struct certificate *c = certified(s);
    _cleanup_revocation_list_ struct revocation_list *first = list_of(s, &lists, TIER_ISOLATED);

    assert_true(certificate_serial(c, serial));
    struct revocation r = request_of(REVOKE_EXECUTABLE, s->e.claims.executable.sha256);
    carry_out(s, s->e.owner, &r, 1);
    issuer_free(&s->issuer); /* and its signer */
    station_open(s);
    s->e.root = certificate_der(s->issuer.root);
    _cleanup_revocation_list_ struct revocation_list *second = list_of(s, &lists, TIER_ISOLATED);
    assert_true(revocation_list_revokes(second, c));
    assert_true(revocation_list_number(second) > revocation_list_number(first));
    assert_false(is_certified(s, &err));
    assert_refused(&err, "approval.revoked");
    lists_free(&lists);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_owner_revokes_one_certificate_of_a_program, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_revoked_executable_gets_no_new_certificate, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(another_owner_revokes_nothing_of_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(platforms_and_everything_are_an_administrators, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(everything_so_far_is_revoked_and_nothing_of_after, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_request_is_carried_out_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_signed_by_whom_it_says_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_old_request_and_one_of_tomorrow_are_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_busy_authority_still_listens_to_its_administrators,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_than_a_list_holds_is_refused_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_entry_leaves_the_list_with_the_end_of_its_certificate,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_list_is_kept_for_a_while_and_its_number_only_grows,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(revocations_survive_a_restart_and_numbers_go_on, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
