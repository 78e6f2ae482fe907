/* Certificates through the whole of the authority but HTTP, with a real signer process. */
#include "authority/issuer.h"
#include "base/fd.h"
#include "evidence/evidence.h"
#include "test.h"

#include "station.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

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

static void an_approved_program_gets_a_chain_to_the_root(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    char uri[128];
    _cleanup_buffer_ struct buffer body = buffer_up_to(LIMIT_CERTIFICATE_REQUEST);
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);
    _cleanup_chain_ struct chain chain = {0};
    struct bytes root = certificate_der(s->issuer.root);
    uint8_t spki[SPKI_LEN];

    station_fresh_body(s, &body);
    int64_t before = clock_unix();
    if (!station_certify(s, buffer_bytes(&body), &pem, &err))
        fail_msg("%s: %s", err.code, err.found);
    assert_true(chain_from_pem(buffer_bytes(&pem), &chain, &err));
    assert_int_equal(chain.n, 2);
    assert_true(chain_verify(&chain, &root, 1, CHAIN_PROGRAM, clock_unix(), &err));
    assert_true(certificate_uri(chain.at[0], uri, sizeof(uri)));
    assert_string_equal(uri, "spiffe://example.org/program/free-ride");
    public_key_spki(certificate_public_key(chain.at[0]), spki);
    assert_memory_equal(spki, s->e.program_spki, SPKI_LEN);
    assert_true(certificate_not_before(chain.at[0]) >= before);
    assert_int_equal(certificate_not_after(chain.at[0]) - certificate_not_before(chain.at[0]),
                     LIMIT_CERTIFICATE_LIFE);
    /* Under the CA of its tier, and of no other. */
    struct bytes isolated = certificate_der(s->issuer.tiers[TIER_ISOLATED]);
    struct bytes hardware = certificate_der(s->issuer.tiers[TIER_HARDWARE]);
    assert_true(chain_verify(&chain, &isolated, 1, CHAIN_PROGRAM, clock_unix(), &err));
    assert_false(chain_verify(&chain, &hardware, 1, CHAIN_PROGRAM, clock_unix(), &err));
}

static void a_challenge_serves_one_request(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    _cleanup_buffer_ struct buffer body = buffer_up_to(LIMIT_CERTIFICATE_REQUEST);
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);

    station_fresh_body(s, &body);
    assert_true(station_certify(s, buffer_bytes(&body), &pem, &err));
    buffer_clear(&pem);
    assert_false(station_certify(s, buffer_bytes(&body), &pem, &err));
    assert_refused(&err, "challenge.stale");
    assert_int_equal(pem.len, 0);
}

static void a_refused_request_uses_its_challenge_up(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    _cleanup_buffer_ struct buffer body = buffer_up_to(LIMIT_CERTIFICATE_REQUEST);
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);

    measure(&s->e.claims.source, "other");
    station_fresh_body(s, &body);
    assert_false(station_certify(s, buffer_bytes(&body), &pem, &err));
    assert_refused(&err, "approval.missing");
    measure(&s->e.claims.source, "source");
    buffer_clear(&body);
    station_body(s, &body);
    assert_false(station_certify(s, buffer_bytes(&body), &pem, &err));
    assert_refused(&err, "challenge.stale");
}

/* ---- what else is refused on the way; the appraisal has tests of its own ---- */

static void malformed_body(struct station *s, struct buffer *body)
{
    station_fresh_body(s, body);
    body->len--;
}

static void own_challenge(struct station *s, struct buffer *body)
{
    memset(s->e.challenge, 1, CHALLENGE_LEN);
    example_nonce(&s->e);
    station_body(s, body);
}

/* The last byte of the CSR is of its self-signature. */
static void unsigned_csr(struct station *s, struct buffer *body)
{
    struct certificate_request r;

    station_fresh_body(s, body);
    assert_true(certificate_request_decode(buffer_bytes(body), &r));
    body->data[(size_t)(r.csr.data - body->data) + r.csr.len - 1] ^= 1;
}

static void malformed_manifest(struct station *s, struct buffer *body)
{
    s->e.manifest_cbor.len--;
    station_fresh_body(s, body);
}

static void another_manifest(struct station *s, struct buffer *body)
{
    struct eat_digest measured = s->e.claims.manifest;

    s->e.manifest.every = 6;
    example_manifest(&s->e);
    s->e.claims.manifest = measured;
    station_fresh_body(s, body);
}

static void platform_not_enrolled(struct station *s, struct buffer *body)
{
    struct idevs_error err;

    assert_true(
        registry_remove_platform(s->issuer.registry, evidence_platform_id(&s->e.claims), &err));
    station_fresh_body(s, body);
}

static void owner_removed(struct station *s, struct buffer *body)
{
    struct idevs_error err;

    assert_true(registry_remove_owner(s->issuer.registry, "owner", &err));
    station_fresh_body(s, body);
}

static void evidence_for_another_challenge(struct station *s, struct buffer *body)
{
    challenge_make(s->issuer.challenges, clock_monotonic_ns(), s->e.challenge);
    station_body(s, body); /* the nonce is still that of the challenge before */
}

static void evidence_for_another_key(struct station *s, struct buffer *body)
{
    challenge_make(s->issuer.challenges, clock_monotonic_ns(), s->e.challenge);
    example_nonce(&s->e);
    key_free(s->e.program);
    s->e.program = key_generate();
    station_body(s, body);
}

static void another_authority(struct station *s, struct buffer *body)
{
    s->e.manifest.authority_anchors[0] = certificate_der(s->issuer.tiers[0]);
    example_manifest(&s->e);
    s->e.approval.issued_at++;
    station_approve(s);
    station_fresh_body(s, body);
}

static const struct {
    void (*make)(struct station *s, struct buffer *body);
    const char *code;
} REFUSALS[] = {
    {malformed_body, "api.field"},
    {own_challenge, "challenge.stale"},
    {unsigned_csr, "csr.malformed"},
    {malformed_manifest, "manifest.syntax"},
    {another_manifest, "evidence.measurement"},
    {platform_not_enrolled, "evidence.platform"},
    {owner_removed, "approval.missing"},
    {evidence_for_another_challenge, "evidence.freshness"},
    {evidence_for_another_key, "evidence.freshness"},
    {another_authority, "manifest.authority"},
};

static void each_spoiled_request_is_refused_with_its_code(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(REFUSALS); i++) {
        struct idevs_error err;
        _cleanup_station_ struct station s;
        _cleanup_buffer_ struct buffer body = buffer_up_to(LIMIT_CERTIFICATE_REQUEST);
        _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);
        station_make(&s);
        REFUSALS[i].make(&s, &body);
        if (station_certify(&s, buffer_bytes(&body), &pem, &err))
            fail_msg("certified number %zu, wanted %s", i, REFUSALS[i].code);
        if (strcmp(err.code, REFUSALS[i].code) != 0)
            fail_msg("number %zu: %s (%s), wanted %s", i, err.code, err.found, REFUSALS[i].code);
    }
}

static void re_enrolment_changes_the_tier(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    _cleanup_buffer_ struct buffer body = buffer_up_to(LIMIT_CERTIFICATE_REQUEST);
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);
    _cleanup_chain_ struct chain chain = {0};
    struct bytes anchor = certificate_der(s->issuer.tiers[TIER_DEVELOPMENT]);

    station_enrol(s, TIER_DEVELOPMENT);
    station_fresh_body(s, &body);
    assert_true(station_certify(s, buffer_bytes(&body), &pem, &err));
    assert_true(chain_from_pem(buffer_bytes(&pem), &chain, &err));
    assert_true(chain_verify(&chain, &anchor, 1, CHAIN_PROGRAM, clock_unix(), &err));
}

/* ---- the signer's process ---- */

/* A stand-in at the other end of the socket that says `answer` (NULL: closes). */
static void replace_signer(struct station *s, const struct buffer *answer, int pair[2])
{
    signer_stop(&s->issuer.signer);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    s->issuer.signer.socket = pair[0];
    if (answer)
        assert_true(fd_send(pair[1], buffer_bytes(answer), NULL, 0));
    else
        close(pair[1]);
}

static void a_signer_that_is_gone_is_said(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    int pair[2];
    _cleanup_buffer_ struct buffer body = buffer_up_to(LIMIT_CERTIFICATE_REQUEST);
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);

    signal(SIGPIPE, SIG_IGN);
    replace_signer(s, NULL, pair);
    station_fresh_body(s, &body);
    assert_false(station_certify(s, buffer_bytes(&body), &pem, &err));
    assert_refused(&err, "signer.unreachable");
}

static void a_certificate_for_another_key_is_not_handed_out(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    int pair[2];
    _cleanup_buffer_ struct buffer answer = buffer_up_to(LIMIT_SIGNER_MESSAGE);
    _cleanup_buffer_ struct buffer body = buffer_up_to(LIMIT_CERTIFICATE_REQUEST);
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);

    assert_true(signer_answer_encode(certificate_der(s->issuer.tiers[0]), &answer));
    replace_signer(s, &answer, pair);
    station_fresh_body(s, &body);
    assert_false(station_certify(s, buffer_bytes(&body), &pem, &err));
    assert_refused(&err, "signer.answer");
    assert_int_equal(pem.len, 0);
    close(pair[1]);
}

static void a_signer_that_cannot_start_is_said(void **state)
{
    struct station *s = *state;
    struct signer_client client = {-1};
    struct idevs_error err;

    assert_false(signer_start("/nonexistent/idevs-signer", s->folder, &client, &err));
    assert_refused(&err, "signer.unreachable");
    assert_false(signer_start(getenv("IDEVS_SIGNER"), "/nonexistent", &client, &err));
    assert_refused(&err, "file.unreadable");
    assert_int_equal(client.socket, -1);
}

/* The keys of two tiers swapped: the signer does not start. */
static void a_signer_with_wrong_keys_ends(void **state)
{
    struct station *s = *state;
    struct signer_client client = {-1};
    struct idevs_error err;
    _cleanup_text_ char *from = folder_tier_key(s->folder, TIER_DEVELOPMENT);
    _cleanup_text_ char *to = folder_tier_key(s->folder, TIER_HARDWARE);

    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(link(to, from), 0);
    assert_false(signer_start(getenv("IDEVS_SIGNER"), s->folder, &client, &err));
    assert_refused(&err, "signer.unreachable");
    assert_int_equal(client.socket, -1);
}

/* ---- the state directory ---- */

static void a_second_init_touches_nothing(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    _cleanup_text_ char *path = folder_root(s->folder);
    _cleanup_buffer_ struct buffer before = buffer_up_to(KIB(64));
    _cleanup_buffer_ struct buffer after = buffer_up_to(KIB(64));

    assert_true(file_read(path, &before, &err));
    assert_false(folder_init(s->folder, "example.org", &err));
    assert_refused(&err, "state.unusable");
    assert_true(file_read(path, &after, &err));
    assert_true(bytes_equal(buffer_bytes(&before), buffer_bytes(&after)));
}

static void keys_are_for_their_user_alone(void **state)
{
    struct station *s = *state;
    struct stat st;
    _cleanup_text_ char *root = folder_root_key(s->folder);

    assert_int_equal(stat(root, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    for (unsigned i = 0; i < TIERS; i++) {
        _cleanup_text_ char *key = folder_tier_key(s->folder, (enum tier)i);
        assert_int_equal(stat(key, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

static void trust_domains_are_host_names(void **state)
{
    static const char *const BAD[] = {"", "a/b", "A.example", "a:80", "[::1]", "a b"};
    struct idevs_error err;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        assert_false(folder_init("/nonexistent", BAD[i], &err));
        assert_refused(&err, "usage");
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_approved_program_gets_a_chain_to_the_root),
        TEST(a_challenge_serves_one_request),
        TEST(a_refused_request_uses_its_challenge_up),
        cmocka_unit_test(each_spoiled_request_is_refused_with_its_code),
        TEST(re_enrolment_changes_the_tier),
        TEST(a_signer_that_is_gone_is_said),
        TEST(a_certificate_for_another_key_is_not_handed_out),
        TEST(a_signer_that_cannot_start_is_said),
        TEST(a_signer_with_wrong_keys_ends),
        TEST(a_second_init_touches_nothing),
        TEST(keys_are_for_their_user_alone),
        cmocka_unit_test(trust_domains_are_host_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
