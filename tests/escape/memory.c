/* Memory: that is executable, more than was granted, and shared. */
#include "attempt.h"

#include <elf.h>
#include <fcntl.h>
#include <mqueue.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096

static void *page(int protection)
{
    return mmap(NULL, PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int mapped(const void *p)
{
    return went(p == MAP_FAILED ? -1 : 0);
}

/* ---- executable ---- */

ATTEMPT(no_memory_to_write_and_execute, FORBIDDEN, THROUGH, "",
        "maps memory that can be written and executed")
{
    return mapped(page(PROT_READ | PROT_WRITE | PROT_EXEC));
}

ATTEMPT(no_memory_to_execute, FORBIDDEN, THROUGH, "", "maps memory that can be executed alone")
{
    return mapped(page(PROT_EXEC));
}

ATTEMPT(written_memory_is_not_made_executable, FORBIDDEN, THROUGH, "",
        "writes code into memory and makes it executable then")
{
    void *p = page(PROT_READ | PROT_WRITE);

    return went(p == MAP_FAILED ? -1 : mprotect(p, PAGE, PROT_READ | PROT_EXEC));
}

ATTEMPT(the_stack_is_not_made_executable, FORBIDDEN, THROUGH, "", "makes its stack executable")
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0) & ~(uintptr_t)(PAGE - 1);

    return went(mprotect((void *)here, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC));
}

ATTEMPT(no_execution_by_protection_keys, FORBIDDEN, THROUGH, "",
        "makes memory executable by pkey_mprotect(2)")
{
    void *p = page(PROT_READ | PROT_WRITE);

    return went(p == MAP_FAILED ? -1
                                : syscall(SYS_pkey_mprotect, p, PAGE, PROT_READ | PROT_EXEC, -1));
}

ATTEMPT(its_own_code_is_not_made_writable_and_executable, FORBIDDEN, THROUGH, "",
        "makes its own code writable")
{
    uintptr_t code = (uintptr_t)page & ~(uintptr_t)(PAGE - 1);

    return went(mprotect((void *)code, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC));
}

/* A whole program that ends with status 0. */
static const struct {
    Elf64_Ehdr head;
    Elf64_Phdr segment;
    unsigned char code[9];
} TINY = {
    .head = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
             .e_type = ET_EXEC,
             .e_machine = EM_X86_64,
             .e_version = EV_CURRENT,
             .e_entry = 0x400000 + sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr),
             .e_phoff = sizeof(Elf64_Ehdr),
             .e_ehsize = sizeof(Elf64_Ehdr),
             .e_phentsize = sizeof(Elf64_Phdr),
             .e_phnum = 1},
    .segment = {.p_type = PT_LOAD,
                .p_flags = PF_R | PF_X,
                .p_vaddr = 0x400000,
                .p_filesz = sizeof(TINY),
                .p_memsz = sizeof(TINY),
                .p_align = PAGE},
    .code = {0x31, 0xff, 0xb8, 60, 0, 0, 0, 0x0f, 0x05}, /* exit(0) */
};

ATTEMPT(no_program_in_memory_is_executed, FORBIDDEN, EFBIG, "",
        "writes a program into memory (memfd) and executes it")
{
    int fd = memfd_create("program", MFD_CLOEXEC);
    char *argv[] = {(char[]){"tiny"}, NULL};

    if (fd < 0 || write(fd, &TINY, sizeof(TINY)) != (ssize_t)sizeof(TINY))
        return errno;
    return went(syscall(SYS_execveat, fd, "", argv, NULL, AT_EMPTY_PATH));
}

ATTEMPT(no_file_in_memory, FORBIDDEN, THROUGH, "", "makes a file in memory")
{
    return went(memfd_create("file", MFD_CLOEXEC));
}

/* ---- more than was granted ---- */

/* Each page is written to. */
ATTEMPT(no_more_memory_than_granted, LIMIT, LIMIT, "", "uses twice the memory that it was granted")
{
    for (size_t i = 0; i < 2 * GRANTED_MIB; i++) {
        void *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            return errno;
        memset(p, 1, 1 << 20);
    }
    return THROUGH;
}

ATTEMPT(no_address_space_without_end, ENOMEM, ENOMEM, "", "reserves a terabyte of addresses")
{
    return mapped(
        mmap(NULL, 1UL << 40, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
}

ATTEMPT(no_shared_memory_beyond_the_grant, LIMIT, LIMIT, "",
        "uses it as shared memory, which some limits do not count")
{
    char *p = mmap(NULL, (2UL * GRANTED_MIB) << 20, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        return errno;
    memset(p, 1, (2UL * GRANTED_MIB) << 20);
    return THROUGH;
}

ATTEMPT(no_more_memory_is_locked_than_granted, ENOMEM, ENOMEM, "",
        "locks more memory than it was granted, so that the host cannot swap")
{
    size_t size = (GRANTED_MIB + 8UL) << 20; /* that it may reserve */
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return went(p == MAP_FAILED ? -1 : mlock(p, size));
}

ATTEMPT(not_all_memory_is_locked, FORBIDDEN, THROUGH, "", "locks all memory that it will ever have")
{
    return went(mlockall(MCL_CURRENT | MCL_FUTURE));
}

ATTEMPT(the_page_at_zero_is_not_mapped, EPERM, EPERM, "",
        "maps the page at address 0, which a faulty kernel might follow")
{
    return mapped(
        mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
}

ATTEMPT(its_channel_is_not_mapped, ENODEV, ENODEV, "nobody can map a socket", "maps its channel")
{
    return mapped(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, 3, 0));
}

/* ---- shared with others ---- */

ATTEMPT(no_shared_memory, FORBIDDEN, THROUGH, "", "makes shared memory (System V)")
{
    int id = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0600);

    return went(id < 0 ? -1 : shmctl(id, IPC_RMID, NULL));
}

ATTEMPT(no_shared_memory_of_the_host, FORBIDDEN, ENOENT, "",
        "finds shared memory of a process of the host (System V)")
{
    return went(shmget(order.shared, 0, 0));
}

ATTEMPT(no_message_queue, FORBIDDEN, THROUGH, "", "makes a message queue (System V)")
{
    int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);

    return went(id < 0 ? -1 : msgctl(id, IPC_RMID, NULL));
}

ATTEMPT(no_semaphore, FORBIDDEN, THROUGH, "", "makes a semaphore (System V)")
{
    int id = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);

    return went(id < 0 ? -1 : semctl(id, 0, IPC_RMID));
}

ATTEMPT(no_posix_message_queue, FORBIDDEN, EMFILE, "", "makes a message queue (POSIX)")
{
    mqd_t queue = mq_open("/idevs-escape", O_CREAT | O_RDWR, 0600, NULL);

    return went(queue < 0 ? -1 : mq_unlink("/idevs-escape"));
}

ATTEMPT(faults_are_not_handled_in_user_space, FORBIDDEN, EPERM, "",
        "stops the kernel in the middle of a copy (userfaultfd)")
{
    return went(syscall(SYS_userfaultfd, O_CLOEXEC));
}

ATTEMPT(pages_are_not_moved_between_nodes, FORBIDDEN, THROUGH, "", "moves pages (migrate_pages)")
{
    return reached(syscall(SYS_migrate_pages, 0, 0, NULL, NULL));
}

static const struct attempt *const ATTEMPTS[] = {
    ROW(no_memory_to_write_and_execute),
    ROW(no_memory_to_execute),
    ROW(written_memory_is_not_made_executable),
    ROW(the_stack_is_not_made_executable),
    ROW(no_execution_by_protection_keys),
    ROW(its_own_code_is_not_made_writable_and_executable),
    ROW(no_program_in_memory_is_executed),
    ROW(no_file_in_memory),
    ROW(no_more_memory_than_granted),
    ROW(no_address_space_without_end),
    ROW(no_shared_memory_beyond_the_grant),
    ROW(no_more_memory_is_locked_than_granted),
    ROW(not_all_memory_is_locked),
    ROW(the_page_at_zero_is_not_mapped),
    ROW(its_channel_is_not_mapped),
    ROW(no_shared_memory),
    ROW(no_shared_memory_of_the_host),
    ROW(no_message_queue),
    ROW(no_semaphore),
    ROW(no_posix_message_queue),
    ROW(faults_are_not_handled_in_user_space),
    ROW(pages_are_not_moved_between_nodes),
};

const struct attempt_group MEMORY = {ATTEMPTS, sizeof(ATTEMPTS) / sizeof(ATTEMPTS[0])};
