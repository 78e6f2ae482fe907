#include "compartment/executable.h"
#include "../test.h"
#include "base/fd.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

/* A head that is taken, and two segments of it. */
struct image {
    Elf64_Ehdr head;
    Elf64_Phdr segments[2];
};

static struct image good(void)
{
    struct image i = {.head = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1},
                               .e_type = ET_DYN,
                               .e_phoff = sizeof(Elf64_Ehdr),
                               .e_phentsize = sizeof(Elf64_Phdr),
                               .e_phnum = 2},
                      .segments = {{.p_type = PT_LOAD}, {.p_type = PT_DYNAMIC}}};

#ifdef __x86_64__
    i.head.e_machine = EM_X86_64;
#else
    i.head.e_machine = EM_AARCH64;
#endif
    return i;
}

static bool check(const struct image *i, size_t len, struct idevs_error *ret_err)
{
    _cleanup_fd_ int fd = memfd_sealed("image", bytes_of(i, len));

    return executable_check(fd, ret_err);
}

static void assert_is_refused(const struct image *i, size_t len, const char *found)
{
    struct idevs_error err = {.code = ""};

    assert_false(check(i, len, &err));
    assert_refused(&err, "compartment.executable");
    assert_string_equal(err.found, found);
}

static void a_static_one_of_this_machine_is_taken(void **state)
{
    struct image i = good();

    (void)state;
    assert_true(check(&i, sizeof(i), NULL));
    i.head.e_type = ET_EXEC;
    assert_true(check(&i, sizeof(i), NULL));
}

static void one_for_another_machine_is_refused_by_its_name(void **state)
{
    struct image i = good();

    (void)state;
    i.head.e_machine = EM_RISCV;
    assert_is_refused(&i, sizeof(i), "riscv");
    i.head.e_machine = 0xfeff;
    assert_is_refused(&i, sizeof(i), "another machine");
    i = good();
    i.head.e_ident[EI_CLASS] = ELFCLASS32;
    i.head.e_machine = EM_386;
    assert_is_refused(&i, sizeof(i), "i386");
}

static void what_cannot_start_by_itself_is_refused(void **state)
{
    struct image i = good();

    (void)state;
    i.segments[1].p_type = PT_INTERP;
    assert_is_refused(&i, sizeof(i), "a dynamically linked one");
    i = good();
    i.head.e_type = ET_REL;
    assert_is_refused(&i, sizeof(i), "an ELF file that is no executable");
    i.head.e_ident[0] = '#';
    assert_is_refused(&i, sizeof(i), "no ELF file");
}

/* The heads of segments may be said to be anywhere, and to be many. */
static void a_damaged_head_is_survived(void **state)
{
    struct image i = good();

    (void)state;
    for (size_t len = 0; len < sizeof(i.head); len++)
        assert_is_refused(&i, len, "no ELF file");
    i.head.e_phnum = 0xffff;
    i.head.e_phoff = UINT64_MAX - 8;
    check(&i, sizeof(i), NULL);
}

static void one_that_can_still_be_changed_is_refused(void **state)
{
    struct image i = good();
    struct idevs_error err;
    _cleanup_fd_ int fd = memfd_create("open", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    (void)state;
    assert_true(fd_write_all(fd, &i, sizeof(i)));
    assert_false(executable_check(fd, &err));
    assert_refused(&err, "compartment.unavailable");
}

static void more_memory_than_the_host_has_is_refused(void **state)
{
    struct idevs_error err;

    (void)state;
    assert_true(memory_check(MIB(1), NULL));
    assert_false(memory_check(UINT64_MAX, &err));
    assert_refused(&err, "compartment.too-large");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_static_one_of_this_machine_is_taken),
        cmocka_unit_test(one_for_another_machine_is_refused_by_its_name),
        cmocka_unit_test(what_cannot_start_by_itself_is_refused),
        cmocka_unit_test(a_damaged_head_is_survived),
        cmocka_unit_test(one_that_can_still_be_changed_is_refused),
        cmocka_unit_test(more_memory_than_the_host_has_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
