/* What one relayed exchange costs the launcher alone: its relay in this process, the programs
 * (which send ready-made bytes) in one child, a gateway that answers ready-made bytes over TLS in
 * another.
 *
 *     bench-relay [PROGRAMS [EXCHANGES [BYTES]]]      (default 1, 20000, 768)
 *
 * Prints one line of JSON: exchanges per second, and CPU microseconds of this process per exchange.
 */
#include "launcher/relay.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "crypto/tls.h"
#include "exchange/keys.h"
#include "net/client.h"
#include "net/server.h"

#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_PROGRAMS 256

struct bench {
    size_t n_programs;
    size_t n_exchanges;        /* of each program */
    size_t size;               /* of a sealed message */
    struct buffer certificate; /* PEM, of the gateway; and its key */
    struct buffer key;
    int program[MAX_PROGRAMS]; /* the programs' ends */
    int relay[MAX_PROGRAMS];
};

static void must(bool done, const char *what)
{
    if (done)
        return;
    perror(what);
    exit(1);
}

static void make_credentials(struct bench *b)
{
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_buffer_ struct buffer der = buffer_up_to(KIB(16));
    struct chain chain _cleanup_chain_ = {.n = 1};
    uint8_t spki[SPKI_LEN];

    key_spki(key, spki);
    struct certificate_fields fields = {.subject = "bench",
                                        .spki = spki,
                                        .not_before = clock_unix() - 60,
                                        .not_after = clock_unix() + 3600,
                                        .server_auth = true,
                                        .host = "127.0.0.1"};
    b->certificate = buffer_up_to(KIB(16));
    b->key = buffer_up_to(KIB(16));
    must(certificate_make(&fields, NULL, key, &der), "certificate");
    chain.at[0] = certificate_parse(buffer_bytes(&der), NULL);
    must(chain.at[0] && chain_to_pem(&chain, &b->certificate) && key_save(key, &b->key), "PEM");
}

/* ---- gateway: also the authority that hands out a chain ---- */

static void on_request(struct server_request *request, void *context)
{
    const struct bench *b = context;
    const struct http_message *m = server_message(request);

    if (bytes_equal_text(m->path, "/v1/certificates"))
        server_answer_bytes(request, 200, "application/pem-certificate-chain",
                            buffer_bytes(&b->certificate));
    else
        server_answer_bytes(request, 200, "message/ohttp-res", m->content);
}

static pid_t start_gateway(struct bench *b, unsigned *ret_port)
{
    int ready[2];
    struct idevs_error err;

    must(pipe(ready) == 0, "pipe");
    pid_t pid = fork();
    if (pid == 0) {
        struct event_base *base = event_base_new();
        struct server_options options = {
            .listen = "127.0.0.1:0", .max_body = MIB(1), .handler = on_request, .context = b};
        options.tls =
            tls_server_context(buffer_bytes(&b->certificate), buffer_bytes(&b->key), false, &err);
        struct server *server = options.tls ? server_start(base, &options, &err) : NULL;
        must(server != NULL, err.found);
        unsigned port = server_port(server);
        must(fd_write_all(ready[1], &port, sizeof(port)), "pipe");
        event_base_dispatch(base);
        exit(0);
    }
    must(pid > 0 && fd_read_exactly(ready[0], ret_port, sizeof(*ret_port)), "gateway");
    return pid;
}

/* ---- programs ---- */

static void send_request(const struct bench *b, size_t i, const char *target, const char *type)
{
    _cleanup_buffer_ struct buffer frame = buffer_up_to(MIB(2));
    _cleanup_buffer_ struct buffer body = buffer_up_to(MIB(1));
    uint8_t *room = buffer_extend(&body, b->size);

    must(room != NULL, "size");
    memset(room, 0x5a, b->size);
    must(frame_encode(&(struct frame){.id = 1,
                                      .kind = FRAME_REQUEST,
                                      .target = bytes_of_text(target),
                                      .type = bytes_of_text(type),
                                      .body = buffer_bytes(&body)},
                      &frame) &&
             fd_write_all(b->program[i], frame.data, frame.len),
         "frame");
}

static bool take_reply(int fd, struct buffer *in)
{
    struct frame frame;
    size_t used;
    uint8_t chunk[16384];
    ssize_t n = read(fd, chunk, sizeof(chunk));

    must(n > 0 && buffer_append(in, chunk, (size_t)n), "reply");
    if (frame_decode(buffer_bytes(in), MIB(1), &frame, &used) != FRAME_DONE)
        return false;
    must(frame.status == 200, "an exchange failed");
    buffer_consume(in, used);
    return true;
}

static void wait_for_reply(const struct bench *b, size_t i)
{
    _cleanup_buffer_ struct buffer in = buffer_up_to(MIB(2));

    while (!take_reply(b->program[i], &in)) {
    }
}

static void play_programs(const struct bench *b)
{
    struct pollfd polled[MAX_PROGRAMS];
    struct buffer in[MAX_PROGRAMS];
    size_t left[MAX_PROGRAMS];
    size_t n_busy = b->n_programs;

    for (size_t i = 0; i < b->n_programs; i++) {
        send_request(b, i, "authority:certificate", "application/octet-stream");
        wait_for_reply(b, i);
        polled[i] = (struct pollfd){.fd = b->program[i], .events = POLLIN};
        in[i] = buffer_up_to(MIB(2));
        left[i] = b->n_exchanges;
        send_request(b, i, "service:store", "message/ohttp-req");
    }
    while (n_busy > 0) {
        must(poll(polled, b->n_programs, -1) > 0, "poll");
        for (size_t i = 0; i < b->n_programs; i++) {
            if (!(polled[i].revents & POLLIN) || !take_reply(b->program[i], &in[i]))
                continue;
            if (--left[i] > 0)
                send_request(b, i, "service:store", "message/ohttp-req");
            else
                n_busy--;
        }
    }
    exit(0);
}

static pid_t start_programs(struct bench *b)
{
    for (size_t i = 0; i < b->n_programs; i++) {
        int pair[2];
        must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
        b->program[i] = pair[0];
        b->relay[i] = pair[1];
    }
    pid_t pid = fork();
    must(pid >= 0, "fork");
    if (pid == 0) {
        for (size_t i = 0; i < b->n_programs; i++)
            close(b->relay[i]);
        play_programs(b);
    }
    for (size_t i = 0; i < b->n_programs; i++)
        close(b->program[i]);
    return pid;
}

/* ---- launcher ---- */

static size_t n_exchanged;
static size_t n_open;

static void on_log(enum relay_log kind, struct bytes line, void *context)
{
    (void)kind;
    (void)line;
    (void)context;
}

static void on_span(const char *name, uint64_t us, void *context)
{
    (void)name;
    (void)us;
    (void)context;
}

static void on_certificate(struct bytes pem, void *context)
{
    (void)pem;
    (void)context;
}

static void on_exchanged(void *context)
{
    (void)context;
    n_exchanged++;
}

static void on_refused(const struct idevs_error *err, void *context)
{
    (void)context;
    must(err == NULL, "no refusal");
}

static void on_closed(const struct idevs_error *err, void *context)
{
    must(err == NULL, "a frame");
    if (--n_open == 0)
        event_base_loopbreak(context);
}

static double cpu_us(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void relay_all(struct bench *b, unsigned port, const char *ca)
{
    static const struct relay_events events = {on_log,     on_span,      on_certificate,
                                               on_refused, on_exchanged, on_closed};
    struct manifest *manifest = alloc_zero(1, sizeof(*manifest));
    struct event_base *base = event_base_new();
    struct client *client = client_new(base, &(struct client_options){.ca_file = ca});
    struct budget budget = {.max = MIB(256)};

    manifest->n_services = 1;
    snprintf(manifest->services[0].name, sizeof(manifest->services[0].name), "store");
    snprintf(manifest->services[0].authority, sizeof(manifest->services[0].authority),
             "127.0.0.1:%u", port);
    snprintf(manifest->authority_url, sizeof(manifest->authority_url), "https://127.0.0.1:%u",
             port);
    n_open = b->n_programs;
    for (size_t i = 0; i < b->n_programs; i++)
        if (!relay_new(&(struct relay_options){.base = base,
                                               .client = client,
                                               .budget = &budget,
                                               .max_body = MIB(1),
                                               .run_budget = MIB(8),
                                               .manifest = manifest,
                                               .name = "bench",
                                               .fd = b->relay[i],
                                               .events = &events,
                                               .context = base}))
            exit(1);
    double cpu = cpu_us();
    uint64_t start = clock_monotonic_ns();
    event_base_dispatch(base);
    double seconds = (double)(clock_monotonic_ns() - start) / 1e9;
    printf("{\"programs\":%zu,\"bytes\":%zu,\"exchanges_per_second\":%.0f,"
           "\"launcher_cpu_us_per_exchange\":%.1f}\n",
           b->n_programs, b->size, (double)n_exchanged / seconds,
           (cpu_us() - cpu) / (double)n_exchanged);
}

static size_t argument(int argc, char **argv, int i, size_t usual)
{
    return argc > i ? (size_t)strtoul(argv[i], NULL, 10) : usual;
}

int main(int argc, char **argv)
{
    static struct bench b;
    char ca[] = "/tmp/idevs-bench-XXXXXX";
    unsigned port;
    int fd = mkstemp(ca);

    b.n_programs = argument(argc, argv, 1, 1);
    b.n_exchanges = argument(argc, argv, 2, 20000);
    b.size = argument(argc, argv, 3, 768);
    must(b.n_programs >= 1 && b.n_programs <= MAX_PROGRAMS && b.size <= KIB(512), "arguments");
    make_credentials(&b);
    must(fd >= 0 && fd_write_all(fd, b.certificate.data, b.certificate.len), ca);
    pid_t gateway = start_gateway(&b, &port);
    pid_t programs = start_programs(&b);
    relay_all(&b, port, ca);
    unlink(ca);
    kill(gateway, SIGTERM);
    waitpid(programs, NULL, 0);
    waitpid(gateway, NULL, 0);
    return 0;
}
