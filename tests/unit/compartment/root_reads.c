/* x86-64: the registers of a stopped process, and the few instructions that are put into one. */
#include "root_reads.h"
#include "base/fd.h"
#include "base/limits.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE         4096
#define MAX_MAPPINGS 64

struct mapping {
    uintptr_t from;
    uintptr_t to;
};

/* Those that have the right `wanted` ('r', 'w'); not the kernel's own pages. */
static size_t mappings(pid_t pid, char wanted, struct mapping ret[MAX_MAPPINGS])
{
    char name[64];
    char line[512];
    size_t n = 0;

    snprintf(name, sizeof(name), "/proc/%d/maps", (int)pid);
    FILE *file = fopen(name, "re");
    while (file && n < MAX_MAPPINGS && fgets(line, sizeof(line), file)) {
        char rights[8];
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %7s", &ret[n].from, &ret[n].to, rights) == 3 &&
            strchr(rights, wanted) && !strstr(line, "[v"))
            n++;
    }
    if (file)
        fclose(file);
    return n;
}

/* ---- from beside ---- */

typedef ssize_t (*page_reader)(void *arg, uintptr_t at, void *to);

static bool read_pages(pid_t pid, page_reader reader, void *arg, struct buffer *b)
{
    struct mapping all[MAX_MAPPINGS];
    size_t n = mappings(pid, 'r', all);
    uint8_t page[PAGE];

    for (size_t i = 0; i < n; i++)
        for (uintptr_t at = all[i].from; at < all[i].to; at += PAGE) {
            ssize_t got = reader(arg, at, page);
            if (got > 0 && !buffer_append(b, page, (size_t)got))
                return false;
        }
    return n > 0;
}

static ssize_t page_by_vm_readv(void *arg, uintptr_t at, void *to)
{
    const struct iovec ours = {to, PAGE};
    const struct iovec theirs = {(void *)at, PAGE};

    return process_vm_readv(*(const pid_t *)arg, &ours, 1, &theirs, 1, 0);
}

static bool by_vm_readv(pid_t pid, struct buffer *b)
{
    return read_pages(pid, page_by_vm_readv, &pid, b);
}

static ssize_t page_of_file(void *arg, uintptr_t at, void *to)
{
    return pread(*(const int *)arg, to, PAGE, (off_t)at);
}

static int open_memory(pid_t pid, int flags)
{
    char name[64];

    snprintf(name, sizeof(name), "/proc/%d/mem", (int)pid);
    return open(name, flags | O_CLOEXEC);
}

static bool by_proc_mem(pid_t pid, struct buffer *b)
{
    _cleanup_fd_ int fd = open_memory(pid, O_RDONLY);

    return fd >= 0 && read_pages(pid, page_of_file, &fd, b);
}

static bool stop(pid_t pid)
{
    int status;

    return ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0 &&
           ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) == 0 && waitpid(pid, &status, 0) == pid &&
           WIFSTOPPED(status);
}

static void let_go(pid_t pid)
{
    ptrace(PTRACE_DETACH, pid, NULL, NULL);
}

static ssize_t page_by_peeking(void *arg, uintptr_t at, void *to)
{
    for (size_t i = 0; i < PAGE; i += sizeof(long)) {
        errno = 0;
        long word = ptrace(PTRACE_PEEKDATA, *(const pid_t *)arg, at + i, NULL);
        if (word == -1 && errno)
            return -1;
        memcpy((uint8_t *)to + i, &word, sizeof(word));
    }
    return PAGE;
}

/* What debuggers make core files of: memory by ptrace, and all registers. */
static bool by_ptrace(pid_t pid, struct buffer *b)
{
    static const int SETS[] = {NT_PRSTATUS, NT_PRFPREG, NT_X86_XSTATE};
    bool ok;

    if (!stop(pid))
        return false;
    ok = read_pages(pid, page_by_peeking, &pid, b);
    for (size_t i = 0; i < ARRAY_LEN(SETS); i++) {
        uint8_t registers[16384];
        struct iovec to = {registers, sizeof(registers)};
        ok = ok && (ptrace(PTRACE_GETREGSET, pid, (void *)(uintptr_t)SETS[i], &to) < 0 ||
                    buffer_append(b, registers, to.iov_len));
    }
    let_go(pid);
    return ok;
}

/* With everything that the kernel marks as not to be dumped. */
static bool by_gcore(pid_t pid, struct buffer *b)
{
    char folder[] = "/tmp/idevs-core-XXXXXX";
    char name[64];
    char number[16];
    struct idevs_error err;
    int status = -1;

    if (!mkdtemp(folder))
        return false;
    snprintf(name, sizeof(name), "%s/core", folder);
    snprintf(number, sizeof(number), "%d", (int)pid);
    pid_t child = fork();
    if (child == 0) {
        int nothing = open("/dev/null", O_RDWR);
        dup2(nothing, STDOUT_FILENO);
        dup2(nothing, STDERR_FILENO);
        execlp("gcore", "gcore", "-a", "-o", name, number, (char *)NULL);
        _exit(127);
    }
    waitpid(child, &status, 0);
    snprintf(name, sizeof(name), "%s/core.%d", folder, (int)pid);
    bool ok = status == 0 && file_read(name, b, &err);
    unlink(name);
    rmdir(folder);
    return ok;
}

const struct root_read ROOT_READS[N_ROOT_READS] = {
    {"process_vm_readv", by_vm_readv},
    {"/proc/PID/mem", by_proc_mem},
    {"ptrace and registers", by_ptrace},
    {"gcore", by_gcore},
};

/* ---- from inside ---- */

static bool receive(int channel, size_t len, struct buffer *b)
{
    uint8_t part[KIB(32)];

    while (len > 0) {
        ssize_t n = recv(channel, part, len < sizeof(part) ? len : sizeof(part), 0);
        if (n <= 0 || !buffer_append(b, part, (size_t)n))
            return false;
        len -= (size_t)n;
    }
    return true;
}

/* Both ends of each mapping that it can write to: whole ones have more pages that were never
 * touched than the program may use. */
static size_t pieces(pid_t pid, struct mapping ret[2 * MAX_MAPPINGS])
{
    struct mapping all[MAX_MAPPINGS];
    size_t n_all = mappings(pid, 'w', all);
    size_t n = 0;

    for (size_t i = 0; i < n_all; i++) {
        uintptr_t half = (all[i].to - all[i].from) / 2;
        uintptr_t piece = half < KIB(512) ? half : KIB(512);
        ret[n++] = (struct mapping){all[i].from, all[i].from + piece};
        ret[n++] = (struct mapping){all[i].to - piece, all[i].to};
    }
    return n;
}

/* One call of write() by the stopped process, by the instruction that it waits in. */
static bool write_out(pid_t pid, const struct user_regs_struct *waiting, uintptr_t at, size_t len)
{
    struct user_regs_struct regs = *waiting;
    int status;

    regs.rip -= 2; /* the instruction `syscall` itself */
    regs.orig_rax = ~0ULL;
    regs.rax = SYS_write;
    regs.rdi = 3;
    regs.rsi = at;
    regs.rdx = len;
    return ptrace(PTRACE_SETREGS, pid, NULL, &regs) == 0 &&
           ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == 0 && waitpid(pid, &status, 0) == pid &&
           WIFSTOPPED(status);
}

static bool inject_by_ptrace(pid_t pid, int channel, struct buffer *b)
{
    struct mapping all[2 * MAX_MAPPINGS];
    size_t n = pieces(pid, all);
    struct user_regs_struct waiting;
    bool ok = stop(pid) && ptrace(PTRACE_GETREGS, pid, NULL, &waiting) == 0;

    for (size_t i = 0; i < n && ok; i++)
        for (uintptr_t at = all[i].from; at < all[i].to && ok; at += KIB(32)) {
            size_t len = all[i].to - at < KIB(32) ? all[i].to - at : KIB(32);
            ok = write_out(pid, &waiting, at, len) && receive(channel, len, b);
        }
    return ok;
}

/* Where it will go on when the call that it waits in is over; 0 while it runs. */
static uintptr_t look_where(const char *name)
{
    char line[256] = "";
    FILE *file = fopen(name, "re");
    const char *last = file && fgets(line, sizeof(line), file) ? strrchr(line, ' ') : NULL;
    uintptr_t pc = last ? strtoull(last + 1, NULL, 16) : 0;

    if (file)
        fclose(file);
    return pc;
}

static uintptr_t goes_on_at(pid_t pid)
{
    char name[64];
    uintptr_t pc = 0;

    snprintf(name, sizeof(name), "/proc/%d/syscall", (int)pid);
    for (unsigned tries = 0; !pc && tries < 1000; tries++) {
        usleep(1000);
        pc = look_where(name);
    }
    return pc;
}

/* write(3, at, len), as instructions. */
static void put_write(uintptr_t at, size_t len, struct buffer *code)
{
    static const uint8_t WRITE_3[] = {0xb8, 1, 0, 0, 0, 0xbf, 3, 0, 0, 0}; /* eax = 1, edi = 3 */
    bool ok = buffer_append(code, WRITE_3, sizeof(WRITE_3)) && buffer_append(code, "\x48\xbe", 2) &&
              buffer_append(code, &at, 8) &&                                        /* rsi */
              buffer_append(code, "\x48\xba", 2) && buffer_append(code, &len, 8) && /* rdx */
              buffer_append(code, "\x0f\x05", 2);                                   /* syscall */
    if (!ok)
        abort();
}

/* The text of a program is read-only to the program, not to root who has /proc/PID/mem. */
static bool inject_by_text(pid_t pid, int channel, struct buffer *b)
{
    struct mapping all[2 * MAX_MAPPINGS];
    size_t n = pieces(pid, all);
    uintptr_t pc = goes_on_at(pid);
    _cleanup_buffer_ struct buffer code = buffer_up_to(KIB(4));
    _cleanup_fd_ int fd = open_memory(pid, O_RDWR);
    size_t len = 0;

    for (size_t i = 0; i < n; i++) {
        put_write(all[i].from, all[i].to - all[i].from, &code);
        len += all[i].to - all[i].from;
    }
    if (!buffer_append(&code, "\xeb\xfe", 2)) /* round and round */
        return false;
    return fd >= 0 && pc && pwrite(fd, code.data, code.len, (off_t)pc) == (ssize_t)code.len &&
           write(channel, "?", 1) == 1 && receive(channel, len, b);
}

const struct root_inject ROOT_INJECTS[N_ROOT_INJECTS] = {
    {"registers set by ptrace", inject_by_ptrace},
    {"text written through /proc/PID/mem", inject_by_text},
};
