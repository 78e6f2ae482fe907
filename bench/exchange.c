/* What the gateway costs by itself: exchanges a second through one idevs-gateway, without launcher
 * and compartment, beside plain HTTPS keep-alive to a server of the same library, in one run.
 *
 *   IDEVS_GATEWAY=build/src/gateway/idevs-gateway build/bench/bench-exchange [COUNT [AT-ONCE]]
 *
 * Requests are signed and sealed before the clock starts, so that the client's share is small.
 * Prints one line of JSON a mode; the gateway's own steps stand in its log, which is printed last.
 */
#include "base/alloc.h"
#include "base/fd.h"
#include "net/client.h"
#include "net/server.h"

#include "statistics.h"
#include "world.h"

#include "crypto/tls.h"

#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct load {
    struct world *world;
    struct event_base *base;
    struct client *client;
    const char *url;
    struct buffer *sealed; /* NULL: plain HTTPS */
    unsigned n;
    unsigned begun;
    unsigned done;
    unsigned failed;
    uint64_t *began; /* of each */
    uint64_t *took;
};

struct one {
    struct load *load;
    unsigned i;
};

static void begin(struct load *l);

static void on_done(const struct client_response *response, void *context)
{
    struct one *o = context;
    struct load *l = o->load;
    struct bytes type;
    bool good = !response->error.code[0] && response->message.status == 200;

    if (good && l->sealed)
        good = http_get(&response->message, "content-type", &type) &&
               bytes_equal_text(type, OHTTP_RESPONSE_TYPE);
    l->took[o->i] = bench_now_ns() - l->began[o->i];
    l->failed += !good;
    free(o);
    if (++l->done == l->n)
        event_base_loopexit(l->base, NULL);
    else if (l->begun < l->n)
        begin(l);
}

static void begin(struct load *l)
{
    struct one *o = alloc_zero(1, sizeof(*o));
    struct http_message m = {.method = bytes_of_text("GET"), .path = bytes_of_text("/ok")};

    *o = (struct one){l, l->begun++};
    if (l->sealed)
        m = actor_outer(&l->world->program, buffer_bytes(&l->sealed[o->i]));
    l->began[o->i] = bench_now_ns();
    client_send(l->client, l->url, &m, on_done, o);
}

static double cpu_seconds(pid_t pid)
{
    _cleanup_text_ char *path = alloc_format("/proc/%d/stat", (int)pid);
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(4));
    _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    unsigned long user = 0;
    unsigned long system = 0;

    if (fd < 0 || !fd_read_to_end(fd, &b))
        return 0;
    const char *p = strrchr((const char *)b.data, ')');
    if (!p ||
        sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        return 0;
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/* Returns operations a second. */
static double run(struct load *l, const char *mode, unsigned at_once, pid_t server)
{
    const struct client_options options = {.ca_file = l->world->ca_file, .max_per_host = at_once};

    l->base = event_base_new();
    l->client = client_new(l->base, &options);
    l->began = alloc_zero(l->n, sizeof(*l->began));
    l->took = alloc_zero(l->n, sizeof(*l->took));
    double cpu = cpu_seconds(server);
    uint64_t since = bench_now_ns();
    for (unsigned i = 0; i < at_once && i < l->n; i++)
        begin(l);
    event_base_dispatch(l->base);
    double seconds = (double)(bench_now_ns() - since) / 1e9;
    cpu = cpu_seconds(server) - cpu;
    qsort(l->took, l->n, sizeof(l->took[0]), bench_compare);
    printf("{\"mode\":\"%s\",\"n\":%u,\"at_once\":%u,\"failed\":%u,\"per_second\":%.0f,"
           "\"server_cpu_us\":%.0f,\"p50_us\":%.0f,\"p99_us\":%.0f}\n",
           mode, l->n, at_once, l->failed, l->n / seconds, cpu * 1e6 / l->n,
           bench_quantile_us(l->took, l->n, 0.5), bench_quantile_us(l->took, l->n, 0.99));
    client_free(l->client);
    event_base_free(l->base);
    free(l->began);
    free(l->took);
    return l->n / seconds;
}

static struct buffer *seal_all(struct world *w, unsigned n, bool once)
{
    struct buffer *sealed = alloc_zero(n, sizeof(*sealed));
    int64_t now = clock_unix();

    for (unsigned i = 0; i < n; i++) {
        _cleanup_exchange_ struct exchange x;
        char key[32];
        snprintf(key, sizeof(key), "sale-%u", i);
        struct http_message m = once ? actor_request("POST", "/ok", key, "application/json",
                                                     bytes_of_text("{\"sale\":809}"))
                                     : actor_request("GET", "/ok", NULL, NULL, bytes_of(NULL, 0));
        sealed[i] = buffer_up_to(KIB(64));
        actor_seal(&w->program, &w->keys, &m, now, &x, &sealed[i]);
    }
    return sealed;
}

static double run_sealed(struct world *w, const char *mode, unsigned n, unsigned at_once, bool once)
{
    struct load l = {.world = w, .url = w->url, .n = n, .sealed = seal_all(w, n, once)};
    double rate = run(&l, mode, at_once, w->gateway);

    for (unsigned i = 0; i < n; i++)
        buffer_free(&l.sealed[i]);
    free(l.sealed);
    return rate;
}

/* ---- plain HTTPS ---- */

static void on_plain(struct server_request *request, void *context)
{
    (void)context;
    server_answer_bytes(request, 200, "application/json", bytes_of_text("{\"sale\":809}"));
}

static _noreturn_ void serve_plain(const struct world *w, int port_fd)
{
    _cleanup_text_ char *cert = alloc_format("%s/cert.pem", w->folder);
    _cleanup_text_ char *key = alloc_format("%s/priv.pem", w->folder);
    struct buffer chain_pem = buffer_up_to(KIB(64));
    struct buffer key_pem = buffer_up_to(KIB(64));
    struct event_base *base = event_base_new();
    struct idevs_error err;

    if (!file_read(cert, &chain_pem, &err) || !file_read(key, &key_pem, &err))
        abort();
    const struct server_options options = {
        .listen = "127.0.0.1:0",
        .tls = tls_server_context(buffer_bytes(&chain_pem), buffer_bytes(&key_pem), false, &err),
        .max_body = KIB(64),
        .handler = on_plain};
    struct server *server = server_start(base, &options, &err);
    unsigned port = server ? server_port(server) : 0;
    if (!fd_write_all(port_fd, &port, sizeof(port)))
        abort();
    event_base_dispatch(base);
    _exit(0);
}

static double run_plain(struct world *w, unsigned n, unsigned at_once)
{
    int fds[2];
    unsigned port = 0;
    char url[64];

    if (pipe(fds) != 0)
        abort();
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        serve_plain(w, fds[1]);
    if (pid < 0 || !fd_read_exactly(fds[0], &port, sizeof(port)))
        abort();
    snprintf(url, sizeof(url), "https://127.0.0.1:%u", port);
    struct load l = {.world = w, .url = url, .n = n};
    double rate = run(&l, "https", at_once, pid);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return rate;
}

int main(int argc, char **argv)
{
    unsigned n = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 5000;
    unsigned at_once = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 32;
    struct world w;
    _cleanup_buffer_ struct buffer log = buffer_up_to(MIB(16));

    if (n == 0 || n > 20000 || at_once == 0 || at_once > 512 || !getenv("IDEVS_GATEWAY")) {
        fprintf(stderr, "usage: IDEVS_GATEWAY=FILE bench-exchange [COUNT [AT-ONCE]]\n");
        return 2;
    }
    world_start(&w, "");
    run_sealed(&w, "warm-up", 500, at_once, false);
    double plain = run_plain(&w, n, at_once);
    double sealed = run_sealed(&w, "sealed-read", n, at_once, false);
    double once = run_sealed(&w, "sealed-write-once", n, at_once, true);
    printf("{\"ratio_read\":%.2f,\"ratio_write_once\":%.2f}\n", plain / sealed, plain / once);
    world_gateway_end(&w, SIGTERM);
    world_read_log(&w, &log);
    const char *steps = strstr((const char *)log.data, "steps ");
    printf("%s", steps ? steps : "");
    world_stop(&w);
    return 0;
}
