/* What a server does when there are too many: of connections, and of bytes. */
#include "base/fd.h"
#include "served.h"
#include "test.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CAP 8 /* connections that the server of these tests has */

/* ---- connections ---- */

static void dial_all(int fds[CAP], const char *request, const char *wanted)
{
    char heard[1024];

    for (size_t i = 0; i < CAP; i++) {
        fds[i] = dial();
        say(fds[i], request);
        if (wanted)
            hear(fds[i], wanted, heard, sizeof(heard));
    }
}

static void close_all(int fds[CAP])
{
    for (size_t i = 0; i < CAP; i++)
        close(fds[i]);
}

static void who_does_nothing_longest_makes_place(void **state)
{
    int fds[CAP];
    char heard[1024];

    (void)state;
    dial_all(fds, GET("/in"), "/in");
    say(fds[0], GET("/not-idle"));
    hear(fds[0], "/not-idle", heard, sizeof(heard));
    _cleanup_fd_ int one_more = dial();
    say(one_more, GET("/one-more"));
    hear(one_more, "/one-more", heard, sizeof(heard));
    assert_int_equal(hear_all(fds[1], heard, sizeof(heard)), 0);
    say(fds[0], GET("/still"));
    hear(fds[0], "/still", heard, sizeof(heard));
    close_all(fds);
}

static void half_a_head_keeps_nobody_out(void **state)
{
    int fds[CAP];
    char heard[1024];

    (void)state;
    dial_all(fds, "GET /never HTTP/1.1\r\n", NULL);
    _cleanup_fd_ int one_more = dial();
    say(one_more, GET("/one-more"));
    hear(one_more, "/one-more", heard, sizeof(heard));
    close_all(fds);
}

static void whose_request_is_at_work_keeps_its_place(void **state)
{
    int fds[CAP];
    char heard[1024];

    (void)state;
    dial_all(fds, GET("/hold"), NULL);
    struct timespec pause = {.tv_nsec = 100000000};
    nanosleep(&pause, NULL); /* so that all of them are with the handler */
    _cleanup_fd_ int one_more = dial();
    (void)!write(one_more, GET("/one-more"), strlen(GET("/one-more")));
    assert_int_equal(hear_all(one_more, heard, sizeof(heard)), 0);
    close_all(fds);
}

/* ---- bytes ---- */

/* Head and the first `len` of MAX_BODY bytes. */
static int dial_and_begin(size_t len)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(MIB(1));
    int fd = dial();

    assert_true(buffer_append_format(
        &b, "POST /fields HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n", MAX_BODY));
    assert_non_null(buffer_extend(&b, len));
    assert_true(fd_write_all(fd, b.data, b.len));
    return fd;
}

static void long_bodies_share_a_budget_that_short_ones_do_not_need(void **state)
{
    struct timespec pause = {.tv_nsec = 100000000};
    char heard[1024];
    int slow[] = {dial_and_begin(MAX_BODY - 1), dial_and_begin(MAX_BODY - 1)};

    (void)state;
    nanosleep(&pause, NULL);
    int third = dial_and_begin(MAX_BODY);
    hear_all(third, heard, sizeof(heard));
    assert_memory_equal(heard, "HTTP/1.1 503 ", 13);
    assert_non_null(strstr(heard, "\"code\":\"http.busy\""));
    close(third);
    int small = dial();
    say(small, "POST /small HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nbody");
    hear(small, "/small|body", heard, sizeof(heard));
    close(small);
    for (size_t i = 0; i < ARRAY_LEN(slow); i++) { /* what was given back can be had again */
        close(slow[i]);
        nanosleep(&pause, NULL);
        int next = dial_and_begin(MAX_BODY);
        hear(next, "HTTP/1.1 200 OK\r\n", heard, sizeof(heard));
        close(next);
    }
}

/* Whose window is small, so that most of what it asks for waits at the server. */
static int dial_narrow(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)served.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 5};
    int small = 4096;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

static void answers_that_nobody_takes_make_room_for_others(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(2 * BIG);
    char *room = (char *)buffer_extend(&b, 2 * BIG);
    char heard[1024];
    int slow[3];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(slow); i++) {
        slow[i] = dial_narrow();
        say(slow[i], GET("/big"));
        hear(slow[i], "content-length", heard, sizeof(heard));
    }
    _cleanup_fd_ int fast = dial();
    say(fast, GET("/big"));
    hear(fast, "content-length", heard, sizeof(heard));
    assert_non_null(strstr(heard, " 200 "));
    for (size_t i = 0; i < ARRAY_LEN(slow); i++) {
        assert_true(hear_all(slow[i], room, 2 * BIG) < BIG - sizeof(heard));
        close(slow[i]);
    }
}

static void an_answer_that_has_no_room_is_refused_as_busy(void **state)
{
    char heard[4096];
    int half[2];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(half); i++)
        half[i] = dial_and_begin(KIB(200));
    struct timespec pause = {.tv_nsec = 100000000};
    nanosleep(&pause, NULL); /* so that both bodies are there as far as they go */
    _cleanup_fd_ int fd = dial();
    say(fd, GET("/big"));
    hear(fd, "http.busy", heard, sizeof(heard));
    assert_non_null(strstr(heard, " 503 "));
    say(fd, GET("/short"));
    hear(fd, "/short", heard, sizeof(heard));
    for (size_t i = 0; i < ARRAY_LEN(half); i++)
        close(half[i]);
}

#define plain(test) cmocka_unit_test_setup_teardown(test, served_start_plain, served_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        plain(who_does_nothing_longest_makes_place),
        plain(half_a_head_keeps_nobody_out),
        plain(whose_request_is_at_work_keeps_its_place),
        plain(long_bodies_share_a_budget_that_short_ones_do_not_need),
        plain(answers_that_nobody_takes_make_room_for_others),
        plain(an_answer_that_has_no_room_is_refused_as_busy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
