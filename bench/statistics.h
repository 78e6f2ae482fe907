/* Durations of one operation, for both sides of a comparison: included by programs, owns nothing.
 */
#ifndef IDEVS_BENCH_STATISTICS_H
#define IDEVS_BENCH_STATISTICS_H

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

static inline uint64_t bench_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Of this process, all threads. */
static inline uint64_t bench_cpu_ns(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

static inline int bench_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* The quantile `q` (0 to 1) of n > 0 sorted durations, in microseconds. */
static inline double bench_quantile_us(const uint64_t *sorted, size_t n, double q)
{
    size_t i = (size_t)(q * (double)(n - 1) + 0.5);

    return (double)sorted[i] / 1000.0;
}

#endif
