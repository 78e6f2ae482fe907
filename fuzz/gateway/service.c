/* A running gateway between a hostile relay and a hostile service, without threads and sockets.
 * The first byte says what comes: even, a request as the relay made it; odd, a sound sealed request
 * and the service's answer to it:
 *
 *   u8 what is asked | u8 how the service fails | u16 status | part: content type | content
 *
 * What a service says reaches the program under the seal and is never taken for the gateway's. */
#include "gateway/service.h"

#include "actors.h"
#include "base/clock.h"
#include "played_server.h"
#include "scratch.h"

#include <event2/event.h>

static struct {
    struct gateway *gateway;
    struct gateway_config config;
    struct actor_ca ca;
    struct actor_program program;
    struct job *jobs; /* submitted, oldest first */
    struct client_response answer;
    bool was_asked;
    client_done done;
    void *context;
} world;

/* ---- the parts that are played ---- */

struct worker {
    struct store *store;
};

struct worker *worker_new(struct event_base *base, struct store *store, struct idevs_error *ret_err)
{
    static struct worker worker;

    (void)base;
    (void)ret_err;
    worker.store = store;
    return &worker;
}

bool worker_start(struct worker *worker, struct idevs_error *ret_err)
{
    (void)worker;
    (void)ret_err;
    return true;
}

void worker_submit(struct worker *worker, struct job *job)
{
    struct job **end = &world.jobs;

    (void)worker;
    while (*end)
        end = &(*end)->next;
    job->next = NULL;
    *end = job;
}

void worker_free(struct worker *worker)
{
    (void)worker;
}

struct client *client_new(struct event_base *base, const struct client_options *options)
{
    (void)base;
    (void)options;
    return (struct client *)&world;
}

struct client_call *client_send(struct client *client, const char *url,
                                const struct http_message *m, client_done done, void *context)
{
    struct bytes program;

    (void)client;
    must(strcmp(url, world.config.upstream) == 0 && !world.done);
    must(http_get(m, "idevs-program", &program) && bytes_equal_text(program, TEST_PROGRAM));
    must(http_count(m, "client-cert") == 1 && http_count(m, "signature") == 0);
    world.was_asked = true;
    world.done = done;
    world.context = context;
    return (struct client_call *)&world;
}

void client_cancel(struct client_call *call)
{
    (void)call;
}

void client_free(struct client *client)
{
    (void)client;
}

/* Store and service, in turn, until nothing is left to do. Nothing is kept for the next input. */
static void settle(void)
{
    struct store *store = world.gateway->memory.store;
    struct idevs_error err = {0};

    while (world.jobs || world.done) {
        struct job *job = world.jobs;
        client_done done = world.done;
        if (job) {
            world.jobs = job->next;
            bool worked = job->run(job, store, &err);
            job->done(job, worked ? NULL : &err);
        } else {
            world.done = NULL;
            done(&world.answer, world.context);
        }
    }
}

/* ---- */

static void write_credentials(const struct chain *service, const struct key *key)
{
    const struct chain anchor = {.at = {world.ca.certificate}, .n = 1};
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CONFIG);

    must(chain_to_pem(service, &pem));
    scratch_write("service.pem", buffer_bytes(&pem));
    buffer_clear(&pem);
    must(key_save(key, &pem));
    scratch_write("service.key", buffer_bytes(&pem));
    buffer_clear(&pem);
    must(chain_to_pem(&anchor, &pem));
    scratch_write("anchor.pem", buffer_bytes(&pem));
}

static void make_world(void)
{
    static const char CONFIG[] =
        "listen: 127.0.0.1:1\nupstream: http://127.0.0.1:2\nauthority: " TEST_AUTHORITY "\n"
        "certificate: service.pem\nkey: service.key\nprogram_anchors: [anchor.pem]\n"
        "state: state\nmax_body: 64 KiB\n";
    const int64_t now = clock_unix();
    const struct actor_program_fields fields = {.not_before = now - 60, .not_after = now + 80000};
    struct idevs_error err = {0};
    struct key *key = NULL;
    struct chain service = {.n = 0};

    actor_ca_make(&world.ca, "isolated", now);
    actor_program_make(&world.program, &world.ca, &fields, now);
    actor_service_make(&world.ca, "127.0.0.1", now, &key, &service);
    write_credentials(&service, key);
    must(gateway_config_parse(bytes_of_text(CONFIG), scratch_file("gateway.yaml"), &world.config,
                              &err));
    world.gateway = gateway_open(event_base_new(), &world.config, &err);
    must(world.gateway && gateway_start(world.gateway, &err));
    settle(); /* the first sweep */
    key_free(key);
    chain_free(&service);
}

static void serve(struct server_request *request)
{
    struct idevs_error err;

    must(store_begin(world.gateway->memory.store, &err));
    world.was_asked = false;
    played_options.handler(request, played_options.context);
    settle();
    must(request->n_answers == 1);
    store_rollback(world.gateway->memory.store);
}

static struct http_message next_question(uint8_t what)
{
    static const struct {
        const char *method;
        const char *path;
        const char *key;
    } QUESTIONS[] = {
        {"GET", "/api/sales", NULL},        {"POST", "/api/trips", NULL},
        {"POST", "/api/trips", "sale-809"}, {"DELETE", "/api/trips/1", "trip-1"},
        {"GET", STATE_PATH "cursor", NULL}, {"PUT", STATE_PATH "cursor?version=0", NULL},
    };
    size_t i = what % ARRAY_LEN(QUESTIONS);
    bool is_read = strcmp(QUESTIONS[i].method, "GET") == 0;

    return actor_request(QUESTIONS[i].method, QUESTIONS[i].path, QUESTIONS[i].key, NULL,
                         is_read ? bytes_of(NULL, 0) : bytes_of_text("{}"));
}

static void next_answer(struct reader *r)
{
    static const char *const FAILURES[] = {"service.unreachable", "service.status"};
    uint8_t how = next_u8(r);
    uint16_t status = 0;
    struct bytes type;

    world.answer = (struct client_response){.sent = true};
    if (how & 1) {
        refuse(&world.answer.error, FAILURES[how >> 1 & 1], "fuzzing");
        world.answer.sent = how & 4;
        return;
    }
    if (reader_u16(r, &status))
        world.answer.message.status = status;
    type = next_part(r);
    must(http_add(&world.answer.message, "content-type", type) &&
         http_add(&world.answer.message, "idevs-error", bytes_of_text("request.date")) &&
         http_add(&world.answer.message, "idevs-processed", bytes_of_text("no")));
    world.answer.message.content = all_left(r);
}

/* What the program reads under the seal. */
static void check_sealed(const struct exchange *x, const struct server_request *request)
{
    const struct client_response *from = &world.answer;
    struct http_message m;
    struct idevs_error err;
    _cleanup_buffer_ struct buffer plain = buffer_up_to(LIMIT_MESSAGE);

    must(request->status == 200 && strcmp(request->type, OHTTP_RESPONSE_TYPE) == 0);
    must(exchange_open_response(x, buffer_bytes(&request->content), &plain, &m, &err));
    must(http_count(&m, "date") == 1);
    bool own = http_count(&m, "idevs-error") > 0;
    if (own) /* "no" is never said once the service may have seen it */
        must(!http_count(&m, "idevs-processed") || !world.was_asked || !from->sent);
    else if (world.was_asked)
        must(!from->error.code[0] && m.status == from->message.status &&
             bytes_equal(m.content, from->message.content) && !http_count(&m, "idevs-processed"));
}

static void exchange_once(struct reader *r)
{
    struct http_message m = next_question(next_u8(r));
    _cleanup_exchange_ struct exchange x = {0};
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(LIMIT_MESSAGE);
    _cleanup_played_ struct server_request request = {.n_answers = 0};

    next_answer(r);
    actor_seal(&world.program, &world.gateway->keyring.config, &m, clock_unix(), &x, &sealed);
    request.message = actor_outer(&world.program, buffer_bytes(&sealed));
    serve(&request);
    check_sealed(&x, &request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_played_ struct server_request request = {.n_answers = 0};
    struct reader r = reader_of(bytes_of(data, size));

    if (!world.gateway)
        make_world();
    if (next_u8(&r) & 1) {
        exchange_once(&r);
        return 0;
    }
    if (!played_request(all_left(&r), &request))
        return 0;
    serve(&request);
    must(!world.was_asked && strcmp(request.type, OHTTP_RESPONSE_TYPE) != 0);
    return 0;
}
