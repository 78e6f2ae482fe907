#include "world.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"
#include "exchange/attestation.h"
#include "launcher/runs.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

static struct world w;

static int make(void **state)
{
    (void)state;
    world_make(&w);
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_end(&w);
    return 0;
}

static struct reply get_run(const char *id, const char *more)
{
    char path[256];

    snprintf(path, sizeof(path), "/v1/runs/%s%s", id, more);
    return world_ask_text(&w, "GET", path, "");
}

static struct reply stop(const char *id)
{
    char path[256];

    snprintf(path, sizeof(path), "/v1/runs/%s/stop", id);
    return world_ask_text(&w, "POST", path, "{}");
}

static void assert_error(const struct reply *r, const char *code)
{
    const char *found =
        json_string_value(json_object_get(json_object_get(r->json, "error"), "code"));

    assert_string_equal(found ? found : "", code);
}

/* How late the clock may be read on a machine that does other things too, and how far libevent's
 * own may be behind. */
#define LATE_MS  700
#define EARLY_MS 200

/* The time that the run's timer has left, in milliseconds; then it is over at once. */
static long end_timer(const char *id)
{
    struct owner owner;
    struct timeval now;
    struct timeval at;

    sha256(bytes_of(w.owner_spki, sizeof(w.owner_spki)), owner.spki_sha256);
    struct run *run = runs_find(w.launcher, &owner, id);
    assert_non_null(run);
    if (!event_pending(run->timer, EV_TIMEOUT, &at))
        return -1;
    event_active(run->timer, EV_TIMEOUT, 0);
    gettimeofday(&now, NULL);
    return (at.tv_sec - now.tv_sec) * 1000 + (at.tv_usec - now.tv_usec) / 1000;
}

static void two_runs_of_one_program_are_refused(void **state)
{
    char id[ID_LEN + 1];
    (void)state;
    world_add_program(&w, "single", 60);
    world_run(&w, "single", id);
    struct reply second _cleanup_reply_ =
        world_ask_text(&w, "POST", "/v1/programs/single/runs", "{}");
    assert_reply(&second, 409, "program.running");
    struct reply removed _cleanup_reply_ = world_ask_text(&w, "DELETE", "/v1/programs/single", "");
    assert_reply(&removed, 409, "program.running");
}

static void a_program_is_asked_to_stop_and_ends(void **state)
{
    char id[ID_LEN + 1];
    (void)state;
    world_add_program(&w, "polite", 60);
    struct world_program *p = world_run(&w, "polite", id);
    struct reply stopping _cleanup_reply_ = stop(id);
    assert_int_equal(stopping.status, 202);
    assert_string_equal(reply_text(&stopping, "state"), "stopping");
    struct frame event = program_get(&w, p);
    assert_int_equal(event.kind, FRAME_EVENT);
    assert_true(bytes_equal_text(event.target, "stop"));
    world_end_program(&w, p, "");
    world_wait_state(&w, id, "ended");
    struct reply ended _cleanup_reply_ = get_run(id, "");
    assert_true(json_is_null(json_object_get(ended.json, "error")));
    assert_true(reply_number(&ended, "ended") > 0);
    struct reply again _cleanup_reply_ = stop(id);
    assert_reply(&again, 409, "run.stopped");
}

static void a_program_that_does_not_stop_is_killed_after_ten_seconds(void **state)
{
    char id[ID_LEN + 1];
    (void)state;
    world_add_program(&w, "stubborn", 60);
    world_run(&w, "stubborn", id);
    unsigned kills = w.n_kills;
    struct reply stopping _cleanup_reply_ = stop(id);
    assert_int_equal(w.n_kills, kills);
    assert_in_range(end_timer(id), 10000 - LATE_MS, 10000 + EARLY_MS);
    world_wait_state(&w, id, "ended");
    assert_int_equal(w.n_kills, kills + 1);
    struct reply ended _cleanup_reply_ = get_run(id, "");
    assert_error(&ended, "run.stopped");
}

static void a_crash_of_a_scheduled_program_starts_it_again_after_a_pause(void **state)
{
    char id[ID_LEN + 1];
    (void)state;
    world_add_program(&w, "kept", 60);
    struct world_program *p = world_run(&w, "kept", id);
    unsigned runs = w.n_runs;
    for (unsigned i = 0; i < 8; i++) {
        long pause = i < 5 ? 1000 << i : 30000;
        world_end_program(&w, p, "compartment.crashed");
        world_wait_state(&w, id, "waiting");
        struct reply waiting _cleanup_reply_ = get_run(id, "");
        assert_error(&waiting, "compartment.crashed");
        assert_in_range(end_timer(id), pause * 3 / 4 - LATE_MS, pause * 5 / 4 + EARLY_MS);
        p = world_nth_program(&w, runs + 1 + i);
        world_wait_state(&w, id, "running");
    }
    struct reply running _cleanup_reply_ = get_run(id, "");
    assert_int_equal(reply_number(&running, "restarts"), 8);
}

static void a_program_without_a_schedule_that_failed_stays_so(void **state)
{
    char id[ID_LEN + 1];
    (void)state;
    world_add_program(&w, "once", 0);
    struct world_program *p = world_run(&w, "once", id);
    unsigned runs = w.n_runs;
    world_end_program(&w, p, "compartment.limit");
    world_wait_state(&w, id, "ended"); /* from there no event leads on */
    assert_int_equal(w.n_runs, runs);
    struct reply ended _cleanup_reply_ = get_run(id, "");
    assert_error(&ended, "compartment.limit");
}

static void a_lost_program_is_started_again_even_without_a_schedule(void **state)
{
    char id[ID_LEN + 1];
    (void)state;
    world_add_program(&w, "lost", 0);
    world_run(&w, "lost", id);
    unsigned runs = w.n_runs;
    world_stop_warden(&w);
    world_wait_state(&w, id, "waiting");
    struct reply waiting _cleanup_reply_ = get_run(id, "");
    assert_error(&waiting, "warden.unreachable");
    struct reply health _cleanup_reply_ = world_ask_text(&w, "GET", "/v1/health", "");
    assert_string_equal(reply_text(&health, "warden"), "unreachable");
    struct reply refused _cleanup_reply_ =
        world_ask_text(&w, "POST", "/v1/programs/lost/builds", "{}");
    assert_reply(&refused, 503, "warden.unreachable");
    world_start_warden(&w);
    world_nth_program(&w, runs + 1);
    world_wait_state(&w, id, "running");
    struct reply stopped _cleanup_reply_ = stop(id);
    assert_int_equal(stopped.status, 202);
}

static void a_launcher_that_was_killed_resumes_what_should_run(void **state)
{
    char id[ID_LEN + 1];
    char other[ID_LEN + 1];
    (void)state;
    world_add_program(&w, "resumed", 0);
    world_add_program(&w, "not-wanted", 60);
    world_run(&w, "resumed", id);
    world_run(&w, "not-wanted", other);
    struct reply stopping _cleanup_reply_ = stop(other);
    world_kill_launcher(&w);
    world_start_launcher(&w);
    world_wait_state(&w, id, "running");
    struct reply r _cleanup_reply_ = get_run(id, "");
    assert_int_equal(reply_number(&r, "restarts"), 1);
    world_wait_state(&w, other, "ended");
    struct reply done _cleanup_reply_ = stop(id);
    assert_int_equal(done.status, 202);
}

static void a_run_that_the_warden_refuses_is_ended_with_its_reason(void **state)
{
    (void)state;
    world_add_program(&w, "refused", 0);
    w.refuse_runs = true;
    struct reply r _cleanup_reply_ = world_ask_text(&w, "POST", "/v1/programs/refused/runs", "{}");
    assert_int_equal(r.status, 201);
    world_wait_state(&w, r.id, "ended");
    w.refuse_runs = false;
    struct reply ended _cleanup_reply_ = get_run(r.id, "");
    assert_error(&ended, "compartment.unavailable");
}

static void a_warden_that_talks_nonsense_is_left(void **state)
{
    (void)state;
    world_add_program(&w, "nonsense", 0);
    w.garbage = true;
    struct reply r _cleanup_reply_ = world_ask_text(&w, "POST", "/v1/programs/nonsense/runs", "{}");
    assert_int_equal(r.status, 201);
    world_turn(&w, 50);
    w.garbage = false;
    world_wait_state(&w, r.id, "running");
}

static void a_run_that_is_stopped_while_it_starts_is_killed_when_it_has(void **state)
{
    (void)state;
    world_add_program(&w, "early", 0);
    w.silent = true;
    struct reply r _cleanup_reply_ = world_ask_text(&w, "POST", "/v1/programs/early/runs", "{}");
    assert_string_equal(reply_text(&r, "state"), "starting");
    struct reply stopping _cleanup_reply_ = stop(r.id);
    assert_string_equal(reply_text(&stopping, "state"), "stopping");
    w.silent = false;
    world_stop_warden(&w);
    world_wait_state(&w, r.id, "ended");
    world_start_warden(&w);
    world_turn(&w, 500);
}

static void a_long_poll_ends_with_a_change_or_its_time(void **state)
{
    char id[ID_LEN + 1];
    (void)state;
    world_turn(&w, 500);
    world_add_program(&w, "polled", 60);
    struct world_program *p = world_run(&w, "polled", id);
    world_wait_state(&w, id, "running");
    uint64_t start = clock_monotonic_ns();
    struct reply timed _cleanup_reply_ = get_run(id, "?wait=1");
    assert_true(clock_monotonic_ns() - start > 900000000u);
    assert_string_equal(reply_text(&timed, "state"), "running");
    struct reply known _cleanup_reply_ = get_run(id, "?wait=30&state=starting");
    assert_string_equal(reply_text(&known, "state"), "running");
    world_end_program(&w, p, "");
    start = clock_monotonic_ns();
    struct reply ended _cleanup_reply_ = get_run(id, "?wait=30&state=running");
    assert_string_equal(reply_text(&ended, "state"), "ended");
    assert_true(clock_monotonic_ns() - start < 5000000000u);
}

static void lines_are_kept_in_order_and_waited_for(void **state)
{
    char id[ID_LEN + 1];
    (void)state;
    world_add_program(&w, "talks", 60);
    struct world_program *p = world_run(&w, "talks", id);
    program_ask(p, 1, "log:open", "text/plain", bytes_of_text("in the open"));
    assert_int_equal(program_get(&w, p).status, 204);
    program_ask(p, 2, "log:owner", "application/octet-stream", bytes_of("\x00\xff", 2));
    assert_int_equal(program_get(&w, p).status, 204);
    struct reply lines _cleanup_reply_ = get_run(id, "/logs?after=0&wait=5");
    json_t *array = json_object_get(lines.json, "lines");
    assert_int_equal(json_array_size(array), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(array, 0), "data")),
                        "in the open");
    assert_string_equal(json_string_value(json_object_get(json_array_get(array, 1), "kind")),
                        "owner");
    assert_string_equal(json_string_value(json_object_get(json_array_get(array, 1), "data")),
                        "AP8=");
    uint64_t start = clock_monotonic_ns();
    struct reply none _cleanup_reply_ = get_run(id, "/logs?after=2&wait=1");
    assert_int_equal(json_array_size(json_object_get(none.json, "lines")), 0);
    assert_true(clock_monotonic_ns() - start > 900000000u);
}

static void a_flood_of_lines_is_bounded(void **state)
{
    char id[ID_LEN + 1];
    (void)state;
    world_add_program(&w, "loud", 60);
    struct world_program *p = world_run(&w, "loud", id);
    for (uint32_t i = 0; i < LIMIT_LOG_LINES + 200; i += 100) {
        for (uint32_t j = 0; j < 100; j++)
            program_ask(p, i + j, "log:open", "text/plain", bytes_of_text("again"));
        for (uint32_t j = 0; j < 100; j++)
            assert_int_equal(program_get(&w, p).status, 204);
    }
    struct reply last _cleanup_reply_ = get_run(id, "/logs?after=9990");
    json_t *array = json_object_get(last.json, "lines");
    assert_int_equal(json_array_size(array), 10);
    assert_string_equal(json_string_value(json_object_get(json_array_get(array, 9), "kind")),
                        "launcher");
    struct reply first _cleanup_reply_ = get_run(id, "/logs");
    assert_int_equal(json_array_size(json_object_get(first.json, "lines")), 500);
}

static void the_longest_line_passes_open_or_sealed_and_no_longer_one(void **state)
{
    char id[ID_LEN + 1];
    static const uint8_t TEXT[LIMIT_LOG_LINE + 1];
    uint8_t owner[X25519_LEN];
    _cleanup_x25519_ struct x25519_key *key = x25519_generate();
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(LIMIT_LOG_SEALED + 1);
    (void)state;
    world_add_program(&w, "verbose", 60);
    struct world_program *p = world_run(&w, "verbose", id);
    x25519_public(key, owner);
    assert_true(log_seal(owner, "verbose", bytes_of(TEXT, LIMIT_LOG_LINE), &sealed));
    program_ask(p, 1, "log:owner", "application/octet-stream", buffer_bytes(&sealed));
    assert_int_equal(program_get(&w, p).status, 204);
    program_ask(p, 2, "log:open", "text/plain", bytes_of(TEXT, LIMIT_LOG_LINE));
    assert_int_equal(program_get(&w, p).status, 204);
    program_ask(p, 3, "log:open", "text/plain", bytes_of(TEXT, sizeof(TEXT)));
    assert_int_equal(program_get(&w, p).status, 500);
    assert_non_null(buffer_extend(&sealed, LIMIT_LOG_SEALED + 1 - sealed.len));
    program_ask(p, 4, "log:owner", "application/octet-stream", buffer_bytes(&sealed));
    assert_int_equal(program_get(&w, p).status, 500);
}

static bool is_stopped(const struct world *world, const void *key)
{
    (void)world;
    return *(const bool *)key;
}

static void note(void *context)
{
    *(bool *)context = true;
}

static void a_launcher_that_is_told_to_stop_asks_its_programs_and_resumes_them(void **state)
{
    char id[ID_LEN + 1];
    bool stopped = false;
    (void)state;
    world_kill_launcher(&w);
    char command[128];
    snprintf(command, sizeof(command), "rm -r %s", w.config.state);
    assert_int_equal(system(command), 0);
    world_start_launcher(&w);
    world_add_program(&w, "drained", 60);
    struct world_program *p = world_run(&w, "drained", id);
    launcher_stop(w.launcher, note, &stopped);
    struct frame event = program_get(&w, p);
    assert_int_equal(event.kind, FRAME_EVENT);
    assert_false(stopped);
    world_end_program(&w, p, "");
    world_until(&w, is_stopped, &stopped);
    unsigned runs = w.n_runs;
    world_kill_launcher(&w);
    world_start_launcher(&w);
    world_nth_program(&w, runs + 1);
    world_wait_state(&w, id, "running");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_runs_of_one_program_are_refused),
        cmocka_unit_test(a_program_is_asked_to_stop_and_ends),
        cmocka_unit_test(a_program_that_does_not_stop_is_killed_after_ten_seconds),
        cmocka_unit_test(a_crash_of_a_scheduled_program_starts_it_again_after_a_pause),
        cmocka_unit_test(a_program_without_a_schedule_that_failed_stays_so),
        cmocka_unit_test(a_lost_program_is_started_again_even_without_a_schedule),
        cmocka_unit_test(a_launcher_that_was_killed_resumes_what_should_run),
        cmocka_unit_test(a_run_that_the_warden_refuses_is_ended_with_its_reason),
        cmocka_unit_test(a_warden_that_talks_nonsense_is_left),
        cmocka_unit_test(a_run_that_is_stopped_while_it_starts_is_killed_when_it_has),
        cmocka_unit_test(a_long_poll_ends_with_a_change_or_its_time),
        cmocka_unit_test(lines_are_kept_in_order_and_waited_for),
        cmocka_unit_test(a_flood_of_lines_is_bounded),
        cmocka_unit_test(the_longest_line_passes_open_or_sealed_and_no_longer_one),
        cmocka_unit_test(a_launcher_that_is_told_to_stop_asks_its_programs_and_resumes_them),
    };
    return cmocka_run_group_tests(tests, make, end);
}
