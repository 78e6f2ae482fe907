#include "stage.h"

#include "net/server.h"

#include <stdio.h>
#include <string.h>

struct world store;
struct world transport;

int stage_begin_with(const char *configuration)
{
    world_start(&store, configuration);
    return 0;
}

int stage_begin(void **state)
{
    (void)state;
    return stage_begin_with("");
}

void stage_add_transport(void)
{
    world_start_beside(&transport, &store, "");
}

int stage_end(void **state)
{
    (void)state;
    if (transport.service_runs)
        world_stop(&transport);
    transport = (struct world){0};
    world_stop(&store);
    return 0;
}

void seal_read(const struct world *w, struct exchange *x, struct buffer *sealed)
{
    struct http_message m = actor_request("GET", "/ok", NULL, NULL, bytes_of(NULL, 0));

    m.authority = bytes_of_text(w->authority);
    *sealed = buffer_up_to(LIMIT_MESSAGE);
    actor_seal(&w->program, &w->keys, &m, clock_unix(), x, sealed);
}

void seal_write(const struct world *w, struct exchange *x, struct buffer *sealed)
{
    struct http_message m =
        actor_request("POST", "/count", NULL, "application/json", bytes_of_text("{}"));

    m.authority = bytes_of_text(w->authority);
    *sealed = buffer_up_to(LIMIT_MESSAGE);
    actor_seal(&w->program, &w->keys, &m, clock_unix(), x, sealed);
}

void stage_control(void)
{
    _cleanup_exchange_ struct exchange reading;
    _cleanup_exchange_ struct exchange writing;
    _cleanup_buffer_ struct buffer read;
    _cleanup_buffer_ struct buffer write;
    _cleanup_answer_ struct answer got;
    _cleanup_answer_ struct answer made;

    seal_read(&store, &reading, &read);
    seal_write(&store, &writing, &write);
    assert_true(world_post(&store, &store.program, buffer_bytes(&read), &reading, &got));
    assert_true(got.sealed);
    assert_int_equal(got.message.status, 200);
    assert_true(world_post(&store, &store.program, buffer_bytes(&write), &writing, &made));
    assert_true(made.sealed);
    assert_int_equal(made.message.status, 201);
    assert_int_equal(fake_service_count(&store.service), 2);
}

const char *refusal_of(const struct answer *a)
{
    static char code[48];
    struct idevs_error err = {0};

    if (a->sealed)
        snprintf(code, sizeof(code), "%s", answer_field(a, "idevs-error"));
    else
        snprintf(code, sizeof(code), "%s", problem_read(a->message.content, &err) ? err.code : "");
    return code;
}

void gateway_refused(const struct attack *this, const struct answer *a)
{
    assert_int_equal(fake_service_count(&store.service), 0);
    attack_refused(this, GATEWAY, refusal_of(a));
}

void gateway_refuses(const struct attack *this, struct bytes sealed, const struct exchange *x)
{
    _cleanup_answer_ struct answer a;

    assert_true(world_post(&store, &store.program, sealed, x, &a));
    gateway_refused(this, &a);
}

void gateway_refuses_outer(const struct attack *this, const struct http_message *outer,
                           const struct exchange *x)
{
    _cleanup_answer_ struct answer a;

    assert_true(world_send(&store, outer, x, &a));
    gateway_refused(this, &a);
}
