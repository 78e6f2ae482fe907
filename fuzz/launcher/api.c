/* A hostile client of the API: "METHOD path", a line end, the body. The server is played here; the
 * state is a real one in a folder of its own. */
#include "launcher/api.h"
#include "net/server.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct server_request {
    struct http_message message;
    unsigned n_answers;
};

const struct http_message *server_message(const struct server_request *request)
{
    return &request->message;
}

bool server_client_spki(const struct server_request *request, uint8_t ret[32])
{
    (void)request;
    memset(ret, 0, 32);
    return true;
}

void server_answer(struct server_request *request, const struct http_message *m)
{
    (void)m;
    request->n_answers++;
}

void server_answer_bytes(struct server_request *request, int status, const char *type,
                         struct bytes body)
{
    (void)status;
    (void)type;
    (void)body;
    request->n_answers++;
}

void server_answer_error(struct server_request *request, const struct idevs_error *err)
{
    if (!err->code[0] || !err->remedy[0])
        abort(); /* a refusal that nobody can act on */
    request->n_answers++;
}

struct server *server_start(struct event_base *base, const struct server_options *options,
                            struct idevs_error *ret_err)
{
    (void)base;
    (void)options;
    refuse(ret_err, "internal", "fuzzing");
    return NULL;
}

unsigned server_port(const struct server *server)
{
    (void)server;
    return 0;
}

void server_drain(struct server *server, unsigned seconds, void (*done)(void *), void *context)
{
    (void)server;
    (void)seconds;
    done(context);
}

void server_free(struct server *server)
{
    (void)server;
}

static char folder[] = "/tmp/idevs-fuzz-api-XXXXXX";

static void remove_folder(void)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf %s", folder);
    if (system(command) != 0)
        perror(folder);
}

static void nothing(void *context)
{
    (void)context;
}

static void ended(const struct warden_answer *answer, void *context)
{
    (void)answer;
    (void)context;
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    (void)context;
}

static struct launcher *make(void)
{
    static const struct warden_events events = {nothing, nothing, ended};
    static struct launcher_config config = {.warden = folder, .n_owners = 1};
    static struct launcher l;
    struct idevs_error err;

    if (!mkdtemp(folder) || !state_open(&l.state, folder, &err))
        abort();
    atexit(remove_folder);
    l.base = event_base_new();
    l.config = &config;
    l.stopping = true; /* nobody waits */
    l.warden = warden_new(l.base, "/nonexistent", NULL, &events, &l);
    l.flush_lines = evtimer_new(l.base, on_timer, &l);
    return &l;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct launcher *launcher;
    struct server_request request = {0};
    const uint8_t *space = memchr(data, ' ', size);
    const uint8_t *line = memchr(data, '\n', size);

    if (!launcher)
        launcher = make();
    if (!space || !line || line < space)
        return 0;
    request.message.method = bytes_of(data, (size_t)(space - data));
    request.message.path = bytes_of(space + 1, (size_t)(line - space) - 1);
    request.message.content = bytes_of(line + 1, size - (size_t)(line - data) - 1);
    api_handle(&request, launcher);
    if (request.n_answers != 1)
        abort(); /* exactly once */
    return 0;
}
