#include "../test.h"
#include "attester/attester.h"
#include "crypto/digest.h"
#include "exchange/cose.h"
#include "wire/cmw.h"

static const struct attester_host HOST = {
    .cpu_model = "Some CPU", .cpu_version = "family 1", .kernel = "Linux 6.1", .n_cpus = 2};

static struct attester_run some_run(void)
{
    return (struct attester_run){
        .executable = {true, {1}},
        .manifest = {true, {2}},
        .back_end = "process",
        .memory = 64 << 20,
        .isolates = true,
        .measured = {.memory_map = {true, {5}}, .memory_map_summary = "3 mappings"},
    };
}

static void evidence_verifies_and_says_what_was_measured(void **state)
{
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_public_key_ struct public_key *public = public_key_of(key);
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_EVIDENCE);
    struct attester_run run = some_run();
    uint8_t report_data[REPORT_DATA_LEN] = {9, 8, 7};
    struct bytes type;
    struct bytes cose;
    struct bytes payload;
    struct eat_claims claims;

    (void)state;
    run.source = (struct eat_digest){true, {3}};
    run.toolchain = (struct eat_digest){true, {4}};
    assert_true(attest_provider_signed(key, &HOST, &run, report_data, 1000, &b));
    assert_true(cmw_decode(buffer_bytes(&b), &type, &cose));
    assert_true(bytes_equal_text(type, CMW_EAT_CWT));
    assert_true(cose_verify(public, CMW_EAT_CWT, cose, &payload));
    assert_true(eat_decode(payload, &claims));
    assert_memory_equal(claims.nonce, report_data, REPORT_DATA_LEN);
    assert_int_equal(claims.executable.sha256[0], 1);
    assert_int_equal(claims.manifest.sha256[0], 2);
    assert_true(claims.source.present && claims.source.sha256[0] == 3);
    assert_true(claims.toolchain.present && claims.toolchain.sha256[0] == 4);
    assert_string_equal(claims.back_end, "process");
    assert_int_equal(claims.debug, EAT_DEBUG_DISABLED);
    assert_int_equal(claims.n_cpus, 2);
    assert_true(claims.measured.memory_map.present);
    assert_string_equal(claims.measured.memory_map_summary, "3 mappings");
    b.data[b.len - 1] ^= 1;
    assert_true(cmw_decode(buffer_bytes(&b), &type, &cose));
    assert_false(cose_verify(public, CMW_EAT_CWT, cose, &payload));
}

static void what_was_not_compiled_here_has_no_source(void **state)
{
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_public_key_ struct public_key *public = public_key_of(key);
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_EVIDENCE);
    const struct attester_run run = some_run();
    uint8_t report_data[REPORT_DATA_LEN] = {0};
    struct bytes type;
    struct bytes cose;
    struct bytes payload;
    struct eat_claims claims;

    (void)state;
    assert_true(attest_provider_signed(key, &HOST, &run, report_data, 1000, &b));
    assert_true(cmw_decode(buffer_bytes(&b), &type, &cose));
    assert_true(cose_verify(public, CMW_EAT_CWT, cose, &payload));
    assert_true(eat_decode(payload, &claims));
    assert_false(claims.source.present);
    assert_false(claims.toolchain.present);
}

static void the_processor_is_read_from_its_lines(void **state)
{
    struct attester_host host = {0};

    (void)state;
    attester_parse_cpuinfo("processor\t: 0\ncpu family\t: 26\nmodel\t\t: 2\n"
                           "model name\t: AMD \x01 EPYC\nstepping\t: 1\nmicrocode\t: 0x1\n",
                           &host);
    assert_string_equal(host.cpu_model, "AMD ? EPYC");
    assert_string_equal(host.cpu_version, "family 26 model 2 stepping 1 microcode 0x1");
    attester_parse_cpuinfo("", &host);
    assert_string_equal(host.cpu_model, "unknown");
    assert_string_equal(host.cpu_version, "unknown");
}

/* The values are those that the paper's authors print for their Morello boards, and more. */
static void the_processor_is_taken_from_freebsds_values(void **state)
{
    struct attester_host host = {.n_cpus = 0};

    (void)state;
    attester_take_sysctl("Research Morello SoC r0p0", "aarch64c", 4, &host);
    assert_string_equal(host.cpu_model, "Research Morello SoC r0p0");
    assert_string_equal(host.cpu_version, "aarch64c");
    assert_int_equal(host.n_cpus, 4);
    attester_take_sysctl("a\nb", "", -1, &host);
    assert_string_equal(host.cpu_model, "a?b");
    assert_string_equal(host.cpu_version, "unknown");
    assert_int_equal(host.n_cpus, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evidence_verifies_and_says_what_was_measured),
        cmocka_unit_test(what_was_not_compiled_here_has_no_source),
        cmocka_unit_test(the_processor_is_read_from_its_lines),
        cmocka_unit_test(the_processor_is_taken_from_freebsds_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
