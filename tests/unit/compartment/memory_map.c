#include "compartment/memory_map.h"
#include "../test.h"

static const char MAP[] =
    "7f0000000000-7f0000100000 r--p 00000000 00:01 1  /memfd:executable (deleted)\n"
    "7f0000100000-7f0000300000 r-xp 00100000 00:01 1  /memfd:executable (deleted)\n"
    "7f0000300000-7f0000400000 rw-p 00000000 00:00 0\n";

static void a_map_is_digested_and_summed_up(void **state)
{
    struct eat_measured m = {.n_components = 0};

    (void)state;
    memory_map_measure(bytes_of_text(MAP), &m);
    assert_true(m.memory_map.present);
    assert_int_equal(m.memory_map.sha256[0], 0x39); /* sha256sum of it */
    assert_string_equal(m.memory_map_summary,
                        "3 mappings, 4.0 MiB; writable 1.0, executable 2.0, both 0.0 MiB");
}

static void a_broken_map_is_summarised_too(void **state)
{
    struct eat_measured m = {.n_components = 0};

    (void)state;
    memory_map_measure(bytes_of_text("garbage\n5-4 rwxp\n0-100000 rwxp"), &m);
    assert_string_equal(m.memory_map_summary,
                        "1 mappings, 1.0 MiB; writable 1.0, executable 1.0, both 1.0 MiB");
    memory_map_measure(bytes_of(NULL, 0), &m);
    assert_non_null(strstr(m.memory_map_summary, "0 mappings"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_is_digested_and_summed_up),
        cmocka_unit_test(a_broken_map_is_summarised_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
