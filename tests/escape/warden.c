/* The attempts of attester.c against a real warden, all at the same time, and whether it still
 * answers meanwhile.
 *
 *     escape-warden INSIDE INCLUDE-FOLDER LIBIDEVS
 *
 * As root. */
#include "../unit/test.h"

#include "../unit/warden/served.h"
#include "attempt.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "host.h"
#include "outcome.h"
#include "wire/warden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWERS_WITHIN_MS 2000 /* generous: the machine may be busy */
#define GROWS_LESS_THAN   MIB(16)

struct order order;

static struct {
    int sock;
    int inside;
    struct {
        uint64_t number; /* of the run */
        int channel;
        int outcome;
        bool ended;
    } runs[32];
    uint64_t memory; /* of the warden, before */
} attack;

/* ---- the warden ---- */

static uint64_t memory_of_the_warden(void)
{
    char path[64];
    unsigned long pages = 0;

    snprintf(path, sizeof(path), "/proc/%d/statm", (int)served.warden);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*u %lu", &pages), 1);
    fclose(file);
    return pages * 4096;
}

static void the_warden_answers(void)
{
    static const uint8_t status[] = {0xa2, 0, 1, 1, 5};
    struct answer a;
    uint64_t since = clock_monotonic_ns();

    int sock = served_connect();
    served_ask(sock, bytes_of(status, sizeof(status)), NULL, 0);
    assert_true(served_receive(sock, &a));
    close(sock);
    assert_true(clock_monotonic_ns() - since < ANSWERS_WITHIN_MS * (uint64_t)1000000);
}

/* ---- all at once ---- */

static void take_end(const struct answer *a)
{
    for (size_t i = 0; i < ATTESTER.n; i++) {
        if (attack.runs[i].number != a->number)
            continue;
        attack.runs[i].ended = true;
        attack.runs[i].outcome = outcome_of_end(a->text, a->detail);
        close(attack.runs[i].channel);
    }
}

/* Until one is an answer; ends of runs come in between. */
static void take_answer(struct answer *ret)
{
    for (;;) {
        assert_true(served_receive(attack.sock, ret));
        if (ret->kind == WARDEN_RUN)
            return;
        take_end(ret);
    }
}

static void start(size_t i)
{
    struct manifest manifest = served_manifest("escape");
    struct answer a;

    manifest.memory = MIB(GRANTED_MIB);
    manifest.run_seconds = 1;
    order.number = ORDER_WARDEN + (uint32_t)i;
    served_ask_run(attack.sock, attack.inside, "process", &manifest);
    take_answer(&a);
    if (a.code[0])
        fail_msg("%s: %s", ATTESTER.attempts[i]->claim, a.code);
    attack.runs[i].number = a.number;
    attack.runs[i].channel = a.fd;
    assert_true(fd_write_all(a.fd, &order, sizeof(order)));
}

static int all_are_made_while_the_warden_answers(void **state)
{
    (void)state;
    assert_true(ATTESTER.n <= ARRAY_LEN(attack.runs));
    attack.memory = memory_of_the_warden();
    for (size_t i = 0; i < ATTESTER.n; i++)
        start(i);
    for (size_t i = 0; i < 20; i++) {
        the_warden_answers();
        usleep(100000);
    }
    return 0;
}

static int outcome_of_run(size_t i)
{
    struct answer a;

    while (!attack.runs[i].ended) {
        assert_true(served_receive(attack.sock, &a));
        take_end(&a);
    }
    return attack.runs[i].outcome;
}

static void the_attempt_ends_as_its_row_says(void **state)
{
    const struct attempt *attempt = *state;
    size_t i = 0;

    while (ATTESTER.attempts[i] != attempt)
        i++;
    int outcome = outcome_of_run(i);
    if (outcome != attempt->refused)
        fail_msg("%s: %s, not %s", attempt->tries, outcome_text(outcome),
                 outcome_text(attempt->refused));
}

static void the_warden_is_unharmed(void **state)
{
    (void)state;
    the_warden_answers();
    uint64_t now = memory_of_the_warden();
    printf("memory of the warden: %llu KiB, before: %llu KiB\n", (unsigned long long)now / 1024,
           (unsigned long long)attack.memory / 1024);
    assert_true(now < attack.memory + GROWS_LESS_THAN);
}

static void nothing_is_left_behind(void **state)
{
    (void)state;
    close(attack.sock);
    close(attack.inside);
    served_stop();
    const char *left = host_left();
    if (left)
        fail_msg("%s", left);
}

static bool begin(char **argv)
{
    struct idevs_error err;
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_EXECUTABLE);

    if (!file_read(argv[1], &b, &err) || !served_begin(argv[2], argv[3], 733000))
        return false;
    attack.inside = memfd_sealed("inside", buffer_bytes(&b));
    attack.sock = served_connect();
    return attack.inside >= 0;
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[ARRAY_LEN(attack.runs) + 2];
    size_t n = 0;

    if (argc != 4 || geteuid() != 0) {
        printf("skipped: needs root\n");
        return 77;
    }
    host_begin();
    if (!begin(argv))
        return 1;
    for (size_t i = 0; i < ATTESTER.n; i++)
        tests[n++] =
            (struct CMUnitTest){ATTESTER.attempts[i]->claim, the_attempt_ends_as_its_row_says, NULL,
                                NULL, (void *)(uintptr_t)ATTESTER.attempts[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(the_warden_is_unharmed);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(nothing_is_left_behind);
    int failed =
        _cmocka_run_group_tests("warden", tests, n, all_are_made_while_the_warden_answers, NULL);
    served_end();
    host_end();
    return failed;
}
