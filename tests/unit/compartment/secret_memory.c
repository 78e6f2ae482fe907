/* What root of the host gets out of a program on secret memory, beside a conventional process that
 * runs the same code over the same records (records.c, path in argv[1]). As root only. */
#include "base/secret_memory.h"
#include "../test.h"
#include "base/alloc.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/text.h"
#include "compartment/compartment.h"
#include "records.h"
#include "root_reads.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#define IS_SANITIZED true
#else
#define IS_SANITIZED false
#endif

static const char *path; /* of records.c */
static int program = -1; /* the same, sealed; -1: skip */
static const struct compartment_back_end *back_end;
static char records[RECORDS * RECORD + 1];

struct run {
    struct compartment *c; /* or NULL: a conventional process */
    pid_t pid;
    int channel; /* ours */
    int attester;
};

static void make_records(void)
{
    for (size_t i = 0; i < RECORDS; i++) {
        uint8_t canary[CANARY / 2];
        if (getrandom(canary, sizeof(canary), 0) != sizeof(canary))
            abort();
        hex_text(canary, sizeof(canary), records + i * RECORD);
        memcpy(records + i * RECORD + CANARY, "-record\n", RECORD - CANARY);
    }
}

static pid_t pid_of(int pidfd)
{
    char name[64];
    char line[128];
    int pid = -1;

    snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", pidfd);
    FILE *file = fopen(name, "re");
    while (file && fgets(line, sizeof(line), file))
        sscanf(line, "Pid: %d", &pid);
    if (file)
        fclose(file);
    return pid;
}

static bool start(struct run *run, uint64_t memory, enum compartment_secrecy secrecy,
                  struct idevs_error *ret_err)
{
    int channel[2];
    int attester[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, attester), 0);
    const struct compartment_spec spec = {
        .profile = COMPARTMENT_RUN,
        .uid = 712346,
        .memory = memory,
        .processes = 1,
        .executable = program,
        .channel = channel[1],
        .attester = attester[1],
        .secrecy = secrecy,
        .root = -1,
        .work = -1,
        .output = -1,
    };
    bool ok = back_end->start(&spec, &run->c, ret_err);
    close(channel[1]);
    close(attester[1]);
    run->channel = channel[0];
    run->attester = attester[0];
    run->pid = ok ? pid_of(back_end->watch(run->c)) : -1;
    return ok;
}

static void start_conventional(struct run *run)
{
    int channel[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel), 0);
    *run = (struct run){.channel = channel[0], .attester = -1, .pid = fork()};
    if (run->pid == 0) {
        dup2(channel[1], 3);
        execl(path, path, (char *)NULL);
        _exit(127);
    }
    close(channel[1]);
}

/* Its answer to a letter; 0 when it ended. */
static char command(struct run *run, char letter)
{
    char c;

    return write(run->channel, &letter, 1) == 1 && read(run->channel, &c, 1) == 1 ? c : 0;
}

static bool give_records(struct run *run)
{
    char c = 0;

    return fd_write_all(run->channel, records, RECORDS * RECORD) &&
           read(run->channel, &c, 1) == 1 && c == 'r';
}

static void begin(struct run *run, uint64_t memory)
{
    struct idevs_error err = {0};

    if (!start(run, memory, SECRECY_REQUIRED, &err))
        fail_msg("%s: %s", err.code, err.found);
    assert_true(give_records(run));
}

static void finish(struct run *run)
{
    if (run->c) {
        back_end->destroy(run->c);
    } else {
        kill(run->pid, SIGKILL);
        waitpid(run->pid, NULL, 0);
    }
    close(run->channel);
    fd_close(&run->attester);
}

static void skip_unless_possible(void)
{
    if (program < 0)
        skip(); /* main() said why */
}

/* How many of the records are in `memory`, and how often all in all. */
static unsigned count(struct bytes memory, unsigned *ret_times)
{
    unsigned found = 0;

    *ret_times = 0;
    for (size_t i = 0; i < RECORDS; i++) {
        unsigned times = 0;
        struct bytes rest = memory;
        const uint8_t *at;
        while (rest.len && (at = memmem(rest.data, rest.len, records + i * RECORD, CANARY))) {
            times++;
            rest = bytes_of(at + 1, rest.len - (size_t)(at + 1 - rest.data));
        }
        found += times > 0;
        *ret_times += times;
    }
    return found;
}

/* ---- what root reads ---- */

static void root_reads_no_record_of_a_program_on_secret_memory(void **state)
{
    struct run secret;
    struct run conventional;

    (void)state;
    skip_unless_possible();
    begin(&secret, MIB(64));
    start_conventional(&conventional);
    assert_true(give_records(&conventional));
    for (size_t i = 0; i < N_ROOT_READS; i++) {
        _cleanup_buffer_ struct buffer ours = buffer_up_to(MIB(128));
        _cleanup_buffer_ struct buffer theirs = buffer_up_to(MIB(128));
        unsigned times[2];
        if (!ROOT_READS[i].read(secret.pid, &ours) ||
            !ROOT_READS[i].read(conventional.pid, &theirs)) {
            printf("skipped: %s is not here\n", ROOT_READS[i].name);
            continue;
        }
        unsigned found = count(buffer_bytes(&ours), &times[0]);
        unsigned elsewhere = count(buffer_bytes(&theirs), &times[1]);
        printf("%s: secret memory: %u of %d records (%zu bytes read); "
               "conventional process: %u of %d records, %u times (%zu bytes read)\n",
               ROOT_READS[i].name, found, RECORDS, ours.len, elsewhere, RECORDS, times[1],
               theirs.len);
        assert_int_equal(found, 0);
        assert_int_equal(elsewhere, RECORDS);
        assert_true(times[1] >= 4 * RECORDS);
    }
    finish(&conventional);
    finish(&secret);
}

/* Not stopped: whoever is root can make the program itself hand out what it sees. */
static void root_that_puts_code_into_the_program_gets_every_record(void **state)
{
    (void)state;
    skip_unless_possible();
    for (size_t i = 0; i < N_ROOT_INJECTS; i++) {
        struct run run;
        _cleanup_buffer_ struct buffer out = buffer_up_to(MIB(16));
        unsigned times;
        begin(&run, MIB(16));
        bool done = ROOT_INJECTS[i].read(run.pid, run.channel, &out);
        unsigned found = count(buffer_bytes(&out), &times);
        printf("%s: %s, %u of %d records come out\n", ROOT_INJECTS[i].name,
               done ? "possible on this host" : "refused by this host's kernel", found, RECORDS);
        assert_int_equal(found, done ? RECORDS : 0);
        finish(&run);
    }
}

/* ---- what holds of such a program ---- */

static unsigned long long number_in_status(pid_t pid, const char *key)
{
    char name[64];
    char line[256];
    unsigned long long value = ~0ULL;

    snprintf(name, sizeof(name), "/proc/%d/status", (int)pid);
    FILE *file = fopen(name, "re");
    while (file && fgets(line, sizeof(line), file))
        if (strncmp(line, key, strlen(key)) == 0)
            value = strtoull(line + strlen(key) + 1, NULL, 16);
    if (file)
        fclose(file);
    return value;
}

static bool map_of(pid_t pid, struct buffer *b)
{
    char name[64];

    snprintf(name, sizeof(name), "/proc/%d/maps", (int)pid);
    _cleanup_fd_ int fd = open(name, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && fd_read_to_end(fd, b) && buffer_append(b, "", 0);
}

static bool has_own_users(pid_t pid)
{
    char name[64];
    char own[64] = "";
    char theirs[64] = "";

    snprintf(name, sizeof(name), "/proc/%d/ns/user", (int)pid);
    return readlink("/proc/self/ns/user", own, sizeof(own) - 1) > 0 &&
           readlink(name, theirs, sizeof(theirs) - 1) > 0 && strcmp(own, theirs) != 0;
}

static void it_keeps_no_right_with_or_without_a_user_namespace(void **state)
{
    static const uint64_t MEMORY[] = {MIB(2), MIB(64)};
    struct rlimit limit;

    (void)state;
    skip_unless_possible();
    assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
    for (size_t i = 0; i < ARRAY_LEN(MEMORY); i++) {
        struct run run;
        begin(&run, MEMORY[i]);
        assert_int_equal(number_in_status(run.pid, "CapPrm:"), 0);
        assert_int_equal(number_in_status(run.pid, "CapInh:"), 0);
        assert_int_equal(number_in_status(run.pid, "CapBnd:"), 0);
        assert_int_equal(number_in_status(run.pid, "CapAmb:"), 0);
        assert_int_equal(has_own_users(run.pid), limit.rlim_max >= secret_memory_most(MEMORY[i]));
        finish(&run);
    }
}

static void all_that_it_can_write_to_is_secret(void **state)
{
    struct run run;
    struct eat_measured measured = {.n_components = 0};
    _cleanup_buffer_ struct buffer map = buffer_up_to(MIB(1));
    unsigned writable = 0;
    char *rest = NULL;

    (void)state;
    skip_unless_possible();
    begin(&run, MIB(16));
    assert_true(back_end->measure(run.c, &measured));
    assert_string_equal(eat_component_text(&measured, EAT_MEMORY), EAT_SECRET);
    assert_true(map_of(run.pid, &map));
    for (char *line = strtok_r((char *)map.data, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest))
        if (strstr(line, " rw")) {
            writable++;
            assert_non_null(strstr(line, " " SECRET_MEMORY_NAME));
        }
    assert_int_equal(writable, 3); /* heap, variables, stack */
    finish(&run);
}

static void two_starts_have_one_digest_of_their_memory_map(void **state)
{
    struct eat_measured measured[2] = {{.n_components = 0}, {.n_components = 0}};

    (void)state;
    skip_unless_possible();
    for (size_t i = 0; i < ARRAY_LEN(measured); i++) {
        struct run run;
        begin(&run, MIB(16));
        assert_true(back_end->measure(run.c, &measured[i]));
        finish(&run);
    }
    assert_memory_equal(&measured[0].memory_map, &measured[1].memory_map,
                        sizeof(measured[0].memory_map));
}

static void it_gets_no_memory_but_that(void **state)
{
    struct run run;

    (void)state;
    skip_unless_possible();
    begin(&run, MIB(16));
    assert_int_equal(command(&run, 'm'), 'y');
    assert_int_equal(command(&run, 'a'), 'y');
    if (syscall(SYS_MSEAL, 0, 0, 0) == 0)
        assert_int_equal(command(&run, 'u'), 'y');
    finish(&run);
}

static void variables_that_do_not_fit_end_it_before_main(void **state)
{
    struct run run;
    struct idevs_error err;
    struct compartment_end end;

    (void)state;
    skip_unless_possible();
    if (!start(&run, MIB(1), SECRECY_REQUIRED, &err)) { /* SPARE is more */
        assert_true(IS_SANITIZED);                      /* then a start alone needs more, too */
        close(run.channel);
        close(run.attester);
        skip();
    }
    struct pollfd ended = {.fd = back_end->watch(run.c), .events = POLLIN};
    assert_int_equal(poll(&ended, 1, 5000), 1);
    assert_true(back_end->wait(run.c, &end));
    assert_string_equal(end.code, "compartment.secret-memory");
    finish(&run);
}

/* Run by itself, by the next test: what the host gives is looked at once in a process. */
static int without_the_right(void)
{
    struct run run;
    struct idevs_error err;
    struct eat_measured measured = {.n_components = 0};

    assert_false(start(&run, MIB(64), SECRECY_REQUIRED, &err));
    close(run.channel);
    close(run.attester);
    assert_string_equal(err.code, "compartment.secret-memory");
    assert_string_equal(err.expected, "RLIMIT_MEMLOCK of 136 MiB for the warden");
    assert_string_equal(err.found, "1 MiB");
    assert_true(start(&run, MIB(64), SECRECY_PREFERRED, &err));
    bool has_some = give_records(&run);
    _cleanup_buffer_ struct buffer map = buffer_up_to(MIB(1));
    assert_true(has_some && map_of(run.pid, &map));
    assert_null(strstr((const char *)map.data, SECRET_MEMORY_NAME));
    assert_true(back_end->measure(run.c, &measured));
    assert_string_equal(eat_component_text(&measured, EAT_MEMORY), EAT_ORDINARY);
    finish(&run);
    return 0;
}

static void a_host_that_locks_too_little_refuses_or_says_so(void **state)
{
    const struct rlimit little = {MIB(1), MIB(1)};
    int status;

    (void)state;
    skip_unless_possible();
    pid_t child = fork();
    if (child == 0) {
        if (prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK, 0, 0, 0) == 0 &&
            setrlimit(RLIMIT_MEMLOCK, &little) == 0)
            execl("/proc/self/exe", "test", path, "without-the-right", (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void open_program(void)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_EXECUTABLE);
    _cleanup_fd_ int secret = (int)syscall(SYS_memfd_secret, O_CLOEXEC);
    struct idevs_error err;

    back_end = compartment_back_end("process");
    if (secret < 0)
        printf("skipped: this kernel has no memfd_secret\n");
    else if (geteuid() != 0 || !back_end->open(&err))
        printf("skipped: needs root\n");
    else if (file_read(path, &b, &err))
        program = memfd_sealed("records", buffer_bytes(&b));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_reads_no_record_of_a_program_on_secret_memory),
        cmocka_unit_test(root_that_puts_code_into_the_program_gets_every_record),
        cmocka_unit_test(it_keeps_no_right_with_or_without_a_user_namespace),
        cmocka_unit_test(all_that_it_can_write_to_is_secret),
        cmocka_unit_test(two_starts_have_one_digest_of_their_memory_map),
        cmocka_unit_test(it_gets_no_memory_but_that),
        cmocka_unit_test(variables_that_do_not_fit_end_it_before_main),
        cmocka_unit_test(a_host_that_locks_too_little_refuses_or_says_so),
    };

    path = argc > 1 ? argv[1] : "";
    open_program();
    make_records();
    if (argc > 2)
        return without_the_right();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
