/* The warden's socket, at which a launcher asks for what it may not have, and hands over
 * descriptors that are not what they seem. */
#include "host.h"

#include "base/fd.h"
#include "wire/cbor.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- what the warden does not understand, it does not answer ---- */

/* The connection ends, and every run on it. */
static void warden_closes(const struct attack *this, const void *message, size_t len,
                          const int *fds, size_t n_fds)
{
    struct warden_said said;

    host_skip_unless_possible();
    warden_asks(bytes_of(message, len), fds, n_fds);
    assert_false(warden_says(&said));
    attack_refused(this, WARDEN, CLOSED);
}

ATTACK(an_unknown_request_ends_the_connection, WARDEN, CLOSED,
       "The launcher asks the warden for something that there is not.")
{
    warden_closes(this, "\xa2\x00\x09\x01\x05", 5, NULL, 0);
}

ATTACK(an_event_to_the_warden_ends_the_connection, WARDEN, CLOSED,
       "The launcher tells the warden that a run has ended.")
{
    warden_closes(this, "\xa4\x00\x05\x01\x00\x02\x01\x03\x60", 9, NULL, 0);
}

ATTACK(a_field_too_many_ends_the_connection, WARDEN, CLOSED,
       "The launcher adds a field to a request, which a later warden may understand.")
{
    warden_closes(this, "\xa3\x00\x01\x01\x05\x02\x00", 7, NULL, 0);
}

ATTACK(bytes_after_a_request_end_the_connection, WARDEN, CLOSED,
       "The launcher appends a byte to a request.")
{
    warden_closes(this, "\xa2\x00\x01\x01\x05\x00", 6, NULL, 0);
}

ATTACK(a_request_in_a_second_encoding_ends_the_connection, WARDEN, CLOSED,
       "The launcher writes a request in another CBOR than the shortest.")
{
    warden_closes(this, "\xa2\x00\x18\x01\x01\x05", 6, NULL, 0);
}

ATTACK(a_descriptor_too_many_ends_the_connection, WARDEN, CLOSED,
       "The launcher sends a descriptor where none belongs.")
{
    const int fds[] = {STDIN_FILENO};

    warden_closes(this, "\xa2\x00\x01\x01\x05", 5, fds, 1);
}

ATTACK(a_run_without_its_manifest_ends_the_connection, WARDEN, CLOSED,
       "The launcher has a program run without a manifest.")
{
    host_skip_unless_possible();
    const int fds[] = {host.executable};

    warden_closes(this, "\xa3\x00\x03\x01\x07\x02\x67process", 14, fds, 1);
}

ATTACK(a_request_over_the_limit_ends_the_connection, WARDEN, CLOSED,
       "The launcher sends a request of more than 64 KiB.")
{
    static const uint8_t STATUS[LIMIT_WARDEN_MESSAGE + 1] = {0xa2, 0x00, 0x01, 0x01, 0x05};

    warden_closes(this, STATUS, sizeof(STATUS), NULL, 0);
}

/* ---- who may ask ---- */

ATTACK(another_user_is_not_listened_to, WARDEN, CLOSED,
       "Another user of the host connects to the warden's socket.")
{
    int status = 0;

    host_skip_unless_possible();
    assert_int_equal(chmod(host.socket_path, 0666), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char c;
        if (setresuid(65534, 65534, 65534) < 0 || !host_connect_to_warden())
            _exit(2);
        (void)!send(host.sock, "\xa2\x00\x01\x01\x05", 5, MSG_NOSIGNAL);
        _exit(recv(host.sock, &c, 1, 0) > 0 ? 1 : 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    attack_refused(this, WARDEN, CLOSED);
}

ATTACK(the_run_of_another_connection_is_not_found, WARDEN, "api.not-found",
       "A second connection of the launcher's kills a run of the first.")
{
    struct warden_said said;
    uint8_t kill_it[] = {0xa3, 0, 4, 1, 9, 2, 0};

    host_skip_unless_possible();
    warden_run(host.executable, &said);
    assert_in_range(said.number, 1, 23); /* which is one byte of CBOR */
    kill_it[6] = (uint8_t)said.number;
    int first = host.sock;
    assert_true(host_connect_to_warden());
    warden_asks(bytes_of(kill_it, sizeof(kill_it)), NULL, 0);
    struct warden_said answer;
    assert_true(warden_says(&answer));
    close(host.sock);
    host.sock = first;
    struct pollfd p = {.fd = said.fd, .events = POLLHUP};
    assert_int_equal(poll(&p, 1, 0), 0); /* it still runs */
    close(said.fd);
    attack_refused(this, WARDEN, answer.code);
}

/* ---- descriptors ---- */

/* `because`: in what the warden found; several reasons have one code. */
static void run_is_refused(const struct attack *this, int executable, const char *because)
{
    struct warden_said said;

    warden_run(executable, &said);
    assert_int_equal(said.fd, -1);
    close(executable);
    attack_refused(this, WARDEN, strstr(said.detail, because) ? said.code : said.detail);
}

ATTACK(a_pipe_is_no_executable, WARDEN, "compartment.unavailable",
       "The launcher hands over a pipe as executable, which would block whoever reads it.")
{
    int ends[2];

    host_skip_unless_possible();
    assert_int_equal(pipe(ends), 0);
    run_is_refused(this, ends[0], "no ordinary file");
    close(ends[1]);
}

ATTACK(a_device_is_no_executable, WARDEN, "compartment.unavailable",
       "The launcher hands over a device without end as executable.")
{
    host_skip_unless_possible();
    run_is_refused(this, open("/dev/zero", O_RDONLY | O_CLOEXEC), "no ordinary file");
}

ATTACK(an_executable_over_the_limit_is_refused, WARDEN, "compartment.unavailable",
       "The launcher hands over an executable larger than any.")
{
    host_skip_unless_possible();
    int fd = memfd_create("large", MFD_CLOEXEC);
    assert_int_equal(ftruncate(fd, (off_t)LIMIT_EXECUTABLE + 1), 0);
    run_is_refused(this, fd, "67108865 bytes");
}

static void overwrite_executable(struct relay *r, struct passing *p)
{
    static const uint8_t zeros[MIB(8)];
    (void)r;

    if (passing_is(p, "authority:challenge") &&
        pwrite(host.executable, zeros, sizeof(zeros), 0) != sizeof(zeros))
        abort();
}

/* A file in memory that nothing seals: whoever runs it runs what is written into it. */
ATTACK(an_executable_changed_after_it_was_measured_does_not_run, WARDEN, DROPPED,
       "The launcher overwrites the executable's file as soon as the program runs.")
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_EXECUTABLE);

    host_skip_unless_possible();
    assert_int_equal(lseek(host.executable, 0, SEEK_SET), 0);
    assert_true(fd_read_to_end(host.executable, &b));
    close(host.executable);
    host.executable = memfd_create("probe", MFD_CLOEXEC);
    assert_true(fd_write_all(host.executable, b.data, b.len));
    relay.forth = overwrite_executable;
    assert_string_equal(host_runs_probe(), "");
    assert_int_equal(fake_service_count(&store.service), 2);
    attack_refused(this, WARDEN, DROPPED);
}

/* ---- manifests and back ends ---- */

static void manifest_is_refused(const struct attack *this)
{
    struct warden_said said;

    warden_run(host.executable, &said);
    assert_int_equal(said.fd, -1);
    attack_refused(this, WARDEN, said.code);
}

ATTACK(a_manifest_that_is_none_is_refused, WARDEN, "manifest.syntax",
       "The launcher hands over something else as manifest.")
{
    host_skip_unless_possible();
    buffer_clear(&host.manifest_cbor);
    assert_true(buffer_append_text(&host.manifest_cbor, "program: probe\n"));
    manifest_is_refused(this);
}

ATTACK(a_manifest_that_asks_for_too_much_is_refused, WARDEN, "manifest.value",
       "The launcher hands over a manifest that asks for a longer run than any program gets.")
{
    static const uint8_t SECONDS[] = {0x1a, 0x00, 0x09, 0x27, 0xc0}; /* 600,000 as CBOR */

    host_skip_unless_possible();
    host.manifest.run_seconds = 600000;
    host_set_manifest(false);
    uint8_t *at = memmem(host.manifest_cbor.data, host.manifest_cbor.len, SECONDS, sizeof(SECONDS));
    assert_non_null(at);
    at[1] = 0x7f;
    manifest_is_refused(this);
}

ATTACK(a_run_without_isolation_is_refused, WARDEN, "compartment.not-permitted",
       "The launcher asks for a run without isolation.")
{
    struct warden_said said;

    host_skip_unless_possible();
    const int fds[] = {host.executable,
                       memfd_sealed("manifest", buffer_bytes(&host.manifest_cbor))};
    warden_asks(bytes_of("\xa3\x00\x03\x01\x07\x02\x64none", 11), fds, 2);
    close(fds[1]);
    assert_true(warden_says(&said));
    attack_refused(this, WARDEN, said.code);
}

static const struct attack *const ATTACKS[] = {
    ROW(an_unknown_request_ends_the_connection),
    ROW(an_event_to_the_warden_ends_the_connection),
    ROW(a_field_too_many_ends_the_connection),
    ROW(bytes_after_a_request_end_the_connection),
    ROW(a_request_in_a_second_encoding_ends_the_connection),
    ROW(a_descriptor_too_many_ends_the_connection),
    ROW(a_run_without_its_manifest_ends_the_connection),
    ROW(a_request_over_the_limit_ends_the_connection),
    ROW(another_user_is_not_listened_to),
    ROW(the_run_of_another_connection_is_not_found),
    ROW(a_pipe_is_no_executable),
    ROW(a_device_is_no_executable),
    ROW(an_executable_over_the_limit_is_refused),
    ROW(an_executable_changed_after_it_was_measured_does_not_run),
    ROW(a_manifest_that_is_none_is_refused),
    ROW(a_manifest_that_asks_for_too_much_is_refused),
    ROW(a_run_without_isolation_is_refused),
};

int main(int argc, char **argv)
{
    const struct area area = {.name = "warden",
                              .begin = host_begin,
                              .end = host_end,
                              .control = host_control,
                              .attacks = ATTACKS,
                              .n = ARRAY_LEN(ATTACKS)};

    return area_main(&area, argc, argv);
}
