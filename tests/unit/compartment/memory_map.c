#include "compartment/memory_map.h"
#include "../test.h"
#include "compartment/hardening.h"

static const char MAP[] =
    "7f0000000000-7f0000100000 r--p 00000000 00:01 1  /memfd:executable (deleted)\n"
    "7f0000100000-7f0000300000 r-xp 00100000 00:01 1  /memfd:executable (deleted)\n"
    "7f0000300000-7f0000400000 rw-p 00000000 00:00 0\n";

static const char REDUCED[] = "1048576 r--p /memfd:executable (deleted)\n"
                              "2097152 r-xp /memfd:executable (deleted)\n"
                              "1048576 rw-p \n";

static void a_map_is_digested_and_summed_up(void **state)
{
    struct eat_measured m = {.n_components = 0};

    (void)state;
    assert_true(memory_map_measure(bytes_of_text(MAP), &m));
    assert_true(m.memory_map.present);
    assert_int_equal(m.memory_map.sha256[0], 0x0e); /* sha256sum of REDUCED */
    assert_string_equal(eat_component_text(&m, EAT_MEMORY), EAT_ORDINARY);
    assert_string_equal(m.memory_map_summary,
                        "3 mappings, 4.0 MiB; writable 1.0, executable 2.0, both 0.0 MiB");
}

static void a_broken_map_is_summarised_too(void **state)
{
    struct eat_measured m = {.n_components = 0};

    (void)state;
    assert_true(memory_map_measure(bytes_of_text("garbage\n5-4 rwxp\n0-100000 rwxp"), &m));
    assert_string_equal(m.memory_map_summary,
                        "1 mappings, 1.0 MiB; writable 1.0, executable 1.0, both 1.0 MiB");
    assert_true(memory_map_measure(bytes_of(NULL, 0), &m));
    assert_non_null(strstr(m.memory_map_summary, "0 mappings"));
}

static void the_same_mappings_elsewhere_are_the_same_to_the_digest(void **state)
{
    static const char ELSEWHERE[] =
        "550000000000-550000100000 r--p 00000000 00:0a 7 /memfd:executable (deleted)\n"
        "550000100000-550000300000 r-xp 00100000 00:0a 7 /memfd:executable (deleted)\n"
        "7e0000300000-7e0000400000 rw-p 00000000 00:00 0\n";
    _cleanup_buffer_ struct buffer here = buffer_up_to(KIB(4));
    _cleanup_buffer_ struct buffer there = buffer_up_to(KIB(4));
    _cleanup_buffer_ struct buffer none = buffer_up_to(8);

    (void)state;
    assert_true(memory_map_reduce(bytes_of_text(MAP), &here));
    assert_true(memory_map_reduce(bytes_of_text(ELSEWHERE), &there));
    assert_true(bytes_equal_text(buffer_bytes(&here), REDUCED));
    assert_true(bytes_equal_text(buffer_bytes(&there), REDUCED));
    assert_false(memory_map_reduce(bytes_of_text(MAP), &none));
}

static void memory_is_secret_when_all_that_is_writable_is(void **state)
{
    static const struct {
        const char *map;
        bool secret;
    } MAPS[] = {
        {"1000-2000 r-xp 0 0:0 0 /program\n2000-3000 rw-s 0 0:e 9 /secretmem (deleted)\n", true},
        {"2000-3000 rw-s 0 0:e 9 /secretmem (deleted)", true},
        {"2000-3000 rw-s 0 0:e 9 /secretmem (deleted)\n3000-4000 rw-p 0 0:0 0 [stack]\n", false},
        {"2000-3000 rw-s 0 0:e 9 /secretmem (deleted)\n3000-4000 -w-p 0 0:0 0\n", false},
        {"2000-3000 rw-s 0 0:e 9 /dev/secretmem\n", false},
        {"2000-3000 rw-s 0 0:e 9 /secret\n", false},
        {"1000-2000 r-xp 0 0:0 0 /program\n", false},
        {"", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(MAPS); i++)
        assert_int_equal(memory_map_is_secret(bytes_of_text(MAPS[i].map)), MAPS[i].secret);
}

static void hardening_is_said_in_the_kernels_words(void **state)
{
    struct eat_measured m = {.n_components = 0};
    char text[LIMIT_EAT_TEXT];

    (void)state;
    hardening_describe("1", "none [integrity] confidentiality", text);
    assert_string_equal(text, "Yama ptrace_scope 1, lockdown integrity");
    hardening_describe("", "", text);
    assert_string_equal(text, "Yama absent, lockdown absent");
    hardening_measure(&m);
    assert_int_equal(strncmp(eat_component_text(&m, EAT_HARDENING), "Yama ", 5), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_is_digested_and_summed_up),
        cmocka_unit_test(a_broken_map_is_summarised_too),
        cmocka_unit_test(the_same_mappings_elsewhere_are_the_same_to_the_digest),
        cmocka_unit_test(memory_is_secret_when_all_that_is_writable_is),
        cmocka_unit_test(hardening_is_said_in_the_kernels_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
