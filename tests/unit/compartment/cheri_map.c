/* The format is that of procstat(1) in CheriBSD: its man page names the columns, and
 * usr.bin/procstat/procstat_vm.c prints them. The texts here were written for these tests after
 * that source, in both of its forms (releases up to 24.05 print five flags, later ones six): they
 * are no recordings. With arguments, FILE PID LINKER, it says what it makes of a recording. */
#include "compartment/cheri_map.h"
#include "../test.h"
#include "base/fd.h"

#include <stdio.h>
#include <stdlib.h>

#define LINKER "/libexec/ld-elf-c18n.so.1"
#define HEAD   "  PID              START                END PRT    RES PRES REF SHD FLAG  TP PATH\n"

static const char MAP[] = HEAD
    " 4711           0x100000           0x200000 r--R-    3    9   3   1 CN--- vn /run/program\n"
    " 4711           0x200000           0x210000 -----    0    0   0   0 ----- -- \n"
    " 4711           0x210000           0x410000 r-xR-    2    9   3   1 CN--- vn /run/program\n"
    " 4711         0x40000000         0x40100000 r-xR-   26   37  32  16 CN--- vn " LINKER "\n"
    " 4711         0x40100000         0x40200000 rwxRW    1   11   3   0 ----- sw \n"
    " 4711         0x60000000         0x60400000 rw-RW   13   13   1   0 ----- sw \n"
    " 4711     0xffffbff80000     0xfffffff60000 -----    0    0   0   0 G---- gd \n"
    " 4711     0xfffffff60000     0xfffffff80000 rw-RW    3    3   1   0 ---D- sw \n"
    " 4711     0xfffffffff000    0x1000000000000 r-x--    1    1  52   0 ----- ph \n";

/* With the sixth flag, and without a space behind a type that has no path. */
static const char NEWER[] =
    "  PID              START                END PRT    RES PRES REF SHD FLAG   TP PATH\n"
    "    7           0x100000           0x200000 r--R-    3    9   3   1 CN---- vn " LINKER "\n"
    "    7           0x200000           0x300000 rw-RW    1    1   1   0 -----c sw\n";

static bool measure(const char *text, pid_t pid, struct eat_measured *ret)
{
    *ret = (struct eat_measured){.n_components = 0};
    return cheri_map_measure(bytes_of_text(text), pid, LINKER, ret);
}

static void a_map_is_digested_and_summed_up(void **state)
{
    struct eat_measured m;

    (void)state;
    assert_true(measure(MAP, 4711, &m));
    assert_true(m.memory_map.present);
    assert_string_equal(m.memory_map_summary,
                        "9 mappings, 9.1 MiB; writable 5.1, executable 4.0, both 1.0, "
                        "capabilities 9.1");
}

/* sha256sum of "1048576 r--R- vn " LINKER "\n1048576 rw-RW sw \n". */
static void the_digest_is_over_sizes_rights_types_and_paths(void **state)
{
    static const uint8_t WANTED[4] = {0xb2, 0xde, 0xa0, 0xda};
    struct eat_measured m;

    (void)state;
    assert_true(measure(NEWER, 7, &m));
    assert_memory_equal(m.memory_map.sha256, WANTED, sizeof(WANTED));
}

static void where_it_lies_and_what_is_resident_does_not_change_the_digest(void **state)
{
    static const char ELSEWHERE[] = HEAD
        "   12           0x900000           0xa00000 r--R-    1    1   1   1 C---- vn " LINKER "\n"
        "   12           0xb00000           0xc00000 rw-RW    9    9   9   9 ----- sw \n";
    struct eat_measured here;
    struct eat_measured there;

    (void)state;
    assert_true(measure(NEWER, 7, &here));
    assert_true(measure(ELSEWHERE, 12, &there));
    assert_memory_equal(here.memory_map.sha256, there.memory_map.sha256, 32);
}

static void a_map_of_another_process_is_refused(void **state)
{
    struct eat_measured m;

    (void)state;
    assert_false(measure(MAP, 4712, &m));
    assert_false(measure(MAP, 0, &m));
    assert_false(measure(MAP, -1, &m));
    assert_false(m.memory_map.present);
}

/* Without it there are no compartments, whatever was asked of proccontrol. */
static void a_map_without_the_linker_of_compartments_is_refused(void **state)
{
    struct eat_measured m = {.n_components = 0};

    (void)state;
    assert_false(cheri_map_measure(bytes_of_text(NEWER), 7, "/libexec/ld-elf.so.1", &m));
}

#define GOOD                                                                                       \
    "    7           0x100000           0x200000 r--R-    3    9   3   1 CN--- vn " LINKER "\n"
#define LINE(text) HEAD GOOD text "\n"

static const char *const BROKEN[] = {
    "",
    HEAD,
    GOOD,           /* no head */
    HEAD GOOD "\n", /* an empty line */
    "PID START END PRT RES PRES REF SHD FLAG TP\n" GOOD,
    "PID START END PRT RES PRES REF SHD FLAG TP PATH MORE\n" GOOD,
    HEAD "    7           0x100000           0x200000 r--R-    3    9   3   1 CN--- vn " LINKER,
    LINE("8 0x200000 0x300000 rw-RW 1 1 1 0 ----- sw"), /* shares its memory with another */
    LINE("- 0x200000 0x300000 rw-RW 1 1 1 0 ----- sw"),
    LINE("7 0x1fffff 0x300000 rw-RW 1 1 1 0 ----- sw"), /* overlaps */
    LINE("7 0x50000 0x60000 rw-RW 1 1 1 0 ----- sw"),   /* out of order */
    LINE("7 0x300000 0x300000 rw-RW 1 1 1 0 ----- sw"), /* nothing */
    LINE("7 0x400000 0x300000 rw-RW 1 1 1 0 ----- sw"),
    LINE("7 200000 0x300000 rw-RW 1 1 1 0 ----- sw"),
    LINE("7 0x0200000 0x300000 rw-RW 1 1 1 0 ----- sw"),
    LINE("7 0x20000G 0x300000 rw-RW 1 1 1 0 ----- sw"),
    LINE("7 0x200000 0x3000000000000000f rw-RW 1 1 1 0 ----- sw"), /* 65 bits and more */
    LINE("7 0x200000 0x10000000000000 rw-RW 1 1 1 0 ----- sw"),    /* 53 bits */
    LINE("7 0x200000 0x300000 rw- 1 1 1 0 ----- sw"),              /* not CheriBSD's */
    LINE("7 0x200000 0x300000 rw-RWX 1 1 1 0 ----- sw"),
    LINE("7 0x200000 0x300000 wr-RW 1 1 1 0 ----- sw"),
    LINE("7 0x200000 0x300000 rw-RW 1 1 1 ----- sw"),
    LINE("7 0x200000 0x300000 rw-RW -1 1 1 0 ----- sw"),
    LINE("7 0x200000 0x300000 rw-RW 1 1 1 99999999999 ----- sw"),
    LINE("7 0x200000 0x300000 rw-RW 1 1 1 0 ---- sw"),
    LINE("7 0x200000 0x300000 rw-RW 1 1 1 0 ------- sw"),
    LINE("7 0x200000 0x300000 rw-RW 1 1 1 0 N---- sw"),
    LINE("7 0x200000 0x300000 rw-RW 1 1 1 0 ----- zz"),
    LINE("7 0x200000 0x300000 rw-RW 1 1 1 0 -----"),
    LINE("7 0x200000 0x300000 rw-RW 1 1 1 0 ----- vn /a\x01"),
    LINE("7 0x200000 0x300000 rw-RW 1 1 1 0 ----- vn /a\xff"),
};

static void what_is_no_map_is_refused_whole(void **state)
{
    struct eat_measured m;

    (void)state;
    assert_true(measure(HEAD GOOD, 7, &m));
    assert_true(measure(LINE("7 0x200000 0x300000 rw-RW 1 1 1 0 ----- sw"), 7, &m));
    for (size_t i = 0; i < ARRAY_LEN(BROKEN); i++)
        if (measure(BROKEN[i], 7, &m) || m.memory_map.present)
            fail_msg("taken: %s", BROKEN[i]);
}

static void each_prefix_of_a_map_is_refused_or_ends_with_a_line(void **state)
{
    struct eat_measured m;

    (void)state;
    for (size_t n = 0; n < sizeof(MAP) - 1; n++) {
        /* In room of its own, so that whoever looks past its end is seen. */
        char *copy = malloc(n + 1);
        memcpy(copy, MAP, n);
        m = (struct eat_measured){.n_components = 0};
        if (cheri_map_measure(bytes_of(copy, n), 4711, LINKER, &m))
            assert_int_equal(copy[n - 1], '\n');
        free(copy);
    }
}

/* Each mapping is sound; one byte less is taken. */
static void a_map_over_the_limit_is_refused(void **state)
{
    static char text[LIMIT_MEMORY_MAP + 1];
    static const char START[] = HEAD GOOD "7 0x200000 0x300000 rw-RW 1 1 1 0 ----- vn /";
    struct eat_measured m = {.n_components = 0};

    (void)state;
    memset(text, 'x', sizeof(text)); /* a long path */
    memcpy(text, START, sizeof(START) - 1);
    text[LIMIT_MEMORY_MAP] = '\n';
    assert_false(cheri_map_measure(bytes_of(text, LIMIT_MEMORY_MAP + 1), 7, LINKER, &m));
    text[LIMIT_MEMORY_MAP - 1] = '\n';
    assert_true(cheri_map_measure(bytes_of(text, LIMIT_MEMORY_MAP), 7, LINKER, &m));
}

static int tell(const char *path, const char *pid, const char *linker)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_MEMORY_MAP);
    struct eat_measured m = {.n_components = 0};
    struct idevs_error err;

    if (!file_read(path, &b, &err)) {
        printf("%s: %s\n", err.code, err.found);
        return 1;
    }
    bool taken = cheri_map_measure(buffer_bytes(&b), (pid_t)strtol(pid, NULL, 10), linker, &m);
    printf("%s\n", taken ? m.memory_map_summary : "not taken");
    return taken ? 0 : 1;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_is_digested_and_summed_up),
        cmocka_unit_test(the_digest_is_over_sizes_rights_types_and_paths),
        cmocka_unit_test(where_it_lies_and_what_is_resident_does_not_change_the_digest),
        cmocka_unit_test(a_map_of_another_process_is_refused),
        cmocka_unit_test(a_map_without_the_linker_of_compartments_is_refused),
        cmocka_unit_test(what_is_no_map_is_refused_whole),
        cmocka_unit_test(each_prefix_of_a_map_is_refused_or_ends_with_a_line),
        cmocka_unit_test(a_map_over_the_limit_is_refused),
    };

    if (argc == 4)
        return tell(argv[1], argv[2], argv[3]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
