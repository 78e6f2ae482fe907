/* idevs_open: what is attested, and who may certify and sign. */
#include "peer.h"
#include "test.h"

#include "wire/cbor.h"

/* Opens against a peer with that fault; the code of the refusal, "" when it worked. */
static const char *open_with(enum peer_fault fault)
{
    static struct idevs_error err;
    struct peer p;

    peer_init(&p);
    p.fault = fault;
    p.silent_authority = fault == PEER_HONEST ? 2 : 0;
    peer_start(&p);
    struct runtime_options options = peer_options(&p);
    err = (struct idevs_error){0};
    idevs_close(runtime_open(&options, &err));
    peer_end(&p);
    return err.code;
}

static void a_program_opens_attested_certified_and_with_keys(void **state)
{
    struct peer p;
    struct idevs_error err;
    (void)state;
    peer_init(&p);
    peer_start(&p);
    struct runtime_options options = peer_options(&p);
    struct idevs *ip = runtime_open(&options, &err);
    assert_non_null(ip);
    assert_int_equal(p.n_certificates, 1);
    assert_int_equal(p.n_key_fetches, PEER_SERVICES);
    for (size_t i = 0; i < PEER_SERVICES; i++)
        assert_memory_equal(&ip->services[i].keys, &p.services[i].config,
                            sizeof(p.services[i].config));
    idevs_close(ip);
    peer_end(&p);
}

static void the_steps_of_the_start_are_reported_under_the_papers_names(void **state)
{
    static const char *const NAMES[] = {"exchangeKeys", "generateCertificate",
                                        "generateAttestableDoc", "getIntegratedServices"};
    struct peer p;
    size_t n;
    (void)state;
    peer_init(&p);
    peer_start(&p);
    struct runtime_options options = peer_options(&p);
    idevs_close(runtime_open(&options, NULL));
    peer_join(&p);
    assert_true(cbor_is_valid(buffer_bytes(&p.spans)));
    struct reader r = reader_of(buffer_bytes(&p.spans));
    assert_true(cbor_get_map(&r, &n));
    assert_int_equal(n, ARRAY_LEN(NAMES));
    for (size_t i = 0; i < n; i++) {
        struct bytes name = {0};
        uint64_t ns = 0;
        assert_true(cbor_get_text(&r, &name) && cbor_get_uint(&r, &ns));
        assert_true(bytes_equal_text(name, NAMES[i]));
        assert_true(ns > 0);
    }
    peer_end(&p);
}

static void an_authority_that_is_out_is_asked_again(void **state)
{
    (void)state;
    assert_string_equal(open_with(PEER_HONEST), "");
}

static void an_authority_with_the_next_root_is_found(void **state)
{
    (void)state;
    assert_string_equal(open_with(PEER_SECOND_ANCHOR), "");
}

static void what_is_wrong_at_the_start_is_refused(void **state)
{
    static const struct {
        enum peer_fault fault;
        const char *code;
    } CASES[] = {
        {PEER_WRONG_CHAIN, "certificate.chain"},    {PEER_FOREIGN_KEY, "certificate.key"},
        {PEER_STALE, "certificate.expired"},        {PEER_SWAPPED_KEYS, "certificate.name"},
        {PEER_WRONG_HOST, "certificate.name"},      {PEER_REFUSES, "approval.missing"},
        {PEER_SHORT_CHALLENGE, "authority.answer"}, {PEER_MALFORMED, "frame.malformed"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++)
        assert_string_equal(open_with(CASES[i].fault), CASES[i].code);
}

static void keys_under_another_ca_are_refused(void **state)
{
    struct peer p;
    struct idevs_error err;
    (void)state;
    peer_init(&p);
    p.manifest.services[0].anchors[0] = certificate_der(p.root);
    peer_start(&p);
    struct runtime_options options = peer_options(&p);
    assert_null(runtime_open(&options, &err));
    assert_refused(&err, "certificate.chain");
    peer_end(&p);
}

static void a_manifest_over_its_limits_is_refused(void **state)
{
    struct peer p;
    struct idevs_error err;
    (void)state;
    peer_init(&p);
    peer_start(&p);
    pthread_mutex_lock(&p.lock);
    p.manifest_cbor.len--;
    pthread_mutex_unlock(&p.lock);
    struct runtime_options options = peer_options(&p);
    assert_null(runtime_open(&options, &err));
    assert_refused(&err, "manifest.syntax");
    peer_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_opens_attested_certified_and_with_keys),
        cmocka_unit_test(the_steps_of_the_start_are_reported_under_the_papers_names),
        cmocka_unit_test(an_authority_that_is_out_is_asked_again),
        cmocka_unit_test(an_authority_with_the_next_root_is_found),
        cmocka_unit_test(what_is_wrong_at_the_start_is_refused),
        cmocka_unit_test(keys_under_another_ca_are_refused),
        cmocka_unit_test(a_manifest_over_its_limits_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
