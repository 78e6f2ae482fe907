/* The certificate beside a request: of another program, tier, time or authority, changed, forged,
 * or one that grants less than is asked for. */
#include "stage.h"

#include "base/text.h"
#include "wire/cmw.h"

#include <stdio.h>
#include <unistd.h>

/* ---- certificates that are not the program's ---- */

/* A genuine-looking leaf for `p->key`, which is made here: tests spoil one of its fields. */
struct leaf {
    struct certificate_fields fields;
    uint8_t spki[SPKI_LEN];
};

static void leaf_begin(struct leaf *leaf, struct actor_program *p)
{
    struct bytes cmw;

    *p = (struct actor_program){.key = key_generate()};
    key_spki(p->key, leaf->spki);
    assert_true(certificate_cmw(store.program.chain.at[0], &cmw));
    leaf->fields = (struct certificate_fields){.subject = "free-ride",
                                               .spki = leaf->spki,
                                               .not_before = clock_unix() - 60,
                                               .not_after = clock_unix() + 1800,
                                               .client_auth = true,
                                               .uri = TEST_PROGRAM,
                                               .cmw = cmw};
}

static struct certificate *copy_of(const struct certificate *c)
{
    return certificate_parse(certificate_der(c), NULL);
}

/* Issues it; the chain is the leaf and its issuer. */
static void leaf_issue(const struct leaf *leaf, const struct certificate *issuer,
                       const struct key *key, struct actor_program *p)
{
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_CERTIFICATE);

    assert_true(certificate_make(&leaf->fields, issuer, key, &der));
    p->chain.at[0] = certificate_parse(buffer_bytes(&der), NULL);
    assert_non_null(p->chain.at[0]);
    p->chain.n = 1;
    if (issuer)
        p->chain.at[p->chain.n++] = copy_of(issuer);
    certificate_sha256(p->chain.at[0], p->keyid);
    p->cert = p->cert_chain = buffer_up_to(2 * LIMIT_CHAIN_BYTES);
    assert_true(client_cert_encode(&p->chain, &p->cert, &p->cert_chain));
}

/* A read signed by `p` and sent beside its certificate. */
static void reads_as(const struct attack *this, const struct actor_program *p)
{
    const struct http_message m = actor_request("GET", "/ok", NULL, NULL, bytes_of(NULL, 0));
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(KIB(64));
    _cleanup_answer_ struct answer a;

    actor_seal(p, &store.keys, &m, clock_unix(), &x, &sealed);
    assert_true(world_post(&store, p, buffer_bytes(&sealed), &x, &a));
    gateway_refused(this, &a);
}

/* The leaf as it stands, under the accepted tier. */
static void leaf_is_refused(const struct attack *this, const struct leaf *leaf,
                            struct actor_program *p)
{
    leaf_issue(leaf, store.tier.certificate, store.tier.key, p);
    reads_as(this, p);
    actor_program_free(p);
}

/* A program under `ca` whose claims differ. */
static void claims_are_refused(const struct attack *this, const struct actor_ca *ca,
                               const struct actor_program_fields *fields)
{
    struct actor_program p;

    actor_program_make(&p, ca, fields, clock_unix());
    reads_as(this, &p);
    actor_program_free(&p);
}

ATTACK(a_certificate_of_another_authority_is_refused, GATEWAY, "certificate.chain",
       "An authority of the launcher's, with all the names of the real one, certifies a program.")
{
    struct actor_ca ca;

    actor_ca_make(&ca, "isolated", clock_unix());
    claims_are_refused(this, &ca, NULL);
    actor_ca_free(&ca);
}

ATTACK(a_certificate_of_a_lower_tier_is_refused, GATEWAY, "certificate.chain",
       "The launcher runs the program on a development platform, whose CA the service does not "
       "accept.")
{
    const struct actor_program_fields fields = {.tier = "development"};
    struct actor_ca ca;

    actor_ca_make(&ca, "development", clock_unix());
    claims_are_refused(this, &ca, &fields);
    actor_ca_free(&ca);
}

ATTACK(a_self_signed_certificate_is_refused, GATEWAY, "certificate.chain",
       "A program certifies itself.")
{
    struct actor_program p;
    struct leaf leaf;

    leaf_begin(&leaf, &p);
    leaf_issue(&leaf, NULL, p.key, &p);
    reads_as(this, &p);
    actor_program_free(&p);
}

ATTACK(a_program_that_certifies_another_is_refused, GATEWAY, "certificate.chain",
       "A program uses its own certificate as a CA's and certifies another.")
{
    struct actor_program p;
    struct leaf leaf;

    leaf_begin(&leaf, &p);
    leaf_issue(&leaf, store.program.chain.at[0], store.program.key, &p);
    p.chain.at[p.chain.n++] = copy_of(store.tier.certificate);
    buffer_clear(&p.cert);
    buffer_clear(&p.cert_chain);
    assert_true(client_cert_encode(&p.chain, &p.cert, &p.cert_chain));
    reads_as(this, &p);
    actor_program_free(&p);
}

ATTACK(the_certificate_of_the_ca_is_none_of_a_program, GATEWAY, "certificate.malformed",
       "The launcher attaches the tier CA's own certificate.")
{
    struct actor_program p;
    struct leaf leaf;

    leaf_begin(&leaf, &p);
    leaf.fields.is_ca = true;
    leaf_is_refused(this, &leaf, &p);
}

ATTACK(a_service_certificate_is_none_of_a_program, GATEWAY, "certificate.malformed",
       "A service that one CA certified together with the programs attaches its own certificate.")
{
    struct actor_program p;
    struct leaf leaf;

    leaf_begin(&leaf, &p);
    leaf.fields.client_auth = false;
    leaf.fields.server_auth = true;
    leaf_is_refused(this, &leaf, &p);
}

ATTACK(a_certificate_for_two_purposes_is_refused, GATEWAY, "certificate.malformed",
       "A certificate is for servers as well as for programs.")
{
    struct actor_program p;
    struct leaf leaf;

    leaf_begin(&leaf, &p);
    leaf.fields.server_auth = true;
    leaf_is_refused(this, &leaf, &p);
}

ATTACK(a_certificate_without_attestation_is_refused, GATEWAY, "certificate.malformed",
       "A certificate of the right CA has no attestation result.")
{
    struct actor_program p;
    struct leaf leaf;

    leaf_begin(&leaf, &p);
    leaf.fields.cmw = bytes_of(NULL, 0);
    leaf_is_refused(this, &leaf, &p);
}

ATTACK(evidence_is_no_attestation_result, GATEWAY, "certificate.malformed",
       "A certificate of the right CA carries the same claims as evidence, not as the authority's "
       "result.")
{
    _cleanup_buffer_ struct buffer cmw = buffer_up_to(LIMIT_CERTIFICATE);
    struct bytes type;
    struct bytes claims;
    struct actor_program p;
    struct leaf leaf;

    leaf_begin(&leaf, &p);
    assert_true(cmw_decode(leaf.fields.cmw, &type, &claims) &&
                cmw_encode(CMW_EAT_CWT, claims, &cmw));
    leaf.fields.cmw = buffer_bytes(&cmw);
    leaf_is_refused(this, &leaf, &p);
}

ATTACK(a_certificate_with_two_names_is_refused, GATEWAY, "certificate.malformed",
       "A certificate names a host beside the program.")
{
    struct actor_program p;
    struct leaf leaf;

    leaf_begin(&leaf, &p);
    leaf.fields.host = "127.0.0.1";
    leaf_is_refused(this, &leaf, &p);
}

/* ---- time ---- */

ATTACK(an_expired_certificate_is_refused, GATEWAY, "certificate.expired",
       "The launcher attaches a certificate whose hour is over.")
{
    const struct actor_program_fields fields = {.not_before = clock_unix() - 3700,
                                                .not_after = clock_unix() - 100};

    claims_are_refused(this, &store.tier, &fields);
}

ATTACK(a_certificate_of_the_future_is_refused, GATEWAY, "certificate.expired",
       "The launcher attaches a certificate that is not valid yet.")
{
    const struct actor_program_fields fields = {.not_before = clock_unix() + 1000,
                                                .not_after = clock_unix() + 4600};

    claims_are_refused(this, &store.tier, &fields);
}

/* From the first refusal on there is no other answer; before it, the service hears each read. */
ATTACK(a_certificate_is_refused_from_its_end_on, GATEWAY, "certificate.expired",
       "The launcher goes on with a certificate that was accepted (and is cached) until it ends.")
{
    const struct actor_program_fields fields = {.not_after = clock_unix() + 2};
    const struct http_message m = actor_request("GET", "/ok", NULL, NULL, bytes_of(NULL, 0));
    struct actor_program p;
    unsigned served = 0;

    actor_program_make(&p, &store.tier, &fields, clock_unix());
    for (bool refused = false; !refused; usleep(100000)) {
        _cleanup_exchange_ struct exchange x;
        _cleanup_buffer_ struct buffer sealed = buffer_up_to(KIB(64));
        _cleanup_answer_ struct answer a;
        actor_seal(&p, &store.keys, &m, clock_unix(), &x, &sealed);
        assert_true(world_post(&store, &p, buffer_bytes(&sealed), &x, &a));
        refused = !a.sealed;
        served += !refused;
        assert_true(served < 100);
        if (refused)
            attack_refused(this, GATEWAY, refusal_of(&a));
    }
    assert_int_equal(fake_service_count(&store.service), served);
    actor_program_free(&p);
}

/* ---- what a genuine certificate does not grant ---- */

ATTACK(a_program_that_policy_does_not_name_is_refused, GATEWAY, "policy.program",
       "A program that the authority certified, but the service does not serve, reads.")
{
    static const char *const IDS[] = {"spiffe://free-ride.example/program/other",
                                      "spiffe://other.example/program/free-ride",
                                      "spiffe://free-ride.example/program/free-ride/x",
                                      "spiffe://free-ride.example/program/free-rid",
                                      "SPIFFE://free-ride.example/program/free-ride"};

    for (size_t i = 0; i < ARRAY_LEN(IDS); i++) {
        const struct actor_program_fields fields = {.id = IDS[i]};
        claims_are_refused(this, &store.tier, &fields);
    }
}

ATTACK(a_tier_that_policy_does_not_name_is_refused, GATEWAY, "policy.tier",
       "A CA that the service accepts certifies a program of another tier.")
{
    const struct actor_program_fields fields = {.tier = "development"};

    claims_are_refused(this, &store.tier, &fields);
}

ATTACK(a_back_end_that_policy_does_not_name_is_refused, GATEWAY, "policy.back-end",
       "A program runs without any isolation, as its certificate says.")
{
    const struct actor_program_fields fields = {.back_end = "none"};

    claims_are_refused(this, &store.tier, &fields);
}

ATTACK(another_program_under_a_known_name_is_refused, GATEWAY, "policy.code",
       "The owner approves another program under the name that the service agreed to serve.")
{
    const struct actor_program_fields fields = {.executable = 1};

    claims_are_refused(this, &store.tier, &fields);
}

ATTACK(a_program_whose_data_could_go_elsewhere_is_refused, GATEWAY, "policy.reaches",
       "The approved manifest of a known program names a service that this one's data must not "
       "reach.")
{
    const struct actor_program_fields fields = {.also = "elsewhere.example:8443"};

    claims_are_refused(this, &store.tier, &fields);
}

ATTACK(a_read_that_the_manifest_does_not_allow_is_refused, GATEWAY, "policy.reads",
       "A program reads from a service that its attested manifest does not list under `reads`.")
{
    const struct actor_program_fields fields = {.reads = "other.example:8443"};

    claims_are_refused(this, &store.tier, &fields);
}

static void writes_as(const struct attack *this, const struct actor_program *p, const char *method,
                      const char *path)
{
    const struct http_message m = actor_request(method, path, NULL, NULL, bytes_of_text("{}"));
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(KIB(64));
    _cleanup_answer_ struct answer a;

    actor_seal(p, &store.keys, &m, clock_unix(), &x, &sealed);
    assert_true(world_post(&store, p, buffer_bytes(&sealed), &x, &a));
    gateway_refused(this, &a);
}

ATTACK(a_write_that_the_manifest_does_not_allow_is_refused, GATEWAY, "policy.writes",
       "A program writes to a service that its attested manifest does not list under `writes`.")
{
    const struct actor_program_fields fields = {.writes = ""};
    struct actor_program p;

    actor_program_make(&p, &store.tier, &fields, clock_unix());
    writes_as(this, &p, "POST", "/count");
    actor_program_free(&p);
}

ATTACK(a_method_that_policy_does_not_grant_is_refused, GATEWAY, "policy.method",
       "A program uses a method that the service does not grant it.")
{
    writes_as(this, &store.program, "DELETE", "/count");
}

ATTACK(a_path_that_policy_does_not_grant_is_refused, GATEWAY, "policy.path",
       "A program uses a path that the service does not grant it.")
{
    writes_as(this, &store.program, "POST", "/counts");
}

/* ---- the launcher swaps, changes, repeats ---- */

static void attached(const struct attack *this, struct bytes cert, struct bytes cert_chain)
{
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed;

    seal_write(&store, &x, &sealed);
    struct http_message outer = actor_outer(&store.program, buffer_bytes(&sealed));
    outer.fields[1].value = cert;
    outer.fields[2].value = cert_chain;
    gateway_refuses_outer(this, &outer, &x);
}

ATTACK(the_certificate_of_another_program_is_refused, GATEWAY, "request.signature",
       "The launcher attaches the certificate of another program, which may do more, to a request.")
{
    struct actor_program other;

    actor_program_make(&other, &store.tier, NULL, clock_unix());
    attached(this, buffer_bytes(&other.cert), buffer_bytes(&other.cert_chain));
    actor_program_free(&other);
}

/* The DER of the program's leaf as a field of RFC 9440. */
static void attach_der(const struct attack *this, struct bytes der)
{
    _cleanup_buffer_ struct buffer field = buffer_up_to(LIMIT_CHAIN_BYTES);

    assert_true(buffer_append_text(&field, ":") && base64_encode(der, &field) &&
                buffer_append_text(&field, ":"));
    attached(this, buffer_bytes(&field), buffer_bytes(&store.program.cert_chain));
}

static struct buffer leaf_der(void)
{
    struct buffer der = buffer_up_to(LIMIT_CERTIFICATE + 1);

    assert_true(buffer_append_bytes(&der, certificate_der(store.program.chain.at[0])));
    return der;
}

ATTACK(changed_claims_are_refused, GATEWAY, "certificate.chain",
       "The launcher changes what the certificate says of the program's tier.")
{
    _cleanup_buffer_ struct buffer der = leaf_der();
    uint8_t *at = memmem(der.data, der.len, "hisolated", 9); /* as CBOR text */

    assert_non_null(at);
    at[3] ^= 1;
    attach_der(this, buffer_bytes(&der));
}

ATTACK(a_changed_program_name_is_refused, GATEWAY, "certificate.chain",
       "The launcher changes the program's name in its certificate.")
{
    _cleanup_buffer_ struct buffer der = leaf_der();
    uint8_t *at = memmem(der.data, der.len, "/program/free-ride", 18);

    assert_non_null(at);
    at[17] = 'f';
    attach_der(this, buffer_bytes(&der));
}

ATTACK(a_changed_certificate_signature_is_refused, GATEWAY, "certificate.chain",
       "The launcher changes the authority's signature of a certificate.")
{
    _cleanup_buffer_ struct buffer der = leaf_der();

    der.data[der.len - 1] ^= 1;
    attach_der(this, buffer_bytes(&der));
}

ATTACK(a_certificate_cut_off_at_any_byte_is_refused, GATEWAY, "certificate.malformed",
       "The launcher cuts the certificate off, at every byte of it.")
{
    _cleanup_buffer_ struct buffer der = leaf_der();

    for (size_t n = 0; n < der.len; n++)
        attach_der(this, bytes_of(der.data, n));
}

ATTACK(bytes_after_a_certificate_are_refused, GATEWAY, "certificate.malformed",
       "The launcher appends a byte to the certificate.")
{
    _cleanup_buffer_ struct buffer der = leaf_der();

    assert_true(buffer_append_u8(&der, 0));
    attach_der(this, buffer_bytes(&der));
}

ATTACK(two_certificates_are_refused, GATEWAY, "certificate.malformed",
       "The launcher attaches two certificates, for gateway and service to read one each.")
{
    struct actor_program other;
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed;

    actor_program_make(&other, &store.tier, NULL, clock_unix());
    seal_write(&store, &x, &sealed);
    struct http_message outer = actor_outer(&store.program, buffer_bytes(&sealed));
    assert_true(http_add(&outer, "client-cert", buffer_bytes(&other.cert)));
    gateway_refuses_outer(this, &outer, &x);
    actor_program_free(&other);
}

ATTACK(a_request_without_a_certificate_is_refused, GATEWAY, "certificate.malformed",
       "The launcher attaches no certificate, or one in another form than RFC 9440's.")
{
    const uint8_t *text = store.program.cert.data;

    attached(this, bytes_of(NULL, 0), bytes_of(NULL, 0));
    attached(this, bytes_of(text + 1, store.program.cert.len - 2), bytes_of(NULL, 0));
    attached(this, bytes_of_text("::"), bytes_of(NULL, 0));
    attached(this, bytes_of_text(":AA=A:"), bytes_of(NULL, 0));
}

ATTACK(a_long_chain_is_refused, GATEWAY, "certificate.malformed",
       "The launcher attaches a chain of more certificates than a chain may have.")
{
    _cleanup_buffer_ struct buffer chain = buffer_up_to(KIB(64));

    for (size_t i = 0; i < LIMIT_CHAIN; i++)
        assert_true((i == 0 || buffer_append_text(&chain, ", ")) &&
                    buffer_append_bytes(&chain, buffer_bytes(&store.program.cert_chain)));
    attached(this, buffer_bytes(&store.program.cert), buffer_bytes(&chain));
}

ATTACK(a_ca_that_the_launcher_adds_does_not_reach_the_service, GATEWAY, DROPPED,
       "The launcher adds a CA of its own to the chain, for the service to take it for verified.")
{
    struct actor_ca own;
    _cleanup_buffer_ struct buffer cert = buffer_up_to(LIMIT_CHAIN_BYTES);
    _cleanup_buffer_ struct buffer chain = buffer_up_to(LIMIT_CHAIN_BYTES);
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed;
    _cleanup_answer_ struct answer a;

    actor_ca_make(&own, "isolated", clock_unix());
    const struct chain added = {.at = {store.program.chain.at[0], own.certificate}, .n = 2};
    assert_true(client_cert_encode(&added, &cert, &chain));
    seal_write(&store, &x, &sealed);
    struct http_message outer = actor_outer(&store.program, buffer_bytes(&sealed));
    outer.fields[2].value = buffer_bytes(&chain);
    assert_true(world_send(&store, &outer, &x, &a));
    assert_int_equal(a.message.status, 201);
    assert_true(fake_service_saw(&store.service, "client-cert: "));
    assert_false(fake_service_saw(&store.service, "client-cert-chain: "));
    attack_refused(this, GATEWAY, DROPPED);
    actor_ca_free(&own);
}

static const struct attack *const ATTACKS[] = {
    ROW(a_certificate_of_another_authority_is_refused),
    ROW(a_certificate_of_a_lower_tier_is_refused),
    ROW(a_self_signed_certificate_is_refused),
    ROW(a_program_that_certifies_another_is_refused),
    ROW(the_certificate_of_the_ca_is_none_of_a_program),
    ROW(a_service_certificate_is_none_of_a_program),
    ROW(a_certificate_for_two_purposes_is_refused),
    ROW(a_certificate_without_attestation_is_refused),
    ROW(evidence_is_no_attestation_result),
    ROW(a_certificate_with_two_names_is_refused),
    ROW(an_expired_certificate_is_refused),
    ROW(a_certificate_of_the_future_is_refused),
    ROW(a_certificate_is_refused_from_its_end_on),
    ROW(a_program_that_policy_does_not_name_is_refused),
    ROW(a_tier_that_policy_does_not_name_is_refused),
    ROW(a_back_end_that_policy_does_not_name_is_refused),
    ROW(another_program_under_a_known_name_is_refused),
    ROW(a_program_whose_data_could_go_elsewhere_is_refused),
    ROW(a_read_that_the_manifest_does_not_allow_is_refused),
    ROW(a_write_that_the_manifest_does_not_allow_is_refused),
    ROW(a_method_that_policy_does_not_grant_is_refused),
    ROW(a_path_that_policy_does_not_grant_is_refused),
    ROW(the_certificate_of_another_program_is_refused),
    ROW(changed_claims_are_refused),
    ROW(a_changed_program_name_is_refused),
    ROW(a_changed_certificate_signature_is_refused),
    ROW(a_certificate_cut_off_at_any_byte_is_refused),
    ROW(bytes_after_a_certificate_are_refused),
    ROW(two_certificates_are_refused),
    ROW(a_request_without_a_certificate_is_refused),
    ROW(a_long_chain_is_refused),
    ROW(a_ca_that_the_launcher_adds_does_not_reach_the_service),
};

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static int begin(void **state)
{
    (void)state;
    return stage_begin_with(
        "tiers: [isolated]\nback_ends: [process]\nprograms:\n  - {name: '" TEST_PROGRAM
        "', methods: [GET, POST], paths: [/ok, /count], code: ['" ZEROS
        "'], reaches_only: [other.example:8443]}\n");
}

int main(int argc, char **argv)
{
    const struct area area = {.name = "certificate",
                              .begin = begin,
                              .end = stage_end,
                              .control = stage_control,
                              .attacks = ATTACKS,
                              .n = ARRAY_LEN(ATTACKS)};

    return area_main(&area, argc, argv);
}
