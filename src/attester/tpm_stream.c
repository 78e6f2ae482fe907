#include "attester/tpm_stream.h"
#include "base/buffer.h"
#include "base/fd.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define HEAD_LEN 10                     /* tag, length of all, response code */
#define TCTI_ID  UINT64_C(0x6964657673) /* any number of our own */

static TSS2_RC send_command(TSS2_TCTI_CONTEXT *tcti, size_t size, const uint8_t *command)
{
    struct tpm_stream *s = (struct tpm_stream *)tcti;

    s->len = 0;
    return fd_write_all(s->fd, command, size) ? TSS2_RC_SUCCESS : TSS2_TCTI_RC_IO_ERROR;
}

/* A device answers with all of it at once, a stream in any pieces. */
static bool read_some(struct tpm_stream *s, size_t wanted)
{
    struct pollfd ready = {.fd = s->fd, .events = POLLIN};
    int n_ready;

    do
        n_ready = poll(&ready, 1, LIMIT_TPM_MS);
    while (n_ready < 0 && errno == EINTR);
    ssize_t n = n_ready > 0 ? read(s->fd, s->response + s->len, wanted - s->len) : -1;
    if (n <= 0)
        return false;
    s->len += (size_t)n;
    return true;
}

static size_t response_len(const struct tpm_stream *s)
{
    struct reader r = reader_of(bytes_of(s->response + 2, sizeof(uint32_t)));
    uint32_t len = 0;

    return reader_u32(&r, &len) && len >= HEAD_LEN && len <= sizeof(s->response) ? len : 0;
}

static bool read_response(struct tpm_stream *s)
{
    while (s->len < HEAD_LEN)
        if (!read_some(s, sizeof(s->response)))
            return false;
    size_t len = response_len(s);
    while (s->len < len)
        if (!read_some(s, len))
            return false;
    return len > 0 && s->len == len;
}

/* The library may ask for the length first, with no place to put it. */
static TSS2_RC receive_response(TSS2_TCTI_CONTEXT *tcti, size_t *size, uint8_t *response,
                                int32_t timeout)
{
    struct tpm_stream *s = (struct tpm_stream *)tcti;

    (void)timeout; /* LIMIT_TPM_MS is ours */
    if (s->len == 0 && !read_response(s))
        return TSS2_TCTI_RC_IO_ERROR;
    if (response && *size < s->len)
        return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
    *size = s->len;
    if (response) {
        memcpy(response, s->response, s->len);
        s->len = 0;
    }
    return TSS2_RC_SUCCESS;
}

static TSS2_RC set_locality(TSS2_TCTI_CONTEXT *tcti, uint8_t locality)
{
    (void)tcti;
    return locality == 0 ? TSS2_RC_SUCCESS : TSS2_TCTI_RC_NOT_SUPPORTED;
}

void tpm_stream_begin(struct tpm_stream *s, int fd)
{
    *s = (struct tpm_stream){
        .common = {.magic = TCTI_ID,
                   .version = 1,
                   .transmit = send_command,
                   .receive = receive_response,
                   .setLocality = set_locality},
        .fd = fd,
    };
}

void tpm_stream_end(struct tpm_stream *s)
{
    fd_close(&s->fd);
}

TSS2_TCTI_CONTEXT *tpm_stream_tcti(struct tpm_stream *s)
{
    return (TSS2_TCTI_CONTEXT *)&s->common;
}
