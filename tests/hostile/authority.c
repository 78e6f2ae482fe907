/* The authority's API, to which the launcher, and whoever else reaches its port, posts challenges,
 * evidence, manifests, approvals and enrolments that are not what they seem. */
#include "host.h"

#include "evidence/evidence.h"
#include "net/client.h"
#include "net/server.h"
#include "wire/cose.h"
#include "wire/platform_request.h"

#include <stdio.h>
#include <string.h>

#define E (&host.station.e) /* program, platform, manifest and approval, as all would like them */

/* ---- asking ---- */

static unsigned post(const char *path, const char *type, struct bytes body, struct buffer *storage,
                     struct http_message *ret)
{
    const struct client_options options = {.ca_file = host.ca_file};
    struct http_message m = {
        .method = bytes_of_text("POST"), .path = bytes_of_text(path), .content = body};
    struct idevs_error err;

    assert_true(!type || http_add(&m, "content-type", bytes_of_text(type)));
    assert_true(client_fetch(&options, host.url, &m, storage, ret, &err));
    return ret->status;
}

static void authority_refuses(const struct attack *this, const char *path, const char *type,
                              struct bytes body)
{
    _cleanup_buffer_ struct buffer storage = buffer_up_to(MIB(1));
    struct http_message answer;
    struct idevs_error err = {0};
    unsigned status = post(path, type, body, &storage, &answer);

    assert_int_not_equal(status / 100, 2);
    assert_true(problem_read(answer.content, &err));
    attack_refused(this, AUTHORITY, err.code);
}

/* A challenge of the authority's, to which the evidence is made anew. */
static void get_challenge(void)
{
    _cleanup_buffer_ struct buffer storage = buffer_up_to(KIB(64));
    struct http_message answer;

    assert_int_equal(post("/v1/challenges", NULL, bytes_of(NULL, 0), &storage, &answer), 200);
    assert_int_equal(answer.content.len, CHALLENGE_LEN);
    memcpy(E->challenge, answer.content.data, CHALLENGE_LEN);
    example_nonce(E);
}

#define CERTIFICATES "/v1/certificates", CERTIFICATE_REQUEST_TYPE

/* The request as the example stands. */
static void certificate_is_refused(const struct attack *this)
{
    _cleanup_buffer_ struct buffer body = buffer_up_to(LIMIT_CERTIFICATE_REQUEST);

    station_body(&host.station, &body);
    authority_refuses(this, CERTIFICATES, buffer_bytes(&body));
}

static void assert_certified(struct bytes body)
{
    _cleanup_buffer_ struct buffer storage = buffer_up_to(KIB(64));
    struct http_message answer;

    assert_int_equal(post(CERTIFICATES, body, &storage, &answer), 200);
}

static void control(void)
{
    _cleanup_buffer_ struct buffer body = buffer_up_to(LIMIT_CERTIFICATE_REQUEST);

    get_challenge();
    station_body(&host.station, &body);
    assert_certified(buffer_bytes(&body));
}

/* ---- challenges ---- */

ATTACK(a_certificate_request_replayed_is_refused, AUTHORITY, "challenge.stale",
       "The launcher posts a certificate request twice.")
{
    _cleanup_buffer_ struct buffer body = buffer_up_to(LIMIT_CERTIFICATE_REQUEST);

    get_challenge();
    station_body(&host.station, &body);
    assert_certified(buffer_bytes(&body));
    authority_refuses(this, CERTIFICATES, buffer_bytes(&body));
}

ATTACK(a_challenge_of_the_launchers_is_refused, AUTHORITY, "challenge.stale",
       "The launcher makes up the challenge, so that evidence of yesterday answers it.")
{
    memset(E->challenge, 1, CHALLENGE_LEN);
    example_nonce(E);
    certificate_is_refused(this);
}

/* A minute passes in the authority's own code, where the clock is an argument. */
ATTACK(an_old_challenge_is_refused, AUTHORITY, "challenge.stale",
       "The launcher withholds a certificate request for more than a minute.")
{
    struct issuer *issuer = &host.station.issuer;
    uint64_t later = clock_monotonic_ns() + (LIMIT_CHALLENGE_LIFE + 1) * NS_PER_SECOND;
    _cleanup_buffer_ struct buffer body = buffer_up_to(LIMIT_CERTIFICATE_REQUEST);
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);
    struct idevs_error err;

    challenge_make(issuer->challenges, clock_monotonic_ns(), E->challenge);
    example_nonce(E);
    station_body(&host.station, &body);
    assert_false(issuer_certify(issuer, buffer_bytes(&body), clock_unix(), later, &pem, &err));
    attack_refused(this, AUTHORITY, err.code);
}

/* ---- evidence ---- */

ATTACK(evidence_over_another_challenge_is_refused, AUTHORITY, "evidence.freshness",
       "The launcher sends evidence that answers an earlier challenge with a new one.")
{
    struct eat_claims earlier;

    get_challenge();
    earlier = E->claims;
    get_challenge();
    E->claims = earlier;
    certificate_is_refused(this);
}

ATTACK(
    evidence_over_another_key_is_refused, AUTHORITY, "evidence.freshness",
    "The launcher puts a key of its own into the certificate request, beside a program's genuine "
    "evidence.")
{
    get_challenge();
    key_free(E->program);
    E->program = key_generate();
    certificate_is_refused(this);
}

ATTACK(evidence_for_another_authority_is_refused, AUTHORITY, "evidence.freshness",
       "Another authority passes on evidence that a program made for it.")
{
    get_challenge();
    attestation_report_data(E->program_spki, E->challenge, bytes_of_text("another root"),
                            E->claims.nonce);
    certificate_is_refused(this);
}

ATTACK(evidence_of_a_platform_that_is_not_enrolled_is_refused, AUTHORITY, "evidence.platform",
       "The launcher makes the evidence itself, with a platform key of its own.")
{
    uint8_t spki[SPKI_LEN];

    get_challenge();
    key_free(E->platform_key);
    E->platform_key = key_generate();
    key_spki(E->platform_key, spki);
    sha256(bytes_of(spki, sizeof(spki)), E->claims.ueid + 1);
    certificate_is_refused(this);
}

ATTACK(evidence_in_the_name_of_another_platform_is_refused, AUTHORITY, "evidence.platform",
       "A platform of the development tier signs evidence that speaks of one of the isolated tier.")
{
    struct key *isolated = E->platform_key;
    _cleanup_key_ struct key *development = key_generate();
    _cleanup_buffer_ struct buffer enrolment = buffer_up_to(LIMIT_PLATFORM_REQUEST);
    struct idevs_error err;
    enum tier tier;

    station_token(&host.station, "another token", TIER_DEVELOPMENT, clock_unix() + 600);
    station_platform_request(development, "another token", &enrolment);
    assert_true(submit_platform(host.station.issuer.registry, buffer_bytes(&enrolment),
                                clock_unix(), &tier, &err));
    get_challenge();
    E->platform_key = development;
    certificate_is_refused(this);
    E->platform_key = isolated;
}

/* A certificate request around `cmw`. */
static void evidence_is_refused(const struct attack *this, struct bytes cmw)
{
    _cleanup_buffer_ struct buffer csr = buffer_up_to(LIMIT_CSR);
    _cleanup_buffer_ struct buffer body = buffer_up_to(LIMIT_CERTIFICATE_REQUEST);

    assert_true(csr_make(E->program, "free-ride", cmw, &csr));
    const struct certificate_request r = {.challenge = bytes_of(E->challenge, CHALLENGE_LEN),
                                          .csr = buffer_bytes(&csr),
                                          .manifest = buffer_bytes(&E->manifest_cbor)};
    assert_true(certificate_request_encode(&r, &body));
    authority_refuses(this, CERTIFICATES, buffer_bytes(&body));
}

ATTACK(changed_evidence_is_refused, AUTHORITY, "evidence.signature",
       "The launcher changes the measured executable in a platform's evidence.")
{
    _cleanup_buffer_ struct buffer cmw = buffer_up_to(LIMIT_EVIDENCE);

    get_challenge();
    example_evidence(E, E->platform_key, &cmw);
    uint8_t *at = memmem(cmw.data, cmw.len, E->claims.executable.sha256, SHA256_LEN);
    assert_non_null(at);
    at[7] ^= 1;
    evidence_is_refused(this, buffer_bytes(&cmw));
}

ATTACK(evidence_signed_for_another_purpose_is_refused, AUTHORITY, "evidence.signature",
       "The launcher passes off something else that the platform's key signed as evidence.")
{
    _cleanup_buffer_ struct buffer claims = buffer_up_to(LIMIT_EVIDENCE);
    _cleanup_buffer_ struct buffer cose = buffer_up_to(LIMIT_EVIDENCE);
    _cleanup_buffer_ struct buffer cmw = buffer_up_to(LIMIT_EVIDENCE);

    get_challenge();
    assert_true(eat_encode(&E->claims, &claims) &&
                cose_sign(E->platform_key, PLATFORM_REQUEST_TYPE, buffer_bytes(&claims), &cose) &&
                cmw_encode(CMW_EAT_CWT, buffer_bytes(&cose), &cmw));
    evidence_is_refused(this, buffer_bytes(&cmw));
}

ATTACK(evidence_of_an_unknown_kind_is_refused, AUTHORITY, "evidence.malformed",
       "The launcher sends evidence as of a technology that nobody knows.")
{
    _cleanup_buffer_ struct buffer genuine = buffer_up_to(LIMIT_EVIDENCE);
    _cleanup_buffer_ struct buffer cmw = buffer_up_to(LIMIT_EVIDENCE);
    struct bytes type;
    struct bytes value;

    get_challenge();
    example_evidence(E, E->platform_key, &genuine);
    assert_true(cmw_decode(buffer_bytes(&genuine), &type, &value) &&
                cmw_encode("application/vnd.example", value, &cmw));
    evidence_is_refused(this, buffer_bytes(&cmw));
}

ATTACK(evidence_cut_off_at_any_byte_is_refused, AUTHORITY, "evidence.malformed",
       "The launcher cuts evidence off, at every byte of it.")
{
    _cleanup_buffer_ struct buffer cmw = buffer_up_to(LIMIT_EVIDENCE);

    get_challenge();
    example_evidence(E, E->platform_key, &cmw);
    for (size_t n = 1; n < cmw.len; n++) {
        get_challenge();
        evidence_is_refused(this, bytes_of(cmw.data, n));
    }
}

ATTACK(a_result_in_evidence_is_refused, AUTHORITY, "evidence.malformed",
       "An enrolled platform puts the tier that it would like into its evidence.")
{
    get_challenge();
    snprintf(E->claims.tier, sizeof(E->claims.tier), "hardware");
    certificate_is_refused(this);
}

ATTACK(a_back_end_that_was_not_enrolled_is_refused, AUTHORITY, "evidence.platform",
       "A platform runs the program in a back end that it was not enrolled for.")
{
    get_challenge();
    snprintf(E->claims.back_end, sizeof(E->claims.back_end), "none");
    certificate_is_refused(this);
}

ATTACK(a_program_that_can_be_debugged_is_refused, AUTHORITY, "policy.debug",
       "A platform of the isolated tier runs the program so that it can be debugged.")
{
    get_challenge();
    E->claims.debug = EAT_DEBUG_ENABLED;
    certificate_is_refused(this);
}

/* ---- manifests, executables, approvals ---- */

ATTACK(a_manifest_other_than_the_measured_is_refused, AUTHORITY, "evidence.measurement",
       "The launcher sends another manifest to the authority than the warden measured.")
{
    struct eat_digest measured = E->claims.manifest;

    get_challenge();
    E->manifest.every = 6;
    example_manifest(E);
    E->claims.manifest = measured;
    certificate_is_refused(this);
}

ATTACK(a_manifest_that_means_another_authority_is_refused, AUTHORITY, "manifest.authority",
       "The launcher takes a program to an authority that its manifest does not name.")
{
    get_challenge();
    E->manifest.authority_anchors[0] = bytes_of_text("another root");
    example_manifest(E);
    certificate_is_refused(this);
}

ATTACK(a_manifest_that_logs_in_the_open_is_refused, AUTHORITY, "policy.logs",
       "A manifest hands its program's log to the launcher, outside the development tier.")
{
    get_challenge();
    E->manifest.logs = MANIFEST_LOGS_OPEN;
    example_manifest(E);
    E->approval.issued_at++;
    station_approve(&host.station);
    certificate_is_refused(this);
}

ATTACK(a_manifest_in_a_second_encoding_is_refused, AUTHORITY, "manifest.syntax",
       "The launcher appends a byte to the manifest.")
{
    get_challenge();
    assert_true(buffer_append_u8(&E->manifest_cbor, 0));
    certificate_is_refused(this);
}

ATTACK(another_source_is_refused, AUTHORITY, "approval.missing",
       "The launcher has the warden compile and run a source that the owner did not approve.")
{
    get_challenge();
    measure(&E->claims.source, "another source");
    certificate_is_refused(this);
}

ATTACK(another_toolchain_is_refused, AUTHORITY, "approval.missing",
       "The approved source is compiled by a compiler that the owner did not approve.")
{
    get_challenge();
    measure(&E->claims.toolchain, "another toolchain");
    certificate_is_refused(this);
}

ATTACK(an_executable_of_unknown_origin_is_refused, AUTHORITY, "approval.missing",
       "The launcher has an executable run of which the warden knows no source.")
{
    get_challenge();
    E->claims.source.present = false;
    E->claims.toolchain.present = false;
    certificate_is_refused(this);
}

ATTACK(the_name_of_another_owners_program_is_refused, AUTHORITY, "approval.name-taken",
       "Another registered owner writes a manifest with the name of a program that is not theirs.")
{
    _cleanup_key_ struct key *other = key_generate();
    uint8_t spki[SPKI_LEN];
    struct idevs_error err;

    key_spki(other, spki);
    assert_true(registry_add_owner(host.station.issuer.registry, "other", spki, &err));
    get_challenge();
    memcpy(E->manifest.owner_spki, spki, SPKI_LEN);
    example_manifest(E);
    certificate_is_refused(this);
}

/* ---- the certificate request itself ---- */

ATTACK(a_request_for_a_key_that_one_does_not_hold_is_refused, AUTHORITY, "csr.malformed",
       "The launcher changes the signature by which the program proves that it holds the key.")
{
    _cleanup_buffer_ struct buffer body = buffer_up_to(LIMIT_CERTIFICATE_REQUEST);
    struct certificate_request r;

    get_challenge();
    station_body(&host.station, &body);
    assert_true(certificate_request_decode(buffer_bytes(&body), &r));
    body.data[(size_t)(r.csr.data - body.data) + r.csr.len - 1] ^= 1;
    authority_refuses(this, CERTIFICATES, buffer_bytes(&body));
}

ATTACK(a_certificate_request_cut_off_is_refused, AUTHORITY, "api.field",
       "The launcher cuts a certificate request off, or appends a byte.")
{
    _cleanup_buffer_ struct buffer body = buffer_up_to(LIMIT_CERTIFICATE_REQUEST);

    get_challenge();
    station_body(&host.station, &body);
    for (size_t n = 0; n < body.len; n += 37)
        authority_refuses(this, CERTIFICATES, bytes_of(body.data, n));
    assert_true(buffer_append_u8(&body, 0));
    authority_refuses(this, CERTIFICATES, buffer_bytes(&body));
}

ATTACK(a_body_over_the_authoritys_limit_is_refused, AUTHORITY, "http.body-too-large",
       "Somebody posts more than the authority reads.")
{
    static const uint8_t zeros[MIB(2)];

    authority_refuses(this, CERTIFICATES, bytes_of(zeros, sizeof(zeros)));
}

/* ---- approvals ---- */

#define APPROVALS "/v1/approvals", APPROVAL_TYPE

static void approval_is_refused(const struct attack *this, const struct key *key, const char *type)
{
    _cleanup_buffer_ struct buffer payload = buffer_up_to(KIB(4));
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(8));

    assert_true(approval_encode(&E->approval, &payload));
    assert_true(cose_sign(key, type, buffer_bytes(&payload), &b));
    authority_refuses(this, APPROVALS, buffer_bytes(&b));
}

ATTACK(an_approval_of_a_stranger_is_refused, AUTHORITY, "approval.owner",
       "The launcher approves what it likes with a key of its own.")
{
    _cleanup_key_ struct key *own = key_generate();

    approval_is_refused(this, own, APPROVAL_TYPE);
}

ATTACK(an_approval_in_an_owners_name_is_refused, AUTHORITY, "approval.signature",
       "The launcher approves with a key of its own under the owner's key identifier.")
{
    _cleanup_key_ struct key *own = key_generate();
    _cleanup_buffer_ struct buffer payload = buffer_up_to(KIB(4));
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(8));
    struct cose_sign1 m;
    uint8_t owner[SHA256_LEN];

    assert_true(approval_encode(&E->approval, &payload));
    assert_true(cose_sign(own, APPROVAL_TYPE, buffer_bytes(&payload), &b));
    assert_true(cose_decode(buffer_bytes(&b), &m));
    sha256(OWNER_KEY(E), owner);
    memcpy(b.data + (m.kid.data - b.data), owner, SHA256_LEN);
    authority_refuses(this, APPROVALS, buffer_bytes(&b));
}

ATTACK(a_changed_approval_is_refused, AUTHORITY, "approval.signature",
       "The launcher changes the digest in an approval that passes by.")
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(8));

    station_sign_approval(E, &E->approval, &b);
    uint8_t *at = memmem(b.data, b.len, E->approval.source, SHA256_LEN);
    assert_non_null(at);
    at[3] ^= 1;
    authority_refuses(this, APPROVALS, buffer_bytes(&b));
}

ATTACK(another_signed_text_is_no_approval, AUTHORITY, "approval.signature",
       "The launcher passes off something else that the owner signed as an approval.")
{
    approval_is_refused(this, E->owner, "application/vnd.example");
}

ATTACK(an_approval_of_the_future_is_refused, AUTHORITY, "approval.date",
       "An owner's clock is years ahead: the approval would outlive all that follow.")
{
    E->approval.issued_at = clock_unix() + 86400;
    approval_is_refused(this, E->owner, APPROVAL_TYPE);
}

ATTACK(an_approval_from_before_its_owner_was_removed_is_refused, AUTHORITY, "approval.date",
       "The launcher keeps an owner's approval and posts it again after the owner was removed and "
       "came "
       "back.")
{
    struct registry *r = host.station.issuer.registry;
    struct idevs_error err;

    assert_true(registry_remove_owner(r, "owner", &err));
    assert_true(registry_add_owner(r, "owner", E->manifest.owner_spki, &err));
    approval_is_refused(this, E->owner, APPROVAL_TYPE);
}

ATTACK(an_approval_of_another_owners_name_is_refused, AUTHORITY, "approval.name-taken",
       "Another registered owner approves a program under a name that is taken.")
{
    _cleanup_key_ struct key *other = key_generate();
    uint8_t spki[SPKI_LEN];
    struct idevs_error err;

    key_spki(other, spki);
    assert_true(registry_add_owner(host.station.issuer.registry, "other", spki, &err));
    approval_is_refused(this, other, APPROVAL_TYPE);
}

/* ---- platforms ---- */

#define PLATFORMS "/v1/platforms", PLATFORM_REQUEST_TYPE

static void enrolment_is_refused(const struct attack *this, const struct key *key,
                                 const char *token)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_PLATFORM_REQUEST);

    station_platform_request(key, token, &b);
    authority_refuses(this, PLATFORMS, buffer_bytes(&b));
}

ATTACK(an_enrolment_token_used_twice_is_refused, AUTHORITY, "platform.token",
       "Somebody who saw an enrolment token enrols a second platform with it.")
{
    _cleanup_key_ struct key *own = key_generate();

    enrolment_is_refused(this, own, "token"); /* which enrolled the station's platform */
}

ATTACK(an_old_enrolment_token_is_refused, AUTHORITY, "platform.token",
       "Somebody finds an enrolment token whose time is over.")
{
    _cleanup_key_ struct key *own = key_generate();

    station_token(&host.station, "old token", TIER_ISOLATED, clock_unix() - 1);
    enrolment_is_refused(this, own, "old token");
}

ATTACK(
    an_enrolment_that_was_seen_enrols_no_other_key, AUTHORITY, "platform.token",
    "The launcher takes the proof of the token out of an enrolment that passes by and enrols a key "
    "of its own.")
{
    _cleanup_key_ struct key *theirs = key_generate();
    _cleanup_key_ struct key *own = key_generate();
    _cleanup_buffer_ struct buffer seen = buffer_up_to(LIMIT_PLATFORM_REQUEST);
    _cleanup_buffer_ struct buffer payload = buffer_up_to(LIMIT_PLATFORM_REQUEST);
    _cleanup_buffer_ struct buffer stolen = buffer_up_to(LIMIT_PLATFORM_REQUEST);
    struct platform_request r;
    struct cose_sign1 m;

    station_token(&host.station, "fresh token", TIER_ISOLATED, clock_unix() + 600);
    station_platform_request(theirs, "fresh token", &seen);
    assert_true(cose_decode(buffer_bytes(&seen), &m) && platform_request_decode(m.payload, &r));
    key_spki(own, r.spki);
    assert_true(platform_request_encode(&r, &payload) &&
                cose_sign(own, PLATFORM_REQUEST_TYPE, buffer_bytes(&payload), &stolen));
    authority_refuses(this, PLATFORMS, buffer_bytes(&stolen));
}

ATTACK(a_changed_enrolment_is_refused, AUTHORITY, "platform.request",
       "The launcher adds a back end to an enrolment that passes by.")
{
    _cleanup_key_ struct key *theirs = key_generate();
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_PLATFORM_REQUEST);

    station_token(&host.station, "fresh token", TIER_ISOLATED, clock_unix() + 600);
    station_platform_request(theirs, "fresh token", &b);
    uint8_t *at = memmem(b.data, b.len, "process", 7);
    assert_non_null(at);
    memcpy(at, "microvm", 7);
    authority_refuses(this, PLATFORMS, buffer_bytes(&b));
}

/* ---- the signer, were the authority's front taken over ---- */

static void signer_refuses(const struct attack *this, const struct signer_request *r)
{
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_CERTIFICATE);
    struct idevs_error err = {0};

    assert_false(signer_ask(&host.station.issuer.signer, r, &der, &err));
    assert_int_equal(der.len, 0);
    attack_refused(this, SIGNER, err.code);
}

/* What the front would ask for the station's program; `claims` is set up here. */
static struct signer_request honest_request(struct buffer *claims)
{
    struct eat_claims c = E->claims;
    int64_t now = clock_unix();

    snprintf(c.tier, sizeof(c.tier), "isolated");
    snprintf(c.breakers, sizeof(c.breakers), "root of the host");
    snprintf(c.policy, sizeof(c.policy), "test");
    snprintf(c.owner, sizeof(c.owner),
             "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
    *claims = buffer_up_to(LIMIT_SIGNER_CLAIMS);
    assert_true(eat_encode(&c, claims));
    return (struct signer_request){.tier = TIER_ISOLATED,
                                   .program = "free-ride",
                                   .spki = bytes_of(E->program_spki, SPKI_LEN),
                                   .not_before = now,
                                   .not_after = now + LIMIT_CERTIFICATE_LIFE,
                                   .claims = buffer_bytes(claims)};
}

ATTACK(the_signer_signs_for_an_hour_at_most, SIGNER, "signer.request",
       "Whoever has taken over the authority's front asks its signer for a certificate of a year.")
{
    _cleanup_buffer_ struct buffer claims;
    struct signer_request r = honest_request(&claims);

    r.not_after = r.not_before + 365 * 86400;
    signer_refuses(this, &r);
}

ATTACK(
    the_signer_signs_for_now_alone, SIGNER, "signer.request",
    "Whoever has taken over the authority's front asks its signer for a certificate of next month.")
{
    _cleanup_buffer_ struct buffer claims;
    struct signer_request r = honest_request(&claims);

    r.not_before += 30 * 86400;
    r.not_after += 30 * 86400;
    signer_refuses(this, &r);
}

ATTACK(the_signer_signs_no_claims_of_another_tier, SIGNER, "signer.request",
       "Whoever has taken over the authority's front has claims of one tier signed by the key of "
       "another.")
{
    _cleanup_buffer_ struct buffer claims;
    struct signer_request r = honest_request(&claims);

    r.tier = TIER_HARDWARE;
    signer_refuses(this, &r);
}

ATTACK(the_signer_signs_no_name_that_is_none, SIGNER, "signer.request",
       "Whoever has taken over the authority's front asks for a name that would end in another "
       "trust domain.")
{
    _cleanup_buffer_ struct buffer claims;
    struct signer_request r = honest_request(&claims);

    snprintf(r.program, sizeof(r.program), "../../other.example/x");
    signer_refuses(this, &r);
}

ATTACK(the_signer_signs_no_bare_evidence, SIGNER, "signer.request",
       "Whoever has taken over the authority's front has evidence signed that nobody appraised.")
{
    _cleanup_buffer_ struct buffer claims;
    struct signer_request r = honest_request(&claims);
    struct eat_claims c = E->claims;

    snprintf(c.tier, sizeof(c.tier), "isolated");
    buffer_clear(&claims);
    assert_true(eat_encode(&c, &claims));
    r.claims = buffer_bytes(&claims);
    signer_refuses(this, &r);
}

static const struct attack *const ATTACKS[] = {
    ROW(a_certificate_request_replayed_is_refused),
    ROW(a_challenge_of_the_launchers_is_refused),
    ROW(an_old_challenge_is_refused),
    ROW(evidence_over_another_challenge_is_refused),
    ROW(evidence_over_another_key_is_refused),
    ROW(evidence_for_another_authority_is_refused),
    ROW(evidence_of_a_platform_that_is_not_enrolled_is_refused),
    ROW(evidence_in_the_name_of_another_platform_is_refused),
    ROW(changed_evidence_is_refused),
    ROW(evidence_signed_for_another_purpose_is_refused),
    ROW(evidence_of_an_unknown_kind_is_refused),
    ROW(evidence_cut_off_at_any_byte_is_refused),
    ROW(a_result_in_evidence_is_refused),
    ROW(a_back_end_that_was_not_enrolled_is_refused),
    ROW(a_program_that_can_be_debugged_is_refused),
    ROW(a_manifest_other_than_the_measured_is_refused),
    ROW(a_manifest_that_means_another_authority_is_refused),
    ROW(a_manifest_that_logs_in_the_open_is_refused),
    ROW(a_manifest_in_a_second_encoding_is_refused),
    ROW(another_source_is_refused),
    ROW(another_toolchain_is_refused),
    ROW(an_executable_of_unknown_origin_is_refused),
    ROW(the_name_of_another_owners_program_is_refused),
    ROW(a_request_for_a_key_that_one_does_not_hold_is_refused),
    ROW(a_certificate_request_cut_off_is_refused),
    ROW(a_body_over_the_authoritys_limit_is_refused),
    ROW(an_approval_of_a_stranger_is_refused),
    ROW(an_approval_in_an_owners_name_is_refused),
    ROW(a_changed_approval_is_refused),
    ROW(another_signed_text_is_no_approval),
    ROW(an_approval_of_the_future_is_refused),
    ROW(an_approval_from_before_its_owner_was_removed_is_refused),
    ROW(an_approval_of_another_owners_name_is_refused),
    ROW(an_enrolment_token_used_twice_is_refused),
    ROW(an_old_enrolment_token_is_refused),
    ROW(an_enrolment_that_was_seen_enrols_no_other_key),
    ROW(a_changed_enrolment_is_refused),
    ROW(the_signer_signs_for_an_hour_at_most),
    ROW(the_signer_signs_for_now_alone),
    ROW(the_signer_signs_no_claims_of_another_tier),
    ROW(the_signer_signs_no_name_that_is_none),
    ROW(the_signer_signs_no_bare_evidence),
};

int main(int argc, char **argv)
{
    const struct area area = {.name = "authority",
                              .begin = host_begin_authority,
                              .end = host_end,
                              .control = control,
                              .attacks = ATTACKS,
                              .n = ARRAY_LEN(ATTACKS)};

    return area_main(&area, argc, argv);
}
