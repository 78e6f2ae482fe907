/* The TPM's side and OpenSSL's side of one credential, and quotes, on software TPMs. */
#include "attester/tpm.h"
#include "../test.h"
#include "crypto/credential.h"
#include "crypto/digest.h"
#include "exchange/attestation.h"
#include "exchange/cose.h"
#include "soft_tpm.h"
#include "wire/cmw.h"

#include <unistd.h>

/* The suite starts two and uses them in turns: each test opens its own connection. */
static struct soft_tpm first;
static struct soft_tpm second;

struct host {
    struct tpm *tpm;
    struct buffer ak;
};

static struct host open_host(const struct soft_tpm *soft)
{
    struct idevs_error err = {0};
    struct host h = {tpm_open(soft_tpm_connect(soft), &err), buffer_up_to(KIB(1))};

    if (!h.tpm || !tpm_take_key(h.tpm, &h.ak, &err))
        fail_msg("%s: %s", err.code, err.found);
    return h;
}

static void close_host(struct host *h)
{
    tpm_close(h->tpm);
    buffer_free(&h->ak);
}
#define _cleanup_host_ _cleanup_(close_host)

static struct vendor_key *endorsement_key(struct tpm *t)
{
    struct idevs_error err = {0};
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_CERTIFICATE);

    if (!tpm_read_endorsement(t, &der, &err))
        fail_msg("%s: %s", err.code, err.found);
    _cleanup_certificate_ struct certificate *c = certificate_parse(buffer_bytes(&der), &err);
    assert_non_null(c);
    return vendor_key_of(c);
}

static const uint8_t SECRET[TPM_SECRET_LEN] = {1, 2, 3, 4};

static void make_credential(const struct vendor_key *ek, struct bytes ak, struct buffer *b)
{
    assert_non_null(ek);
    assert_true(credential_make(ek, ak, SECRET, b));
}

static void assert_opened(struct tpm *tpm, bool on_p256, struct bytes credential)
{
    struct idevs_error err = {0};
    uint8_t got[TPM_SECRET_LEN];

    if (!tpm_activate(tpm, on_p256, credential, got, &err))
        fail_msg("%s: %s", err.code, err.found);
    assert_memory_equal(got, SECRET, sizeof(SECRET));
}

static void a_credential_is_opened_by_the_tpm_and_key_that_it_is_for(void **state)
{
    _cleanup_host_ struct host h = open_host(&first);
    _cleanup_vendor_key_ struct vendor_key *ek = endorsement_key(h.tpm);
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_TPM_CREDENTIAL);
    (void)state;
    make_credential(ek, buffer_bytes(&h.ak), &b);
    assert_opened(h.tpm, false, buffer_bytes(&b));
}

static void a_credential_for_an_endorsement_key_on_p256_is_opened_too(void **state)
{
    uint8_t point[TPM_POINT_LEN];
    _cleanup_host_ struct host h = open_host(&first);
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_TPM_CREDENTIAL);
    (void)state;
    soft_tpm_endorsement_point(&first, point);
    _cleanup_vendor_key_ struct vendor_key *ek =
        vendor_key_from_point(VENDOR_P256, bytes_of(point, sizeof(point)));
    make_credential(ek, buffer_bytes(&h.ak), &b);
    assert_opened(h.tpm, true, buffer_bytes(&b));
}

static void a_credential_for_another_tpm_or_another_key_stays_shut(void **state)
{
    struct idevs_error err = {0};
    uint8_t got[TPM_SECRET_LEN];
    _cleanup_host_ struct host mine = open_host(&first);
    _cleanup_host_ struct host other = open_host(&second);
    _cleanup_vendor_key_ struct vendor_key *my_ek = endorsement_key(mine.tpm);
    _cleanup_vendor_key_ struct vendor_key *other_ek = endorsement_key(other.tpm);
    _cleanup_buffer_ struct buffer for_other_tpm = buffer_up_to(LIMIT_TPM_CREDENTIAL);
    _cleanup_buffer_ struct buffer for_other_key = buffer_up_to(LIMIT_TPM_CREDENTIAL);
    (void)state;
    make_credential(other_ek, buffer_bytes(&mine.ak), &for_other_tpm);
    make_credential(my_ek, buffer_bytes(&other.ak), &for_other_key);
    assert_false(tpm_activate(mine.tpm, false, buffer_bytes(&for_other_tpm), got, &err));
    assert_refused(&err, "tpm.credential");
    assert_false(tpm_activate(mine.tpm, false, buffer_bytes(&for_other_key), got, &err));
    assert_refused(&err, "tpm.credential");
}

static void every_changed_byte_of_a_credential_keeps_it_shut(void **state)
{
    struct idevs_error err = {0};
    uint8_t got[TPM_SECRET_LEN];
    _cleanup_host_ struct host h = open_host(&first);
    _cleanup_vendor_key_ struct vendor_key *ek = endorsement_key(h.tpm);
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_TPM_CREDENTIAL);
    (void)state;
    make_credential(ek, buffer_bytes(&h.ak), &b);
    for (size_t i = 0; i < b.len; i += 29) { /* each costs the TPM an endorsement key */
        b.data[i] ^= 1;
        assert_false(tpm_activate(h.tpm, false, buffer_bytes(&b), got, &err));
        assert_refused(&err, "tpm.credential");
        b.data[i] ^= 1;
    }
    assert_true(tpm_activate(h.tpm, false, buffer_bytes(&b), got, &err));
}

static void the_attestation_key_is_kept_by_the_tpm(void **state)
{
    _cleanup_host_ struct host before = open_host(&first);
    _cleanup_host_ struct host after = open_host(&first);
    _cleanup_host_ struct host other = open_host(&second);
    (void)state;
    assert_true(bytes_equal(buffer_bytes(&before.ak), buffer_bytes(&after.ak)));
    assert_false(bytes_equal(buffer_bytes(&before.ak), buffer_bytes(&other.ak)));
}

/* A TPMT_SIGNATURE of ECDSA: algorithm, hash, r, s. */
static bool quote_is_signed_by(struct bytes quote, struct bytes ak)
{
    struct reader r = reader_of(quote);
    struct bytes part = bytes_of("", 0);
    struct bytes message = {0};
    uint16_t n = 0;
    uint8_t point[TPM_POINT_LEN];
    uint8_t signature[ES256_LEN] = {0};

    assert_true(reader_u16(&r, &n) && reader_bytes(&r, n, &message));
    assert_true(reader_u16(&r, &n) && n == 0x18 && reader_u16(&r, &n) && n == 0x0b);
    for (size_t i = 0; i < 2; i++) {
        assert_true(reader_u16(&r, &n) && n <= 32 && reader_bytes(&r, n, &part));
        memcpy(signature + 32 * (i + 1) - n, part.data, n);
    }
    assert_int_equal(reader_left(&r), 0);
    assert_true(tpm_ak_decode(ak, point));
    _cleanup_vendor_key_ struct vendor_key *key =
        vendor_key_from_point(VENDOR_P256, bytes_of(point, sizeof(point)));
    return vendor_key_verify(key, VENDOR_ES256, message, bytes_of(signature, sizeof(signature)));
}

static void evidence_is_quoted_over_what_the_platform_key_signed(void **state)
{
    static const struct attester_host host = {
        .cpu_model = "Some CPU", .cpu_version = "1", .kernel = "Linux", .n_cpus = 2};
    const struct attester_run run = {.executable = {true, {1}},
                                     .manifest = {true, {2}},
                                     .back_end = "process",
                                     .isolates = true,
                                     .memory = 1};
    const uint8_t report_data[REPORT_DATA_LEN] = {9};
    struct tpm_evidence evidence;
    struct bytes type;
    struct bytes value;
    uint8_t nonce[TPM_DIGEST_LEN];
    _cleanup_key_ struct key *platform = key_generate();
    _cleanup_public_key_ struct public_key *public = public_key_of(platform);
    _cleanup_host_ struct host h = open_host(&first);
    _cleanup_host_ struct host other = open_host(&second);
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_EVIDENCE);
    (void)state;
    assert_true(attest_tpm(h.tpm, 0xff, platform, &host, &run, report_data, 1000, &b));
    assert_true(cmw_decode(buffer_bytes(&b), &type, &value));
    assert_true(bytes_equal_text(type, TPM_EVIDENCE_TYPE));
    assert_true(tpm_evidence_decode(value, &evidence));
    assert_true(cose_verify(public, CMW_EAT_CWT, evidence.claims, &value));
    assert_true(quote_is_signed_by(evidence.quote, buffer_bytes(&h.ak)));
    assert_false(quote_is_signed_by(evidence.quote, buffer_bytes(&other.ak)));
    tpm_evidence_nonce(evidence.claims, nonce);
    assert_non_null(memmem(evidence.quote.data, evidence.quote.len, nonce, sizeof(nonce)));
}

static void registers_are_a_list_in_ascending_order(void **state)
{
    static const char *const bad[] = {"", ",", "0,", ",0", "1,0", "1,1", "24", "x", "0 1", "-1"};
    uint32_t got = 0;
    (void)state;
    assert_true(tpm_parse_registers("0,2,23", &got));
    assert_int_equal(got, 1u << 0 | 1u << 2 | 1u << 23);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (tpm_parse_registers(bad[i], &got))
            fail_msg("accepted '%s'", bad[i]);
}

static void what_is_no_tpm_is_refused(void **state)
{
    struct idevs_error err = {0};
    int ends[2];
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(1));
    (void)state;
    assert_int_equal(pipe(ends), 0);
    close(ends[1]);
    struct tpm *t = tpm_open(ends[0], &err); /* it can be read and never answers */
    assert_true(!t || !tpm_take_key(t, &b, &err));
    assert_refused(&err, "tpm.unavailable");
    tpm_close(t);
}

static int start(void **state)
{
    (void)state;
    soft_tpm_start(&first);
    soft_tpm_start(&second);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    soft_tpm_stop(&first);
    soft_tpm_stop(&second);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_credential_is_opened_by_the_tpm_and_key_that_it_is_for),
        cmocka_unit_test(a_credential_for_an_endorsement_key_on_p256_is_opened_too),
        cmocka_unit_test(a_credential_for_another_tpm_or_another_key_stays_shut),
        cmocka_unit_test(every_changed_byte_of_a_credential_keeps_it_shut),
        cmocka_unit_test(the_attestation_key_is_kept_by_the_tpm),
        cmocka_unit_test(evidence_is_quoted_over_what_the_platform_key_signed),
        cmocka_unit_test(registers_are_a_list_in_ascending_order),
        cmocka_unit_test(what_is_no_tpm_is_refused),
    };

    if (!soft_tpm_exists()) {
        print_message("no swtpm and swtpm_setup here\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, start, stop);
}
