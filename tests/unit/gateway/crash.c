/* A gateway that is killed at each named step of an exchange, started again and asked again: at
 * most once, never lost, and no conflict that is none. Only in a build with fault points. */
#include "test.h"

#include "world.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

static struct world world;

static bool ask(const char *method, const char *path, const char *key, struct answer *a)
{
    struct http_message m =
        actor_request(method, path, key, "application/octet-stream", bytes_of_text("809"));

    return world_exchange(&world, &m, a);
}

/* Starts the gateway so that it dies at `step`, asks, and starts it again. */
static void die_at(const char *step, const char *method, const char *path, const char *key)
{
    _cleanup_answer_ struct answer a;
    int status;

    world_gateway_end(&world, SIGTERM);
    setenv("IDEVS_FAULT", step, 1);
    world_gateway_start(&world);
    unsetenv("IDEVS_FAULT");
    assert_false(ask(method, path, key, &a));
    assert_int_equal(waitpid(world.gateway, &status, 0), world.gateway);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    world.gateway = 0;
    world_gateway_start(&world);
}

static void a_write_once_is_done_at_most_once_whenever_the_gateway_dies(void **state)
{
    static const struct {
        const char *step;
        unsigned status;  /* of the second attempt */
        unsigned carried; /* how often the service was asked, all in all */
    } CASES[] = {
        {"gateway.after-claim", 201, 1},   {"gateway.before-intent", 201, 1},
        {"gateway.after-intent", 504, 0},  {"gateway.after-forward", 504, 1},
        {"gateway.before-result", 504, 1}, {"gateway.after-result", 201, 1},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        _cleanup_answer_ struct answer a;
        unsigned before = fake_service_count(&world.service);
        die_at(CASES[i].step, "POST", "/count", CASES[i].step);
        assert_true(ask("POST", "/count", CASES[i].step, &a));
        assert_true(a.sealed);
        assert_int_equal(a.message.status, CASES[i].status);
        assert_int_equal(fake_service_count(&world.service) - before, CASES[i].carried);
    }
}

static void a_save_whose_answer_was_lost_is_no_conflict(void **state)
{
    static const char *const CASES[][2] = {
        {"gateway.state.before-commit", "/.well-known/idevs/state/a?version=0"},
        {"gateway.state.after-commit", "/.well-known/idevs/state/b?version=0"},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        _cleanup_answer_ struct answer a;
        die_at(CASES[i][0], "PUT", CASES[i][1], NULL);
        assert_true(ask("PUT", CASES[i][1], NULL, &a));
        assert_int_equal(a.message.status, 204);
        assert_string_equal(answer_field(&a, "etag"), "\"1\"");
    }
}

static int start(void **state)
{
    (void)state;
    world_start(&world, "");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    world_stop(&world);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_once_is_done_at_most_once_whenever_the_gateway_dies),
        cmocka_unit_test(a_save_whose_answer_was_lost_is_no_conflict),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
