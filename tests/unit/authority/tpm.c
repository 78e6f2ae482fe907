/* A platform with a TPM, from its endorsement certificate to a program's certificate: the warden's
 * code on software TPMs, the authority's code with a real signer process. */
#include "authority/issuer.h"
#include "authority/submissions.h"
#include "test.h"

#include "attester/tpm.h"
#include "base/fd.h"
#include "evidence/evidence.h"
#include "soft_tpm.h"
#include "wire/cmw.h"
#include "wire/cose.h"

#include "station.h"

#define REGISTERS 0xffu

static struct soft_tpm mine;
static struct soft_tpm other;

/* One host: a software TPM and what an authority trusts. */
struct host {
    const struct soft_tpm *soft;
    struct tpm *tpm;
    struct buffer key;
    struct buffer endorsement;
};

static void trust_maker(struct station *s, const struct soft_tpm *soft)
{
    static const char *const FILES[] = {"roots.pem", "intermediates.pem"};
    struct endorsements *makers = &s->issuer.tpm_makers;
    struct idevs_error err;

    for (size_t i = 0; i < ARRAY_LEN(FILES); i++) {
        _cleanup_text_ char *path = alloc_format("%s/%s", soft->folder, FILES[i]);
        _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_PEM_BUNDLE);
        assert_true(file_read(path, &pem, &err));
        assert_true(i == 0 ? endorsements_add_roots(makers, buffer_bytes(&pem), &err)
                           : endorsements_add(makers, "ca", buffer_bytes(&pem), &err));
    }
}

static struct host open_host(const struct soft_tpm *soft)
{
    struct idevs_error err = {0};
    struct host h = {soft, tpm_open(soft_tpm_connect(soft), &err), buffer_up_to(KIB(1)),
                     buffer_up_to(LIMIT_CERTIFICATE)};

    if (!h.tpm || !tpm_take_key(h.tpm, &h.key, &err) ||
        !tpm_read_endorsement(h.tpm, &h.endorsement, &err))
        fail_msg("%s: %s", err.code, err.found);
    return h;
}

static void close_host(struct host *h)
{
    tpm_close(h->tpm);
    buffer_free(&h->key);
    buffer_free(&h->endorsement);
}
#define _cleanup_host_ _cleanup_(close_host)

/* ---- one enrolment, of which each test changes something ---- */

struct enrolment {
    struct host *endorsed; /* whose endorsement certificate is shown */
    struct host *named;    /* whose attestation key is named */
    struct host *quoting;  /* whose attestation key quotes */
    const char *token;
    struct buffer credential;
};

static void sign_request(struct station *s, const struct enrolment *e, struct buffer *b)
{
    struct platform_request request = {.back_ends = {"process"}, .n_back_ends = 1};
    uint8_t token_sha256[SHA256_LEN];
    uint8_t nonce[TPM_DIGEST_LEN];
    struct idevs_error err;
    _cleanup_buffer_ struct buffer platform = buffer_up_to(LIMIT_PLATFORM_REQUEST);
    _cleanup_buffer_ struct buffer quote = buffer_up_to(LIMIT_TPM_QUOTE);
    _cleanup_buffer_ struct buffer payload = buffer_up_to(LIMIT_TPM_PLATFORM);

    key_spki(s->e.platform_key, request.spki);
    digest_of(e->token, token_sha256);
    platform_token_proof(token_sha256, request.spki, request.proof);
    assert_true(platform_request_encode(&request, &platform));
    tpm_enrolment_nonce(request.spki, request.proof, nonce);
    assert_true(tpm_quote(e->quoting->tpm, REGISTERS, nonce, &quote, &err));
    const struct tpm_platform_request whole = {buffer_bytes(&platform),
                                               buffer_bytes(&e->endorsed->endorsement),
                                               buffer_bytes(&e->named->key), buffer_bytes(&quote)};
    assert_true(tpm_platform_request_encode(&whole, &payload));
    assert_true(cose_sign(s->e.platform_key, TPM_PLATFORM_TYPE, buffer_bytes(&payload), b));
}

static bool ask(struct station *s, struct enrolment *e, struct idevs_error *err)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_TPM_PLATFORM);

    sign_request(s, e, &b);
    e->credential = buffer_up_to(LIMIT_TPM_CREDENTIAL);
    return submit_tpm_platform(s->issuer.registry, &s->issuer.tpm_makers, buffer_bytes(&b),
                               clock_unix(), &e->credential, err);
}

static bool answer(struct station *s, const struct key *key, const uint8_t secret[TPM_SECRET_LEN],
                   int64_t now, struct idevs_error *err)
{
    enum tier tier;
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_PLATFORM_REQUEST);

    assert_true(cose_sign(key, TPM_ACTIVATION_TYPE, bytes_of(secret, TPM_SECRET_LEN), &b));
    bool ok = submit_activation(s->issuer.registry, buffer_bytes(&b), now, &tier, err);
    assert_true(!ok || tier == TIER_ISOLATED);
    return ok;
}

/* Asks with `token`, opens the credential on `h`. */
static void awaited(struct station *s, struct host *h, const char *token,
                    uint8_t ret_secret[TPM_SECRET_LEN])
{
    struct idevs_error err = {0};
    struct enrolment e = {h, h, h, token, {0}};

    station_token(s, token, TIER_ISOLATED, clock_unix() + 60);
    if (!ask(s, &e, &err) ||
        !tpm_activate(h->tpm, false, buffer_bytes(&e.credential), ret_secret, &err))
        fail_msg("%s: %s; %s", err.code, err.found, err.expected);
    buffer_free(&e.credential);
}

static void enrol(struct station *s, struct host *h)
{
    uint8_t secret[TPM_SECRET_LEN] = {0};
    struct idevs_error err = {0};

    awaited(s, h, "tpm token", secret);
    if (!answer(s, s->e.platform_key, secret, clock_unix(), &err))
        fail_msg("%s: %s", err.code, err.found);
}

static const uint8_t *platform_id(struct station *s)
{
    return evidence_platform_id(&s->e.claims);
}

/* ---- enrolment ---- */

static void a_tpm_that_opens_its_credential_is_enrolled(void **state)
{
    struct station *s = *state;
    struct tpm_platform got;
    _cleanup_host_ struct host h = open_host(&mine);

    assert_false(registry_find_tpm(s->issuer.registry, platform_id(s), &got));
    enrol(s, &h);
    assert_true(registry_find_tpm(s->issuer.registry, platform_id(s), &got));
    assert_string_equal(got.registers, "0,1,2,3,4,5,6,7");
}

static void an_endorsement_certificate_of_an_unknown_maker_is_refused(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    _cleanup_host_ struct host h = open_host(&other); /* its CA is its own */
    struct enrolment e = {&h, &h, &h, "unknown maker", {0}};

    station_token(s, "unknown maker", TIER_ISOLATED, clock_unix() + 60);
    assert_false(ask(s, &e, &err));
    assert_refused(&err, "certificate.chain");
    endorsements_release(&s->issuer.tpm_makers);
    assert_false(ask(s, &e, &err));
    assert_refused(&err, "platform.tpm"); /* an authority that takes none */
}

/* The CA's own certificate leads to the root as well. */
static void a_certificate_that_is_not_for_endorsement_is_refused(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    _cleanup_host_ struct host h = open_host(&mine);
    struct enrolment e = {&h, &h, &h, "not endorsed", {0}};
    struct bytes der = certificate_der(s->issuer.tpm_makers.certificates[0]);

    station_token(s, "not endorsed", TIER_ISOLATED, clock_unix() + 60);
    buffer_clear(&h.endorsement);
    assert_true(buffer_append_bytes(&h.endorsement, der));
    assert_false(ask(s, &e, &err));
    assert_refused(&err, "platform.tpm");
    assert_non_null(strstr(err.found, "not of an endorsement key")); /* not for its size alone */
}

/* Mine is shown, another's key is named: the quote fits, but neither TPM opens the credential. */
static void an_attestation_key_of_another_tpm_cannot_be_activated(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    uint8_t secret[TPM_SECRET_LEN] = {0};
    _cleanup_host_ struct host h = open_host(&mine);
    _cleanup_host_ struct host thief = open_host(&other);
    struct enrolment e = {&h, &thief, &thief, "another key", {0}};

    station_token(s, "another key", TIER_ISOLATED, clock_unix() + 60);
    assert_true(ask(s, &e, &err));
    assert_false(tpm_activate(h.tpm, false, buffer_bytes(&e.credential), secret, &err));
    assert_refused(&err, "tpm.credential");
    assert_false(tpm_activate(thief.tpm, false, buffer_bytes(&e.credential), secret, &err));
    assert_refused(&err, "tpm.credential");
    buffer_free(&e.credential);
}

/* Its public area says that it also signs what others made. */
static void a_key_that_is_not_restricted_is_refused(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    _cleanup_host_ struct host h = open_host(&mine);
    struct enrolment e = {&h, &h, &h, "unrestricted", {0}};

    station_token(s, "unrestricted", TIER_ISOLATED, clock_unix() + 60);
    if (h.key.data)
        h.key.data[5] ^= 1; /* TPMA_OBJECT.restricted */
    assert_false(ask(s, &e, &err));
    assert_refused(&err, "platform.tpm");
}

static void a_request_quoted_by_another_key_is_refused(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    _cleanup_host_ struct host h = open_host(&mine);
    _cleanup_host_ struct host thief = open_host(&other);
    struct enrolment e = {&h, &h, &thief, "another quote", {0}};

    station_token(s, "another quote", TIER_ISOLATED, clock_unix() + 60);
    assert_false(ask(s, &e, &err));
    assert_refused(&err, "evidence.signature");
}

static void a_token_serves_one_tpm_once(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    uint8_t secret[TPM_SECRET_LEN] = {0};
    _cleanup_host_ struct host h = open_host(&mine);
    struct enrolment e = {&h, &h, &h, "one token", {0}};

    assert_false(ask(s, &e, &err));
    assert_refused(&err, "platform.token"); /* nobody made it yet */
    buffer_free(&e.credential);
    awaited(s, &h, "one token", secret);
    assert_false(ask(s, &e, &err));
    assert_refused(&err, "platform.token");
    buffer_free(&e.credential);
    assert_true(answer(s, s->e.platform_key, secret, clock_unix(), &err));
}

static void a_wrong_secret_ends_the_attempt(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    struct tpm_platform got;
    uint8_t secret[TPM_SECRET_LEN] = {0};
    _cleanup_host_ struct host h = open_host(&mine);

    awaited(s, &h, "wrong secret", secret);
    secret[0] ^= 1;
    assert_false(answer(s, s->e.platform_key, secret, clock_unix(), &err));
    assert_refused(&err, "platform.activation");
    secret[0] ^= 1;
    assert_false(answer(s, s->e.platform_key, secret, clock_unix(), &err));
    assert_refused(&err, "platform.activation");
    assert_false(registry_find_tpm(s->issuer.registry, platform_id(s), &got));
}

/* Who only saw the credential pass can neither answer nor spoil the answer. */
static void an_answer_that_the_platform_did_not_sign_changes_nothing(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    uint8_t secret[TPM_SECRET_LEN] = {0};
    _cleanup_host_ struct host h = open_host(&mine);
    _cleanup_key_ struct key *stranger = key_generate();
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_PLATFORM_REQUEST);
    enum tier tier;

    awaited(s, &h, "unsigned", secret);
    assert_false(answer(s, stranger, secret, clock_unix(), &err));
    assert_refused(&err, "platform.activation");
    assert_true(
        cose_sign(s->e.platform_key, TPM_ACTIVATION_TYPE, bytes_of(secret, sizeof(secret)), &b));
    b.data[b.len - 1] ^= 1;
    assert_false(
        submit_activation(s->issuer.registry, buffer_bytes(&b), clock_unix(), &tier, &err));
    assert_refused(&err, "platform.request");
    assert_true(answer(s, s->e.platform_key, secret, clock_unix(), &err));
}

static void an_answer_after_an_hour_is_refused(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    uint8_t secret[TPM_SECRET_LEN] = {0};
    _cleanup_host_ struct host h = open_host(&mine);

    awaited(s, &h, "late", secret);
    assert_false(answer(s, s->e.platform_key, secret, clock_unix() + LIMIT_ACTIVATION_LIFE, &err));
    assert_refused(&err, "platform.activation");
}

static void a_removed_platform_does_not_come_back_by_its_answer(void **state)
{
    struct station *s = *state; /* its platform is enrolled by key already */
    struct idevs_error err;
    uint8_t secret[TPM_SECRET_LEN] = {0};
    _cleanup_host_ struct host h = open_host(&mine);

    awaited(s, &h, "removed", secret);
    assert_true(registry_remove_platform(s->issuer.registry, platform_id(s), &err));
    assert_false(answer(s, s->e.platform_key, secret, clock_unix(), &err));
    assert_refused(&err, "platform.activation");
}

/* ---- certificates ---- */

/* The example's claims, signed by the platform key and quoted by `h` over `over` (NULL: them). */
static void make_evidence(struct station *s, struct host *h, struct bytes over, struct buffer *cmw)
{
    uint8_t nonce[TPM_DIGEST_LEN];
    struct idevs_error err;
    _cleanup_buffer_ struct buffer eat = buffer_up_to(LIMIT_EVIDENCE);
    _cleanup_buffer_ struct buffer claims = buffer_up_to(LIMIT_EVIDENCE);
    _cleanup_buffer_ struct buffer quote = buffer_up_to(LIMIT_TPM_QUOTE);
    _cleanup_buffer_ struct buffer both = buffer_up_to(LIMIT_EVIDENCE);

    assert_true(eat_encode(&s->e.claims, &eat));
    assert_true(cose_sign(s->e.platform_key, CMW_EAT_CWT, buffer_bytes(&eat), &claims));
    tpm_evidence_nonce(over.len ? over : buffer_bytes(&claims), nonce);
    assert_true(tpm_quote(h->tpm, REGISTERS, nonce, &quote, &err));
    const struct tpm_evidence e = {buffer_bytes(&claims), buffer_bytes(&quote)};
    assert_true(tpm_evidence_encode(&e, &both));
    assert_true(cmw_encode(TPM_EVIDENCE_TYPE, buffer_bytes(&both), cmw));
}

static bool certify(struct station *s, struct bytes cmw, struct buffer *pem,
                    struct idevs_error *err)
{
    _cleanup_buffer_ struct buffer body = buffer_up_to(LIMIT_CERTIFICATE_REQUEST);

    station_body_of(s, cmw, &body);
    return station_certify(s, buffer_bytes(&body), pem, err);
}

/* A challenge of now, evidence over it by `h`, and what comes of it. */
static bool certify_with(struct station *s, struct host *h, struct bytes over, struct buffer *pem,
                         struct idevs_error *err)
{
    _cleanup_buffer_ struct buffer cmw = buffer_up_to(LIMIT_EVIDENCE);

    station_challenge(s);
    make_evidence(s, h, over, &cmw);
    return certify(s, buffer_bytes(&cmw), pem, err);
}

static void a_program_is_certified_by_evidence_of_a_tpm(void **state)
{
    struct station *s = *state;
    struct idevs_error err = {0};
    struct bytes cmw;
    struct bytes type;
    struct bytes value;
    struct eat_claims got;
    _cleanup_chain_ struct chain chain = {0};
    _cleanup_host_ struct host h = open_host(&mine);
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);

    enrol(s, &h);
    if (!certify_with(s, &h, bytes_of("", 0), &pem, &err))
        fail_msg("%s: %s; %s", err.code, err.found, err.expected);
    assert_true(chain_from_pem(buffer_bytes(&pem), &chain, &err));
    assert_true(certificate_cmw(chain.at[0], &cmw));
    assert_true(cmw_decode(cmw, &type, &value) && eat_decode(value, &got));
    const char *words = eat_component_text(&got.measured, EAT_TPM);
    assert_non_null(words);
    assert_non_null(strstr(words, "registers 0,1,2,3,4,5,6,7 of SHA-256 as enrolled"));
    assert_non_null(strstr(words, "nothing measured")); /* no firmware ran before this one */
    assert_non_null(strstr(got.breakers, "a software TPM is as honest as its host"));
}

static void a_quote_by_another_tpm_is_refused(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    _cleanup_host_ struct host h = open_host(&mine);
    _cleanup_host_ struct host thief = open_host(&other);
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);

    enrol(s, &h);
    assert_false(certify_with(s, &thief, bytes_of("", 0), &pem, &err));
    assert_refused(&err, "evidence.signature");
}

static void a_quote_over_something_else_is_refused(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    _cleanup_host_ struct host h = open_host(&mine);
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);

    enrol(s, &h);
    assert_false(certify_with(s, &h, bytes_of_text("claims of yesterday"), &pem, &err));
    assert_refused(&err, "evidence.freshness");
}

static void evidence_over_an_earlier_challenge_is_refused(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    _cleanup_host_ struct host h = open_host(&mine);
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);
    _cleanup_buffer_ struct buffer cmw = buffer_up_to(LIMIT_EVIDENCE);

    enrol(s, &h);
    station_challenge(s);
    make_evidence(s, &h, bytes_of("", 0), &cmw);
    station_challenge(s);
    assert_false(certify(s, buffer_bytes(&cmw), &pem, &err));
    assert_refused(&err, "evidence.freshness");
}

/* A copy of the platform key is not enough. */
static void evidence_without_the_tpm_is_refused(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    _cleanup_host_ struct host h = open_host(&mine);
    _cleanup_buffer_ struct buffer body = buffer_up_to(LIMIT_CERTIFICATE_REQUEST);
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);

    enrol(s, &h);
    station_fresh_body(s, &body);
    assert_false(station_certify(s, buffer_bytes(&body), &pem, &err));
    assert_refused(&err, "evidence.platform");
}

static void evidence_of_a_tpm_that_was_not_enrolled_is_refused(void **state)
{
    struct station *s = *state; /* its platform is enrolled by key alone */
    struct idevs_error err;
    _cleanup_host_ struct host h = open_host(&mine);
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);

    assert_false(certify_with(s, &h, bytes_of("", 0), &pem, &err));
    assert_refused(&err, "evidence.platform");
}

static void a_warden_cannot_say_that_it_has_a_tpm(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    _cleanup_host_ struct host h = open_host(&mine);
    _cleanup_buffer_ struct buffer body = buffer_up_to(LIMIT_CERTIFICATE_REQUEST);
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);

    strcpy(eat_add_component(&s->e.claims.measured, EAT_TPM)->text, "a quote");
    station_fresh_body(s, &body);
    assert_false(station_certify(s, buffer_bytes(&body), &pem, &err));
    assert_refused(&err, "evidence.malformed");
    enrol(s, &h);
    assert_false(certify_with(s, &h, bytes_of("", 0), &pem, &err));
    assert_refused(&err, "evidence.malformed");
}

/* The last of them: what is in a register stays until the machine starts again. */
static void changed_registers_are_refused(void **state)
{
    struct station *s = *state;
    struct idevs_error err;
    _cleanup_host_ struct host h = open_host(&mine);
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);

    enrol(s, &h);
    soft_tpm_extend(&mine, 9); /* not among those that are quoted */
    assert_true(certify_with(s, &h, bytes_of("", 0), &pem, &err));
    soft_tpm_extend(&mine, 7);
    assert_false(certify_with(s, &h, bytes_of("", 0), &pem, &err));
    assert_refused(&err, "evidence.measurement");
}

static int set_up(void **state)
{
    static struct station station;

    station_make(&station);
    trust_maker(&station, &mine);
    *state = &station;
    return 0;
}

static int tear_down(void **state)
{
    station_free(*state);
    return 0;
}

static int start(void **state)
{
    (void)state;
    soft_tpm_start(&mine);
    soft_tpm_start(&other);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    soft_tpm_stop(&mine);
    soft_tpm_stop(&other);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_tpm_that_opens_its_credential_is_enrolled),
        TEST(an_endorsement_certificate_of_an_unknown_maker_is_refused),
        TEST(a_certificate_that_is_not_for_endorsement_is_refused),
        TEST(an_attestation_key_of_another_tpm_cannot_be_activated),
        TEST(a_key_that_is_not_restricted_is_refused),
        TEST(a_request_quoted_by_another_key_is_refused),
        TEST(a_token_serves_one_tpm_once),
        TEST(a_wrong_secret_ends_the_attempt),
        TEST(an_answer_that_the_platform_did_not_sign_changes_nothing),
        TEST(an_answer_after_an_hour_is_refused),
        TEST(a_removed_platform_does_not_come_back_by_its_answer),
        TEST(a_program_is_certified_by_evidence_of_a_tpm),
        TEST(a_quote_by_another_tpm_is_refused),
        TEST(a_quote_over_something_else_is_refused),
        TEST(evidence_over_an_earlier_challenge_is_refused),
        TEST(evidence_without_the_tpm_is_refused),
        TEST(evidence_of_a_tpm_that_was_not_enrolled_is_refused),
        TEST(a_warden_cannot_say_that_it_has_a_tpm),
        TEST(changed_registers_are_refused),
    };

    if (!soft_tpm_exists()) {
        print_message("no swtpm and swtpm_setup here\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, start, stop);
}
