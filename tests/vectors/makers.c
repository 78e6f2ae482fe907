/* Real reports, quotes and documents, played to our makers as the kernel would hand them out: what
 * they make of them is what our verifiers take, at the time at which those were genuine. */
#include "real.h"

#include "attester/recorded_device.h"
#include "attester/recorded_tree.h"

#define SNP   "sev-snp/"
#define TDX   "tdx/"
#define NITRO "nitro/"

static const uint8_t DATA[REPORT_DATA_LEN] = {1};

static const char *path_in(const char *folder, const char *file)
{
    static char ret[256];

    snprintf(ret, sizeof(ret), "%s/%s", folder, file);
    return ret;
}

/* At which it was genuine; those that say nothing are so to this day. */
static int64_t time_of(const char *folder)
{
    json_t *expected = published(path_in(folder, "expected.json"));
    bool says = json_object_get(expected, "verify_at_unix");
    int64_t at = says ? number(expected, "verify_at_unix") : 1764000000;

    json_decref(expected);
    return at;
}

/* What a maker made becomes the evidence and the endorsements. */
static void take(const struct hardware_evidence *made, struct example *x)
{
    struct idevs_error err;

    x->verifier = hardware_verifier(made->format);
    assert_non_null(x->verifier);
    x->evidence = buffer_up_to(LIMIT_HARDWARE_EVIDENCE);
    assert_true(buffer_append_bytes(&x->evidence, buffer_bytes(&made->evidence)));
    if (made->endorsements.len &&
        !endorsements_add(&x->endorsements, "host", buffer_bytes(&made->endorsements), &err))
        fail_msg("%s: %s", err.code, err.found);
}

/* The tree is afterwards as it was. */
static void make(const struct tsm *tsm, struct example *x)
{
    _cleanup_hardware_evidence_ struct hardware_evidence made = {.format = NULL};
    struct idevs_error err;

    if (!tsm_make(tsm, DATA, &made, &err))
        fail_msg("%s: %s", err.code, err.found);
    tree_is_clean();
    take(&made, x);
}

/* Base64url of a JSON text, without padding. */
static struct buffer octets_of(const json_t *record, const char *name)
{
    struct buffer b = buffer_up_to(LIMIT_HARDWARE_EVIDENCE);

    assert_true(base64url_decode(bytes_of_text(text(record, name)), &b));
    return b;
}

/* All three attributes as somebody recorded them on a Genoa host, its table of certificates too:
 * nothing but AMD's root is needed beside it. */
static void a_recorded_tree_of_snp_is_made_and_accepted(void **state)
{
    json_t *record = published(SNP "genoa-v3-veraison-tsm/sevsnp-tsm-report.json");
    _cleanup_buffer_ struct buffer out = octets_of(record, "outblob");
    _cleanup_buffer_ struct buffer aux = octets_of(record, "auxblob");
    const struct tsm tsm = tree_of(text(record, "provider"), buffer_bytes(&out));
    struct example _cleanup_example_ x = {.at = time_of(SNP "genoa-v3-veraison-tsm")};

    (void)state;
    tree.has_aux = true;
    tree.auxblob = buffer_bytes(&aux);
    make(&tsm, &x);
    assert_int_equal(x.endorsements.n_certificates, 3);
    example_is_accepted(&x);
    example_trust(&x, SNP "roots/ark_milan.pem");
    example_is_refused(&x, "certificate.chain");
    json_decref(record);
}

/* Reports without their host's table: it is made of the published certificates. */
static void real_reports_with_a_table_are_made_and_accepted(void **state)
{
    static const char *const FOLDERS[] = {SNP "milan-v2-trustee", SNP "milan-v2-virtee",
                                          SNP "milan-v3-oak"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(FOLDERS); i++) {
        _cleanup_buffer_ struct buffer table = buffer_up_to(LIMIT_TSM_BLOB);
        _cleanup_buffer_ struct buffer report = published_file(path_in(FOLDERS[i], "report.bin"));
        _cleanup_buffer_ struct buffer vcek = published_file(path_in(FOLDERS[i], "vcek.der"));
        _cleanup_buffer_ struct buffer ask = published_file(SNP "roots/ask_milan.pem");
        _cleanup_buffer_ struct buffer ark = published_file(SNP "roots/ark_milan.pem");
        const struct table_item items[] = {{TABLE_ARK, buffer_bytes(&ark)},
                                           {TABLE_ASK, buffer_bytes(&ask)},
                                           {TABLE_VCEK, buffer_bytes(&vcek)}};
        const struct tsm tsm = tree_of("sev_guest\n", buffer_bytes(&report));
        struct example _cleanup_example_ x = {.at = time_of(FOLDERS[i])};
        table_make(items, ARRAY_LEN(items), &table);
        tree.has_aux = true;
        tree.auxblob = buffer_bytes(&table);
        make(&tsm, &x);
        example_is_accepted(&x);
    }
}

static void real_quotes_are_made_and_accepted(void **state)
{
    static const char *const FOLDERS[] = {TDX "v4-openenclave", TDX "v4-trustee-b",
                                          TDX "v5-gotdxguest"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(FOLDERS); i++) {
        _cleanup_buffer_ struct buffer quote = published_file(path_in(FOLDERS[i], "quote.bin"));
        const struct tsm tsm = tree_of("tdx_guest\n", buffer_bytes(&quote));
        struct example _cleanup_example_ x = {.at = time_of(FOLDERS[i])};
        make(&tsm, &x);
        example_trust(&x, TDX "roots/Intel_SGX_Provisioning_Certification_RootCA.pem");
        example_is_accepted(&x);
    }
}

static void real_documents_are_made_and_accepted(void **state)
{
    static const char *const FOLDERS[] = {NITRO "2021-anjuna-pubkey", NITRO "2022-evervault-valid",
                                          NITRO "2023-anjuna-prod"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(FOLDERS); i++) {
        _cleanup_buffer_ struct buffer document =
            published_file(path_in(FOLDERS[i], "document.cbor"));
        _cleanup_buffer_ struct buffer answer = buffer_up_to(LIMIT_NSM_ANSWER);
        struct example _cleanup_example_ x = {.at = time_of(FOLDERS[i])};
        _cleanup_hardware_evidence_ struct hardware_evidence made = {.format = NULL};
        struct idevs_error err;
        device_wrap(buffer_bytes(&document), &answer);
        const struct nsm nsm = device_of(buffer_bytes(&answer));
        if (!nsm_make(&nsm, DATA, &made, &err))
            fail_msg("%s: %s", err.code, err.found);
        take(&made, &x);
        example_is_accepted(&x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_recorded_tree_of_snp_is_made_and_accepted),
        cmocka_unit_test(real_reports_with_a_table_are_made_and_accepted),
        cmocka_unit_test(real_quotes_are_made_and_accepted),
        cmocka_unit_test(real_documents_are_made_and_accepted),
    };

    if (!published_is_here(SNP) || !published_is_here(TDX) || !published_is_here(NITRO))
        return SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
