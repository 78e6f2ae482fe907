/* idevs-signer: started by idevs-authority, with the socket to it as descriptor 3, the keys of the
 * tiers hardware, isolated, development as 4, 5, 6 and their issuer certificates as 7, 8, 9 (PEM).
 * It reads them, closes them, confines itself and answers until the socket closes. */
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/process.h"
#include "signer/confine.h"
#include "signer/signer.h"
#include "wire/signer_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FD_AUTHORITY = 3,
    FD_KEYS = 4,
    FD_ISSUERS = FD_KEYS + TIERS,
};

static bool read_descriptor(int fd, struct buffer *b, struct idevs_error *ret_err)
{
    bool done = fd_read_to_end(fd, b);

    if (!done)
        refuse_errno(ret_err, "file.unreadable", "a descriptor of the signer");
    fd_close(&fd);
    return done;
}

static bool load(struct signer *s, struct idevs_error *ret_err)
{
    for (int i = 0; i < TIERS; i++) {
        _cleanup_buffer_ struct buffer key = buffer_up_to(LIMIT_PEM_KEY);
        _cleanup_buffer_ struct buffer issuer = buffer_up_to(LIMIT_PEM_KEY);
        if (!read_descriptor(FD_KEYS + i, &key, ret_err) ||
            !read_descriptor(FD_ISSUERS + i, &issuer, ret_err) ||
            !signer_add(s, (enum tier)i, buffer_bytes(&key), buffer_bytes(&issuer), ret_err))
            return false;
    }
    return true;
}

/* One signature with each key: the library opens and loads what it wants now, while it may. */
static bool rehearse(const struct signer *s, struct idevs_error *ret_err)
{
    uint8_t signature[ES256_LEN];

    for (unsigned i = 0; i < TIERS; i++)
        if (!key_sign(s->keys[i], bytes_of_text("rehearsal"), signature) ||
            !public_key_verify(certificate_public_key(s->issuers[i]), bytes_of_text("rehearsal"),
                               signature))
            return refuse(ret_err, "internal", "a key that does not sign");
    return true;
}

static void serve(struct signer *s)
{
    struct buffer request = buffer_up_to(LIMIT_SIGNER_LIST);
    struct buffer answer = buffer_up_to(LIMIT_SIGNER_LIST);
    int fds[LIMIT_FDS];
    size_t n_fds;

    while (fd_receive(FD_AUTHORITY, &request, fds, &n_fds) && request.len > 0) {
        for (size_t i = 0; i < n_fds; i++)
            fd_close(&fds[i]); /* nobody sends us any */
        buffer_clear(&answer);
        signer_answer(s, buffer_bytes(&request), clock_unix(), &answer);
        if (!fd_send(FD_AUTHORITY, buffer_bytes(&answer), NULL, 0))
            break;
    }
    buffer_free(&request);
    buffer_free(&answer);
}

int main(int argc, char **argv)
{
    struct signer s = {0};
    struct idevs_error err;

    if (argc > 1) {
        fprintf(stderr, "%s is started by idevs-authority and takes no arguments\n", argv[0]);
        return 2;
    }
    process_forbid_dumps();
    log_open("idevs-signer", IDEVS_INFO);
    if (!load(&s, &err) || !rehearse(&s, &err) || !confine(&err)) {
        log_refusal(IDEVS_ERROR, "start", &err);
        signer_free(&s);
        return EXIT_FAILURE;
    }
    serve(&s);
    signer_free(&s);
    return EXIT_SUCCESS;
}
