#include "compartment/cheri_executable.h"
#include "base/buffer.h"

#include <elf.h>
#include <unistd.h>

/* The Morello supplement to the ELF for AArch64: e_flags of pure-capability code. Linux's elf.h
 * does not have it. */
#define FLAG_PURECAP 0x00010000
#define SEGMENTS     64 /* that are looked at */

static bool refuse_elf(struct idevs_error *ret_err, const char *found)
{
    return refuse_expecting(ret_err, "compartment.executable",
                            "a pure-capability ELF executable for Morello", "%s", found);
}

/* Whether the text at `at`, `len` bytes with its NUL, is `linker`. */
static bool is_text(int fd, uint64_t at, uint64_t len, const char *linker)
{
    char text[128];

    return len == strlen(linker) + 1 && len <= sizeof(text) && at <= INT64_MAX &&
           pread(fd, text, len, (off_t)at) == (ssize_t)len && memcmp(text, linker, len) == 0;
}

/* False when there is no such segment, or another linker in it. */
static bool is_linked_by(int fd, const Elf64_Ehdr *head, const char *linker)
{
    Elf64_Phdr segment;

    if (head->e_phentsize != sizeof(segment) || head->e_phoff > INT32_MAX)
        return false;
    for (unsigned i = 0; i < head->e_phnum && i < SEGMENTS; i++) {
        off_t at = (off_t)(head->e_phoff + i * sizeof(segment));
        if (pread(fd, &segment, sizeof(segment), at) != sizeof(segment))
            return false;
        if (segment.p_type == PT_INTERP)
            return is_text(fd, segment.p_offset, segment.p_filesz, linker);
    }
    return false;
}

bool cheri_executable_check(int fd, const char *linker, struct idevs_error *ret_err)
{
    Elf64_Ehdr head;

    if (pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
        memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
        return refuse_elf(ret_err, "no ELF file");
    if (head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_ident[EI_DATA] != ELFDATA2LSB ||
        head.e_machine != EM_AARCH64)
        return refuse_elf(ret_err, "one for another machine");
    if (head.e_type != ET_EXEC && head.e_type != ET_DYN)
        return refuse_elf(ret_err, "an ELF file that is no executable");
    if (!(head.e_flags & FLAG_PURECAP))
        return refuse_elf(ret_err, "one whose pointers are integers");
    if (!is_linked_by(fd, &head, linker))
        return refuse_elf(ret_err, "one that is not linked by the linker of compartments");
    return true;
}
