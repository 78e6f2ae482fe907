/* Whoever reaches a port: requests that never end, more connections than there are, plain bytes and
 * old TLS where TLS 1.3 is spoken, clients without a key. At each of the three servers: gateway,
 * authority and launcher, as processes, with 1,024 descriptors each, as a system gives them. */
#include "host.h"
#include "raw.h"

#include "base/fd.h"
#include "net/client.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define DESCRIPTORS 1024
#define DIGEST      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SLACK       30 /* seconds that a deadline may be late on a machine with other work */

enum server {
    AT_GATEWAY,
    AT_AUTHORITY,
    AT_LAUNCHER,
    N_SERVERS,
};

struct place {
    unsigned port;
    const char *ca_file;
    const char *health; /* a path that answers 200 or 403 to whoever asks */
    const char *puts;   /* a method and path that take a body */
};

static struct place places[N_SERVERS];

/* ---- slow requests, all of them under way from the beginning ---- */

enum slowness {
    SLOW_HANDSHAKE, /* says nothing */
    SLOW_HEAD,      /* a byte of the head now and then */
    SLOW_BODY,
    N_SLOWNESS,
};

static struct slow {
    struct raw raw;
    uint64_t since_ns;
    _Atomic uint64_t closed_ns; /* 0: still open */
} slow[N_SERVERS][N_SLOWNESS];
static pthread_t slow_thread;
static atomic_bool slow_ends;

/* True while the other side has the connection open. */
static bool still_open(struct raw *r)
{
    struct pollfd p = {.fd = r->fd, .events = POLLIN};
    char piece[1024];

    while (poll(&p, 1, 0) > 0) {
        int n = r->tls ? SSL_read(r->tls, piece, sizeof(piece))
                       : (int)recv(r->fd, piece, sizeof(piece), MSG_DONTWAIT);
        if (n > 0)
            continue; /* an answer, or a session ticket */
        return r->tls && SSL_get_error(r->tls, n) == SSL_ERROR_WANT_READ;
    }
    return true;
}

static void *be_slow(void *unused)
{
    (void)unused;
    while (!slow_ends) {
        for (int at = 0; at < N_SERVERS; at++)
            for (int how = 0; how < N_SLOWNESS; how++) {
                struct slow *s = &slow[at][how];
                if (s->closed_ns)
                    continue;
                bool sent = how == SLOW_HANDSHAKE || raw_send(&s->raw, bytes_of_text("x"));
                if (!sent || !still_open(&s->raw))
                    s->closed_ns = clock_monotonic_ns();
            }
        usleep(200000);
    }
    return NULL;
}

static void begin_slowly(enum server at, enum slowness how)
{
    struct raw *r = &slow[at][how].raw;
    _cleanup_text_ char *head =
        how == SLOW_BODY ? alloc_format("%s HTTP/1.1\r\nhost: a\r\ncontent-type: "
                                        "message/ohttp-req\r\ncontent-length: 30000\r\n\r\n",
                                        places[at].puts)
                         : alloc_text("GET / HTTP/1.1\r\nhost: a\r\nx-slow: ");

    slow[at][how].since_ns = clock_monotonic_ns();
    if (at == AT_LAUNCHER && how == SLOW_BODY) /* it reads no body of anybody else's */
        raw_open_as(r, "127.0.0.1", places[at].port, host.station.e.owner);
    else
        raw_open(r, "127.0.0.1", places[at].port, how != SLOW_HANDSHAKE);
    if (r->tls)
        assert_true(raw_send(r, bytes_of_text(head)));
    assert_int_equal(fcntl(r->fd, F_SETFL, O_NONBLOCK), 0);
}

/* It is closed at its deadline: not much later, and for no other reason before. */
static void ends_within(const struct attack *this, enum server at, enum slowness how)
{
    const uint64_t limit = how == SLOW_BODY ? LIMIT_SERVER_BODY_TIME : LIMIT_SERVER_HEAD_TIME;
    const struct slow *s = &slow[at][how];
    uint64_t deadline = s->since_ns + (limit + SLACK) * NS_PER_SECOND;

    while (!s->closed_ns && clock_monotonic_ns() < deadline)
        usleep(50000);
    assert_true(s->closed_ns != 0);
    assert_true(s->closed_ns - s->since_ns > (limit - 1) * NS_PER_SECOND);
    attack_refused(this, this->refuser, CLOSED);
}

/* ---- the servers ---- */

static bool begun;

/* Once for all tests: the slow requests are what takes the time. */
static int begin(void **state)
{
    const struct rlimit few = {DESCRIPTORS, DESCRIPTORS * 4};
    const struct rlimit many = {DESCRIPTORS * 4, DESCRIPTORS * 4};

    if (begun)
        return 0;
    begun = true;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    host_begin_authority(state);
    world_start(&store, "");
    host_start_launcher();
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &many), 0);
    places[AT_GATEWAY] = (struct place){store.port, store.ca_file, "/.well-known/idevs/health",
                                        "POST /.well-known/ohttp-gateway"};
    places[AT_AUTHORITY] =
        (struct place){host.authority_port, host.ca_file, "/v1/health", "POST /v1/certificates"};
    places[AT_LAUNCHER] =
        (struct place){host.launcher_port, host.ca_file, "/v1/health", "PUT /v1/blobs/" DIGEST};
    for (int at = 0; at < N_SERVERS; at++)
        for (int how = 0; how < N_SLOWNESS; how++)
            begin_slowly((enum server)at, (enum slowness)how);
    assert_int_equal(pthread_create(&slow_thread, NULL, be_slow, NULL), 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    return 0;
}

static void end_all(void)
{
    if (!begun)
        return;
    slow_ends = true;
    pthread_join(slow_thread, NULL);
    for (int at = 0; at < N_SERVERS; at++)
        for (int how = 0; how < N_SLOWNESS; how++)
            raw_close(&slow[at][how].raw);
    world_stop(&store);
    host_end(NULL);
}

/* Somebody else is served meanwhile. */
static void assert_serves(enum server at)
{
    const struct place *place = &places[at];
    const struct client_options options = {.ca_file = place->ca_file};
    const struct http_message m = {.method = bytes_of_text("GET"),
                                   .path = bytes_of_text(place->health)};
    _cleanup_text_ char *url = alloc_format("https://127.0.0.1:%u", place->port);
    _cleanup_buffer_ struct buffer storage = buffer_up_to(KIB(64));
    struct http_message answer;
    struct idevs_error err;

    if (!client_fetch(&options, url, &m, &storage, &answer, &err))
        fail_msg("server %d: %s: %s", at, err.code, err.found);
    assert_true(answer.status == 200 || answer.status == 403);
}

static void control(void)
{
    for (int at = 0; at < N_SERVERS; at++)
        assert_serves((enum server)at);
}

/* ---- slow-loris ---- */

ATTACK(a_handshake_that_never_begins_is_ended_at_the_gateway, GATEWAY, CLOSED,
       "Somebody connects to a gateway and says nothing.")
{
    ends_within(this, AT_GATEWAY, SLOW_HANDSHAKE);
}

ATTACK(a_handshake_that_never_begins_is_ended_at_the_authority, AUTHORITY, CLOSED,
       "Somebody connects to the authority and says nothing.")
{
    ends_within(this, AT_AUTHORITY, SLOW_HANDSHAKE);
}

ATTACK(a_handshake_that_never_begins_is_ended_at_the_launcher, LAUNCHER, CLOSED,
       "Somebody connects to the launcher and says nothing.")
{
    ends_within(this, AT_LAUNCHER, SLOW_HANDSHAKE);
}

ATTACK(a_head_that_never_ends_is_ended_at_the_gateway, GATEWAY, CLOSED,
       "Somebody sends a gateway the head of a request, a byte now and then.")
{
    ends_within(this, AT_GATEWAY, SLOW_HEAD);
}

ATTACK(a_head_that_never_ends_is_ended_at_the_authority, AUTHORITY, CLOSED,
       "Somebody sends the authority the head of a request, a byte now and then.")
{
    ends_within(this, AT_AUTHORITY, SLOW_HEAD);
}

ATTACK(a_head_that_never_ends_is_ended_at_the_launcher, LAUNCHER, CLOSED,
       "Somebody sends the launcher the head of a request, a byte now and then.")
{
    ends_within(this, AT_LAUNCHER, SLOW_HEAD);
}

ATTACK(a_body_that_never_ends_is_ended_at_the_gateway, GATEWAY, CLOSED,
       "Somebody sends a gateway the body of a request, a byte now and then.")
{
    ends_within(this, AT_GATEWAY, SLOW_BODY);
}

ATTACK(a_body_that_never_ends_is_ended_at_the_authority, AUTHORITY, CLOSED,
       "Somebody sends the authority the body of a request, a byte now and then.")
{
    ends_within(this, AT_AUTHORITY, SLOW_BODY);
}

ATTACK(a_body_that_never_ends_is_ended_at_the_launcher, LAUNCHER, CLOSED,
       "An owner sends the launcher an executable, a byte now and then.")
{
    ends_within(this, AT_LAUNCHER, SLOW_BODY);
}

/* ---- more connections than there are ---- */

/* All at once, and kept; meanwhile somebody asks. */
static void floods(const struct attack *this, enum server at)
{
    enum { N = LIMIT_SERVER_CONNECTIONS + 200 };
    static struct raw flood[N];

    for (size_t i = 0; i < N; i++)
        raw_open(&flood[i], "127.0.0.1", places[at].port, false);
    assert_serves(at);
    size_t n_open = 0;
    for (size_t i = 0; i < N; i++) {
        n_open += still_open(&flood[i]);
        raw_close(&flood[i]);
    }
    assert_true(n_open < N);
    attack_refused(this, this->refuser, CLOSED);
}

ATTACK(a_flood_of_connections_keeps_nobody_from_the_gateway, GATEWAY, CLOSED,
       "Somebody opens more connections to a gateway than it has, and keeps them.")
{
    floods(this, AT_GATEWAY);
}

ATTACK(a_flood_of_connections_keeps_nobody_from_the_authority, AUTHORITY, CLOSED,
       "Somebody opens more connections to the authority than it has, and keeps them.")
{
    floods(this, AT_AUTHORITY);
}

ATTACK(a_flood_of_connections_keeps_nobody_from_the_launcher, LAUNCHER, CLOSED,
       "Somebody opens more connections to the launcher than it has, and keeps them.")
{
    floods(this, AT_LAUNCHER);
}

/* ---- what is not TLS 1.3 ---- */

/* No byte of HTTP comes back, and the connection ends. */
static void plain_is_ended(const struct attack *this, enum server at)
{
    _cleanup_raw_ struct raw r;
    _cleanup_buffer_ struct buffer answer = buffer_up_to(KIB(64));

    raw_open(&r, "127.0.0.1", places[at].port, false);
    assert_true(raw_send(&r, bytes_of_text("GET /v1/health HTTP/1.1\r\nhost: a\r\n\r\n")));
    assert_true(raw_receive_all(&r, 60, &answer));
    assert_true(answer.len == 0 || !memmem(answer.data, answer.len, "HTTP/1.1", 8));
    attack_refused(this, this->refuser, CLOSED);
}

ATTACK(plain_http_is_not_answered_by_the_gateway, GATEWAY, CLOSED,
       "The network takes the TLS away before a gateway.")
{
    plain_is_ended(this, AT_GATEWAY);
}

ATTACK(plain_http_is_not_answered_by_the_authority, AUTHORITY, CLOSED,
       "The network takes the TLS away before the authority.")
{
    plain_is_ended(this, AT_AUTHORITY);
}

ATTACK(plain_http_is_not_answered_by_the_launcher, LAUNCHER, CLOSED,
       "The network takes the TLS away before the launcher.")
{
    plain_is_ended(this, AT_LAUNCHER);
}

static void old_tls_is_ended(const struct attack *this, enum server at)
{
    _cleanup_raw_ struct raw r;

    raw_open(&r, "127.0.0.1", places[at].port, false);
    r.context = SSL_CTX_new(TLS_client_method());
    assert_true(SSL_CTX_set_max_proto_version(r.context, TLS1_2_VERSION));
    r.tls = SSL_new(r.context);
    assert_true(SSL_set_fd(r.tls, r.fd));
    assert_int_not_equal(SSL_connect(r.tls), 1);
    attack_refused(this, this->refuser, CLOSED);
}

ATTACK(old_tls_is_not_spoken_by_the_gateway, GATEWAY, CLOSED,
       "The network talks a client of a gateway down to TLS 1.2.")
{
    old_tls_is_ended(this, AT_GATEWAY);
}

ATTACK(old_tls_is_not_spoken_by_the_authority, AUTHORITY, CLOSED,
       "The network talks a client of the authority down to TLS 1.2.")
{
    old_tls_is_ended(this, AT_AUTHORITY);
}

ATTACK(old_tls_is_not_spoken_by_the_launcher, LAUNCHER, CLOSED,
       "The network talks a client of the launcher down to TLS 1.2.")
{
    old_tls_is_ended(this, AT_LAUNCHER);
}

/* ---- too much ---- */

static void raw_is_refused(const struct attack *this, enum server at, const char *request)
{
    _cleanup_raw_ struct raw r;
    _cleanup_buffer_ struct buffer answer = buffer_up_to(KIB(64));

    raw_open(&r, "127.0.0.1", places[at].port, true);
    assert_true(raw_send(&r, bytes_of_text(request)));
    assert_true(raw_receive_all(&r, 60, &answer));
    attack_refused(this, this->refuser, raw_code(&answer));
}

static void endless_head_is_refused(const struct attack *this, enum server at)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(256));

    assert_true(buffer_append_text(&b, "GET / HTTP/1.1\r\nhost: a\r\nx: "));
    for (size_t i = 0; i < 2 * LIMIT_HEAD; i++)
        assert_true(buffer_append_u8(&b, 'x'));
    raw_is_refused(this, at, (const char *)b.data);
}

ATTACK(a_head_over_the_authoritys_limit_is_refused, AUTHORITY, "http.malformed",
       "Somebody sends the authority a head without an end.")
{
    endless_head_is_refused(this, AT_AUTHORITY);
}

ATTACK(a_head_over_the_launchers_limit_is_refused, LAUNCHER, "http.malformed",
       "Somebody sends the launcher a head without an end.")
{
    endless_head_is_refused(this, AT_LAUNCHER);
}

ATTACK(an_ambiguous_request_is_refused_by_the_launcher, LAUNCHER, "http.malformed",
       "Somebody sends the launcher a request with two lengths.")
{
    raw_is_refused(this, AT_LAUNCHER,
                   "POST /v1/blobs HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n"
                   "content-length: 40\r\n\r\n{}");
}

/* ---- who may ask the launcher ---- */

ATTACK(a_client_without_a_key_is_refused_by_the_launcher, LAUNCHER, "api.owner",
       "Somebody who is no owner adds a program to the launcher.")
{
    raw_is_refused(this, AT_LAUNCHER,
                   "POST /v1/programs HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}");
}

static const struct attack *const ATTACKS[] = {
    ROW(a_handshake_that_never_begins_is_ended_at_the_gateway),
    ROW(a_handshake_that_never_begins_is_ended_at_the_authority),
    ROW(a_handshake_that_never_begins_is_ended_at_the_launcher),
    ROW(a_head_that_never_ends_is_ended_at_the_gateway),
    ROW(a_head_that_never_ends_is_ended_at_the_authority),
    ROW(a_head_that_never_ends_is_ended_at_the_launcher),
    ROW(a_body_that_never_ends_is_ended_at_the_gateway),
    ROW(a_body_that_never_ends_is_ended_at_the_authority),
    ROW(a_body_that_never_ends_is_ended_at_the_launcher),
    ROW(a_flood_of_connections_keeps_nobody_from_the_gateway),
    ROW(a_flood_of_connections_keeps_nobody_from_the_authority),
    ROW(a_flood_of_connections_keeps_nobody_from_the_launcher),
    ROW(plain_http_is_not_answered_by_the_gateway),
    ROW(plain_http_is_not_answered_by_the_authority),
    ROW(plain_http_is_not_answered_by_the_launcher),
    ROW(old_tls_is_not_spoken_by_the_gateway),
    ROW(old_tls_is_not_spoken_by_the_authority),
    ROW(old_tls_is_not_spoken_by_the_launcher),
    ROW(a_head_over_the_authoritys_limit_is_refused),
    ROW(a_head_over_the_launchers_limit_is_refused),
    ROW(an_ambiguous_request_is_refused_by_the_launcher),
    ROW(a_client_without_a_key_is_refused_by_the_launcher),
};

int main(int argc, char **argv)
{
    const struct area area = {.name = "listeners",
                              .begin = begin,
                              .end = end,
                              .control = control,
                              .attacks = ATTACKS,
                              .n = ARRAY_LEN(ATTACKS)};
    int failed = area_main(&area, argc, argv);

    end_all();
    return failed;
}
