#include "net/server.h"
#include "base/alloc.h"
#include "base/fd.h"
#include "base/text.h"
#include "crypto/tls.h"
#include "net/client.h"
#include "sandbox/sandbox.h"
#include "test.h"
#include "wire/http1.h"

#include <event2/event.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_BODY  KIB(256)
#define MAX_TOTAL KIB(512)
#define BIG       MIB(4)
#define LIFE      3600
#define HOST      "Host: a\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

/* The server runs in a process of its own, so that the tests may block. */
static struct {
    pid_t pid;
    unsigned port;
    bool tls;
    char folder[64];
    struct event_base *base; /* in the server's process */
    struct server *server;
    struct server_request *late;
    struct event *timer;
    unsigned ticks;
} world;

/* ---- the server's process ---- */

static void answer_echo(struct server_request *request)
{
    const struct http_message *m = server_message(request);
    _cleanup_buffer_ struct buffer b = buffer_up_to(MIB(1));
    bool ok = buffer_append_bytes(&b, m->method) && buffer_append_text(&b, " ") &&
              buffer_append_bytes(&b, m->scheme) && buffer_append_text(&b, " ") &&
              buffer_append_bytes(&b, m->authority) && buffer_append_text(&b, " ") &&
              buffer_append_bytes(&b, m->path);

    for (size_t i = 0; ok && i < m->n_fields; i++)
        ok = buffer_append_text(&b, "|") && buffer_append_bytes(&b, m->fields[i].name) &&
             buffer_append_text(&b, "=") && buffer_append_bytes(&b, m->fields[i].value);
    ok = ok && buffer_append_text(&b, "|") && buffer_append_bytes(&b, m->content);
    server_answer_bytes(request, ok ? 200 : 500, "text/plain", buffer_bytes(&b));
}

static void on_late(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    (void)context;
    server_answer_bytes(world.late, 200, "text/plain", bytes_of_text("late"));
    world.late = NULL;
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    struct timeval when = {.tv_usec = 20000};

    (void)fd;
    (void)what;
    (void)context;
    if (world.ticks++ < 3 && server_stream_piece(world.late, bytes_of_text("piece "))) {
        event_add(world.timer, &when);
        return;
    }
    server_stream_end(world.late);
    world.late = NULL;
}

static void later(struct server_request *request, event_callback_fn call)
{
    struct timeval when = {.tv_usec = 50000};

    world.late = request;
    world.ticks = 0;
    if (world.timer)
        event_free(world.timer);
    world.timer = evtimer_new(world.base, call, NULL);
    event_add(world.timer, &when);
}

static void answer_spki(struct server_request *request)
{
    uint8_t spki[32];
    char hex[65] = "none";

    if (server_client_spki(request, spki))
        hex_text(spki, sizeof(spki), hex);
    server_answer_bytes(request, 200, "text/plain", bytes_of_text(hex));
}

static void answer_fields(struct server_request *request)
{
    struct http_message m = {.status = 200, .content = bytes_of_text("x")};

    if (!http_add(&m, "x-one", bytes_of_text("1")) ||
        !http_add(&m, "content-length", bytes_of_text("99")) ||
        !http_add(&m, "date", bytes_of_text("never")))
        abort();
    server_answer(request, &m);
}

static void answer_injection(struct server_request *request)
{
    struct http_message m = {.status = 200};

    if (!http_add(&m, "x-one", bytes_of_text("1\r\nset-cookie: a")))
        abort();
    server_answer(request, &m);
}

static void on_drained(void *context)
{
    (void)context;
    _exit(0);
}

static void handle(struct server_request *request, void *context)
{
    struct bytes path = server_message(request)->path;
    struct idevs_error err;

    (void)context;
    if (bytes_equal_text(path, "/late")) {
        later(request, on_late);
    } else if (bytes_equal_text(path, "/stream")) {
        server_stream_begin(request, 200, "text/plain");
        later(request, on_tick);
    } else if (bytes_equal_text(path, "/spki")) {
        answer_spki(request);
    } else if (bytes_equal_text(path, "/fields")) {
        answer_fields(request);
    } else if (bytes_equal_text(path, "/injection")) {
        answer_injection(request);
    } else if (bytes_equal_text(path, "/big")) {
        uint8_t *big = alloc_zero(BIG, 1);
        server_answer_bytes(request, 200, NULL, bytes_of(big, BIG));
        free(big);
    } else if (bytes_equal_text(path, "/refused")) {
        refuse(&err, "policy.path", "a \"quoted\" path");
        server_answer_error(request, &err);
    } else if (bytes_equal_text(path, "/drain")) {
        later(request, on_late);
        server_drain(world.server, 2, on_drained, NULL);
    } else {
        answer_echo(request);
    }
}

/* Nothing under /closed, and there only what says that it is short. */
static bool admit(struct server_request *request, uint64_t content_length, void *context,
                  struct idevs_error *err)
{
    struct bytes path = server_message(request)->path;

    (void)context;
    return !bytes_equal_text(path, "/closed") || content_length < 10 ||
           refuse(err, "api.owner", "nobody");
}

static struct bytes file(const char *name, struct buffer *b)
{
    struct idevs_error err;
    _cleanup_text_ char *path = alloc_format("%s/%s", world.folder, name);

    if (!file_read(path, b, &err))
        abort();
    return buffer_bytes(b);
}

static void run_server(int report)
{
    struct server_options options = {.listen = "127.0.0.1:0",
                                     .max_body = MAX_BODY,
                                     .max_total = MAX_TOTAL,
                                     .admit = admit,
                                     .max_connections = 8,
                                     .header_seconds = 1,
                                     .body_seconds = 1,
                                     .idle_seconds = 1,
                                     .handler = handle};
    struct idevs_error err;
    _cleanup_buffer_ struct buffer chain = buffer_up_to(KIB(16));
    _cleanup_buffer_ struct buffer key = buffer_up_to(KIB(16));

    world.base = event_base_new();
    if (world.tls)
        options.tls =
            tls_server_context(file("cert.pem", &chain), file("key.pem", &key), true, &err);
    world.server = server_start(world.base, &options, &err);
    if (!world.server)
        _exit(1);
    /* Nothing in here needs more than an ordinary daemon has. */
    static const struct sandbox CONFINED = {.name = "test", .calls = SANDBOX_NETWORK};
    if (!sandbox_enter(&CONFINED, &err))
        _exit(1);
    unsigned port = server_port(world.server);
    if (!fd_write_all(report, &port, sizeof(port)))
        _exit(1);
    event_base_dispatch(world.base);
    _exit(1);
}

static void start_server(bool tls)
{
    int report[2];

    world.tls = tls;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(report), 0);
    world.pid = fork();
    if (world.pid == 0)
        run_server(report[1]);
    close(report[1]);
    assert_true(fd_read_exactly(report[0], &world.port, sizeof(world.port)));
    close(report[0]);
}

static int start_plain(void **state)
{
    (void)state;
    memset(&world, 0, sizeof(world));
    start_server(false);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    kill(world.pid, SIGKILL);
    return waitpid(world.pid, NULL, 0) == world.pid ? 0 : -1;
}

/* ---- a client that may send anything ---- */

static int dial(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)world.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 5};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_true(fd_write_all(fd, text, strlen(text)));
}

/* All up to the end of the stream. */
static size_t hear_all(int fd, char *ret, size_t size)
{
    size_t len = 0;
    ssize_t n;

    while (len + 1 < size && (n = read(fd, ret + len, size - len - 1)) > 0)
        len += (size_t)n;
    ret[len] = 0;
    return len;
}

/* Until `wanted` was heard. */
static void hear(int fd, const char *wanted, char *ret, size_t size)
{
    size_t len = 0;
    ssize_t n;

    ret[0] = 0;
    while (!strstr(ret, wanted)) {
        n = read(fd, ret + len, size - len - 1);
        if (n <= 0)
            fail_msg("no \"%s\" in: %s", wanted, ret);
        len += (size_t)n;
        ret[len] = 0;
    }
}

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

static double seconds_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- claims ---- */

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

static void connections_past_the_cap_are_closed(void **state)
{
    int fds[8];
    char heard[1024];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = dial();
        say(fds[i], GET("/in"));
        hear(fds[i], "/in", heard, sizeof(heard));
    }
    int one_more = dial();
    assert_int_equal(hear_all(one_more, heard, sizeof(heard)), 0);
    close(one_more);
    close(fds[0]);
    struct timespec pause = {.tv_nsec = 50000000};
    nanosleep(&pause, NULL);
    fds[0] = dial();
    say(fds[0], GET("/in-again"));
    hear(fds[0], "/in-again", heard, sizeof(heard));
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        close(fds[i]);
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
    assert_int_equal(waitpid(world.pid, &status, 0), world.pid);
    assert_int_equal(status, 0);
    start_server(false); /* for the tear-down */
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

static void addresses_that_are_none_are_refused(void **state)
{
    static const char *const BAD[] = {"",       "127.0.0.1",      "localhost:1", "127.0.0.1:x",
                                      "::1:1:", "127.0.0.1:65536"};
    struct event_base *base = event_base_new();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        struct idevs_error err = {0};
        struct server_options o = {.listen = BAD[i], .handler = handle};
        struct server *server = server_start(base, &o, &err);
        if (server)
            fail_msg("accepted: %s", BAD[i]);
        assert_refused(&err, "config.syntax");
    }
    struct idevs_error err = {0};
    _cleanup_text_ char *taken = alloc_format("127.0.0.1:%u", world.port);
    struct server_options o = {.listen = taken, .handler = handle};
    assert_null(server_start(base, &o, &err));
    assert_refused(&err, "port.in-use");
    event_base_free(base);
}

/* ---- over TLS ---- */

static void write_file(const char *name, const struct buffer *b)
{
    struct idevs_error err;
    _cleanup_text_ char *path = alloc_format("%s/%s", world.folder, name);

    assert_true(file_write(path, buffer_bytes(b), 0600, &err));
}

static void make_credentials(const char *host)
{
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_buffer_ struct buffer der = buffer_up_to(KIB(16));
    _cleanup_buffer_ struct buffer chain_pem = buffer_up_to(KIB(16));
    _cleanup_buffer_ struct buffer key_pem = buffer_up_to(KIB(16));
    _cleanup_chain_ struct chain chain = {0};
    struct idevs_error err;
    uint8_t spki[SPKI_LEN];
    int64_t now = (int64_t)time(NULL);
    struct certificate_fields fields = {.subject = "test",
                                        .spki = spki,
                                        .not_before = now - 60,
                                        .not_after = now + LIFE,
                                        .server_auth = true,
                                        .client_auth = true,
                                        .host = host};

    key_spki(key, spki);
    assert_true(certificate_make(&fields, NULL, key, &der));
    chain.at[0] = certificate_parse(buffer_bytes(&der), &err);
    chain.n = 1;
    assert_non_null(chain.at[0]);
    assert_true(chain_to_pem(&chain, &chain_pem) && key_save(key, &key_pem));
    write_file("cert.pem", &chain_pem);
    write_file("key.pem", &key_pem);
}

static int start_tls(void **state)
{
    (void)state;
    memset(&world, 0, sizeof(world));
    snprintf(world.folder, sizeof(world.folder), "/tmp/idevs-server-XXXXXX");
    if (!mkdtemp(world.folder))
        return -1;
    make_credentials("127.0.0.1");
    start_server(true);
    return 0;
}

static int start_tls_by_name(void **state)
{
    (void)state;
    memset(&world, 0, sizeof(world));
    snprintf(world.folder, sizeof(world.folder), "/tmp/idevs-server-XXXXXX");
    if (!mkdtemp(world.folder))
        return -1;
    make_credentials("localhost");
    start_server(true);
    return 0;
}

static int stop_tls(void **state)
{
    static const char *const NAMES[] = {"cert.pem", "key.pem"};

    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        _cleanup_text_ char *path = alloc_format("%s/%s", world.folder, NAMES[i]);
        unlink(path);
    }
    rmdir(world.folder);
    return stop(state);
}

static bool fetch(const char *path, struct bytes content, bool with_certificate,
                  struct buffer *storage, struct http_message *ret)
{
    _cleanup_text_ char *certificate = alloc_format("%s/cert.pem", world.folder);
    _cleanup_text_ char *key = alloc_format("%s/key.pem", world.folder);
    _cleanup_text_ char *url = alloc_format("https://127.0.0.1:%u", world.port);
    struct client_options options = {.ca_file = certificate};
    struct http_message m = {.method = bytes_of_text(content.len ? "POST" : "GET"),
                             .path = bytes_of_text(path),
                             .content = content};
    struct idevs_error err;

    if (with_certificate) {
        options.certificate = certificate;
        options.key = key;
    }
    if (client_fetch(&options, url, &m, storage, ret, &err))
        return true;
    print_message("%s: %s\n", err.code, err.found);
    return false;
}

static void a_client_is_known_by_its_key(void **state)
{
    _cleanup_buffer_ struct buffer storage = buffer_up_to(KIB(4));
    _cleanup_buffer_ struct buffer pem = buffer_up_to(KIB(4));
    _cleanup_key_ struct key *key = NULL;
    struct idevs_error err;
    struct http_message m;
    uint8_t spki[SPKI_LEN], digest[32];
    char hex[65];

    (void)state;
    assert_true(fetch("/spki", bytes_of(NULL, 0), true, &storage, &m));
    key = key_load(file("key.pem", &pem), &err);
    key_spki(key, spki);
    sha256(bytes_of(spki, sizeof(spki)), digest);
    hex_text(digest, sizeof(digest), hex);
    assert_true(bytes_equal_text(m.content, hex));
}

static void a_client_without_certificate_has_no_key(void **state)
{
    _cleanup_buffer_ struct buffer storage = buffer_up_to(KIB(4));
    struct http_message m;

    (void)state;
    assert_true(fetch("/spki", bytes_of(NULL, 0), false, &storage, &m));
    assert_true(bytes_equal_text(m.content, "none"));
}

struct outcome {
    struct event_base *base;
    uint16_t status;
};

static void note_outcome(const struct client_response *response, void *context)
{
    struct outcome *outcome = context;

    outcome->status = response->message.status;
    if (response->error.code[0])
        print_message("%s: %s\n", response->error.code, response->error.found);
    event_base_loopbreak(outcome->base);
}

/* A confined daemon looks up names in a thread and opens connections. */
static int fetch_confined(void)
{
    static const struct sandbox CONFINED = {
        .name = "test", .calls = SANDBOX_NETWORK | SANDBOX_FILES, .any_connect = true};
    _cleanup_text_ char *certificate = alloc_format("%s/cert.pem", world.folder);
    _cleanup_text_ char *url = alloc_format("https://localhost:%u", world.port);
    struct outcome outcome = {.base = event_base_new()};
    struct client *client =
        client_new(outcome.base, &(struct client_options){.ca_file = certificate});
    struct http_message m = {.method = bytes_of_text("GET"), .path = bytes_of_text("/spki")};
    struct idevs_error err;

    if (!sandbox_enter(&CONFINED, &err))
        return 1;
    client_send(client, url, &m, note_outcome, &outcome);
    event_base_dispatch(outcome.base);
    return outcome.status == 200 ? 0 : 2;
}

static void a_confined_client_reaches_a_server_by_name(void **state)
{
    int status;
    pid_t child = fork();

    (void)state;
    if (child == 0)
        _exit(fetch_confined());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void large_messages_pass_whole_over_tls(void **state)
{
    _cleanup_buffer_ struct buffer storage = buffer_up_to(2 * BIG);
    _cleanup_buffer_ struct buffer body = buffer_up_to(MAX_BODY);
    uint8_t *room = buffer_extend(&body, MAX_BODY);
    struct http_message m;

    (void)state;
    for (size_t i = 0; i < MAX_BODY; i++)
        room[i] = (uint8_t)(i * 7 + i / 251);
    assert_true(fetch("/echo", buffer_bytes(&body), false, &storage, &m));
    assert_true(m.content.len > MAX_BODY);
    assert_memory_equal(m.content.data + m.content.len - MAX_BODY, body.data, MAX_BODY);
    assert_true(fetch("/big", bytes_of(NULL, 0), false, &storage, &m));
    assert_int_equal(m.content.len, BIG);
}

static void a_handshake_that_never_ends_is_left(void **state)
{
    char heard[1024];
    _cleanup_fd_ int fd = dial();
    double began = seconds_now();

    (void)state;
    assert_true(fd_write_all(fd, "\x16\x03\x01\x02\x00\x01", 6));
    hear_all(fd, heard, sizeof(heard));
    assert_true(seconds_now() - began < 3);
}

static void plain_text_to_a_tls_port_gets_no_answer(void **state)
{
    char heard[1024];
    _cleanup_fd_ int fd = dial();

    (void)state;
    say(fd, GET("/"));
    hear_all(fd, heard, sizeof(heard));
    assert_null(strstr(heard, "HTTP/"));
}

#define plain(test) cmocka_unit_test_setup_teardown(test, start_plain, stop)
#define tls(test)   cmocka_unit_test_setup_teardown(test, start_tls, stop_tls)

int main(void)
{
    const struct CMUnitTest tests[] = {
        plain(a_request_is_understood),
        plain(ambiguous_requests_are_refused),
        plain(what_hides_behind_a_refused_request_is_not_served),
        plain(a_head_past_the_limit_is_refused),
        plain(a_body_past_the_limit_is_refused_and_the_answer_arrives),
        plain(a_body_of_the_limit_arrives_whole),
        plain(long_bodies_share_a_budget_that_short_ones_do_not_need),
        plain(what_is_not_admitted_is_refused_before_its_body_comes),
        plain(slow_peers_are_left),
        plain(requests_in_a_row_are_answered_in_order),
        plain(a_request_may_come_byte_by_byte),
        plain(a_client_that_left_harms_nobody),
        plain(connections_past_the_cap_are_closed),
        plain(draining_answers_what_is_open_and_ends),
        plain(a_streamed_answer_comes_in_pieces),
        plain(a_refusal_is_a_problem_document),
        plain(a_field_that_would_split_the_answer_is_not_sent),
        plain(head_has_no_content),
        plain(addresses_that_are_none_are_refused),
        tls(a_client_is_known_by_its_key),
        tls(a_client_without_certificate_has_no_key),
        cmocka_unit_test_setup_teardown(a_confined_client_reaches_a_server_by_name,
                                        start_tls_by_name, stop_tls),
        tls(large_messages_pass_whole_over_tls),
        tls(a_handshake_that_never_ends_is_left),
        tls(plain_text_to_a_tls_port_gets_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
