/* A run: ticks, stop, and the lines that it logs. */
#include "program.h"

#include "wire/cbor.h"

static const char *log_text(void)
{
    return peer.log.data ? (const char *)peer.log.data : "";
}

static void the_first_tick_is_at_once_and_the_next_after_its_time(void **state)
{
    (void)state;
    open_program();
    uint64_t since = clock_monotonic_ns();
    assert_true(idevs_wait(ip));
    assert_true(clock_monotonic_ns() - since < 500000000);
    assert_true(idevs_wait(ip));
    assert_true(clock_monotonic_ns() - since >= 1000000000);
}

static void ticks_that_were_missed_are_left_out(void **state)
{
    (void)state;
    open_program();
    assert_true(idevs_wait(ip));
    ip->next_tick_ns -= 2500000000; /* as if the work had taken 2.5 s */
    uint64_t since = clock_monotonic_ns();
    assert_true(idevs_wait(ip));
    uint64_t took = clock_monotonic_ns() - since;
    assert_true(took > 300000000 && took < 700000000);
}

static void a_manifest_without_a_schedule_has_one_run(void **state)
{
    (void)state;
    peer.manifest.every = 0;
    open_program();
    assert_true(idevs_wait(ip));
    assert_false(idevs_wait(ip));
}

static void stop_wakes_a_program_that_waits(void **state)
{
    (void)state;
    peer.manifest.every = 3600;
    open_program();
    assert_true(idevs_wait(ip));
    pthread_mutex_lock(&peer.lock);
    peer_stop_program(&peer);
    pthread_mutex_unlock(&peer.lock);
    assert_false(idevs_wait(ip));
    assert_string_equal(idevs_last_error(ip)->code, "run.stopped");
    assert_false(idevs_wait(ip));
}

static void each_tick_has_the_runs_whole_time(void **state)
{
    struct idevs_reply reply;
    (void)state;
    peer.manifest.run_seconds = 1;
    open_program();
    ip->run_ends_ns = 0;
    assert_int_equal(idevs_read(ip, "store", "/", &reply), -1);
    assert_string_equal(idevs_last_error(ip)->code, "run.limit");
    assert_true(idevs_wait(ip));
    assert_int_equal(idevs_read(ip, "store", "/", &reply), 0);
}

static void the_steps_of_an_exchange_are_reported(void **state)
{
    static const char *const NAMES[] = {"post", "sign", "decrypt", "encrypt", "request"};
    struct idevs_reply reply;
    size_t n;
    (void)state;
    open_program();
    assert_int_equal(idevs_read(ip, "store", "/", &reply), 0);
    assert_int_equal(idevs_write(ip, "transport", "/", "text/plain", "", 0, &reply), 0);
    idevs_close(ip);
    ip = NULL;
    peer_join(&peer);
    struct reader r = reader_of(buffer_bytes(&peer.spans));
    assert_true(cbor_is_valid(buffer_bytes(&peer.spans)));
    assert_true(cbor_get_map(&r, &n));
    assert_int_equal(n, ARRAY_LEN(NAMES));
    for (size_t i = 0; i < n; i++) {
        struct bytes name;
        uint64_t ns;
        assert_true(cbor_get_text(&r, &name) && cbor_get_uint(&r, &ns));
        assert_true(bytes_equal_text(name, NAMES[i]));
    }
}

static void a_line_is_sealed_to_the_owner(void **state)
{
    (void)state;
    open_program();
    assert_int_equal(idevs_log(ip, IDEVS_WARNING, "sale %d\nhas no phone", 7), 0);
    assert_string_equal(log_text(), "warning: sale 7 has no phone\n");
}

static void an_open_log_is_sent_as_it_is(void **state)
{
    (void)state;
    peer.manifest.logs = MANIFEST_LOGS_OPEN;
    open_program();
    assert_int_equal(idevs_log(ip, IDEVS_INFO, "plain"), 0);
    assert_string_equal(log_text(), "info: plain\n");
}

static void no_log_sends_nothing(void **state)
{
    (void)state;
    peer.manifest.logs = MANIFEST_LOGS_NONE;
    open_program();
    assert_int_equal(idevs_log(ip, IDEVS_INFO, "secret"), 0);
    assert_int_equal(peer.n_logs, 0);
}

static void a_long_line_is_cut_off(void **state)
{
    static char text[2 * LIMIT_LOG_LINE];
    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    open_program();
    assert_int_equal(idevs_log(ip, IDEVS_INFO, "%s", text), 0);
    assert_int_equal(strlen(log_text()), LIMIT_LOG_LINE + 1);
}

static void a_full_log_says_so_once_and_drops_the_rest(void **state)
{
    (void)state;
    open_program();
    ip->n_log_lines = LIMIT_LOG_LINES - 2;
    assert_int_equal(idevs_log(ip, IDEVS_INFO, "fits"), 0);
    assert_int_equal(idevs_log(ip, IDEVS_INFO, "first that does not"), 0);
    assert_int_equal(idevs_log(ip, IDEVS_INFO, "second"), -1);
    assert_string_equal(idevs_last_error(ip)->code, "limit.log");
    assert_int_equal(peer.n_logs, 2);
    assert_non_null(strstr(log_text(), "limit.log"));
    assert_null(strstr(log_text(), "first that"));
}

#define program_test(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        program_test(the_first_tick_is_at_once_and_the_next_after_its_time),
        program_test(ticks_that_were_missed_are_left_out),
        program_test(a_manifest_without_a_schedule_has_one_run),
        program_test(stop_wakes_a_program_that_waits),
        program_test(each_tick_has_the_runs_whole_time),
        program_test(the_steps_of_an_exchange_are_reported),
        program_test(a_line_is_sealed_to_the_owner),
        program_test(an_open_log_is_sent_as_it_is),
        program_test(no_log_sends_nothing),
        program_test(a_long_line_is_cut_off),
        program_test(a_full_log_says_so_once_and_drops_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
