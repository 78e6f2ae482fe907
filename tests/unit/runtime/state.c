/* idevs_save and idevs_load: versions, conflicts, repeated saves. */
#include "program.h"

static struct idevs_reply reply;

static int save(const char *text)
{
    return idevs_save(ip, "store", "cursor", text, strlen(text));
}

static int load(void)
{
    return idevs_load(ip, "store", "cursor", &reply);
}

static const char *last_code(void)
{
    return idevs_last_error(ip)->code;
}

/* Another instance of the program. */
static void save_elsewhere(const char *text)
{
    pthread_mutex_lock(&peer.lock);
    buffer_clear(&peer.state);
    assert_true(buffer_append_text(&peer.state, text));
    peer.state_version++;
    pthread_mutex_unlock(&peer.lock);
}

static void a_refused_load_is_no_absent_value(void **state)
{
    (void)state;
    peer.steps[0] =
        (struct peer_step){.action = PEER_REFUSE, .code = "api.not-found", .status = 404};
    open_program();
    assert_int_equal(load(), -1);
    assert_string_equal(last_code(), "api.not-found");
}

static void what_was_never_saved_is_404(void **state)
{
    (void)state;
    open_program();
    assert_int_equal(load(), 0);
    assert_int_equal(reply.status, 404);
    assert_int_equal(reply.body_len, 0);
    assert_string_equal((const char *)reply.body, "");
}

static void what_was_saved_is_loaded(void **state)
{
    (void)state;
    open_program();
    assert_int_equal(save("one"), 0); /* without a load before */
    assert_int_equal(save("two"), 0);
    assert_int_equal(load(), 0);
    assert_int_equal(reply.status, 200);
    assert_string_equal((const char *)reply.body, "two");
    assert_string_equal(peer.seen[1].path, "/.well-known/idevs/state/cursor?version=0");
    assert_string_equal(peer.seen[2].path, "/.well-known/idevs/state/cursor?version=1");
}

static void a_save_without_a_load_goes_over_the_newest(void **state)
{
    (void)state;
    save_elsewhere("old run");
    open_program();
    assert_int_equal(save("new run"), 0);
    assert_int_equal(peer.state_version, 2);
}

static void of_two_instances_one_loses(void **state)
{
    (void)state;
    open_program();
    assert_int_equal(load(), 0);
    save_elsewhere("theirs");
    assert_int_equal(save("ours"), -1);
    assert_string_equal(last_code(), "state.conflict");
    assert_int_equal(save("ours"), -1);
    assert_int_equal(load(), 0);
    assert_string_equal((const char *)reply.body, "theirs");
    assert_int_equal(save("ours"), 0);
}

static void a_save_whose_answer_was_lost_is_recognised(void **state)
{
    (void)state;
    peer.steps[1] = (struct peer_step){.action = PEER_PLAIN_AFTER, .code = "launcher.busy"};
    open_program();
    assert_int_equal(load(), 0);
    assert_int_equal(save("once"), 0);
    assert_int_equal(peer.state_version, 1);
    assert_int_equal(save("twice"), 0);
    assert_int_equal(peer.state_version, 2);
}

static void a_repeated_save_that_another_beat_is_a_conflict(void **state)
{
    (void)state;
    peer.steps[1] = (struct peer_step){.action = PEER_SILENT};
    open_program();
    assert_int_equal(load(), 0);
    save_elsewhere("theirs");
    assert_int_equal(save("ours"), -1);
    assert_string_equal(last_code(), "state.conflict");
}

static void a_loaded_value_may_be_saved_from_where_it_stands(void **state)
{
    (void)state;
    save_elsewhere("kept");
    open_program();
    assert_int_equal(load(), 0);
    assert_int_equal(idevs_save(ip, "store", "copy", reply.body, reply.body_len), 0);
    assert_int_equal(load(), 0);
    assert_string_equal((const char *)reply.body, "kept");
}

static void names_and_sizes_out_of_bounds_are_not_sent(void **state)
{
    static const uint8_t LARGE[LIMIT_STATE_VALUE + 1];
    (void)state;
    open_program();
    assert_int_equal(idevs_save(ip, "store", "a/b", "x", 1), -1);
    assert_string_equal(last_code(), "call.argument");
    assert_int_equal(idevs_load(ip, "store", "", &reply), -1);
    assert_string_equal(last_code(), "call.argument");
    assert_int_equal(idevs_load(ip, "bank", "cursor", &reply), -1);
    assert_string_equal(last_code(), "service.unknown");
    assert_int_equal(idevs_save(ip, "store", "cursor", LARGE, sizeof(LARGE)), -1);
    assert_string_equal(last_code(), "state.full");
    assert_int_equal(peer.n_exchanges, 0);
    assert_int_equal(idevs_save(ip, "store", "cursor", LARGE, LIMIT_STATE_VALUE), 0);
}

#define state_test(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        state_test(a_refused_load_is_no_absent_value),
        state_test(what_was_never_saved_is_404),
        state_test(what_was_saved_is_loaded),
        state_test(a_save_without_a_load_goes_over_the_newest),
        state_test(of_two_instances_one_loses),
        state_test(a_save_whose_answer_was_lost_is_recognised),
        state_test(a_repeated_save_that_another_beat_is_a_conflict),
        state_test(a_loaded_value_may_be_saved_from_where_it_stands),
        state_test(names_and_sizes_out_of_bounds_are_not_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
