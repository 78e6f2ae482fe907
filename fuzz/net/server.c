/* Bytes of a client, at once and then in pieces (the first byte says how long): the handler sees
 * the same requests, each of a form that nobody can read differently. */
#include "base/text.h"
#include "crypto/digest.h"
#include "net/connection.h"
#include "wire/field.h"

#include "fuzz.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
    struct event_base *base;
    struct server *server;
    struct buffer seen; /* method, path and content of each request */
} world;

static void check(const struct http_message *m)
{
    must(path_is_valid((const char *)m->path.data) && field_is_token(m->method) &&
         m->authority.len > 0);
    for (size_t i = 0; i < m->n_fields; i++)
        must(field_is_valid(&m->fields[i]) && !field_is_of_connection(m->fields[i].name));
}

static void on_request(struct server_request *request, void *context)
{
    const struct http_message *m = server_message(request);
    struct idevs_error err;

    (void)context;
    check(m);
    must(buffer_append_bytes(&world.seen, m->method) && buffer_append_u8(&world.seen, ' ') &&
         buffer_append_bytes(&world.seen, m->path) && buffer_append_u8(&world.seen, '\n') &&
         buffer_append_bytes(&world.seen, m->content));
    if (bytes_equal_text(m->method, "POST")) {
        server_answer_bytes(request, 200, "text/plain", m->content);
        return;
    }
    refuse(&err, "api.not-found", "fuzzing");
    server_answer_error(request, &err);
}

static void make_world(void)
{
    const struct server_options options = {
        .listen = "127.0.0.1:0", .max_body = KIB(64), .handler = on_request};
    struct idevs_error err;

    world.base = event_base_new();
    world.server = server_start(world.base, &options, &err);
    must(world.server != NULL);
    world.seen = buffer_up_to(MIB(16));
}

static void drain(int fd)
{
    uint8_t chunk[16384];

    event_base_loop(world.base, EVLOOP_NONBLOCK);
    while (recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT) > 0) {
    }
}

/* Sends all of it, `step` bytes at a time, until the server closes. */
static void talk(struct bytes in, size_t step)
{
    int pair[2];

    buffer_clear(&world.seen);
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
    connection_open(world.server, pair[1]);
    for (size_t at = 0; at < in.len && world.server->n_connections;) {
        size_t n = in.len - at < step ? in.len - at : step;
        ssize_t sent = send(pair[0], in.data + at, n, MSG_NOSIGNAL);
        at += sent > 0 ? (size_t)sent : 0;
        drain(pair[0]);
    }
    for (int i = 0; i < 3; i++)
        drain(pair[0]);
    close(pair[0]);
    for (int i = 0; i < 100 && world.server->n_connections; i++)
        event_base_loop(world.base, EVLOOP_NONBLOCK);
    must(world.server->n_connections == 0 && world.server->memory->held == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t once[SHA256_LEN];
    uint8_t pieces[SHA256_LEN];

    if (!world.base)
        make_world();
    if (size < 2)
        return 0;
    struct bytes in = bytes_of(data + 1, size - 1);
    talk(in, in.len);
    sha256(buffer_bytes(&world.seen), once);
    talk(in, (size_t)data[0] + 1);
    sha256(buffer_bytes(&world.seen), pieces);
    must(memcmp(once, pieces, sizeof(once)) == 0);
    return 0;
}
