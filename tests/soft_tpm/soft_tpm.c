#include "soft_tpm.h"
#include "base/fd.h"

#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#define CC_CREATE_PRIMARY 0x131
#define CC_FLUSH_CONTEXT  0x165
#define CC_PCR_EXTEND     0x182
#define RH_ENDORSEMENT    0x4000000bu
#define RS_PASSWORD       0x40000009u
#define ST_SESSIONS       0x8002
#define ST_NO_SESSIONS    0x8001
#define HEAD_LEN          10

bool soft_tpm_exists(void)
{
    return access("/usr/bin/swtpm", X_OK) == 0 && access("/usr/bin/swtpm_setup", X_OK) == 0;
}

static int wait_for(pid_t process)
{
    int status = -1;

    return waitpid(process, &status, 0) == process ? status : -1;
}

static void make(const char *folder)
{
    pid_t child = fork();

    if (child == 0) {
        execl(SOFT_TPM_SCRIPT, SOFT_TPM_SCRIPT, folder, (char *)NULL);
        _exit(127);
    }
    assert_true(child > 0);
    assert_int_equal(wait_for(child), 0);
}

static void run(const struct soft_tpm *t, int socket)
{
    char state[128];
    char fd[16];

    snprintf(state, sizeof(state), "dir=%s/state", t->folder);
    snprintf(fd, sizeof(fd), "%d", socket);
    execl("/usr/bin/swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", state, "--fd", fd, "--flags",
          "not-need-init,startup-clear", (char *)NULL);
    _exit(127);
}

void soft_tpm_start(struct soft_tpm *t)
{
    int ends[2];

    snprintf(t->folder, sizeof(t->folder), "/tmp/idevs-soft-tpm-XXXXXX");
    assert_non_null(mkdtemp(t->folder));
    make(t->folder);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    t->process = fork();
    assert_true(t->process >= 0);
    if (t->process == 0) {
        int theirs = dup(ends[1]); /* without CLOEXEC */
        run(t, theirs);
    }
    close(ends[1]);
    t->socket = ends[0];
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

void soft_tpm_stop(struct soft_tpm *t)
{
    fd_close(&t->socket);
    kill(t->process, SIGKILL);
    wait_for(t->process);
    nftw(t->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int soft_tpm_connect(const struct soft_tpm *t)
{
    int copy = dup(t->socket);

    assert_true(copy >= 0);
    return copy;
}

/* ---- commands by hand: what the project's own code has no use for ---- */

static void send_command(const struct soft_tpm *t, uint16_t tag, uint32_t code,
                         const struct buffer *rest, struct buffer *response)
{
    _cleanup_buffer_ struct buffer command = buffer_up_to(KIB(4));
    uint8_t head[HEAD_LEN];
    uint32_t len;
    uint32_t rc = UINT32_MAX;

    assert_true(buffer_append_u16(&command, tag) &&
                buffer_append_u32(&command, (uint32_t)(HEAD_LEN + rest->len)) &&
                buffer_append_u32(&command, code) &&
                buffer_append_bytes(&command, buffer_bytes(rest)));
    assert_true(fd_write_all(t->socket, command.data, command.len));
    assert_true(fd_read_exactly(t->socket, head, sizeof(head)));
    struct reader r = reader_of(bytes_of(head + 2, sizeof(head) - 2));
    assert_true(reader_u32(&r, &len) && reader_u32(&r, &rc));
    assert_int_equal(rc, 0);
    uint8_t *body = buffer_extend(response, len - HEAD_LEN);
    assert_non_null(body);
    assert_true(fd_read_exactly(t->socket, body, len - HEAD_LEN));
}

/* The handle, and one session: an empty password. */
static void begin(struct buffer *b, uint32_t handle)
{
    assert_true(buffer_append_u32(b, handle) && buffer_append_u32(b, 9) &&
                buffer_append_u32(b, RS_PASSWORD) && buffer_append_u16(b, 0) &&
                buffer_append_u8(b, 0) && buffer_append_u16(b, 0));
}

void soft_tpm_extend(const struct soft_tpm *t, unsigned number)
{
    _cleanup_buffer_ struct buffer command = buffer_up_to(128);
    _cleanup_buffer_ struct buffer response = buffer_up_to(KIB(4));
    static const uint8_t digest[32] = {1};

    begin(&command, number);
    assert_true(buffer_append_u32(&command, 1) && buffer_append_u16(&command, 0x000b) &&
                buffer_append(&command, digest, sizeof(digest)));
    send_command(t, ST_SESSIONS, CC_PCR_EXTEND, &command, &response);
}

/* TCG EK Credential Profile, template L-2. */
static void append_template(struct buffer *b)
{
    static const uint8_t policy[] =
        "\x83\x71\x97\x67\x44\x84\xb3\xf8\x1a\x90\xcc\x8d\x46\xa5\xd7\x24"
        "\xfd\x52\xd7\x6e\x06\x52\x0b\x64\xf2\xa1\xda\x1b\x33\x14\x69\xaa";
    static const uint8_t zeros[32];

    assert_true(
        buffer_append_u16(b, 0x0023) && buffer_append_u16(b, 0x000b) &&
        buffer_append_u32(b, 0x000300b2) && buffer_append_u16(b, 32) &&
        buffer_append(b, policy, 32) && buffer_append_u16(b, 0x0006) && buffer_append_u16(b, 128) &&
        buffer_append_u16(b, 0x0043) && buffer_append_u16(b, 0x0010) &&
        buffer_append_u16(b, 0x0003) && buffer_append_u16(b, 0x0010) && buffer_append_u16(b, 32) &&
        buffer_append(b, zeros, 32) && buffer_append_u16(b, 32) && buffer_append(b, zeros, 32));
}

static void take_point(struct reader *r, uint8_t ret[64])
{
    struct bytes skipped;

    /* parameterSize, outPublic's size, the area up to the x coordinate */
    assert_true(reader_bytes(r, 4 + 2 + 2 + 2 + 4 + 2 + 32 + 6 + 2 + 2 + 2, &skipped));
    for (int i = 0; i < 2; i++) {
        uint16_t len = 0;
        struct bytes x = bytes_of("", 0);
        assert_true(reader_u16(r, &len) && len <= 32 && reader_bytes(r, len, &x));
        memset(ret + 32 * (ptrdiff_t)i, 0, 32);
        memcpy(ret + 32 * (ptrdiff_t)(i + 1) - len, x.data, len);
    }
}

void soft_tpm_endorsement_point(const struct soft_tpm *t, uint8_t ret[64])
{
    _cleanup_buffer_ struct buffer command = buffer_up_to(KIB(1));
    _cleanup_buffer_ struct buffer template = buffer_up_to(KIB(1));
    _cleanup_buffer_ struct buffer response = buffer_up_to(KIB(4));
    _cleanup_buffer_ struct buffer flush = buffer_up_to(16);
    uint32_t handle;

    append_template(&template);
    begin(&command, RH_ENDORSEMENT);
    assert_true(buffer_append_u16(&command, 4) && buffer_append_u32(&command, 0) &&
                buffer_append_u16(&command, (uint16_t) template.len) &&
                buffer_append_bytes(&command, buffer_bytes(&template)) &&
                buffer_append_u16(&command, 0) && buffer_append_u32(&command, 0));
    send_command(t, ST_SESSIONS, CC_CREATE_PRIMARY, &command, &response);
    struct reader r = reader_of(buffer_bytes(&response));
    assert_true(reader_u32(&r, &handle));
    take_point(&r, ret);
    buffer_clear(&response);
    assert_true(buffer_append_u32(&flush, handle));
    send_command(t, ST_NO_SESSIONS, CC_FLUSH_CONTEXT, &flush, &response);
}
