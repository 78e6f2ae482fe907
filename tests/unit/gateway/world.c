#include "world.h"

#include "../port.h"
#include "base/alloc.h"
#include "base/fd.h"
#include "net/client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(bool good)
{
    if (!good)
        abort();
}

#define HOST "127.0.0.1"

static struct sockaddr_in address_of(const char *host, unsigned port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {inet_addr(host)}};
}

static int listen_on(const char *host, unsigned *port)
{
    struct sockaddr_in a = address_of(host, *port);
    socklen_t len = sizeof(a);
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    must(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0);
    must(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, 128) == 0);
    must(getsockname(fd, (struct sockaddr *)&a, &len) == 0);
    *port = ntohs(a.sin_port);
    return fd;
}

/* ---- the service ---- */

static void sleep_ms(unsigned ms)
{
    poll(NULL, 0, (int)ms);
}

static bool say(int fd, const char *status, const char *fields, const void *body, size_t len)
{
    _cleanup_text_ char *head =
        alloc_format("HTTP/1.1 %s\r\ncontent-length: %zu\r\n%s\r\n", status, len, fields);

    return fd_write_all(fd, head, strlen(head)) && fd_write_all(fd, body, len);
}

/* Ends the connection in any case but that of a whole answer. */
static bool misbehave(int fd, const char *path)
{
    static const char GARBAGE[] = "garbage\r\n\r\n";
    static const char HALF[] = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";
    static const char zeros[KIB(128)];

    if (strcmp(path, "/large") == 0)
        return say(fd, "200 OK", "", zeros, sizeof(zeros));
    if (strcmp(path, "/garbage") == 0)
        must(fd_write_all(fd, GARBAGE, strlen(GARBAGE)));
    if (strcmp(path, "/cut") == 0)
        must(fd_write_all(fd, HALF, strlen(HALF)));
    if (strcmp(path, "/hang") == 0)
        sleep_ms(10000);
    return false;
}

/* False: close the connection. */
static bool respond(struct fake_service *s, int fd, const char *head, const char *path)
{
    char count[16];

    pthread_mutex_lock(&s->lock);
    unsigned n = ++s->n_requests;
    buffer_clear(&s->last);
    must(buffer_append_text(&s->last, head));
    pthread_mutex_unlock(&s->lock);
    if (strcmp(path, "/slow") == 0)
        sleep_ms(300);
    if (strcmp(path, "/ok") == 0 || strcmp(path, "/slow") == 0)
        return say(fd, "200 OK", "content-type: application/json\r\n", "{\"sale\":809}", 12);
    if (strcmp(path, "/echo") == 0)
        return say(fd, "200 OK", "content-type: text/plain\r\n", head, strlen(head));
    if (strcmp(path, "/fields") == 0)
        return say(fd, "201 Created",
                   "etag: \"7\"\r\nlocation: /a/7\r\nretry-after: 3\r\nset-cookie: a=b\r\n"
                   "date: Thu, 01 Jan 1970 00:00:00 GMT\r\nidevs-error: state.conflict\r\n"
                   "idevs-processed: no\r\nserver: x\r\n",
                   "", 0);
    if (strcmp(path, "/count") == 0) {
        snprintf(count, sizeof(count), "%u", n);
        return say(fd, "201 Created", "content-type: text/plain\r\n", count, strlen(count));
    }
    if (path[1] >= '2' && path[1] <= '5')
        return say(fd, path + 1, "", "", 0);
    return misbehave(fd, path);
}

/* The head of one request with its body read behind it; NULL at the end of the connection. */
static char *read_request(int fd, struct buffer *b)
{
    char *end;
    char chunk[4096];
    size_t length = 0;

    buffer_clear(b);
    b->len = 0;
    while (!b->data || !(end = strstr((char *)b->data, "\r\n\r\n"))) {
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n <= 0 || !buffer_append(b, chunk, (size_t)n))
            return NULL;
    }
    char *field = strcasestr((char *)b->data, "content-length:");
    if (field && field < end)
        length = strtoul(field + 15, NULL, 10);
    size_t whole = (size_t)(end + 4 - (char *)b->data) + length;
    while (b->len < whole) {
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n <= 0 || !buffer_append(b, chunk, (size_t)n))
            return NULL;
    }
    return (char *)b->data;
}

struct connection {
    struct fake_service *service;
    int fd;
};

static void *serve_connection(void *context)
{
    struct connection *c = context;
    _cleanup_buffer_ struct buffer b = buffer_up_to(MIB(16));
    char path[256];
    char *head;

    do {
        head = read_request(c->fd, &b);
        if (!head || sscanf(head, "%*s %255[^ ?]", path) != 1)
            break;
    } while (respond(c->service, c->fd, head, path));
    close(c->fd);
    free(c);
    return NULL;
}

static void *serve(void *context)
{
    struct fake_service *s = context;
    int fd;
    int one = 1;

    while ((fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        struct connection *c = alloc_zero(1, sizeof(*c));
        pthread_t thread;
        *c = (struct connection){s, fd};
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        must(pthread_create(&thread, NULL, serve_connection, c) == 0);
        pthread_detach(thread);
    }
    return NULL;
}

void fake_service_start(struct fake_service *s, unsigned port)
{
    pthread_mutex_init(&s->lock, NULL);
    s->n_requests = 0;
    s->last = buffer_up_to(MIB(16));
    s->port = port;
    s->listener = listen_on(HOST, &s->port);
    must(pthread_create(&s->thread, NULL, serve, s) == 0);
}

void fake_service_stop(struct fake_service *s)
{
    shutdown(s->listener, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    fd_close(&s->listener);
    buffer_free(&s->last);
}

unsigned fake_service_count(struct fake_service *s)
{
    pthread_mutex_lock(&s->lock);
    unsigned n = s->n_requests;
    pthread_mutex_unlock(&s->lock);
    return n;
}

bool fake_service_saw(struct fake_service *s, const char *text)
{
    pthread_mutex_lock(&s->lock);
    bool saw = s->last.len > 0 && memmem(s->last.data, s->last.len, text, strlen(text));
    pthread_mutex_unlock(&s->lock);
    return saw;
}

/* ---- the gateway ---- */

static void write_in(struct world *w, const char *name, struct bytes data)
{
    _cleanup_text_ char *path = alloc_format("%s/%s", w->folder, name);

    must(file_write(path, data, 0600, NULL));
}

static void write_chain(struct world *w, const char *name, const struct chain *chain)
{
    _cleanup_buffer_ struct buffer pem = buffer_up_to(KIB(64));

    must(chain_to_pem(chain, &pem));
    write_in(w, name, buffer_bytes(&pem));
}

static void write_ca(struct world *w, const char *name, const struct actor_ca *ca)
{
    const struct chain chain = {.at = {ca->certificate}, .n = 1};

    write_chain(w, name, &chain);
}

static void write_credentials(struct world *w)
{
    _cleanup_key_ struct key *key = NULL;
    _cleanup_chain_ struct chain chain;
    _cleanup_buffer_ struct buffer pem = buffer_up_to(KIB(4));

    actor_service_make(&w->service_ca, w->host, clock_unix(), &key, &chain);
    must(key_save(key, &pem));
    write_in(w, "priv.pem", buffer_bytes(&pem));
    write_chain(w, "cert.pem", &chain);
    write_ca(w, "services.pem", &w->service_ca);
    write_ca(w, "isolated.pem", &w->tier);
}

static void write_config(struct world *w, const char *more)
{
    _cleanup_text_ char *text = alloc_format(
        "listen: %s:%u\nupstream: http://" HOST ":%u\nauthority: %s\n"
        "certificate: cert.pem\nkey: priv.pem\nprogram_anchors: [isolated.pem]\nstate: state\n"
        "max_body: 64 KiB\n%s%s",
        w->host, w->port, w->service.port, w->authority,
        strstr(more, "upstream_timeout:") ? "" : "upstream_timeout: 1\n", more);

    write_in(w, "gateway.yaml", bytes_of_text(text));
}

static bool connect_to(const char *host, unsigned port, int *ret_fd)
{
    struct sockaddr_in a = address_of(host, port);

    *ret_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connect(*ret_fd, (struct sockaddr *)&a, sizeof(a)) == 0;
}

static bool listens(const char *host, unsigned port)
{
    _cleanup_fd_ int fd = -1;

    return connect_to(host, port, &fd);
}

int world_connect(const struct world *w)
{
    int fd;

    must(connect_to(w->host, w->port, &fd));
    return fd;
}

static void run_gateway(struct world *w)
{
    _cleanup_text_ char *log = alloc_format("%s/log", w->folder);
    _cleanup_text_ char *config = alloc_format("%s/gateway.yaml", w->folder);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

    dup2(fd, STDERR_FILENO);
    signal(SIGPIPE, SIG_DFL); /* as a shell starts it, not as this test ignores it */
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1); /* it needs ptrace, which the sandbox refuses */
    execl(getenv("IDEVS_GATEWAY"), "idevs-gateway", "--config", config, (char *)NULL);
    _exit(127);
}

void world_fetch_keys(struct world *w)
{
    const struct client_options options = {.ca_file = w->ca_file};
    const struct bytes anchor = certificate_der(w->service_ca.certificate);
    struct http_message m = {.method = bytes_of_text("GET"),
                             .path = bytes_of_text("/.well-known/ohttp-gateway")};
    struct http_message answer;
    _cleanup_buffer_ struct buffer storage = buffer_up_to(KIB(64));
    struct idevs_error err = {0};

    if (!client_fetch(&options, w->url, &m, &storage, &answer, &err) ||
        !signed_keys_verify(&answer, w->authority, &anchor, 1, clock_unix(), &w->keys, NULL,
                            &err)) {
        fprintf(stderr, "keys: %s: %s\n", err.code, err.found);
        abort();
    }
}

static bool wait_for(const char *host, unsigned port)
{
    for (int i = 0; i < 2000; i++, sleep_ms(5))
        if (listens(host, port))
            return true;
    return false;
}

bool world_wait_for(unsigned port)
{
    return wait_for(HOST, port);
}

void world_gateway_start(struct world *w)
{
    must(getenv("IDEVS_GATEWAY") != NULL);
    w->gateway = fork();
    if (w->gateway == 0)
        run_gateway(w);
    must(w->gateway > 0);
    must(wait_for(w->host, w->port));
    world_fetch_keys(w);
}

int world_gateway_end(struct world *w, int signal_number)
{
    int status = 0;

    if (w->gateway <= 0)
        return 0;
    kill(w->gateway, signal_number);
    must(waitpid(w->gateway, &status, 0) == w->gateway);
    w->gateway = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void world_read_log(struct world *w, struct buffer *b)
{
    _cleanup_text_ char *path = alloc_format("%s/log", w->folder);

    must(file_read(path, b, NULL));
}

/* Folder, service, credentials and gateway; who may come in stands in `w` already. */
static void build(struct world *w, const char *authority, const char *more)
{
    signal(SIGPIPE, SIG_IGN);
    snprintf(w->authority, sizeof(w->authority), "%s", authority);
    snprintf(w->host, sizeof(w->host), "%.*s", (int)strcspn(authority, ":"), authority);
    snprintf(w->folder, sizeof(w->folder), "/tmp/idevs-world-XXXXXX");
    must(mkdtemp(w->folder) != NULL);
    actor_ca_make(&w->service_ca, "services", clock_unix());
    fake_service_start(&w->service, 0);
    w->service_runs = true;
    w->port = port_free(w->host);
    snprintf(w->url, sizeof(w->url), "https://%s:%u", w->host, w->port);
    snprintf(w->ca_file, sizeof(w->ca_file), "%s/services.pem", w->folder);
    write_credentials(w);
    write_config(w, more);
    world_gateway_start(w);
}

void world_start(struct world *w, const char *more)
{
    int64_t now = clock_unix();

    *w = (struct world){.gateway = 0};
    actor_ca_make(&w->tier, "isolated", now);
    actor_program_make(&w->program, &w->tier, NULL, now);
    build(w, TEST_AUTHORITY, more);
}

void world_start_beside(struct world *w, const struct world *first, const char *more)
{
    *w = (struct world){.is_beside = true, .tier = first->tier, .program = first->program};
    build(w, WORLD_BESIDE, more);
}

void world_start_for(struct world *w, const char *authority, const struct actor_ca *tier)
{
    *w = (struct world){.is_beside = true, .tier = *tier};
    build(w, authority, "");
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

void world_stop(struct world *w)
{
    world_gateway_end(w, SIGKILL);
    if (w->service_runs)
        fake_service_stop(&w->service);
    nftw(w->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    actor_ca_free(&w->service_ca);
    if (w->is_beside)
        return;
    actor_program_free(&w->program);
    actor_ca_free(&w->tier);
}

/* ---- exchanges ---- */

void answer_free(struct answer *a)
{
    buffer_free(&a->storage);
    buffer_free(&a->plain);
}

bool world_send(struct world *w, const struct http_message *outer, const struct exchange *x,
                struct answer *ret)
{
    const struct client_options options = {.ca_file = w->ca_file, .total_ms = 20000};
    struct idevs_error err;

    *ret = (struct answer){.storage = buffer_up_to(MIB(1)), .plain = buffer_up_to(MIB(1))};
    if (!client_fetch(&options, w->url, outer, &ret->storage, &ret->message, &err))
        return false;
    ret->outer = ret->message.status;
    ret->seen = ret->message.content;
    const struct http_message plain = ret->message;
    struct bytes type;
    ret->sealed = http_get(&plain, "content-type", &type) &&
                  bytes_equal_text(type, OHTTP_RESPONSE_TYPE) &&
                  exchange_open_response(x, plain.content, &ret->plain, &ret->message, &err);
    return true;
}

bool world_post(struct world *w, const struct actor_program *p, struct bytes sealed,
                const struct exchange *x, struct answer *ret)
{
    struct http_message outer = actor_outer(p, sealed);

    /* What a relay could try to pass off as verified. */
    must(http_add(&outer, "idevs-program", bytes_of_text("spiffe://evil")) &&
         http_add(&outer, "x-relay", bytes_of_text("evil")));
    return world_send(w, &outer, x, ret);
}

bool world_exchange(struct world *w, const struct http_message *m, struct answer *ret)
{
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(LIMIT_MESSAGE);

    actor_seal(&w->program, &w->keys, m, clock_unix(), &x, &sealed);
    return world_post(w, &w->program, buffer_bytes(&sealed), &x, ret);
}

bool world_get(struct world *w, const char *path, struct answer *ret)
{
    struct http_message m = actor_request("GET", path, NULL, NULL, bytes_of(NULL, 0));

    return world_exchange(w, &m, ret);
}

const char *answer_field(const struct answer *a, const char *name)
{
    static char text[512];
    struct bytes value;

    text[0] = 0;
    if (http_get(&a->message, name, &value))
        snprintf(text, sizeof(text), "%.*s", (int)value.len, (const char *)value.data);
    return text;
}
