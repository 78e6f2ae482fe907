#include "net/client.h"
#include "base/alloc.h"
#include "test.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* A peer that answers the n-th request it reads with answers[n]; NULL closes without an answer. */
static struct {
    struct event_base *base;
    struct evconnlistener *listener;
    char url[64];
    struct bytes answers[4];
    bool close_after;
    unsigned n_requests;
    unsigned n_connections;
    char request[4096];
    struct bufferevent *open[16];
} peer;

struct outcome {
    unsigned n;
    uint16_t status;
    bool sent;
    struct idevs_error error;
    char body[64];
    char field[64];
    size_t n_fields;
    struct client *to_free;
};

static void hang_up(struct bufferevent *bev)
{
    for (size_t i = 0; i < ARRAY_LEN(peer.open); i++)
        if (peer.open[i] == bev)
            peer.open[i] = NULL;
    bufferevent_free(bev);
}

static void read_request(struct bufferevent *bev, void *context)
{
    struct evbuffer *in = bufferevent_get_input(bev);
    struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);

    (void)context;
    if (end.pos < 0)
        return;
    int n = evbuffer_remove(in, peer.request, sizeof(peer.request) - 1);
    peer.request[n] = 0;
    struct bytes answer = peer.answers[peer.n_requests++];
    if (!answer.data) {
        hang_up(bev);
        return;
    }
    if (!peer.close_after) {
        bufferevent_write(bev, answer.data, answer.len);
        return;
    }
    assert_int_equal(send(bufferevent_getfd(bev), answer.data, answer.len, 0), answer.len);
    hang_up(bev);
}

static void peer_left(struct bufferevent *bev, short what, void *context)
{
    (void)what;
    (void)context;
    hang_up(bev);
}

static void accept_peer(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from,
                        int len, void *context)
{
    (void)listener;
    (void)from;
    (void)len;
    (void)context;
    struct bufferevent *bev = bufferevent_socket_new(peer.base, fd, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(bev, read_request, NULL, peer_left, NULL);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
    assert_true(peer.n_connections < ARRAY_LEN(peer.open));
    peer.open[peer.n_connections++] = bev;
}

static int start(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);

    (void)state;
    memset(&peer, 0, sizeof(peer));
    peer.base = event_base_new();
    peer.listener = evconnlistener_new_bind(peer.base, accept_peer, NULL, LEV_OPT_CLOSE_ON_FREE, 16,
                                            (struct sockaddr *)&at, sizeof(at));
    getsockname(evconnlistener_get_fd(peer.listener), (struct sockaddr *)&at, &len);
    snprintf(peer.url, sizeof(peer.url), "http://127.0.0.1:%u", ntohs(at.sin_port));
    return 0;
}

static int stop(void **state)
{
    (void)state;
    if (peer.listener)
        evconnlistener_free(peer.listener);
    for (size_t i = 0; i < ARRAY_LEN(peer.open); i++)
        if (peer.open[i])
            bufferevent_free(peer.open[i]);
    event_base_free(peer.base);
    return 0;
}

static void note(const struct client_response *response, void *context)
{
    struct outcome *o = context;
    const struct http_message *m = &response->message;
    struct bytes value = {0};

    o->n++;
    o->status = m->status;
    o->sent = response->sent;
    o->error = response->error;
    o->n_fields = m->n_fields;
    snprintf(o->body, sizeof(o->body), "%.*s", (int)m->content.len,
             m->content.data ? (const char *)m->content.data : "");
    if (http_get(m, "x-one", &value))
        snprintf(o->field, sizeof(o->field), "%.*s", (int)value.len, (const char *)value.data);
    if (o->to_free)
        client_free(o->to_free);
    event_base_loopbreak(peer.base);
}

static struct http_message request(const char *method, const char *path, const char *content)
{
    return (struct http_message){.method = bytes_of_text(method),
                                 .path = bytes_of_text(path),
                                 .content = bytes_of_text(content)};
}

static struct client *new_client(void)
{
    return client_new(peer.base, &(struct client_options){.max_body = 32, .total_ms = 300});
}

static struct outcome exchange(struct client *client, const struct http_message *m)
{
    struct outcome o = {0};

    client_send(client, peer.url, m, note, &o);
    event_base_dispatch(peer.base);
    assert_int_equal(o.n, 1);
    return o;
}

static void answer(unsigned i, const char *text)
{
    peer.answers[i] = bytes_of_text(text);
}

static void an_answer_comes_with_its_fields_and_content(void **state)
{
    struct client *client = new_client();
    struct http_message m = request("GET", "/", "");

    (void)state;
    answer(0, "HTTP/1.1 404 Not Found\r\nX-One:  a b \r\nKeep-Alive: 5\r\nContent-Length: 2\r\n"
              "Empty:\r\n\r\nhi");
    struct outcome o = exchange(client, &m);
    assert_string_equal(o.error.code, "");
    assert_int_equal(o.status, 404);
    assert_string_equal(o.body, "hi");
    assert_string_equal(o.field, "a b");
    assert_int_equal(o.n_fields, 2); /* those of the connection are not handed on */
    assert_true(o.sent);
    client_free(client);
}

static void a_request_goes_out_as_it_was_given(void **state)
{
    struct client *client = new_client();
    struct http_message m = request("PUT", "/a/./b?c=%20&d", "body");

    (void)state;
    m.authority = bytes_of_text("store.example:8443");
    assert_true(http_add(&m, "x-one", bytes_of_text("1")));
    assert_true(http_add(&m, "x-none", bytes_of_text("")));
    answer(0, "HTTP/1.1 204 No Content\r\n\r\n");
    assert_int_equal(exchange(client, &m).status, 204);
    assert_string_equal(peer.request,
                        "PUT /a/./b?c=%20&d HTTP/1.1\r\nHost: store.example:8443\r\nx-one: 1\r\n"
                        "x-none:\r\nContent-Length: 4\r\n\r\nbody");
    client_free(client);
}

static void methods_have_the_length_that_they_need(void **state)
{
    static const struct {
        const char *method;
        const char *length;
    } CASES[] = {{"POST", "Content-Length: 0"},
                 {"PATCH", "Content-Length: 0"},
                 {"DELETE", NULL},
                 {"GET", NULL}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct client *client = new_client();
        struct http_message m = request(CASES[i].method, "/", "");
        _cleanup_text_ char *line = alloc_format("%s / HTTP/1.1\r\n", CASES[i].method);
        answer((unsigned)i, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        assert_int_equal(exchange(client, &m).status, 200);
        assert_memory_equal(peer.request, line, strlen(line));
        assert_int_equal(strstr(peer.request, "Content-") != NULL, CASES[i].length != NULL);
        assert_null(strstr(peer.request, "Expect"));
        assert_null(strstr(peer.request, "Accept"));
        client_free(client);
    }
}

static void a_connection_serves_the_next_request_too(void **state)
{
    struct client *client = new_client();
    struct http_message m = request("POST", "/", "x");

    (void)state;
    answer(0, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na");
    answer(1, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb");
    assert_string_equal(exchange(client, &m).body, "a");
    assert_string_equal(exchange(client, &m).body, "b");
    assert_int_equal(peer.n_connections, 1);
    client_free(client);
}

static void a_write_on_a_connection_that_closes_is_not_repeated(void **state)
{
    struct client *client = new_client();
    struct http_message empty = request("POST", "/", "");
    struct http_message m = request("POST", "/", "x");

    (void)state;
    answer(0, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(exchange(client, &m).status, 200);
    struct outcome o = exchange(client, &m); /* read, then closed without an answer */
    assert_refused(&o.error, "service.unreachable");
    assert_true(o.sent);
    assert_int_equal(peer.n_requests, 2);
    answer(2, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(exchange(client, &m).status, 200);
    o = exchange(client, &empty);
    assert_refused(&o.error, "service.unreachable");
    assert_true(o.sent);
    assert_int_equal(peer.n_requests, 4);
    client_free(client);
}

static void a_read_on_a_connection_that_closes_is_repeated(void **state)
{
    struct client *client = new_client();
    struct http_message m = request("GET", "/", "");

    (void)state;
    answer(0, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    answer(2, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(exchange(client, &m).status, 200);
    assert_int_equal(exchange(client, &m).status, 201);
    assert_int_equal(peer.n_requests, 3);
    client_free(client);
}

static void a_bad_answer_is_refused_as_such(void **state)
{
    static const char *const BAD[] = {
        "garbage\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 33\r\n\r\n123456789012345678901234567890123",
        "HTTP/1.1 200 OK\r\n\r\n123456789012345678901234567890123",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ncu",
        "HTTP/1.1 200 OK\r\nx y: 1\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\x01z\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\r\n folded\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "HTTP/1.1 700 Odd\r\nContent-Length: 0\r\n\r\n",
    };

    (void)state;
    peer.close_after = true;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        struct client *client = new_client();
        struct http_message m = request("POST", "/", "");
        peer.n_requests = 0;
        answer(0, BAD[i]);
        struct outcome o = exchange(client, &m);
        if (!error_is(&o.error, "service.status"))
            fail_msg("%s: %s: %s", BAD[i], o.error.code, o.error.found);
        assert_int_equal(o.status, 0);
        assert_true(o.sent);
        client_free(client);
    }
}

static void too_many_or_too_large_fields_are_refused(void **state)
{
    _cleanup_buffer_ struct buffer many = buffer_up_to(KIB(64));
    _cleanup_buffer_ struct buffer large = buffer_up_to(KIB(64));
    struct client *client = new_client();
    struct http_message m = request("GET", "/", "");

    (void)state;
    assert_true(buffer_append_text(&many, "HTTP/1.1 200 OK\r\n"));
    for (unsigned i = 0; i <= LIMIT_FIELDS; i++)
        assert_true(buffer_append_format(&many, "x-%u: 1\r\n", i));
    assert_true(buffer_append_text(&many, "\r\n"));
    assert_true(buffer_append_format(&large, "HTTP/1.1 200 OK\r\nx: %0*d\r\n\r\n",
                                     (int)LIMIT_FIELD_BYTES, 0));
    peer.answers[0] = buffer_bytes(&many);
    peer.answers[1] = buffer_bytes(&large);
    struct outcome o = exchange(client, &m);
    assert_refused(&o.error, "service.status");
    o = exchange(client, &m);
    assert_refused(&o.error, "service.status");
    client_free(client);
}

static void trailers_and_interim_answers_are_left_out(void **state)
{
    struct client *client = new_client();
    struct http_message m = request("GET", "/", "");

    (void)state;
    answer(0, "HTTP/1.1 103 Early Hints\r\nx-one: early\r\n\r\nHTTP/1.1 200 OK\r\n"
              "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nx-one: late\r\n\r\n");
    struct outcome o = exchange(client, &m);
    assert_int_equal(o.status, 200);
    assert_string_equal(o.body, "ab");
    assert_string_equal(o.field, "");
    assert_int_equal(o.n_fields, 0);
    client_free(client);
}

/* Seen by the sanitizers: see call_free() in src/net/client.c. */
static void an_answer_that_begins_with_a_continued_line_is_refused(void **state)
{
    struct http_message m = request("GET", "/", "");
    struct client *client = new_client();

    (void)state;
    answer(0, "HTTP/1.1 200 OK\r\nX-One: a\r\nContent-Length: 0\r\n\r\n");
    answer(1, "HTTP/1.1 200 OK\r\n continued: b\r\nContent-Length: 0\r\n\r\n");
    answer(2, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(exchange(client, &m).status, 200);
    struct outcome o = exchange(client, &m);
    assert_refused(&o.error, "service.status");
    assert_int_equal(exchange(client, &m).status, 200);
    client_free(client);
}

static void nothing_was_sent_to_a_port_where_nobody_listens(void **state)
{
    struct client *client = new_client();
    struct http_message m = request("POST", "/", "x");

    (void)state;
    evconnlistener_free(peer.listener);
    peer.listener = NULL;
    struct outcome o = exchange(client, &m);
    assert_refused(&o.error, "service.unreachable");
    assert_false(o.sent);
    client_free(client);
}

static void silence_ends_at_the_time_limit(void **state)
{
    struct client *client = new_client();
    struct http_message m = request("POST", "/", "x");

    (void)state;
    answer(0, "");
    struct outcome o = exchange(client, &m);
    assert_refused(&o.error, "service.unreachable");
    assert_true(o.sent);
    client_free(client);
}

static void redirects_and_proxies_are_not_followed(void **state)
{
    struct client *client = new_client();
    struct http_message m = request("GET", "/", "");

    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("all_proxy", "http://127.0.0.1:1", 1);
    answer(0, "HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(exchange(client, &m).status, 302);
    assert_int_equal(peer.n_requests, 1);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    client_free(client);
}

static void what_could_split_a_request_is_not_sent(void **state)
{
    struct http_message bad[] = {
        request("GET", "/a b", ""),     request("GET", "/\r\nx: y", ""), request("GE T", "/", ""),
        request("GET", "a", ""),        request("GET", "/", ""),         request("GET", "/", ""),
        request("GET", "/", "content"), request("GET", "/", ""),
    };

    (void)state;
    assert_true(http_add(&bad[4], "x", bytes_of_text("a\r\nb: c")));
    assert_true(http_add(&bad[5], "x y", bytes_of_text("a")));
    bad[7].authority = bytes_of_text("a\nb");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct client *client = new_client();
        struct outcome o = exchange(client, &bad[i]);
        assert_refused(&o.error, "http.malformed");
        assert_false(o.sent);
        client_free(client);
    }
    assert_int_equal(peer.n_connections, 0);
}

static void other_schemes_are_refused(void **state)
{
    struct client *client = new_client();
    struct http_message m = request("GET", "/etc/passwd", "");
    struct outcome o = {0};

    (void)state;
    client_send(client, "file://", &m, note, &o);
    event_base_dispatch(peer.base);
    assert_int_equal(o.n, 1);
    assert_true(o.error.code[0] != 0);
    assert_false(o.sent);
    client_free(client);
}

static void a_missing_anchor_file_lets_nothing_through(void **state)
{
    struct client *client =
        client_new(peer.base, &(struct client_options){.ca_file = "/no/such/file.pem"});
    struct http_message m = request("GET", "/", "");
    struct outcome o = exchange(client, &m);

    (void)state;
    assert_refused(&o.error, "service.unreachable");
    assert_int_equal(peer.n_connections, 0);
    client_free(client);
}

static void a_cancelled_call_does_not_call_back(void **state)
{
    struct client *client = new_client();
    struct http_message m = request("GET", "/", "");
    struct outcome cancelled = {0};

    (void)state;
    answer(0, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    client_cancel(client_send(client, peer.url, &m, note, &cancelled));
    m.path = bytes_of_text("/b");
    assert_int_equal(exchange(client, &m).status, 200);
    assert_int_equal(cancelled.n, 0);
    client_free(client);
}

static void a_callback_may_free_the_client(void **state)
{
    struct client *client = new_client();
    struct http_message m = request("GET", "/", "");
    struct outcome o = {.to_free = client};
    struct outcome other = {0};

    (void)state;
    answer(0, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    answer(1, "");
    client_send(client, peer.url, &m, note, &o);
    client_send(client, peer.url, &m, note, &other);
    event_base_dispatch(peer.base);
    assert_int_equal(o.n + other.n, 1);
}

static void a_tool_fetches_and_keeps_what_it_got(void **state)
{
    _cleanup_buffer_ struct buffer storage = buffer_up_to(64);
    struct http_message m = request("GET", "/", "");
    struct http_message got;
    struct idevs_error err = {0};
    struct bytes value;

    (void)state;
    answer(0, "HTTP/1.1 200 OK\r\nX-One: 1\r\nContent-Length: 2\r\n\r\nhi");
    pid_t child = fork();
    if (child == 0) {
        event_reinit(peer.base);
        event_base_dispatch(peer.base);
        _exit(0);
    }
    assert_true(client_fetch(&(struct client_options){0}, peer.url, &m, &storage, &got, &err));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_equal(got.status, 200);
    assert_true(http_get(&got, "x-one", &value));
    assert_true(bytes_equal_text(value, "1"));
    assert_true(bytes_equal_text(got.content, "hi"));
}

#define with_peer(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_peer(an_answer_comes_with_its_fields_and_content),
        with_peer(a_request_goes_out_as_it_was_given),
        with_peer(methods_have_the_length_that_they_need),
        with_peer(a_connection_serves_the_next_request_too),
        with_peer(a_write_on_a_connection_that_closes_is_not_repeated),
        with_peer(a_read_on_a_connection_that_closes_is_repeated),
        with_peer(a_bad_answer_is_refused_as_such),
        with_peer(too_many_or_too_large_fields_are_refused),
        with_peer(trailers_and_interim_answers_are_left_out),
        with_peer(an_answer_that_begins_with_a_continued_line_is_refused),
        with_peer(nothing_was_sent_to_a_port_where_nobody_listens),
        with_peer(silence_ends_at_the_time_limit),
        with_peer(redirects_and_proxies_are_not_followed),
        with_peer(what_could_split_a_request_is_not_sent),
        with_peer(other_schemes_are_refused),
        with_peer(a_missing_anchor_file_lets_nothing_through),
        with_peer(a_cancelled_call_does_not_call_back),
        with_peer(a_callback_may_free_the_client),
        with_peer(a_tool_fetches_and_keeps_what_it_got),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
