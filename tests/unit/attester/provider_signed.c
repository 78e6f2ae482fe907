#include "../test.h"
#include "attester/attester.h"
#include "crypto/digest.h"
#include "exchange/cose.h"
#include "wire/cmw.h"

static const char MAP[] =
    "7f0000000000-7f0000100000 r--p 00000000 00:01 1  /memfd:executable (deleted)\n"
    "7f0000100000-7f0000300000 r-xp 00100000 00:01 1  /memfd:executable (deleted)\n"
    "7f0000300000-7f0000400000 rw-p 00000000 00:00 0\n";

static const struct attester_host HOST = {
    .cpu_model = "Some CPU", .cpu_version = "family 1", .kernel = "Linux 6.1", .n_cpus = 2};

static struct attester_run some_run(void)
{
    return (struct attester_run){
        .executable = {true, {1}},
        .manifest = {true, {2}},
        .back_end = "process",
        .memory = 64 << 20,
        .memory_map = bytes_of_text(MAP),
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
    assert_true(claims.memory_map.present);
    assert_string_equal(claims.memory_map_summary,
                        "3 mappings, 4.0 MiB; writable 1.0, executable 2.0, both 0.0 MiB");
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

static void a_broken_map_is_summarised_too(void **state)
{
    char summary[LIMIT_EAT_TEXT];

    (void)state;
    attester_summarise_map(bytes_of_text("garbage\n5-4 rwxp\n0-100000 rwxp"), summary);
    assert_string_equal(summary, "1 mappings, 1.0 MiB; writable 1.0, executable 1.0, both 1.0 MiB");
    attester_summarise_map(bytes_of(NULL, 0), summary);
    assert_non_null(strstr(summary, "0 mappings"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evidence_verifies_and_says_what_was_measured),
        cmocka_unit_test(what_was_not_compiled_here_has_no_source),
        cmocka_unit_test(the_processor_is_read_from_its_lines),
        cmocka_unit_test(a_broken_map_is_summarised_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
