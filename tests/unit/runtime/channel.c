#include "runtime/channel.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct channel channel;
static int far_end;

static int open_channel(void **state)
{
    int ends[2];
    (void)state;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return -1;
    channel_open(&channel, ends[0], "launcher.unreachable");
    far_end = ends[1];
    return 0;
}

static int close_channel(void **state)
{
    (void)state;
    channel_close(&channel);
    fd_close(&far_end);
    return 0;
}

static uint64_t in_ms(uint64_t ms)
{
    return clock_monotonic_ns() + ms * 1000000;
}

static void say(const struct frame *frame)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_FRAME);
    assert_true(frame_encode(frame, &b));
    assert_true(fd_write_all(far_end, b.data, b.len));
}

static void say_reply(uint32_t id, const char *body)
{
    say(&(struct frame){.id = id, .kind = FRAME_REPLY, .status = 200, .body = bytes_of_text(body)});
}

static bool call(struct frame *ret, struct idevs_error *err)
{
    const struct channel_request request = {
        .target = "service:store", .type = "text/plain", .body = bytes_of_text("ask")};
    return channel_call(&channel, &request, in_ms(50), ret, err);
}

static void the_reply_with_the_requests_id_is_taken(void **state)
{
    struct frame reply;
    struct idevs_error err;
    (void)state;
    say_reply(1, "first");
    say_reply(2, "second");
    assert_true(call(&reply, &err));
    assert_true(bytes_equal_text(reply.body, "first"));
    assert_true(call(&reply, &err));
    assert_true(bytes_equal_text(reply.body, "second"));
}

static void replies_to_nothing_are_dropped(void **state)
{
    struct frame reply;
    struct idevs_error err;
    (void)state;
    say_reply(77, "stray");
    say_reply(0, "stray");
    say_reply(1, "ours");
    assert_true(call(&reply, &err));
    assert_true(bytes_equal_text(reply.body, "ours"));
}

static void a_reply_can_be_taken_some_time_after_asking(void **state)
{
    const struct channel_request request = {.target = "authority:challenge", .type = ""};
    struct frame reply;
    struct idevs_error err;
    (void)state;
    say_reply(77, "stray");
    say_reply(1, "challenge");
    say_reply(2, "next");
    assert_true(channel_tell(&channel, &request, in_ms(50), &err));
    assert_true(channel_answer(&channel, &request, in_ms(50), &reply, &err));
    assert_true(bytes_equal_text(reply.body, "challenge"));
    assert_true(call(&reply, &err));
    assert_true(bytes_equal_text(reply.body, "next"));
}

static void a_reply_that_does_not_come_is_missed_by_name(void **state)
{
    const struct channel_request request = {.target = "authority:challenge", .type = ""};
    struct frame reply;
    struct idevs_error err;
    (void)state;
    assert_true(channel_tell(&channel, &request, in_ms(50), &err));
    assert_false(channel_answer(&channel, &request, in_ms(1), &reply, &err));
    assert_refused(&err, "launcher.unreachable");
    assert_non_null(strstr(err.found, "authority:challenge"));
}

/* Strays without a pause, for half a second. */
static void *say_strays(void *context)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(1));
    struct frame frame = {.id = 77, .kind = FRAME_REPLY, .status = 200};
    uint64_t until = in_ms(500);

    (void)context;
    if (!frame_encode(&frame, &b))
        return NULL;
    while (clock_monotonic_ns() < until && fd_write_all(far_end, b.data, b.len))
        ;
    return NULL;
}

static void strays_without_end_do_not_hold_up_the_deadline(void **state)
{
    struct frame reply;
    struct idevs_error err;
    pthread_t thread;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, say_strays, NULL), 0);
    usleep(20000);
    uint64_t since = clock_monotonic_ns();
    bool answered = call(&reply, &err);
    uint64_t took = clock_monotonic_ns() - since;
    shutdown(channel.fd, SHUT_RDWR);
    pthread_join(thread, NULL);
    assert_false(answered);
    assert_refused(&err, "launcher.unreachable");
    assert_false(channel.broken);
    assert_true(took < 300000000);
}

static void silence_is_an_error_but_not_the_end(void **state)
{
    struct frame reply;
    struct idevs_error err;
    (void)state;
    assert_false(call(&reply, &err));
    assert_refused(&err, "launcher.unreachable");
    say_reply(1, "late");
    say_reply(2, "in time");
    assert_true(call(&reply, &err));
    assert_true(bytes_equal_text(reply.body, "in time"));
}

static void the_end_of_the_stream_is_final(void **state)
{
    struct frame reply;
    struct idevs_error err;
    (void)state;
    fd_close(&far_end);
    assert_false(call(&reply, &err));
    assert_refused(&err, "launcher.unreachable");
    assert_true(channel.broken);
    assert_false(channel_sleep(&channel, in_ms(1000)));
}

static void what_is_no_reply_or_stop_is_fatal(void **state)
{
    static const struct frame FRAMES[] = {
        {.id = 1, .kind = FRAME_REQUEST, .target = {(const uint8_t *)"manifest", 8}},
        {.id = 0, .kind = FRAME_EVENT, .target = {(const uint8_t *)"start", 5}},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(FRAMES); i++) {
        struct frame reply;
        struct idevs_error err;
        if (i > 0) {
            close_channel(NULL);
            open_channel(NULL);
        }
        say(&FRAMES[i]);
        assert_false(call(&reply, &err));
        assert_refused(&err, "frame.malformed");
        assert_true(channel.broken);
    }
}

static void bytes_that_are_no_frame_are_fatal(void **state)
{
    struct frame reply;
    struct idevs_error err;
    (void)state;
    assert_true(fd_write_all(far_end, "\0\0\0\1\0\0\0\1\2\3\4\5\6\7", 14));
    assert_false(call(&reply, &err));
    assert_refused(&err, "frame.malformed");
    assert_false(call(&reply, &err));
    assert_refused(&err, "frame.malformed");
}

static void a_length_beyond_any_frame_is_fatal_before_its_bytes(void **state)
{
    struct frame reply;
    struct idevs_error err;
    (void)state;
    assert_true(fd_write_all(far_end, "\xff\xff\xff\xff\0\0\0\1", 8));
    assert_false(call(&reply, &err));
    assert_refused(&err, "frame.malformed");
    assert_true(channel.in.cap < KIB(256));
}

static void *say_oversize(void *context)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_FRAME);
    uint8_t *zeros = alloc_zero(LIMIT_CHANNEL_BODY + 1, 1);
    (void)context;
    struct frame frame = {.id = 1,
                          .kind = FRAME_REPLY,
                          .status = 200,
                          .body = bytes_of(zeros, LIMIT_CHANNEL_BODY + 1)};
    if (frame_encode(&frame, &b) && fd_write_all(far_end, b.data, b.len))
        say_reply(2, "small");
    free(zeros);
    return NULL;
}

static void an_oversize_reply_is_stepped_over_in_little_memory(void **state)
{
    struct frame reply;
    struct idevs_error err;
    pthread_t thread;
    const struct channel_request request = {.target = "service:store", .type = ""};
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, say_oversize, NULL), 0);
    assert_false(channel_call(&channel, &request, in_ms(20000), &reply, &err));
    assert_refused(&err, "http.body-too-large");
    assert_true(channel.in.cap <= KIB(256));
    assert_true(channel_call(&channel, &request, in_ms(20000), &reply, &err));
    assert_true(bytes_equal_text(reply.body, "small"));
    pthread_join(thread, NULL);
}

static void *dribble(void *context)
{
    const struct buffer *b = context;
    for (size_t i = 0; i < b->len; i++) {
        if (!fd_write_all(far_end, b->data + i, 1))
            break;
        usleep(200);
    }
    return NULL;
}

static void a_reply_may_come_byte_by_byte(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(1));
    struct frame frame = {.id = 1, .kind = FRAME_REPLY, .status = 200};
    struct frame reply;
    struct idevs_error err;
    pthread_t thread;
    const struct channel_request request = {.target = "service:store", .type = ""};
    (void)state;
    frame.body = bytes_of_text("slow");
    assert_true(frame_encode(&frame, &b));
    assert_int_equal(pthread_create(&thread, NULL, dribble, &b), 0);
    assert_true(channel_call(&channel, &request, in_ms(5000), &reply, &err));
    assert_true(bytes_equal_text(reply.body, "slow"));
    pthread_join(thread, NULL);
}

static void a_peer_that_reads_nothing_ends_the_channel_at_the_deadline(void **state)
{
    uint8_t *zeros = alloc_zero(MIB(4), 1);
    struct frame reply;
    struct idevs_error err;
    const struct channel_request request = {
        .target = "service:store", .type = "", .body = bytes_of(zeros, MIB(4))};
    (void)state;
    assert_false(channel_call(&channel, &request, in_ms(20), &reply, &err));
    assert_refused(&err, "launcher.unreachable");
    assert_true(channel.broken);
    free(zeros);
}

static void stop_is_noticed_while_calling_and_ends_sleep(void **state)
{
    struct frame reply;
    struct idevs_error err;
    (void)state;
    say(&(struct frame){.kind = FRAME_EVENT, .target = bytes_of_text("stop")});
    say_reply(1, "still answered");
    assert_true(call(&reply, &err));
    assert_true(bytes_equal_text(reply.body, "still answered"));
    assert_true(channel.stopped);
    uint64_t since = clock_monotonic_ns();
    assert_false(channel_sleep(&channel, in_ms(5000)));
    assert_true(clock_monotonic_ns() - since < 1000000000);
}

static void sleep_lasts_until_its_deadline(void **state)
{
    uint64_t until = in_ms(30);
    (void)state;
    say_reply(9, "stray");
    assert_true(channel_sleep(&channel, until));
    assert_true(clock_monotonic_ns() >= until);
}

#define channel_test(f) cmocka_unit_test_setup_teardown(f, open_channel, close_channel)

int main(void)
{
    const struct CMUnitTest tests[] = {
        channel_test(the_reply_with_the_requests_id_is_taken),
        channel_test(replies_to_nothing_are_dropped),
        channel_test(a_reply_can_be_taken_some_time_after_asking),
        channel_test(a_reply_that_does_not_come_is_missed_by_name),
        channel_test(strays_without_end_do_not_hold_up_the_deadline),
        channel_test(silence_is_an_error_but_not_the_end),
        channel_test(the_end_of_the_stream_is_final),
        channel_test(what_is_no_reply_or_stop_is_fatal),
        channel_test(bytes_that_are_no_frame_are_fatal),
        channel_test(a_length_beyond_any_frame_is_fatal_before_its_bytes),
        channel_test(an_oversize_reply_is_stepped_over_in_little_memory),
        channel_test(a_reply_may_come_byte_by_byte),
        channel_test(a_peer_that_reads_nothing_ends_the_channel_at_the_deadline),
        channel_test(stop_is_noticed_while_calling_and_ends_sleep),
        channel_test(sleep_lasts_until_its_deadline),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
