/* Allocates, writes, reads and frees blocks, and works on memory that it has: the same executable
 * on secret memory, on ordinary memory in a compartment, and as a conventional process. Linked with
 * the run-time's move onto secret memory and nothing else of it. */
#include "blocks.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STEADY_SIZE  (4u << 20)
#define STEADY_STEPS 200000

static volatile uint64_t sink;

/* Processor time, the kernel's part for it included: what others do meanwhile does not count. */
static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t sum(const uint64_t *words, size_t n)
{
    uint64_t s = 0;

    for (size_t i = 0; i < n; i++)
        s += words[i];
    return s;
}

static bool block(size_t size, struct blocks_answer *ret)
{
    uint64_t began = now();
    uint64_t *words = malloc(size);
    uint64_t allocated = now();

    if (!words)
        return false;
    for (size_t i = 0; i < size / sizeof(*words); i++)
        words[i] = i ^ began;
    uint64_t written = now();
    sink = sum(words, size / sizeof(*words));
    uint64_t was_read = now();
    free(words);
    uint64_t freed = now();
    ret->allocate += allocated - began;
    ret->write += written - allocated;
    ret->read += was_read - written;
    ret->release += freed - was_read;
    return true;
}

/* What programs do with records: copy, compare, look up here and there, small blocks in between. */
static uint64_t steady_work(uint8_t *memory)
{
    uint64_t began = now();
    uint64_t at = 1;

    for (size_t i = 0; i < STEADY_STEPS; i++) {
        at = at * 6364136223846793005u + 1442695040888963407u;
        uint8_t *record = memory + (at >> 33) % (STEADY_SIZE - 512);
        char *copy = malloc(256 + i % 256);
        memcpy(copy, record, 256);
        sink += (uint64_t)memcmp(copy, record + 256, 256);
        record[0] = (uint8_t)i;
        free(copy);
    }
    sink += sum((const uint64_t *)(void *)memory, STEADY_SIZE / sizeof(uint64_t));
    return now() - began;
}

static bool answer(const struct blocks_question *q, struct blocks_answer *ret)
{
    static uint8_t *memory;

    if (!memory && !(memory = calloc(1, STEADY_SIZE)))
        return false;
    for (uint64_t i = 0; i < q->times; i++) {
        if (q->size == 0)
            ret->allocate += steady_work(memory);
        else if (!block(q->size, ret))
            return false;
    }
    return true;
}

int main(void)
{
    struct blocks_question q;
    uint64_t until_now = now();

    if (write(3, &until_now, sizeof(until_now)) != (ssize_t)sizeof(until_now))
        return 2;
    while (read(3, &q, sizeof(q)) == (ssize_t)sizeof(q)) {
        struct blocks_answer a = {0};
        if (!answer(&q, &a) || write(3, &a, sizeof(a)) != (ssize_t)sizeof(a))
            return 3;
    }
    return 0;
}
