#include "stage.h"
#include "compartment/microvm.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct stage stage = {.inside = -1};

bool stage_open(const char *name, const char *path)
{
    struct compartment_gaps gaps = {.n = 0};
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_EXECUTABLE);
    struct idevs_error err;

    microvm_use(getenv("IDEVS_GUEST"));
    stage.back_end = compartment_back_end(name);
    if (!stage.back_end) {
        printf("skipped: no back end is called %s\n", name);
        return false;
    }
    stage.back_end->probe(&gaps);
    for (size_t i = 0; i < gaps.n; i++)
        printf("skipped: %s: %s\n", gaps.at[i].found, gaps.at[i].remedy);
    if (gaps.n > 0)
        return false;
    if (!stage.back_end->open(&err) || !file_read(path, &b, &err)) {
        printf("%s: %s: %s\n", name, err.code, err.found);
        exit(1); /* what probe() called usable */
    }
    stage.uid = (uid_t)(1000000 + 2 * getpid());
    stage.inside = memfd_sealed("inside", buffer_bytes(&b));
    return stage.inside >= 0;
}

struct compartment_spec stage_spec(const struct run *run)
{
    return (struct compartment_spec){
        .profile = COMPARTMENT_RUN,
        .uid = stage.uid,
        .memory = MIB(16),
        .processes = 1,
        .executable = stage.inside,
        .channel = run->channel[1],
        .attester = run->attester[1],
        .root = -1,
        .work = -1,
        .output = -1,
    };
}

void run_streams(struct run *run)
{
    run->c = NULL;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, run->channel), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, run->attester), 0);
}

void run_begin_as(struct run *run, const char *attempt, uid_t uid)
{
    struct idevs_error err = {0};

    run_streams(run);
    assert_true(fd_write_all(run->channel[0], attempt, strlen(attempt)));
    struct compartment_spec spec = stage_spec(run);
    spec.uid = uid;
    if (!stage.back_end->start(&spec, &run->c, &err))
        fail_msg("%s: %s", err.code, err.found);
    fd_close(&run->channel[1]);
    fd_close(&run->attester[1]);
}

void run_begin(struct run *run, const char *attempt)
{
    run_begin_as(run, attempt, stage.uid);
}

void run_finish(struct run *run)
{
    stage.back_end->destroy(run->c);
    run->c = NULL;
    for (size_t i = 0; i < 2; i++) {
        fd_close(&run->channel[i]);
        fd_close(&run->attester[i]);
    }
}

struct compartment_end run_outcome(struct run *run, int milliseconds)
{
    struct pollfd p = {.fd = stage.back_end->watch(run->c), .events = POLLIN};
    struct compartment_end end = {0};

    if (poll(&p, 1, milliseconds) == 0)
        stage.back_end->kill(run->c, "compartment.limit");
    poll(&p, 1, STAGE_WAIT_MS);
    assert_true(stage.back_end->wait(run->c, &end));
    return end;
}

struct compartment_end outcome_of(const char *attempt)
{
    struct run run;

    run_begin(&run, attempt);
    struct compartment_end end = run_outcome(&run, STAGE_WAIT_MS);
    run_finish(&run);
    return end;
}

/* One that has ended and is only waited for by its parent is none any more. */
static bool is_of(pid_t pid, uid_t uid)
{
    char path[64];
    char line[256];
    char run_state = 'Z';
    unsigned real = 0;
    bool found = false;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *file = pid > 0 ? fopen(path, "re") : NULL;
    while (file && !found && fgets(line, sizeof(line), file)) {
        (void)!sscanf(line, "State: %c", &run_state);
        found = sscanf(line, "Uid: %u", &real) == 1;
    }
    if (file)
        fclose(file);
    return found && real == uid && run_state != 'Z';
}

unsigned processes_of(uid_t uid, pid_t *ret_last)
{
    unsigned n = 0;
    DIR *dir = opendir("/proc");

    assert_non_null(dir);
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
        if (!is_of(pid, uid))
            continue;
        n++;
        if (ret_last)
            *ret_last = pid;
    }
    closedir(dir);
    return n;
}

bool processes_of_become(uid_t uid, unsigned wanted)
{
    for (int ms = 0; ms < STAGE_WAIT_MS; ms += 5) {
        if (processes_of(uid, NULL) == wanted)
            return true;
        usleep(5000);
    }
    return false;
}
