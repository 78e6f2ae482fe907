#include "runtime/secret_memory.h"
#include "base/secret_memory.h"
#include "base/text.h"

#include <elf.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE ((uintptr_t)1 << 12)

/* The linker's: where the executable begins, and its variables end. */
extern char __ehdr_start[];
extern char _end[];

static bool is_moved;

struct range {
    uintptr_t at;
    uintptr_t end;
};

struct move {
    int fd;         /* the secret memory */
    off_t used;     /* of it */
    uintptr_t base; /* where the executable was loaded */
    const Elf64_Phdr *headers;
    size_t n_headers;
    struct range moved[LIMIT_SECRET_RANGES];
    size_t n_moved;
};

static uintptr_t page_of(uintptr_t address)
{
    return address & ~(PAGE - 1);
}

static uintptr_t page_after(uintptr_t address)
{
    return page_of(address + PAGE - 1);
}

/* Nothing is lost: main() has not begun. */
static _Noreturn void give_up(void)
{
    _exit(EXIT_NOT_SECRET);
}

static void need(bool done)
{
    if (!done)
        give_up();
}

/* ---- what there is to move ---- */

static void find_executable(struct move *m)
{
    m->headers = (const Elf64_Phdr *)getauxval(AT_PHDR);
    m->n_headers = getauxval(AT_PHNUM);
    for (size_t i = 0; i < m->n_headers; i++)
        if (m->headers[i].p_type == PT_LOAD && m->headers[i].p_offset == 0) {
            m->base = (uintptr_t)__ehdr_start - m->headers[i].p_vaddr;
            return;
        }
    give_up();
}

static struct range loaded(const struct move *m, const Elf64_Phdr *header)
{
    return (struct range){page_of(m->base + header->p_vaddr),
                          page_after(m->base + header->p_vaddr + header->p_memsz)};
}

static bool is_variables(const Elf64_Phdr *header)
{
    return header->p_type == PT_LOAD && (header->p_flags & PF_W);
}

/* But what is read-only once the executable is relocated: addresses, nothing secret. */
static struct range variables(const struct move *m, const Elf64_Phdr *header)
{
    struct range r = loaded(m, header);

    for (size_t i = 0; i < m->n_headers; i++) {
        const Elf64_Phdr *relro = &m->headers[i];
        uintptr_t end = page_of(m->base + relro->p_vaddr + relro->p_memsz);
        if (relro->p_type == PT_GNU_RELRO && end > r.at && end <= r.end)
            r.at = end;
    }
    return r;
}

static size_t size_of_variables(const struct move *m)
{
    size_t size = 0;

    for (size_t i = 0; i < m->n_headers; i++)
        if (is_variables(&m->headers[i])) {
            struct range r = variables(m, &m->headers[i]);
            size += r.end - r.at;
        }
    return size;
}

/* The kernel says of a mapped page only that it is there. */
static bool is_mapped(uintptr_t page)
{
    return madvise((void *)page, PAGE, MADV_NORMAL) == 0;
}

/* malloc() takes all that the program will ever have, at once and in one piece, and keeps it: the
 * kernel gives it no other. `ret_used`: where its bookkeeping ends so far. The thread's own block
 * stands at its start, put there before any constructor. */
static struct range grow_heap(size_t size, uintptr_t *ret_used)
{
    struct range r = {.at = page_of((uintptr_t)__builtin_thread_pointer())};

    need(size > 2 * PAGE && mallopt(M_MMAP_MAX, 0) && mallopt(M_ARENA_MAX, 1) &&
         mallopt(M_TRIM_THRESHOLD, -1) && mallopt(M_TOP_PAD, 0));
    char *volatile all = malloc(size - 2 * PAGE);
    need(all != NULL);
    *ret_used = page_after((uintptr_t)all + sizeof(max_align_t));
    free(all);
    r.end = page_after((uintptr_t)sbrk(0));
    while (r.at - PAGE >= page_after((uintptr_t)_end) && is_mapped(r.at - PAGE))
        r.at -= PAGE;
    return r;
}

/* Up to the last thing that the kernel put onto it: the executable's name and a word of zeros. */
static struct range whole_stack(size_t size)
{
    uintptr_t name = getauxval(AT_EXECFN);
    uintptr_t top = name + strlen((const char *)name);
    uintptr_t end = page_after(top + 1 + sizeof(uint64_t));

    return (struct range){page_of(end - size), end};
}

/* ---- moving ---- */

static void *secret_pages(struct move *m, size_t size)
{
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, m->used);

    need(pages != MAP_FAILED);
    m->used += (off_t)size;
    return pages;
}

static bool is_zero(const uint64_t *page)
{
    for (size_t i = 0; i < PAGE / sizeof(*page); i++)
        if (page[i])
            return false;
    return true;
}

/* Pages that nobody wrote to stay untouched: each costs a fault. */
static void copy_pages(uintptr_t from, uintptr_t end, char *to)
{
    for (; from < end; from += PAGE, to += PAGE) {
        const void *page = (const void *)from;
        if (!is_zero(page))
            memcpy(to, page, PAGE);
    }
}

static void moved(struct move *m, struct range r)
{
    need(m->n_moved < LIMIT_SECRET_RANGES);
    m->moved[m->n_moved++] = r;
}

static void move_range(struct move *m, struct range r, uintptr_t used)
{
    char *pages = secret_pages(m, r.end - r.at);

    copy_pages(r.at, used, pages);
    need(secret_memory_replace(r.at, r.end - r.at, pages, r.at, 0) == 0);
    moved(m, r);
}

/* From somewhat below this very frame on: what is further down was left by functions that are over.
 */
static void move_stack(struct move *m, struct range r)
{
    uintptr_t from = page_of((uintptr_t)__builtin_frame_address(0)) - 2 * PAGE;
    void *pages = secret_pages(m, r.end - r.at);

    need(from > r.at && secret_memory_replace(r.at, r.end - r.at, pages, from, r.end - from) == 0);
    moved(m, r);
}

/* ---- closing ---- */

/* Where the kernel can (6.10): neither code nor what was moved is unmapped, replaced or made
 * writable again by whoever takes the program over. */
static void seal(struct range r)
{
    (void)syscall(SYS_MSEAL, r.at, r.end - r.at, 0);
}

static void seal_everything(const struct move *m)
{
    for (size_t i = 0; i < m->n_headers; i++)
        if (m->headers[i].p_type == PT_LOAD)
            seal(loaded(m, &m->headers[i]));
    for (size_t i = 0; i < m->n_moved; i++)
        seal(m->moved[i]);
}

/* No memory but this one, and no right to lock any. */
static void close_address_space(const struct move *m)
{
    static const __rlimit_resource_t NONE_OF[] = {RLIMIT_AS, RLIMIT_DATA, RLIMIT_MEMLOCK,
                                                  RLIMIT_FSIZE};
    const struct rlimit none = {0, 0};
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct rights[2] = {0};

    for (size_t i = 0; i < m->n_moved; i++) {
        void *at = (void *)m->moved[i].at;
        need(madvise(at, m->moved[i].end - m->moved[i].at, MADV_DONTFORK) == 0);
    }
    for (size_t i = 0; i < sizeof(NONE_OF) / sizeof(*NONE_OF); i++)
        need(setrlimit(NONE_OF[i], &none) == 0);
    need(syscall(SYS_capset, &header, rights) == 0);
}

static void move_everything(uint64_t memory)
{
    struct move m = {.fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC)};
    uintptr_t used;

    need(m.fd >= 0 && ftruncate(m.fd, (off_t)secret_memory_most(memory)) == 0);
    find_executable(&m);
    size_t taken = size_of_variables(&m);
    need(taken < memory);
    struct range heap = grow_heap(memory - taken, &used);
    move_range(&m, heap, used);
    for (size_t i = 0; i < m.n_headers; i++)
        if (is_variables(&m.headers[i])) {
            struct range r = variables(&m, &m.headers[i]);
            move_range(&m, r, r.end);
        }
    move_stack(&m, whole_stack(page_after(secret_memory_stack(memory))));
    need(close(m.fd) == 0);
    close_address_space(&m);
    seal_everything(&m);
}

__attribute__((constructor(101))) static void obey_environment(void)
{
    const char *text = getenv(SECRET_MEMORY_VARIABLE);
    uint64_t memory;

    if (!text)
        return;
    need(parse_u64(bytes_of_text(text), LIMIT_MEMORY_CEILING, &memory));
    move_everything(memory);
    is_moved = true;
}

void secret_memory_before_wait(void)
{
    if (is_moved)
        secret_memory_clear_registers();
}
