#include "served.h"
#include "../test.h"

#include "folder.h"
#include "warden/identity.h"
#include "warden/toolchain.h"
#include "warden/warden.h"
#include "wire/cbor.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

struct served served;

const char *const SERVED_BACK_ENDS[2] = {"process", "none"};

/* ---- the launcher ---- */

int served_connect(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    strcpy(address.sun_path, served.socket);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void copy_text(struct bytes v, char *ret, size_t size)
{
    snprintf(ret, size, "%.*s", (int)v.len, (const char *)v.data);
}

static void take(struct reader *r, int64_t key, struct answer *ret)
{
    struct bytes v;
    bool ended = ret->kind == 5;

    if (key == 0)
        assert_true(cbor_get_uint(r, &ret->kind));
    else if (key == 1)
        assert_true(cbor_get_uint(r, &ret->id));
    else if (key == 2 && ret->kind == WARDEN_BUILD)
        assert_true(cbor_get_bool(r, &ret->done));
    else if (key == 2 && (ret->kind == WARDEN_RUN || ended))
        assert_true(cbor_get_uint(r, &ret->number));
    else if (key == 3 && !ended && cbor_get_bytes(r, &v) && v.len == SHA256_LEN)
        memcpy(ret->digest, v.data, SHA256_LEN);
    else if ((key == 5 || (key == 3 && ended)) && cbor_get_text(r, &v))
        copy_text(v, ret->text, sizeof(ret->text));
    else if (key == 4 && ended && cbor_get_text(r, &v))
        copy_text(v, ret->detail, sizeof(ret->detail));
    else if (key == 6)
        assert_true(cbor_get_bool(r, &ret->cached));
    else if (key == 10 && cbor_get_text(r, &v))
        copy_text(v, ret->code, sizeof(ret->code));
    else
        assert_true(cbor_skip(r, NULL));
}

bool served_receive(int sock, struct answer *ret)
{
    static struct answer empty;
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_WARDEN_MESSAGE);
    struct pollfd p = {.fd = sock, .events = POLLIN};
    int fds[LIMIT_FDS];
    size_t n;
    struct cbor_map map;
    int64_t key;

    *ret = empty;
    assert_int_equal(poll(&p, 1, 30000), 1);
    if (!fd_receive(sock, &b, fds, &n) || b.len == 0)
        return false;
    ret->fd = fds[0];
    assert_true(cbor_is_valid(buffer_bytes(&b)));
    struct reader r = reader_of(buffer_bytes(&b));
    assert_true(cbor_map_begin(&r, &map));
    while (cbor_map_next(&map, &key))
        take(&r, key, ret);
    return cbor_map_done(&map);
}

void served_ask(int sock, struct bytes message, const int *fds, size_t n_fds)
{
    assert_true(fd_send(sock, message, fds, n_fds));
}

struct manifest served_manifest(const char *program)
{
    struct manifest m = {
        .memory = MIB(64),
        .processes = 1,
        .run_seconds = 600,
        .owner_spki = {0x30, 0x59},
        .owner_seal_key = {7},
        .authority_url = "https://authority.example:8440",
        .authority_anchors = {{(const uint8_t *)"root", 4}},
        .n_authority_anchors = 1,
    };

    snprintf(m.program, sizeof(m.program), "%s", program);
    return m;
}

static int manifest_fd(const struct manifest *m)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_MANIFEST);

    assert_true(manifest_encode(m, &b));
    return memfd_sealed("manifest", buffer_bytes(&b));
}

void served_build(int sock, struct bytes source, const char *program, struct answer *ret)
{
    static const uint8_t message[] = {0xa2, 0, 2, 1, 5};
    const struct manifest manifest = served_manifest(program);
    int fds[2] = {memfd_sealed("source", source), manifest_fd(&manifest)};

    served_ask(sock, bytes_of(message, sizeof(message)), fds, 2);
    assert_true(served_receive(sock, ret));
    assert_int_equal(ret->kind, WARDEN_BUILD);
    assert_int_equal(ret->id, 5);
    close(fds[0]);
    close(fds[1]);
}

static void ask_run(int sock, int executable, const uint8_t *digest, const char *back_end,
                    const struct manifest *manifest)
{
    _cleanup_buffer_ struct buffer message = buffer_up_to(128);
    int fds[2] = {executable, manifest_fd(manifest)};

    assert_true(cbor_put_map(&message, digest ? 4 : 3) &&
                buffer_append(&message, "\x00\x03\x01\x07\x02", 5) &&
                cbor_put_text(&message, bytes_of_text(back_end)));
    assert_true(!digest || (cbor_put_uint(&message, WARDEN_KEY_3) &&
                            cbor_put_bytes(&message, bytes_of(digest, SHA256_LEN))));
    served_ask(sock, buffer_bytes(&message), fds, 2);
    close(fds[1]);
}

static void receive_run(int sock, struct answer *ret)
{
    assert_true(served_receive(sock, ret));
    assert_int_equal(ret->kind, WARDEN_RUN);
}

void served_ask_run(int sock, int executable, const char *back_end, const struct manifest *manifest)
{
    ask_run(sock, executable, NULL, back_end, manifest);
}

void served_run(int sock, int executable, const char *back_end, const struct manifest *manifest,
                struct answer *ret)
{
    ask_run(sock, executable, NULL, back_end, manifest);
    receive_run(sock, ret);
}

void served_run_as(int sock, int executable, const uint8_t digest[SHA256_LEN],
                   const struct manifest *manifest, struct answer *ret)
{
    ask_run(sock, executable, digest, "process", manifest);
    receive_run(sock, ret);
}

void assert_ended(int sock, uint64_t number, const char *code)
{
    struct answer a;

    assert_true(served_receive(sock, &a));
    assert_int_equal(a.kind, 5);
    assert_int_equal(a.id, 0);
    assert_int_equal(a.number, number);
    assert_string_equal(a.text, code);
}

/* ---- the warden ---- */

void served_gather(const char *include, const char *lib, const char *name, uint8_t ret[SHA256_LEN])
{
    struct idevs_error err;
    _cleanup_text_ char *out = alloc_format("%s/%s", served.folder, name);
    const struct toolchain_options options = {out, include, lib, "gcc-12"};

    if (!toolchain_make(&options, ret, &err))
        fail_msg("%s: %s", err.code, err.found);
}

static void serve(uid_t uid_first, enum compartment_secrecy secrecy)
{
    struct idevs_error err;
    struct warden_config config = {
        .socket = alloc_text(served.socket),
        .state = alloc_format("%s/state", served.folder),
        .toolchain = alloc_format("%s/toolchain", served.folder),
        .launcher_uid = 0,
        .uid_first = uid_first,
        .uid_count = 32,
        .n_back_ends = ARRAY_LEN(SERVED_BACK_ENDS),
        .secrecy = secrecy,
    };

    for (size_t i = 0; i < ARRAY_LEN(SERVED_BACK_ENDS); i++)
        config.back_ends[i] = compartment_back_end(SERVED_BACK_ENDS[i]);
    struct warden *w = warden_open(&config, &err);
    bool ok = w && warden_serve(w);

    if (!w)
        fprintf(stderr, "%s: %s\n", err.code, err.found);
    warden_close(w);
    _exit(ok ? 0 : 1);
}

static void await_socket(void)
{
    for (unsigned i = 0; i < 500 && access(served.socket, F_OK) < 0; i++)
        usleep(10000);
    usleep(50000);
}

void served_start(uid_t uid_first, enum compartment_secrecy secrecy)
{
    served.warden = fork();
    if (served.warden == 0)
        serve(uid_first, secrecy);
    await_socket();
}

bool served_begin(const char *include, const char *lib, uid_t uid_first)
{
    struct idevs_error err;
    bool made;

    served.folder = folder_fresh();
    served.socket = alloc_format("%s/warden.sock", served.folder);
    _cleanup_text_ char *state = alloc_format("%s/state", served.folder);
    if (!identity_init(state, &made, &err))
        return false;
    _cleanup_key_ struct key *key = identity_open(state, &err);
    served.platform = public_key_of(key);
    served_gather(include, lib, "toolchain", served.toolchain);
    served_start(uid_first, SECRECY_OFF);
    return true;
}

void served_stop(void)
{
    int status;

    assert_int_equal(kill(served.warden, SIGTERM), 0);
    assert_int_equal(waitpid(served.warden, &status, 0), served.warden);
    assert_int_equal(status, 0);
    assert_int_equal(access(served.socket, F_OK), -1);
}

void served_end(void)
{
    public_key_free(served.platform);
    free(served.socket);
    if (served.folder)
        folder_remove(&served.folder);
}
