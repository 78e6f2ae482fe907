#include "attack.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

static const struct attack *witnessed;
static const struct area *running;

void attack_refused(const struct attack *this, enum refuser who, const char *code)
{
    static const char *const NAMES[] = {"",       "gateway", "run-time", "authority",
                                        "signer", "warden",  "launcher", "service"};

    if (who != this->refuser || strcmp(code, this->code) != 0)
        print_message("refused by %s with %s\n", NAMES[who], code); /* for script/mutate */
    assert_int_equal(who, this->refuser);
    assert_string_equal(code, this->code);
    witnessed = this;
}

static void run_attack(void **state)
{
    const struct attack *this = *state;

    witnessed = NULL;
    this->run(this);
    assert_ptr_equal(witnessed, this);
}

static void run_control(void **state)
{
    (void)state;
    running->control();
}

static bool is_wanted(const struct attack *attack, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], attack->claim) == 0)
            return true;
    return argc < 2;
}

int area_main(const struct area *area, int argc, char **argv)
{
    struct CMUnitTest *tests = alloc_zero(area->n + 1, sizeof(*tests));
    size_t n = 0;

    running = area;
    tests[n++] =
        (struct CMUnitTest){"an_honest_exchange_works", run_control, area->begin, area->end, NULL};
    for (size_t i = 0; i < area->n; i++)
        if (is_wanted(area->attacks[i], argc, argv))
            tests[n++] = (struct CMUnitTest){area->attacks[i]->claim, run_attack, area->begin,
                                             area->end, (void *)(uintptr_t)area->attacks[i]};
    int failed = _cmocka_run_group_tests(area->name, tests, n, NULL, NULL);
    free(tests);
    return n == 1 && argc > 1 ? 2 : failed; /* a name that nobody knows is no success */
}
