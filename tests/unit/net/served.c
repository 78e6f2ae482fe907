#include "served.h"

#include "base/alloc.h"
#include "base/fd.h"
#include "base/text.h"
#include "crypto/tls.h"
#include "sandbox/sandbox.h"
#include "test.h"

#include <event2/event.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct served served;

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
    server_answer_bytes(served.late, 200, "text/plain", bytes_of_text("late"));
    served.late = NULL;
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    struct timeval when = {.tv_usec = 20000};

    (void)fd;
    (void)what;
    (void)context;
    if (served.ticks++ < 3 && server_stream_piece(served.late, bytes_of_text("piece "))) {
        event_add(served.timer, &when);
        return;
    }
    server_stream_end(served.late);
    served.late = NULL;
}

static void later(struct server_request *request, event_callback_fn call)
{
    struct timeval when = {.tv_usec = 50000};

    served.late = request;
    served.ticks = 0;
    if (served.timer)
        event_free(served.timer);
    served.timer = evtimer_new(served.base, call, NULL);
    event_add(served.timer, &when);
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
    } else if (bytes_equal_text(path, "/hold")) {
        return; /* never answered */
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
        server_drain(served.server, 2, on_drained, NULL);
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

struct bytes served_file(const char *name, struct buffer *b)
{
    struct idevs_error err;
    _cleanup_text_ char *path = alloc_format("%s/%s", served.folder, name);

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

    served.base = event_base_new();
    if (served.tls)
        options.tls = tls_server_context(served_file("cert.pem", &chain),
                                         served_file("key.pem", &key), true, &err);
    served.server = server_start(served.base, &options, &err);
    if (!served.server)
        _exit(1);
    /* Nothing in here needs more than an ordinary daemon has. */
    static const struct sandbox CONFINED = {.name = "test", .calls = SANDBOX_NETWORK};
    if (!sandbox_enter(&CONFINED, &err))
        _exit(1);
    unsigned port = server_port(served.server);
    if (!fd_write_all(report, &port, sizeof(port)))
        _exit(1);
    event_base_dispatch(served.base);
    _exit(1);
}

void served_start(bool tls)
{
    int report[2];

    served.tls = tls;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(report), 0);
    served.pid = fork();
    if (served.pid == 0)
        run_server(report[1]);
    close(report[1]);
    assert_true(fd_read_exactly(report[0], &served.port, sizeof(served.port)));
    close(report[0]);
}

int served_start_plain(void **state)
{
    (void)state;
    memset(&served, 0, sizeof(served));
    served_start(false);
    return 0;
}

int served_stop(void **state)
{
    (void)state;
    kill(served.pid, SIGKILL);
    return waitpid(served.pid, NULL, 0) == served.pid ? 0 : -1;
}

/* ---- a client that may send anything ---- */

int dial(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)served.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 5};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

void say(int fd, const char *text)
{
    assert_true(fd_write_all(fd, text, strlen(text)));
}

/* All up to the end of the stream. */
size_t hear_all(int fd, char *ret, size_t size)
{
    size_t len = 0;
    ssize_t n;

    while (len + 1 < size && (n = read(fd, ret + len, size - len - 1)) > 0)
        len += (size_t)n;
    ret[len] = 0;
    return len;
}

/* Until `wanted` was heard. */
void hear(int fd, const char *wanted, char *ret, size_t size)
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

double seconds_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
