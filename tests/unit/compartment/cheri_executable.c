#include "compartment/cheri_executable.h"
#include "../test.h"
#include "base/fd.h"

#include <elf.h>

#define LINKER  "/libexec/ld-elf-c18n.so.1"
#define PURECAP 0x00010000 /* e_flags: the Morello supplement to the ELF for AArch64 */

/* A head that is taken, and its segments. */
struct image {
    Elf64_Ehdr head;
    Elf64_Phdr segments[2];
    char linker[sizeof(LINKER)];
};

static struct image good(void)
{
    return (struct image){
        .head = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1},
                 .e_type = ET_DYN,
                 .e_machine = EM_AARCH64,
                 .e_flags = PURECAP,
                 .e_phoff = offsetof(struct image, segments),
                 .e_phentsize = sizeof(Elf64_Phdr),
                 .e_phnum = 2},
        .segments = {{.p_type = PT_LOAD},
                     {.p_type = PT_INTERP,
                      .p_offset = offsetof(struct image, linker),
                      .p_filesz = sizeof(LINKER)}},
        .linker = LINKER,
    };
}

static void assert_is_refused(const struct image *i, size_t len, const char *found)
{
    _cleanup_fd_ int fd = memfd_sealed("image", bytes_of(i, len));
    struct idevs_error err = {.code = ""};

    assert_false(cheri_executable_check(fd, LINKER, &err));
    assert_refused(&err, "compartment.executable");
    assert_string_equal(err.found, found);
}

static void a_pure_capability_one_is_taken(void **state)
{
    struct image i = good();
    _cleanup_fd_ int fd = memfd_sealed("image", bytes_of(&i, sizeof(i)));

    (void)state;
    assert_true(cheri_executable_check(fd, LINKER, NULL));
}

static void another_machines_is_refused(void **state)
{
    struct image i = good();

    (void)state;
    i.head.e_machine = EM_X86_64;
    assert_is_refused(&i, sizeof(i), "one for another machine");
    i = good();
    i.head.e_ident[EI_DATA] = ELFDATA2MSB;
    assert_is_refused(&i, sizeof(i), "one for another machine");
    i = good();
    i.head.e_type = ET_REL;
    assert_is_refused(&i, sizeof(i), "an ELF file that is no executable");
}

static void one_whose_pointers_are_integers_is_refused(void **state)
{
    struct image i = good();

    (void)state;
    i.head.e_flags = 0;
    assert_is_refused(&i, sizeof(i), "one whose pointers are integers");
}

static void one_that_makes_no_compartments_is_refused(void **state)
{
    static const char found[] = "one that is not linked by the linker of compartments";
    struct image i = good();

    (void)state;
    strcpy(i.linker, "/libexec/ld-elf.so.1");
    assert_is_refused(&i, sizeof(i), found);
    i = good();
    i.segments[1].p_type = PT_NOTE; /* static */
    assert_is_refused(&i, sizeof(i), found);
    i = good();
    i.segments[1].p_filesz = UINT64_MAX;
    assert_is_refused(&i, sizeof(i), found);
    i = good();
    i.segments[1].p_offset = UINT64_MAX;
    assert_is_refused(&i, sizeof(i), found);
    i = good();
    i.head.e_phoff = UINT64_MAX - 8;
    assert_is_refused(&i, sizeof(i), found);
    i = good();
    i.head.e_phentsize = 1;
    assert_is_refused(&i, sizeof(i), found);
}

static void each_prefix_is_refused(void **state)
{
    struct image i = good();

    (void)state;
    for (size_t n = 0; n < offsetof(struct image, linker) + sizeof(LINKER); n++) {
        _cleanup_fd_ int fd = memfd_sealed("image", bytes_of(&i, n));
        assert_false(cheri_executable_check(fd, LINKER, NULL));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pure_capability_one_is_taken),
        cmocka_unit_test(another_machines_is_refused),
        cmocka_unit_test(one_whose_pointers_are_integers_is_refused),
        cmocka_unit_test(one_that_makes_no_compartments_is_refused),
        cmocka_unit_test(each_prefix_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
