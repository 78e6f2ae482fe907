/* One round of HPKE between this project's implementation and another one, as bytes on a pipe. The
 * other one is a program of its own, because its library may use the names of ours; it keeps
 * nothing between rounds. Both ends are ours, so what is malformed is a mistake: they give up. */
#ifndef IDEVS_TESTS_DIFFERENTIAL_ROUND_H
#define IDEVS_TESTS_DIFFERENTIAL_ROUND_H

#include "base/buffer.h"

#define KEY_LEN      32 /* X25519: private, public, and enc */
#define ROUND_MAX    ((size_t)1 << 20)
#define MESSAGES_MAX 8
#define EXPORTS_MAX  4

/* NSS 3.87 takes a public key that begins like this for an OCTET STRING in DER and drops the two
 * bytes: such keys, one of 65536, are not used here. */
#define KEY_LOOKS_LIKE_DER(public) ((public)[0] == 0x04 && (public)[1] == KEY_LEN - 2)

enum role {
    ROLE_SENDER = 1,   /* seal the messages */
    ROLE_RECEIVER = 2, /* open them */
};

struct message {
    struct bytes aad;
    struct bytes text; /* to seal, or to open */
};

struct export
{
    struct bytes context;
    uint16_t len;
};

struct round {
    enum role role;
    uint8_t key[KEY_LEN]; /* the receiver's private key */
    uint8_t public[KEY_LEN];
    bool has_ephemeral; /* otherwise the sender makes its own */
    uint8_t ephemeral[KEY_LEN];
    uint8_t ephemeral_public[KEY_LEN];
    uint8_t enc[KEY_LEN]; /* for the receiver */
    struct bytes info;
    size_t n_messages;
    struct message messages[MESSAGES_MAX];
    size_t n_exports;
    struct export exports[EXPORTS_MAX];
};

struct result {
    bool set_up;             /* false: all below is empty */
    uint8_t public[KEY_LEN]; /* of `key`, as the peer sees it */
    uint8_t enc[KEY_LEN];
    bool done[MESSAGES_MAX]; /* false: refused */
    struct bytes texts[MESSAGES_MAX];
    struct bytes exports[EXPORTS_MAX];
};

/* Both append to `b`, and read views out of it. */
void round_write(const struct round *round, struct buffer *b);
void round_read(struct bytes in, struct round *ret);
void result_write(const struct round *round, const struct result *result, struct buffer *b);
void result_read(const struct round *round, struct bytes in, struct result *ret);

/* A length and so many bytes; receiving is false at the end of the stream. */
void pipe_send(int fd, struct bytes message);
bool pipe_receive(int fd, struct buffer *ret) _must_check_;

#endif
