/* What bench/blocks.c asks of the program that it starts, and what it gets. */
#ifndef IDEVS_BENCH_BLOCKS_H
#define IDEVS_BENCH_BLOCKS_H

#include <stdint.h>

/* When main() begins the program writes how much processor time the process has had, 8 bytes; then
 * it answers each question with times. */
struct blocks_question {
    uint64_t size;  /* bytes of the block; 0: steady work on memory that is there */
    uint64_t times; /* how often */
};

struct blocks_answer { /* nanoseconds of processor time, of all times together */
    uint64_t allocate; /* or the steady work */
    uint64_t write;
    uint64_t read;
    uint64_t release;
};

#endif
