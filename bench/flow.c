/* An integration process that measures itself: COUNT times the operation of MODE, after a warm-up;
 * one line of JSON to the owner's log. All programs of a measurement begin together: after the
 * warm-up each waits for the clock's next multiple of ALIGN seconds (0: does not). bench/run fills
 * in the macros, because a program has no arguments, and puts bench/statistics.h in place of its
 * include, because a program is one source. */
#include <idevs.h>

#include <stdio.h>
#include <string.h>

#include "statistics.h"

#ifndef COUNT
#define COUNT 1000
#endif
#ifndef MODE
#define MODE "flow"
#endif
#ifndef ALIGN
#define ALIGN 0
#endif
#define WARM_UP 20

static const char TRIP[] = "{\"sale\":%d,\"customer\":\"Ana\",\"phone\":\"+5511999999999\","
                           "\"address\":\"Rua A 1\"}";
static const char TEXT[] = "{\"to\":\"+5511999999999\",\"text\":\"trip for sale %d\"}";

static int read_sale(struct idevs *ip)
{
    struct idevs_reply reply;

    return idevs_read(ip, "store", "/api/sales?after=0&limit=1", &reply) || reply.status != 200;
}

static int write_body(struct idevs *ip, const char *service, const char *path, const char *form,
                      int i)
{
    char body[256];
    struct idevs_reply reply;
    int n = snprintf(body, sizeof(body), form, i);

    return idevs_write(ip, service, path, "application/json", body, (size_t)n, &reply) ||
           reply.status >= 300;
}

static int write_once(struct idevs *ip, int i)
{
    char body[256];
    char key[64];
    struct idevs_reply reply;
    int n = snprintf(body, sizeof(body), TRIP, i);

    snprintf(key, sizeof(key), "bench-%lld-%d", (long long)time(NULL), i);
    return idevs_write_once(ip, "transport", "/api/trips", key, "application/json", body, (size_t)n,
                            &reply) ||
           reply.status >= 300;
}

/* One operation; 0 when it worked. */
static int operate(struct idevs *ip, int i)
{
    if (strcmp(MODE, "read") == 0)
        return read_sale(ip);
    if (strcmp(MODE, "write") == 0)
        return write_body(ip, "transport", "/api/trips", TRIP, i);
    if (strcmp(MODE, "write_once") == 0)
        return write_once(ip, i);
    return read_sale(ip) || write_body(ip, "transport", "/api/trips", TRIP, i) ||
           write_body(ip, "messaging", "/send-message", TEXT, i);
}

/* The second in which it returns. */
static time_t wait_for_begin(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    time_t begin = ALIGN ? now.tv_sec / (ALIGN ? ALIGN : 1) * ALIGN + ALIGN : now.tv_sec;
    struct timespec rest = {.tv_sec = begin - now.tv_sec - 1, .tv_nsec = 1000000000 - now.tv_nsec};
    if (ALIGN)
        clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, NULL);
    return begin;
}

static void report(struct idevs *ip, uint64_t *took, size_t n, uint64_t all, uint64_t cpu,
                   int failed, time_t second)
{
    qsort(took, n, sizeof(took[0]), bench_compare);
    idevs_log(
        ip, IDEVS_INFO,
        "{\"mode\":\"%s\",\"n\":%zu,\"failed\":%d,\"began\":%lld,\"seconds\":%.6f,\"cpu_us\":%.1f,"
        "\"p50_us\":%.1f,\"p99_us\":%.1f}",
        MODE, n, failed, (long long)second, (double)all / 1e9, (double)cpu / 1e3 / (double)n,
        bench_quantile_us(took, n, 0.5), bench_quantile_us(took, n, 0.99));
}

int main(void)
{
    static uint64_t took[COUNT];
    int failed = 0;
    struct idevs *ip = idevs_open(NULL);

    if (!ip)
        return 1;
    for (int i = 0; i < WARM_UP; i++)
        failed += operate(ip, COUNT + i) != 0;
    time_t second = wait_for_begin();
    uint64_t cpu = bench_cpu_ns();
    uint64_t begin = bench_now_ns();
    for (int i = 0; i < COUNT; i++) {
        uint64_t since = bench_now_ns();
        failed += operate(ip, i) != 0;
        took[i] = bench_now_ns() - since;
    }
    report(ip, took, COUNT, bench_now_ns() - begin, bench_cpu_ns() - cpu, failed, second);
    idevs_close(ip);
    return 0;
}
