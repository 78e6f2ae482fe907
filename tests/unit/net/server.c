#include "net/server.h"
#include "served.h"

#include "base/alloc.h"
#include "base/fd.h"
#include "base/text.h"
#include "test.h"
#include "wire/http1.h"

#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void assert_refused_with(const char *raw, size_t len, const char *status)
{
    char heard[4096];
    _cleanup_fd_ int fd = dial();

    assert_true(fd_write_all(fd, raw, len));
    hear_all(fd, heard, sizeof(heard)); /* the connection ends by itself */
    if (strncmp(heard, status, strlen(status)) != 0)
        fail_msg("%.*s\n-> %s", (int)len, raw, heard);
    const char *first = strstr(heard, "\r\ndate: ");
    assert_null(strstr(first + 1, "\r\ndate: ")); /* and what followed was no request */
}

static void a_request_is_understood(void **state)
{
    char heard[4096];
    _cleanup_fd_ int fd = dial();

    (void)state;
    say(fd, "POST /a?b=%20 HTTP/1.1\r\nHOST: Store.Example:8443\r\nX-One:\t 1 \r\nTE: x\r\n"
            "Content-Length: 4\r\nConnection: close\r\n\r\nbody");
    hear_all(fd, heard, sizeof(heard));
    assert_non_null(strstr(heard, "\r\n\r\nPOST http store.example:8443 /a?b=%20|x-one=1|body"));
    assert_non_null(strstr(heard, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(heard, "connection: close\r\n"));
    assert_non_null(strstr(heard, "content-type: text/plain\r\n"));
    assert_non_null(strstr(heard, "date: "));
}

#define BAD(text)                                                                                  \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
static const struct {
    const char *raw;
    size_t len;
} AMBIGUOUS[] = {
    BAD("POST / HTTP/1.1\r\n" HOST "Content-Length: 4\r\nContent-Length: 4\r\n\r\nbody"),
    BAD("POST / HTTP/1.1\r\n" HOST "Content-Length: 4\r\nContent-Length: 5\r\n\r\nbody"),
    BAD("POST / HTTP/1.1\r\n" HOST "Content-Length: 4, 4\r\n\r\nbody"),
    BAD("POST / HTTP/1.1\r\n" HOST "Content-Length: +4\r\n\r\nbody"),
    BAD("POST / HTTP/1.1\r\n" HOST "Content-Length: 04\r\n\r\nbody"),
    BAD("POST / HTTP/1.1\r\n" HOST "Content-Length: 0x4\r\n\r\nbody"),
    BAD("POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\nbody"),
    BAD("POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\nbody"),
    BAD("POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n"),
    BAD("POST / HTTP/1.1\r\n" HOST
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    BAD("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    BAD("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n"),
    BAD("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\x0b"
        "chunked\r\n\r\n"),
    BAD("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\n\r\n"),
    BAD("GET / HTTP/1.1\nHost: a\n\n"),
    BAD("GET / HTTP/1.1\r\nHost: a\n\r\n"),
    BAD("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"),
    BAD("GET / HTTP/1.1\r\n" HOST "X: a\r\n folded\r\n\r\n"),
    BAD("GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    BAD("GET / HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n"),
    BAD("GET /\0 HTTP/1.1\r\n" HOST "\r\n"),
    BAD("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n"),
    BAD("GET / HTTP/1.1\r\n\r\n"),
    BAD("GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    BAD("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
    BAD("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    BAD("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"),
    BAD("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    BAD("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
    BAD("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"),
    BAD("GET /../etc HTTP/1.1\r\nHost: a\r\n\r\n"),
    BAD("GET /%2e%2e/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    BAD("GET //a HTTP/1.1\r\nHost: a\r\n\r\n"),
    BAD("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
    BAD("GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
    BAD("GET / HTTP/1.0\r\nHost: a\r\n\r\n"),
    BAD("GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    BAD("GET /\r\nHost: a\r\n\r\n"),
    BAD("GET / http/1.1\r\nHost: a\r\n\r\n"),
    BAD("G\x7fT / HTTP/1.1\r\nHost: a\r\n\r\n"),
    BAD("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    BAD("GET / HTTP/1.1\r\n" HOST "no colon\r\n\r\n"),
    BAD("GET / HTTP/1.1\r\n" HOST ": no name\r\n\r\n"),
    BAD("GET / HTTP/1.1\r\n" HOST "a b: c\r\n\r\n"),
    BAD("GET / HTTP/1.1\r\n" HOST "a\xff: c\r\n\r\n"),
    BAD("GET / HTTP/1.1\r\n" HOST "Expect: 200-maybe\r\n\r\n"),
    BAD("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
};

static void ambiguous_requests_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(AMBIGUOUS); i++)
        assert_refused_with(AMBIGUOUS[i].raw, AMBIGUOUS[i].len, "HTTP/1.1 400 ");
}

static void what_hides_behind_a_refused_request_is_not_served(void **state)
{
    static const char SMUGGLED[] =
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n"
        "0\r\n\r\n" GET("/smuggled");

    (void)state;
    assert_refused_with(SMUGGLED, sizeof(SMUGGLED) - 1, "HTTP/1.1 400 ");
}

static void a_head_past_the_limit_is_refused(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(256));

    (void)state;
    assert_true(buffer_append_format(&b, "GET / HTTP/1.1\r\n" HOST "X: %0*d", (int)LIMIT_HEAD, 0));
    assert_refused_with((char *)b.data, b.len, "HTTP/1.1 400 ");
    buffer_clear(&b);
    assert_true(buffer_append_text(&b, "GET / HTTP/1.1\r\n" HOST));
    for (unsigned i = 0; i <= LIMIT_FIELDS; i++)
        assert_true(buffer_append_format(&b, "x-%u: 1\r\n", i));
    assert_true(buffer_append_text(&b, "\r\n"));
    assert_refused_with((char *)b.data, b.len, "HTTP/1.1 400 ");
    buffer_clear(&b);
    assert_true(buffer_append_format(&b, "GET / HTTP/1.1\r\n" HOST "X: %0*d\r\n\r\n",
                                     (int)LIMIT_FIELD_BYTES, 0));
    assert_refused_with((char *)b.data, b.len, "HTTP/1.1 400 ");
}

static void a_body_past_the_limit_is_refused_and_the_answer_arrives(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(MIB(1));
    uint8_t *room;

    (void)state;
    assert_true(buffer_append_format(&b, "POST / HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n",
                                     MAX_BODY + 1));
    room = buffer_extend(&b, MAX_BODY + 1);
    assert_non_null(room);
    assert_refused_with((char *)b.data, b.len, "HTTP/1.1 413 ");
}

static void a_body_of_the_limit_arrives_whole(void **state)
{
    char heard[1024];
    _cleanup_buffer_ struct buffer b = buffer_up_to(MIB(1));
    _cleanup_fd_ int fd = dial();

    (void)state;
    assert_true(buffer_append_format(
        &b, "POST /fields HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: %zu\r\n\r\n",
        MAX_BODY));
    assert_true(fd_write_all(fd, b.data, b.len));
    hear(fd, "HTTP/1.1 100 Continue\r\n\r\n", heard, sizeof(heard));
    buffer_clear(&b);
    assert_non_null(buffer_extend(&b, MAX_BODY));
    assert_true(fd_write_all(fd, b.data, b.len));
    hear(fd, "\r\n\r\nx", heard, sizeof(heard));
    assert_non_null(strstr(heard, "content-length: 1\r\n")); /* not the handler's */
    assert_null(strstr(heard, "never"));
    assert_non_null(strstr(heard, "x-one: 1\r\n"));
}

static void what_is_not_admitted_is_refused_before_its_body_comes(void **state)
{
    char heard[1024];
    _cleanup_fd_ int fd = dial();

    (void)state;
    say(fd, "POST /closed HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\n");
    hear(fd, "\"code\":\"api.owner\"", heard, sizeof(heard));
    close(fd);
    fd = dial();
    say(fd, "POST /closed HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nnine char");
    hear(fd, "/closed|nine char", heard, sizeof(heard));
}

static void slow_peers_are_left(void **state)
{
    static const char *const BEGINNINGS[] = {"", "GET / HTTP/1.1\r\nHost: a\r\n",
                                             "POST / HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\n",
                                             GET("/")};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BEGINNINGS); i++) {
        char heard[1024];
        _cleanup_fd_ int fd = dial();
        double began = seconds_now();
        say(fd, BEGINNINGS[i]);
        /* A byte now and then does not help. */
        for (unsigned k = 0; k < 4 && i != 3; k++) {
            struct timespec pause = {.tv_nsec = 200000000};
            nanosleep(&pause, NULL);
            if (i > 0)
                say(fd, "x");
        }
        hear_all(fd, heard, sizeof(heard));
        double took = seconds_now() - began;
        if (took < 0.8 || took > 3)
            fail_msg("case %zu: %.2f s", i, took);
    }
}

static void requests_in_a_row_are_answered_in_order(void **state)
{
    char heard[4096];
    _cleanup_fd_ int fd = dial();

    (void)state;
    say(fd, GET("/late") GET("/one") "POST /two HTTP/1.1\r\n" HOST
                                     "Content-Length: 2\r\n\r\nxy" GET("/three"));
    hear(fd, "/three|", heard, sizeof(heard));
    const char *late = strstr(heard, "\r\n\r\nlate");
    const char *one = strstr(heard, "GET http a /one");
    const char *two = strstr(heard, "POST http a /two|xy");
    assert_true(late && one && two && late < one && one < two);
}

static void a_request_may_come_byte_by_byte(void **state)
{
    static const char TEXT[] =
        "POST /slow HTTP/1.1\r\n" HOST "Content-Length: 3\r\nConnection: close\r\n\r\nabc";
    char heard[1024];
    _cleanup_fd_ int fd = dial();

    (void)state;
    for (size_t i = 0; i < sizeof(TEXT) - 1; i++) {
        struct timespec pause = {.tv_nsec = 1000000};
        assert_true(fd_write_all(fd, TEXT + i, 1));
        nanosleep(&pause, NULL);
    }
    hear_all(fd, heard, sizeof(heard));
    assert_non_null(strstr(heard, "POST http a /slow|abc"));
}

static void a_client_that_left_harms_nobody(void **state)
{
    static const char *const PATHS[] = {GET("/late"), GET("/stream"), GET("/big"),
                                        "POST / HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nab"};
    char heard[1024];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(PATHS); i++) {
        struct timespec pause = {.tv_nsec = 30000000};
        struct linger reset = {.l_onoff = 1};
        int fd = dial();
        say(fd, PATHS[i]);
        nanosleep(&pause, NULL);
        if (i % 2)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        close(fd);
        pause.tv_nsec = 200000000;
        nanosleep(&pause, NULL);
    }
    _cleanup_fd_ int fd = dial();
    say(fd, GET("/still-there"));
    hear(fd, "/still-there", heard, sizeof(heard));
}

static void draining_answers_what_is_open_and_ends(void **state)
{
    char heard[1024];
    int status;
    _cleanup_fd_ int idle = dial();
    _cleanup_fd_ int fd = dial();

    (void)state;
    say(idle, GET("/idle"));
    hear(idle, "/idle", heard, sizeof(heard));
    say(fd, GET("/drain"));
    assert_int_equal(read(idle, heard, sizeof(heard)), 0); /* closed at once */
    hear_all(fd, heard, sizeof(heard));
    assert_non_null(strstr(heard, "\r\n\r\nlate"));
    assert_non_null(strstr(heard, "connection: close\r\n"));
    close(fd);
    fd = -1;
    assert_int_equal(waitpid(served.pid, &status, 0), served.pid);
    assert_int_equal(status, 0);
    served_start(false); /* for the tear-down */
}

static void a_streamed_answer_comes_in_pieces(void **state)
{
    char heard[1024];
    _cleanup_fd_ int fd = dial();

    (void)state;
    say(fd, GET("/stream"));
    hear(fd, "\r\n0\r\n\r\n", heard, sizeof(heard));
    assert_non_null(strstr(heard, "transfer-encoding: chunked\r\n"));
    assert_non_null(
        strstr(heard, "\r\n\r\n6\r\npiece \r\n6\r\npiece \r\n6\r\npiece \r\n0\r\n\r\n"));
    say(fd, GET("/after"));
    hear(fd, "/after", heard, sizeof(heard));
}

static void a_refusal_is_a_problem_document(void **state)
{
    char heard[2048];
    _cleanup_fd_ int fd = dial();

    (void)state;
    say(fd, GET("/refused"));
    hear(fd, "}", heard, sizeof(heard));
    assert_non_null(strstr(heard, "HTTP/1.1 403 Forbidden\r\n"));
    assert_non_null(strstr(heard, "content-type: application/problem+json\r\n"));
    assert_non_null(strstr(heard, "{\"type\":\"urn:idevs:error:policy.path\",\"title\":"));
    assert_non_null(strstr(heard, "\"status\":403,\"code\":\"policy.path\",\"expected\":"));
    assert_non_null(strstr(heard, "\"found\":\"a \\\"quoted\\\" path\",\"remedy\":"));
}

static void a_field_that_would_split_the_answer_is_not_sent(void **state)
{
    char heard[2048];
    _cleanup_fd_ int fd = dial();

    (void)state;
    say(fd, GET("/injection"));
    hear(fd, "\r\n\r\n", heard, sizeof(heard));
    assert_memory_equal(heard, "HTTP/1.1 500 ", 13);
    assert_null(strstr(heard, "cookie"));
}

static void head_has_no_content(void **state)
{
    char heard[2048];
    _cleanup_fd_ int fd = dial();

    (void)state;
    say(fd, "HEAD /fields HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    hear_all(fd, heard, sizeof(heard));
    assert_non_null(strstr(heard, "content-length: 1\r\n"));
    assert_string_equal(strstr(heard, "\r\n\r\n"), "\r\n\r\n");
}

static void never_called(struct server_request *request, void *context)
{
    (void)request;
    (void)context;
    fail();
}

static void addresses_that_are_none_are_refused(void **state)
{
    static const char *const BAD[] = {"",       "127.0.0.1",      "localhost:1", "127.0.0.1:x",
                                      "::1:1:", "127.0.0.1:65536"};
    struct event_base *base = event_base_new();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        struct idevs_error err = {0};
        struct server_options o = {.listen = BAD[i], .handler = never_called};
        struct server *server = server_start(base, &o, &err);
        if (server)
            fail_msg("accepted: %s", BAD[i]);
        assert_refused(&err, "config.syntax");
    }
    struct idevs_error err = {0};
    _cleanup_text_ char *taken = alloc_format("127.0.0.1:%u", served.port);
    struct server_options o = {.listen = taken, .handler = never_called};
    assert_null(server_start(base, &o, &err));
    assert_refused(&err, "port.in-use");
    event_base_free(base);
}

#define plain(test) cmocka_unit_test_setup_teardown(test, served_start_plain, served_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        plain(a_request_is_understood),
        plain(ambiguous_requests_are_refused),
        plain(what_hides_behind_a_refused_request_is_not_served),
        plain(a_head_past_the_limit_is_refused),
        plain(a_body_past_the_limit_is_refused_and_the_answer_arrives),
        plain(a_body_of_the_limit_arrives_whole),
        plain(what_is_not_admitted_is_refused_before_its_body_comes),
        plain(slow_peers_are_left),
        plain(requests_in_a_row_are_answered_in_order),
        plain(a_request_may_come_byte_by_byte),
        plain(a_client_that_left_harms_nobody),
        plain(draining_answers_what_is_open_and_ends),
        plain(a_streamed_answer_comes_in_pieces),
        plain(a_refusal_is_a_problem_document),
        plain(a_field_that_would_split_the_answer_is_not_sent),
        plain(head_has_no_content),
        plain(addresses_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
