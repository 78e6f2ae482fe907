/* What the confined signer can no longer do; each try in a child of its own. */
#include "signer/confine.h"
#include "crypto/key.h"
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* The child's wait status. */
static int confined(void (*act)(void))
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        struct idevs_error err;
        _cleanup_key_ struct key *key = key_generate(); /* loads what the library wants */
        uint8_t signature[ES256_LEN];
        if (!key_sign(key, bytes_of_text("x"), signature) || !confine(&err))
            _exit(99);
        act();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void sign(void)
{
    struct key *key = key_generate();
    uint8_t signature[ES256_LEN];

    if (!key_sign(key, bytes_of_text("text"), signature))
        _exit(1);
    key_free(key);
}

static void open_file(void)
{
    if (open("/etc/hostname", O_RDONLY) >= 0)
        _exit(1);
}

static void open_socket(void)
{
    if (socket(AF_INET, SOCK_STREAM, 0) >= 0)
        _exit(1);
}

static void execute(void)
{
    execl("/bin/true", "true", (char *)NULL);
}

static void become_two(void)
{
    if (fork() == 0)
        _exit(0);
}

static void signing_still_works(void **state)
{
    (void)state;
    int status = confined(sign);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void files_sockets_programs_and_children_end_it(void **state)
{
    static void (*const ACTS[])(void) = {open_file, open_socket, execute, become_two};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ACTS); i++) {
        int status = confined(ACTS[i]);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
            fail_msg("number %zu: status %x", i, (unsigned)status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signing_still_works),
        cmocka_unit_test(files_sockets_programs_and_children_end_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
