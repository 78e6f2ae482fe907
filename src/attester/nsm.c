#include "attester/nsm.h"
#include "wire/cbor.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* NSM_IOCTL_RAW of linux/nsm.h. */
#define NSM_ASK _IOWR(0x0a, 0, struct nsm_message)

/* ---- request and answer ---- */

static bool put_text(struct buffer *b, const char *text)
{
    return cbor_put_text(b, bytes_of_text(text));
}

/* All three fields by name, those without a value as null: as Amazon's library asks. */
static bool put_request(struct bytes nonce, struct buffer *b)
{
    return cbor_put_map(b, 1) && put_text(b, "Attestation") && cbor_put_map(b, 3) &&
           put_text(b, "nonce") && cbor_put_bytes(b, nonce) && put_text(b, "user_data") &&
           cbor_put_null(b) && put_text(b, "public_key") && cbor_put_null(b);
}

static bool get_key(struct reader *r, const char *wanted)
{
    struct bytes key;

    return cbor_get_text(r, &key) && bytes_equal_text(key, wanted);
}

static bool get_document(struct reader *r, struct bytes *ret)
{
    size_t n;

    return get_key(r, "Attestation") && cbor_get_map(r, &n) && n == 1 && get_key(r, "document") &&
           cbor_get_bytes(r, ret) && ret->len > 0;
}

bool nsm_document(struct bytes answer, struct bytes *ret, struct idevs_error *ret_err)
{
    struct reader r = reader_of(answer);
    struct bytes document;
    struct bytes error;
    size_t n;

    if (!cbor_get_map(&r, &n) || n != 1)
        return refuse(ret_err, "evidence.unavailable", "an answer of %zu bytes that is no map",
                      answer.len);
    struct reader other = r;
    if (get_key(&other, "Error") && cbor_get_text(&other, &error) && reader_left(&other) == 0)
        return refuse(ret_err, "evidence.unavailable", "the device says %.*s",
                      (int)(error.len < 64 ? error.len : 64), (const char *)error.data);
    if (!get_document(&r, &document) || reader_left(&r) != 0)
        return refuse(ret_err, "evidence.unavailable", "an answer of %zu bytes without a document",
                      answer.len);
    *ret = document;
    return true;
}

/* ---- the device ---- */

static int open_device(const struct nsm *nsm, struct idevs_error *ret_err)
{
    int fd = nsm->open(nsm->path, O_RDWR | O_CLOEXEC);

    if (fd >= 0)
        return fd;
    if (errno == EACCES || errno == EPERM)
        hardware_lacks(ret_err, "leave to ask the Nitro Security Module", "Ask as root.", "%s: %s",
                       nsm->path, strerror(errno));
    else
        hardware_lacks(ret_err, "an AWS Nitro enclave and its device",
                       "Build the image with nitro-cli and start it as an enclave, with Linux 6.8 "
                       "or later or Amazon's driver.",
                       "%s: %s", nsm->path, strerror(errno));
    return -1;
}

/* `b` is empty and gets the answer. */
static bool ask(const struct nsm *nsm, int fd, struct buffer *request, struct buffer *b,
                struct idevs_error *ret_err)
{
    uint8_t *room = buffer_extend(b, LIMIT_NSM_ANSWER);

    if (!room)
        return refuse(ret_err, "internal", "no room for an answer");
    struct nsm_message m = {{request->data, request->len}, {room, b->len}};
    if (nsm->ask(fd, &m) < 0)
        return refuse_errno(ret_err, "evidence.unavailable", nsm->path);
    if (m.answer.iov_len > b->len)
        return refuse(ret_err, "evidence.unavailable", "an answer of %zu bytes in %zu",
                      m.answer.iov_len, b->len);
    b->len = m.answer.iov_len;
    return true;
}

bool nsm_probe(const struct nsm *nsm, struct idevs_error *ret_err)
{
    int fd = open_device(nsm, ret_err);

    return fd >= 0 && nsm->close(fd) == 0;
}

bool nsm_make(const struct nsm *nsm, const uint8_t report_data[REPORT_DATA_LEN],
              struct hardware_evidence *ret, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer request = buffer_up_to(LIMIT_NSM_REQUEST);
    _cleanup_buffer_ struct buffer answer = buffer_up_to(LIMIT_NSM_ANSWER);
    struct buffer evidence = buffer_up_to(LIMIT_HARDWARE_EVIDENCE);
    struct bytes document = bytes_of(NULL, 0);

    if (!put_request(bytes_of(report_data, REPORT_DATA_LEN), &request))
        return refuse(ret_err, "internal", "a request that is too long");
    int fd = open_device(nsm, ret_err);
    if (fd < 0)
        return false;
    bool ok = ask(nsm, fd, &request, &answer, ret_err);
    nsm->close(fd);
    if (!ok || !nsm_document(buffer_bytes(&answer), &document, ret_err))
        return false;
    if (!buffer_append_bytes(&evidence, document))
        return refuse(ret_err, "evidence.unavailable", "a document of %zu bytes", document.len);
    *ret = (struct hardware_evidence){.format = "nitro", .evidence = evidence};
    return true;
}

/* ---- this system's ---- */

static int system_open(const char *path, int flags)
{
    return open(path, flags | O_CLOEXEC);
}

static int system_ask(int fd, struct nsm_message *m)
{
    return ioctl(fd, NSM_ASK, m);
}

const struct nsm NSM_SYSTEM = {"/dev/nsm", system_open, system_ask, close};

static bool probe(struct idevs_error *ret_err)
{
    return nsm_probe(&NSM_SYSTEM, ret_err);
}

static bool make(const uint8_t report_data[REPORT_DATA_LEN], struct hardware_evidence *ret,
                 struct idevs_error *ret_err)
{
    return nsm_make(&NSM_SYSTEM, report_data, ret, ret_err);
}

const struct hardware_maker hardware_maker_nitro = {"nitro", "AWS Nitro Enclaves", probe, make};
