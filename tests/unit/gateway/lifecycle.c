/* The gateway inside this process, without its sandbox: for what looks into a process from outside
 * (leak checkers), from the opening to the end. */
#include "test.h"

#include "base/alloc.h"
#include "base/fd.h"
#include "gateway/gateway.h"

#include "world.h"

#include <event2/event.h>
#include <signal.h>
#include <sys/eventfd.h>

static struct world world;
static unsigned statuses[3];

/* Three exchanges, however long they take; then `context`, an eventfd, says so. */
static void *exchange(void *context)
{
    const int *done = context;
    const uint64_t one = 1;
    struct http_message m = actor_request("POST", "/ok", "sale-809", NULL, bytes_of(NULL, 0));
    _cleanup_answer_ struct answer read;
    _cleanup_answer_ struct answer once;
    _cleanup_answer_ struct answer state;

    world_fetch_keys(&world);
    if (world_get(&world, "/ok", &read) && read.sealed)
        statuses[0] = read.message.status;
    if (world_exchange(&world, &m, &once) && once.sealed)
        statuses[1] = once.message.status;
    if (world_get(&world, "/.well-known/idevs/state/cursor", &state) && state.sealed)
        statuses[2] = state.message.status;
    assert_true(fd_write_all(*done, &one, sizeof(one)));
    return NULL;
}

static void drain(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    gateway_drain(context);
    gateway_drain(context); /* a second signal */
}

static void a_gateway_opens_serves_drains_and_leaves_nothing(void **state)
{
    (void)state;
    world_start(&world, "");
    assert_int_equal(world_gateway_end(&world, SIGTERM), 0);
    _cleanup_text_ char *path = alloc_format("%s/gateway.yaml", world.folder);
    _cleanup_gateway_config_ struct gateway_config config;
    struct event_base *base = event_base_new();
    _cleanup_fd_ int done = eventfd(0, EFD_CLOEXEC);
    pthread_t thread;

    assert_true(gateway_config_load(path, &config, NULL));
    struct gateway *gateway = gateway_open(base, &config, NULL);
    assert_non_null(gateway);
    assert_int_equal(gateway_port(gateway), world.port);
    assert_true(gateway_start(gateway, NULL));
    assert_int_equal(event_base_once(base, done, EV_READ, drain, gateway, NULL), 0);
    assert_int_equal(pthread_create(&thread, NULL, exchange, &done), 0);
    event_base_dispatch(base);
    pthread_join(thread, NULL);
    gateway_free(gateway);
    event_base_free(base);
    assert_int_equal(statuses[0], 200);
    assert_int_equal(statuses[1], 200);
    assert_int_equal(statuses[2], 404);
    world_stop(&world);
}

static void assert_start_refused(const char *from, const char *to, const char *code)
{
    _cleanup_text_ char *path = alloc_format("%s/gateway.yaml", world.folder);
    _cleanup_gateway_config_ struct gateway_config config;
    _cleanup_buffer_ struct buffer text = buffer_up_to(KIB(64));
    _cleanup_buffer_ struct buffer changed = buffer_up_to(KIB(64));
    struct event_base *base = event_base_new();
    struct idevs_error err = {0};

    assert_true(file_read(path, &text, &err));
    char *at = strstr((char *)text.data, from);
    assert_non_null(at);
    assert_true(buffer_append(&changed, text.data, (size_t)(at - (char *)text.data)) &&
                buffer_append_text(&changed, to) &&
                buffer_append_text(&changed, at + strlen(from)));
    assert_true(gateway_config_parse(buffer_bytes(&changed), path, &config, &err));
    assert_null(gateway_open(base, &config, &err));
    assert_refused(&err, code);
    event_base_free(base);
}

static void a_start_that_cannot_work_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *code;
    } CASES[] = {
        {"key: priv.pem", "key: absent.pem", "file.unreadable"},
        {"key: priv.pem", "key: cert.pem", "tls.credentials"},
        {"certificate: cert.pem", "certificate: isolated.pem", "tls.credentials"},
        {"certificate: cert.pem", "certificate: priv.pem", "certificate.malformed"},
        {"authority: 127.0.0.1:8443", "authority: store.example", "certificate.name"},
        {"[isolated.pem]", "[priv.pem]", "certificate.malformed"},
        {"state: state", "state: cert.pem", "file.unwritable"},
    };

    world_start(&world, "");
    unsigned port = world.port;
    _cleanup_text_ char *taken = alloc_format("listen: 127.0.0.1:%u", port);
    _cleanup_text_ char *service = alloc_format("listen: 127.0.0.1:%u", world.service.port);
    assert_start_refused("key: priv.pem", "key: priv.pem", "state.unusable"); /* it runs */
    assert_int_equal(world_gateway_end(&world, SIGTERM), 0);
    assert_start_refused(taken, service, "port.in-use");
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++)
        assert_start_refused(CASES[i].from, CASES[i].to, CASES[i].code);
    world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gateway_opens_serves_drains_and_leaves_nothing),
        cmocka_unit_test(a_start_that_cannot_work_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
