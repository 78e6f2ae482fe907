#include "authority/signer_client.h"
#include "authority/folder.h"
#include "base/alloc.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define FIRST_CHILD_FD 3  /* socket, then keys, then issuers: see signer/main.c */
#define OUT_OF_THE_WAY 64 /* above every descriptor number that the child gets */
#define N_CHILD_FDS    (1 + 2 * TIERS)

struct child_fds {
    int at[N_CHILD_FDS];
};

static void child_fds_close(struct child_fds *fds)
{
    for (size_t i = 0; i < N_CHILD_FDS; i++)
        fd_close(&fds->at[i]);
}
#define _cleanup_child_fds_ _cleanup_(child_fds_close)

/* Takes over `fd` (may be -1) and puts it out of the way. */
static bool move_up(int fd, int *ret)
{
    _cleanup_fd_ int low = fd;

    *ret = low < 0 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
    return *ret >= 0;
}

/* The descriptor, which its variable owns no more. */
static int give_up(int *fd)
{
    int given = *fd;

    *fd = -1;
    return given;
}

static bool open_file(char *path, int *ret, struct idevs_error *ret_err)
{
    _cleanup_text_ char *owned = path;

    return move_up(open(owned, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), ret) ||
           refuse_errno(ret_err, "file.unreadable", owned);
}

static bool open_tiers(const char *state, struct child_fds *fds, struct idevs_error *ret_err)
{
    for (unsigned i = 0; i < TIERS; i++)
        if (!open_file(folder_tier_key(state, (enum tier)i), &fds->at[1 + i], ret_err) ||
            !open_file(folder_tier(state, (enum tier)i), &fds->at[1 + TIERS + i], ret_err))
            return false;
    return true;
}

/* The child has these descriptors, standard input, output and error, and no environment. */
static int spawn(const char *program, const struct child_fds *fds)
{
    char *const argv[] = {(char *)(uintptr_t)program, NULL};
    char *const environment[] = {NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;

    int failed = posix_spawn_file_actions_init(&actions);
    if (failed)
        return failed;
    for (int i = 0; i < N_CHILD_FDS && !failed; i++)
        failed = posix_spawn_file_actions_adddup2(&actions, fds->at[i], FIRST_CHILD_FD + i);
    if (!failed)
        failed = posix_spawn(&pid, program, &actions, NULL, argv, environment);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

/* A request for nothing is refused by a signer that has its keys and confined itself. */
static bool answers(const struct signer_client *c, struct idevs_error *ret_err)
{
    const struct signer_request nothing = {.claims = bytes_of_text("-")};
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_CERTIFICATE);
    struct idevs_error err;

    if (!signer_ask(c, &nothing, &der, &err) && error_is(&err, "signer.request"))
        return true;
    return refuse(ret_err, "signer.unreachable", "a signer that did not start; see its log");
}

bool signer_start(const char *program, const char *state, struct signer_client *ret,
                  struct idevs_error *ret_err)
{
    _cleanup_child_fds_ struct child_fds fds;
    const struct timeval wait = {.tv_sec = LIMIT_SIGNER_TIME};
    int pair[2];

    for (size_t i = 0; i < N_CHILD_FDS; i++)
        fds.at[i] = -1;
    if (!open_tiers(state, &fds, ret_err))
        return false;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return refuse_errno(ret_err, "signer.unreachable", "socket pair");
    _cleanup_fd_ int ours = pair[0];
    if (!move_up(pair[1], &fds.at[0]) ||
        setsockopt(ours, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) != 0 ||
        setsockopt(ours, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) != 0)
        return refuse_errno(ret_err, "signer.unreachable", "socket pair");
    errno = spawn(program, &fds);
    if (errno != 0)
        return refuse_errno(ret_err, "signer.unreachable", program);
    const struct signer_client started = {ours};
    if (!answers(&started, ret_err))
        return false;
    ret->socket = give_up(&ours);
    return true;
}

void signer_stop(struct signer_client *c)
{
    fd_close(&c->socket);
}

/* `message` is sent and becomes the answer. */
static bool exchange_message(const struct signer_client *c, struct buffer *message,
                             struct idevs_error *ret_err)
{
    int fds[LIMIT_FDS];
    size_t n_fds;

    if (!fd_send(c->socket, buffer_bytes(message), NULL, 0) ||
        !fd_receive(c->socket, message, fds, &n_fds))
        return refuse_errno(ret_err, "signer.unreachable", "signer");
    for (size_t i = 0; i < n_fds; i++)
        fd_close(&fds[i]);
    return message->len > 0 || refuse(ret_err, "signer.unreachable", "the signer ended");
}

bool signer_ask(const struct signer_client *c, const struct signer_request *request,
                struct buffer *der, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer message = buffer_up_to(LIMIT_SIGNER_MESSAGE);
    struct bytes made;

    if (!signer_request_encode(request, &message))
        return refuse(ret_err, "internal", "a request beyond the signer's limits");
    if (!exchange_message(c, &message, ret_err) ||
        !signer_answer_decode(buffer_bytes(&message), &made, ret_err))
        return false;
    return buffer_append_bytes(der, made) || refuse(ret_err, "internal", "a large certificate");
}

bool signer_ask_list(const struct signer_client *c, const struct signer_list *list,
                     struct buffer *der, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer message = buffer_up_to(LIMIT_SIGNER_LIST);
    struct bytes made;

    if (!signer_list_encode(list, &message))
        return refuse(ret_err, "internal", "a list beyond the signer's limits");
    if (!exchange_message(c, &message, ret_err) ||
        !signer_list_answer_decode(buffer_bytes(&message), &made, ret_err))
        return false;
    return buffer_append_bytes(der, made) || refuse(ret_err, "internal", "a long list");
}
