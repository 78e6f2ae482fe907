#include "compartment/executable.h"
#include "base/attr.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#else
#error "which ELF machine is this?"
#endif

/* Of segments that are looked at: a static executable has about ten. */

static const char *machine_name(unsigned machine)
{
    static const struct {
        unsigned machine;
        const char *name;
    } NAMES[] = {
        {EM_X86_64, "x86-64"}, {EM_AARCH64, "aarch64"}, {EM_386, "i386"},
        {EM_ARM, "arm"},       {EM_RISCV, "riscv"},
    };

    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++)
        if (NAMES[i].machine == machine)
            return NAMES[i].name;
    return "another machine";
}

static bool refuse_elf(struct idevs_error *ret_err, const char *found)
{
    char expected[96];

    snprintf(expected, sizeof(expected), "a static ELF executable for %s", machine_name(MACHINE));
    return refuse_expecting(ret_err, "compartment.executable", expected, "%s", found);
}

/* One that names an interpreter needs files, which are not there inside. */
static bool names_interpreter(int fd, const Elf64_Ehdr *head)
{
    for (unsigned i = 0; i < head->e_phnum; i++) {
        Elf64_Phdr segment;
        off_t at = (off_t)(head->e_phoff + i * sizeof(segment));
        if (pread(fd, &segment, sizeof(segment), at) != sizeof(segment))
            return false; /* the kernel will not take it either */
        if (segment.p_type == PT_INTERP)
            return true;
    }
    return false;
}

bool executable_check(int fd, struct idevs_error *ret_err)
{
    const int sealed = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
    int seals = fcntl(fd, F_GET_SEALS);
    Elf64_Ehdr head;

    if (seals < 0 || (seals & sealed) != sealed)
        return refuse(ret_err, "compartment.unavailable", "an executable that is not sealed");
    if (pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
        memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
        return refuse_elf(ret_err, "no ELF file");
    if (head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_machine != MACHINE)
        return refuse_elf(ret_err, machine_name(head.e_machine));
    if (head.e_type != ET_EXEC && head.e_type != ET_DYN)
        return refuse_elf(ret_err, "an ELF file that is no executable");
    if (names_interpreter(fd, &head))
        return refuse_elf(ret_err, "a dynamically linked one");
    return true;
}

bool memory_check(uint64_t memory, struct idevs_error *ret_err)
{
    struct sysinfo host;

    if (sysinfo(&host) < 0)
        return refuse_errno(ret_err, "compartment.unavailable", "memory of the host");
    uint64_t most = (uint64_t)host.totalram * host.mem_unit;
    if (memory <= most)
        return true;
    return refuse(ret_err, "compartment.too-large", "%llu MiB, on a host that has %llu",
                  (unsigned long long)(memory >> 20), (unsigned long long)(most >> 20));
}
