/* What one exchange over a kept TLS 1.3 connection costs: our client against our server, each in a
 * process of its own on loopback. bench-net [REQUESTS [CONCURRENT [BYTES]]] */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"
#include "crypto/tls.h"
#include "net/client.h"
#include "net/server.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct {
    struct event_base *base;
    struct server *server;
    struct client *client;
    char url[64];
    struct http_message request;
    unsigned long left_to_send;
    unsigned long left_to_hear;
    unsigned long failed;
} bench;

static void answer(struct server_request *request, void *context)
{
    const struct timeval soon = {.tv_usec = 50000};

    if (bytes_equal_text(server_message(request)->path, "/end"))
        event_base_loopexit(bench.base, &soon); /* after this answer */
    (void)context;
    server_answer_bytes(request, 200, "application/octet-stream", server_message(request)->content);
}

static void serve(const char *certificate, const char *key, int report)
{
    _cleanup_buffer_ struct buffer chain_pem = buffer_up_to(KIB(16));
    _cleanup_buffer_ struct buffer key_pem = buffer_up_to(KIB(16));
    struct server_options options = {
        .listen = "127.0.0.1:0", .max_body = LIMIT_BODY, .handler = answer};
    struct idevs_error err;

    bench.base = event_base_new();
    if (!file_read(certificate, &chain_pem, &err) || !file_read(key, &key_pem, &err))
        _exit(1);
    options.tls = tls_server_context(buffer_bytes(&chain_pem), buffer_bytes(&key_pem), false, &err);
    bench.server = options.tls ? server_start(bench.base, &options, &err) : NULL;
    unsigned port = bench.server ? server_port(bench.server) : 0;
    if (!fd_write_all(report, &port, sizeof(port)) || !port)
        _exit(1);
    event_base_dispatch(bench.base);
    _exit(0);
}

static void send_next(void);

static void heard(const struct client_response *response, void *context)
{
    (void)context;
    bench.failed += response->message.status != 200;
    if (--bench.left_to_hear == 0)
        event_base_loopexit(bench.base, NULL);
    if (bench.left_to_send)
        send_next();
}

static void send_next(void)
{
    bench.left_to_send--;
    client_send(bench.client, bench.url, &bench.request, heard, NULL);
}

static void run(unsigned long n, unsigned long concurrent)
{
    bench.left_to_send = n;
    bench.left_to_hear = n;
    for (unsigned long i = 0; i < concurrent && bench.left_to_send; i++)
        send_next();
    event_base_dispatch(bench.base);
}

static bool make_credentials(const char *certificate, const char *key_path)
{
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_buffer_ struct buffer der = buffer_up_to(KIB(16));
    _cleanup_buffer_ struct buffer pem = buffer_up_to(KIB(16));
    _cleanup_buffer_ struct buffer key_pem = buffer_up_to(KIB(16));
    _cleanup_chain_ struct chain chain = {.n = 1};
    struct idevs_error err;
    uint8_t spki[SPKI_LEN];
    int64_t now = (int64_t)time(NULL);

    key_spki(key, spki);
    const struct certificate_fields fields = {.subject = "bench",
                                              .spki = spki,
                                              .not_before = now - 60,
                                              .not_after = now + 3600,
                                              .server_auth = true,
                                              .host = "127.0.0.1"};
    if (!certificate_make(&fields, NULL, key, &der) ||
        !(chain.at[0] = certificate_parse(buffer_bytes(&der), &err)))
        return false;
    return chain_to_pem(&chain, &pem) && key_save(key, &key_pem) &&
           file_write(certificate, buffer_bytes(&pem), 0600, &err) &&
           file_write(key_path, buffer_bytes(&key_pem), 0600, &err);
}

static double cpu_us(const struct rusage *u)
{
    return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1e6 +
           (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec);
}

static unsigned long argument(int argc, char **argv, int i, unsigned long otherwise)
{
    uint64_t v;

    return argc > i && parse_u64(bytes_of_text(argv[i]), 100000000, &v) ? (unsigned long)v
                                                                        : otherwise;
}

static void print_costs(unsigned long n, unsigned long concurrent, double seconds, pid_t child)
{
    struct rusage ours;
    struct rusage theirs;

    getrusage(RUSAGE_SELF, &ours);
    bench.request.path = bytes_of_text("/end");
    run(1, 1);
    waitpid(child, NULL, 0);
    getrusage(RUSAGE_CHILDREN, &theirs);
    printf("%lu requests of %zu bytes, %lu at once, %lu failed\n", n, bench.request.content.len,
           concurrent, bench.failed);
    printf("%.0f requests/s; CPU per request: client %.1f us, server %.1f us\n",
           (double)n / seconds, cpu_us(&ours) / (double)n, cpu_us(&theirs) / (double)n);
}

int main(int argc, char **argv)
{
    unsigned long n = argument(argc, argv, 1, 20000);
    unsigned long concurrent = argument(argc, argv, 2, 16);
    size_t len = argument(argc, argv, 3, 1024);
    char folder[] = "/tmp/idevs-bench-XXXXXX";
    int report[2];
    unsigned port = 0;

    if (!mkdtemp(folder) || pipe(report) < 0)
        return 1;
    _cleanup_text_ char *certificate = alloc_format("%s/cert.pem", folder);
    _cleanup_text_ char *key = alloc_format("%s/key.pem", folder);
    if (!make_credentials(certificate, key))
        return 1;
    pid_t child = fork();
    if (child == 0)
        serve(certificate, key, report[1]);
    if (!fd_read_exactly(report[0], &port, sizeof(port)) || !port)
        return 1;
    bench.base = event_base_new();
    bench.client = client_new(bench.base, &(struct client_options){.ca_file = certificate});
    snprintf(bench.url, sizeof(bench.url), "https://127.0.0.1:%u", port);
    uint8_t *content = alloc_zero(len + 1, 1);
    bench.request = (struct http_message){.method = bytes_of_text("POST"),
                                          .path = bytes_of_text("/"),
                                          .content = bytes_of(content, len)};
    uint64_t began = clock_monotonic_ns();
    run(n, concurrent);
    print_costs(n, concurrent, (double)(clock_monotonic_ns() - began) / 1e9, child);
    client_free(bench.client);
    event_base_free(bench.base);
    free(content);
    unlink(certificate);
    unlink(key);
    rmdir(folder);
    return bench.failed ? 1 : 0;
}
