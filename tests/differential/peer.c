/* The loop of a peer program: a round on standard input, its result on standard output. */
#include "peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct outputs {
    struct buffer texts[MESSAGES_MAX];
    struct buffer exports[EXPORTS_MAX];
};

static void outputs_free(struct outputs *o)
{
    for (size_t i = 0; i < MESSAGES_MAX; i++)
        buffer_free(&o->texts[i]);
    for (size_t i = 0; i < EXPORTS_MAX; i++)
        buffer_free(&o->exports[i]);
}

static void carry_out(const struct round *round, struct outputs *o, struct result *ret)
{
    for (size_t i = 0; i < round->n_messages; i++) {
        const struct message *m = &round->messages[i];
        o->texts[i] = buffer_up_to(ROUND_MAX);
        ret->done[i] =
            round->role == ROLE_SENDER ? peer_seal(m, &o->texts[i]) : peer_open(m, &o->texts[i]);
        ret->texts[i] = buffer_bytes(&o->texts[i]);
    }
    for (size_t i = 0; i < round->n_exports; i++) {
        o->exports[i] = buffer_up_to(ROUND_MAX);
        if (!peer_export(&round->exports[i], &o->exports[i]))
            buffer_clear(&o->exports[i]);
        ret->exports[i] = buffer_bytes(&o->exports[i]);
    }
}

int main(void)
{
    _cleanup_buffer_ struct buffer in = buffer_up_to(ROUND_MAX);
    _cleanup_buffer_ struct buffer out = buffer_up_to(ROUND_MAX);

    if (!peer_start()) {
        fprintf(stderr, "differential: the peer's library does not start\n");
        return EXIT_FAILURE;
    }
    while (pipe_receive(STDIN_FILENO, &in)) {
        struct round round;
        struct result result = {0};
        __attribute__((cleanup(outputs_free))) struct outputs outputs = {0};
        round_read(buffer_bytes(&in), &round);
        result.set_up = peer_set_up(&round, &result);
        if (result.set_up)
            carry_out(&round, &outputs, &result);
        peer_end();
        buffer_clear(&out);
        result_write(&round, &result, &out);
        pipe_send(STDOUT_FILENO, buffer_bytes(&out));
    }
    return EXIT_SUCCESS;
}
