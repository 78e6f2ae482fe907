/* A program that reads records and keeps them wherever a program can: heap, variables, stack. It is
 * linked with the run-time's move onto secret memory and nothing else of it, and serves commands:
 * a letter on descriptor 3, answered by a letter when it is done. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "records.h"
#include "runtime/secret_memory.h"

static char in_bss[RECORDS * RECORD];
static char in_data[RECORDS * RECORD] = "records";
static volatile char spare[SPARE]; /* pages that nobody writes to */

static bool read_all(char *to, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = read(3, to + done, len - done);
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

static bool answer(char c)
{
    return write(3, &c, 1) == 1;
}

/* 'y': malloc() said no, and the heap is whole afterwards. */
static char ask_too_much(void)
{
    void *volatile none = malloc((size_t)1 << 30); /* volatile: it is really asked */
    void *volatile some = malloc(1000);
    bool ok = none == NULL && some != NULL;

    free(none);
    free(some);
    return ok ? 'y' : 'n';
}

static char map_more(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED ? 'y' : 'n';
}

static char unmap_itself(void)
{
    uintptr_t page = (uintptr_t)in_bss & ~(uintptr_t)4095;

    return munmap((void *)(page + 4096), 4096) < 0 ? 'y' : 'n';
}

/* As libidevs waits. */
static bool wait_for(char *command)
{
    secret_memory_before_wait();
    return read_all(command, 1);
}

int main(void)
{
    char on_stack[RECORDS * RECORD];
    char *on_heap = malloc(sizeof(on_stack));
    char command;

    if (!on_heap || !read_all(on_stack, sizeof(on_stack)) || spare[SPARE / 2])
        return 3;
    memcpy(on_heap, on_stack, sizeof(on_stack));
    memcpy(in_bss, on_heap, sizeof(in_bss));
    memcpy(in_data, in_bss, sizeof(in_data));
    if (!answer('r'))
        return 4;
    while (wait_for(&command)) {
        char c = command == 'm'   ? ask_too_much()
                 : command == 'a' ? map_more()
                 : command == 'u' ? unmap_itself()
                                  : '?';
        if (!answer(c))
            return 5;
    }
    return memcmp(on_stack, on_heap, sizeof(on_stack)) != 0 ||
           memcmp(in_bss, in_data, sizeof(in_bss)) != 0;
}
