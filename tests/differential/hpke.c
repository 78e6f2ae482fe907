/* Our HPKE against another implementation: random keys, messages, exports, both ways.
 *
 *   hpke PEER ROUNDS [SEED]
 *
 * Each round both sides seal the same messages and open the other's, several under one key, and
 * export secrets; in one copy of a message a bit is turned, which both must refuse. Everything
 * comes from the seed, which is printed: the same seed is the same run, but for the peer's own
 * ephemeral keys in every other round. */
#include "crypto/hpke.h"
#include "base/fd.h"
#include "base/limits.h"
#include "crypto/digest.h"
#include "round.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* ---- what is drawn ---- */

static uint64_t state;

/* SplitMix64: no secret comes from it. */
static uint64_t draw(uint64_t below)
{
    uint64_t z = state += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (z ^ (z >> 31)) % below;
}

static void draw_bytes(uint8_t *ret, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ret[i] = (uint8_t)draw(256);
}

/* Sizes at the edges of blocks and buckets, and any other up to `max`, small ones more often. */
static size_t draw_size(size_t max)
{
    static const size_t EDGES[] = {0,  1,   15,  16,   17,   31,   32,    33,
                                   63, 255, 256, 4095, 4096, 4097, 65535, 65536};
    size_t edge = EDGES[draw(ARRAY_LEN(EDGES))];

    if (draw(3) == 0 && edge <= max)
        return edge;
    return (size_t)draw((size_t)draw(draw(max + 1) + 1) + 1);
}

/* What a round holds, kept here while views of it are in use. */
struct material {
    struct buffer info;
    struct buffer aads[MESSAGES_MAX];
    struct buffer plains[MESSAGES_MAX];
    struct buffer contexts[EXPORTS_MAX];
};

static struct bytes fill(struct buffer *b, size_t len)
{
    uint8_t *room;

    *b = buffer_up_to(KIB(64));
    room = buffer_extend(b, len);
    if (!room)
        abort();
    draw_bytes(room, len);
    return buffer_bytes(b);
}

#define INFO_MAX    KIB(4)
#define AAD_MAX     KIB(4)
#define MESSAGE_MAX KIB(64)
#define CONTEXT_MAX 900  /* ours: crypto/hpke.h */
#define EXPORT_MAX  8160 /* 255 * 32: RFC 9180, 5.3 */

static void draw_key(uint8_t private[KEY_LEN], uint8_t public[KEY_LEN])
{
    do {
        draw_bytes(private, KEY_LEN);
        _cleanup_x25519_ struct x25519_key *key = x25519_from_raw(private);
        x25519_public(key, public);
    } while (KEY_LOOKS_LIKE_DER(public));
}

static void draw_round(struct round *r, struct material *m)
{
    *r = (struct round){.n_messages = 1 + draw(MESSAGES_MAX / 2),
                        .n_exports = draw(EXPORTS_MAX + 1)};
    draw_key(r->key, r->public);
    draw_key(r->ephemeral, r->ephemeral_public);
    r->info = fill(&m->info, draw_size(INFO_MAX));
    for (size_t i = 0; i < r->n_messages; i++) {
        r->messages[i].aad = fill(&m->aads[i], draw_size(AAD_MAX));
        r->messages[i].text = fill(&m->plains[i], draw_size(MESSAGE_MAX));
    }
    for (size_t i = 0; i < r->n_exports; i++) {
        r->exports[i].context = fill(&m->contexts[i], draw_size(CONTEXT_MAX));
        r->exports[i].len = (uint16_t)(1 + (draw(8) ? draw(128) : draw(EXPORT_MAX)));
    }
}

/* ---- the peer ---- */

struct peer {
    pid_t pid;
    int to;
    int from;
    struct buffer out;
    struct buffer in;
};

static bool peer_spawn(const char *program, struct peer *ret)
{
    char *const argv[] = {(char *)(uintptr_t)program, NULL};
    posix_spawn_file_actions_t actions;
    int to[2];
    int from[2];

    if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
        return false;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
    errno = posix_spawn(&ret->pid, program, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    fd_close(&to[0]);
    fd_close(&from[1]);
    ret->to = to[1];
    ret->from = from[0];
    ret->out = ret->in = buffer_up_to(ROUND_MAX);
    return errno == 0;
}

/* Whether it ended by itself, in order. */
static bool peer_finish(struct peer *peer)
{
    int status = -1;

    fd_close(&peer->to);
    fd_close(&peer->from);
    buffer_free(&peer->out);
    buffer_free(&peer->in);
    return waitpid(peer->pid, &status, 0) == peer->pid && status == 0;
}

static void ask(struct peer *peer, const struct round *round, struct result *ret)
{
    buffer_clear(&peer->out);
    round_write(round, &peer->out);
    pipe_send(peer->to, buffer_bytes(&peer->out));
    if (!pipe_receive(peer->from, &peer->in)) {
        fprintf(stderr, "the peer ended\n");
        exit(EXIT_FAILURE);
    }
    result_read(round, buffer_bytes(&peer->in), ret);
}

/* ---- comparing ---- */

static struct {
    const char *peer;
    uint64_t seed;
    unsigned round;
    size_t messages;
    size_t exports;
    size_t refusals;
} run;

static void expect(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s: seed %llu, round %u: %s\n", run.peer, (unsigned long long)run.seed,
            run.round, what);
    exit(EXIT_FAILURE);
}

/* What our side made of the round, as sender. */
struct ours {
    struct hpke sender;
    uint8_t enc[HPKE_ENC_LEN];
    struct buffer sealed[MESSAGES_MAX];
};

static void seal_ours(const struct round *r, struct ours *ret)
{
    _cleanup_x25519_ struct x25519_key *ephemeral = x25519_from_raw(r->ephemeral);

    expect(hpke_setup_sender(r->public, r->info, ephemeral, ret->enc, &ret->sender),
           "we cannot set up a sender");
    for (size_t i = 0; i < r->n_messages; i++) {
        ret->sealed[i] = buffer_up_to(MESSAGE_MAX + HPKE_TAG_LEN);
        expect(hpke_seal(&ret->sender, r->messages[i].aad, r->messages[i].text, &ret->sealed[i]),
               "we cannot seal");
    }
}

/* A copy of `m` that nobody may open. */
static struct message spoil(const struct message *m, struct buffer *room)
{
    bool in_aad = m->aad.len > 0 && draw(4) == 0;
    struct bytes victim = in_aad ? m->aad : m->text;

    *room = buffer_up_to(MESSAGE_MAX + HPKE_TAG_LEN + 1);
    expect(buffer_append_bytes(room, victim), "no room");
    switch (draw(4)) {
    case 0:
        room->len -= 1 + (size_t)draw(victim.len);
        break;
    case 1:
        expect(buffer_append_u8(room, 0), "no room");
        break;
    default:
        room->data[draw(victim.len)] ^= (uint8_t)(1u << draw(8));
    }
    return (struct message){.aad = in_aad ? buffer_bytes(room) : m->aad,
                            .text = in_aad ? m->text : buffer_bytes(room)};
}

static void same_exports(const struct round *r, const struct hpke *h, const struct result *theirs)
{
    for (size_t i = 0; i < r->n_exports; i++) {
        uint8_t out[EXPORT_MAX];
        expect(hpke_export(h, r->exports[i].context, out, r->exports[i].len), "we cannot export");
        expect(bytes_equal(theirs->exports[i], bytes_of(out, r->exports[i].len)),
               "another exported secret");
        run.exports++;
    }
}

/* Ours sealed, theirs opens: before one of the messages comes a spoilt copy, which must be refused
 * and must not move their sequence number. */
static void they_open(struct peer *peer, const struct round *r, const struct ours *ours)
{
    size_t victim = (size_t)draw(r->n_messages);
    struct round ask_open = *r;
    struct result theirs;
    _cleanup_buffer_ struct buffer spoilt = {0};
    size_t n = 0;

    ask_open.role = ROLE_RECEIVER;
    memcpy(ask_open.enc, ours->enc, KEY_LEN);
    for (size_t i = 0; i < r->n_messages; i++) {
        struct message sealed = {r->messages[i].aad, buffer_bytes(&ours->sealed[i])};
        if (i == victim)
            ask_open.messages[n++] = spoil(&sealed, &spoilt);
        ask_open.messages[n++] = sealed;
    }
    ask_open.n_messages = n;
    ask(peer, &ask_open, &theirs);
    expect(theirs.set_up, "they refuse our encapsulation");
    expect(memcmp(theirs.public, r->public, KEY_LEN) == 0, "another public key");
    for (size_t i = 0, k = 0; i < r->n_messages; i++) {
        if (i == victim)
            expect(!theirs.done[k++], "they open a spoilt message");
        expect(theirs.done[k], "they cannot open");
        expect(bytes_equal(theirs.texts[k++], r->messages[i].text), "they open another text");
    }
    same_exports(r, &ours->sender, &theirs);
    run.messages += r->n_messages;
    run.refusals++;
}

static void we_open(struct hpke *receiver, const struct round *r, const struct result *theirs)
{
    size_t victim = (size_t)draw(r->n_messages);

    for (size_t i = 0; i < r->n_messages; i++) {
        struct message sealed = {r->messages[i].aad, theirs->texts[i]};
        _cleanup_buffer_ struct buffer opened = buffer_up_to(MESSAGE_MAX);
        _cleanup_buffer_ struct buffer room = {0};
        struct message spoilt = spoil(&sealed, &room);
        expect(i != victim || !hpke_open(receiver, spoilt.aad, spoilt.text, &opened),
               "we open a spoilt message");
        expect(hpke_open(receiver, sealed.aad, sealed.text, &opened), "we cannot open");
        expect(bytes_equal(buffer_bytes(&opened), r->messages[i].text), "we open another text");
    }
    run.messages += r->n_messages;
    run.refusals++;
}

/* Theirs sealed, ours opens; from the same ephemeral key both must have made the same bytes. */
static void they_seal(struct peer *peer, const struct round *r, const struct ours *ours)
{
    struct round ask_seal = *r;
    struct result theirs;
    _cleanup_hpke_ struct hpke receiver;
    _cleanup_x25519_ struct x25519_key *key = x25519_from_raw(r->key);

    ask_seal.role = ROLE_SENDER;
    ask_seal.has_ephemeral = run.round % 2;
    ask(peer, &ask_seal, &theirs);
    expect(theirs.set_up, "they cannot set up a sender");
    for (size_t i = 0; i < r->n_messages; i++) {
        expect(theirs.done[i], "they cannot seal");
        expect(!ask_seal.has_ephemeral ||
                   bytes_equal(theirs.texts[i], buffer_bytes(&ours->sealed[i])),
               "they seal other bytes");
    }
    expect(!ask_seal.has_ephemeral || memcmp(theirs.enc, ours->enc, KEY_LEN) == 0,
           "they encapsulate otherwise");
    expect(hpke_setup_receiver(theirs.enc, key, r->info, &receiver),
           "we refuse their encapsulation");
    we_open(&receiver, r, &theirs);
    same_exports(r, &receiver, &theirs);
}

/* Another enc than the sender's: neither opens anything. A set-up may work, and then means nothing.
 */
static void neither_opens_under_another_enc(struct peer *peer, const struct round *r,
                                            const struct ours *ours)
{
    struct round other = *r;
    struct result theirs;
    struct hpke receiver _cleanup_hpke_ = {.sequence = 0};
    _cleanup_x25519_ struct x25519_key *key = x25519_from_raw(r->key);

    other.role = ROLE_RECEIVER;
    memcpy(other.enc, ours->enc, KEY_LEN);
    other.enc[draw(KEY_LEN)] ^= (uint8_t)(1u << draw(8));
    for (size_t i = 0; i < r->n_messages; i++)
        other.messages[i].text = buffer_bytes(&ours->sealed[i]);
    ask(peer, &other, &theirs);
    bool set_up = hpke_setup_receiver(other.enc, key, r->info, &receiver);
    for (size_t i = 0; i < r->n_messages; i++) {
        _cleanup_buffer_ struct buffer opened = buffer_up_to(MESSAGE_MAX);
        expect(!theirs.done[i], "they open under another enc");
        expect(!set_up ||
                   !hpke_open(&receiver, r->messages[i].aad, other.messages[i].text, &opened),
               "we open under another enc");
    }
    run.refusals += r->n_messages;
}

/* RFC 9180, 7.1.4: encapsulations whose product with every key is zero. */
static void both_refuse_points_of_low_order(struct peer *peer)
{
    static const uint8_t LOW[][KEY_LEN] = {
        {0},
        {1},
        {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
         0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
         0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
    };

    for (size_t i = 0; i < ARRAY_LEN(LOW); i++) {
        struct round r = {.role = ROLE_RECEIVER};
        struct result theirs;
        struct hpke h;
        draw_key(r.key, r.public);
        _cleanup_x25519_ struct x25519_key *key = x25519_from_raw(r.key);
        memcpy(r.enc, LOW[i], KEY_LEN);
        ask(peer, &r, &theirs);
        expect(!theirs.set_up, "they take a point of low order");
        expect(!hpke_setup_receiver(LOW[i], key, r.info, &h), "we take a point of low order");
        run.refusals++;
    }
}

static void material_free(struct material *m)
{
    buffer_free(&m->info);
    for (size_t i = 0; i < MESSAGES_MAX; i++) {
        buffer_free(&m->aads[i]);
        buffer_free(&m->plains[i]);
    }
    for (size_t i = 0; i < EXPORTS_MAX; i++)
        buffer_free(&m->contexts[i]);
}

static void one_round(struct peer *peer)
{
    struct round r;
    struct material material = {0};
    struct ours ours = {0};

    draw_round(&r, &material);
    seal_ours(&r, &ours);
    they_open(peer, &r, &ours);
    they_seal(peer, &r, &ours);
    if (run.round % 8 == 0)
        neither_opens_under_another_enc(peer, &r, &ours);
    for (size_t i = 0; i < MESSAGES_MAX; i++)
        buffer_free(&ours.sealed[i]);
    material_free(&material);
}

int main(int argc, char **argv)
{
    struct peer peer;
    unsigned rounds;

    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: hpke PEER ROUNDS [SEED]\n");
        return 2;
    }
    run.peer = argv[1];
    rounds = (unsigned)strtoul(argv[2], NULL, 10);
    random_bytes(&run.seed, sizeof(run.seed));
    if (argc == 4)
        run.seed = strtoull(argv[3], NULL, 10);
    state = run.seed;
    printf("%s: seed %llu\n", run.peer, (unsigned long long)run.seed);
    fflush(stdout);
    if (!peer_spawn(argv[1], &peer)) {
        perror(argv[1]);
        return EXIT_FAILURE;
    }
    both_refuse_points_of_low_order(&peer);
    for (run.round = 0; run.round < rounds; run.round++)
        one_round(&peer);
    expect(peer_finish(&peer), "the peer did not end in order");
    printf("%u rounds: %zu messages and %zu exports agreed, %zu refused by both\n", rounds,
           run.messages, run.exports, run.refusals);
    return EXIT_SUCCESS;
}
