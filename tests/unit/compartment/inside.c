/* What a program does inside a compartment. What a hostile one tries is in tests/escape. The test
 * writes the name of an attempt into the channel; exit status 0 says that the attempt (or what is
 * allowed) went through, 9 that it was refused by an error. Static, without libidevs. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int done(bool ok)
{
    return ok ? 0 : 9;
}

static int nothing(void)
{
    return 0;
}

static int status_three(void)
{
    return 3;
}

static int open_file(void)
{
    return done(open("/etc/passwd", O_RDONLY) >= 0);
}

static int socket_inet(void)
{
    return done(socket(AF_INET, SOCK_STREAM, 0) >= 0);
}

static int do_mount(void)
{
    return done(mount("none", "/", "tmpfs", 0, NULL) == 0);
}

static int is_dumpable(void)
{
    return done(prctl(PR_GET_DUMPABLE) == 1);
}

static int stray_output(void)
{
    printf("hello\n");
    fprintf(stderr, "hello\n");
    fflush(NULL);
    return 0;
}

static int by_value(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static int what_programs_do(void)
{
    time_t now = time(NULL);
    struct tm *tm = gmtime(&now);
    char *p = malloc(1 << 20);
    int numbers[3000];
    struct timespec nap = {.tv_nsec = 1000};

    if (!tm || !p)
        return 9;
    memset(p, 1, 1 << 20);
    free(p);
    for (size_t i = 0; i < 3000; i++)
        numbers[i] = (int)(i * 7919 % 3000);
    qsort(numbers, 3000, sizeof(int), by_value);
    nanosleep(&nap, NULL);
    return done(write(3, "ok", 2) == 2 && environ && !*environ);
}

static int do_abort(void)
{
    abort();
}

static int null_pointer(void)
{
    volatile int *p = NULL;
    return *p;
}

static int past_memory(void)
{
    static char *volatile last; /* so that no compiler leaves the memory out */

    for (size_t i = 0; i < 1024; i++) {
        last = malloc(1 << 20);
        if (last)
            memset(last, 1, 1 << 20);
    }
    return 0;
}

static int forever(void)
{
    volatile bool stop = false;

    while (!stop)
        ;
    return 0;
}

static int flood(void)
{
    static char page[65536];
    for (;;)
        if (write(3, page, sizeof(page)) < 0)
            return 9;
}

/* Everything from one descriptor to the other, `n` bytes of it. */
static bool pass_on(int from, int to, size_t n)
{
    static char block[4096];

    while (n > 0) {
        ssize_t got = read(from, block, n < sizeof(block) ? n : sizeof(block));
        if (got <= 0)
            return false;
        for (ssize_t done = 0; done < got;) {
            ssize_t put = write(to, block + done, (size_t)(got - done));
            if (put <= 0)
                return false;
            done += put;
        }
        n -= (size_t)got;
    }
    return true;
}

/* Says that it is there; then one block from the channel to the attester, one back. */
static int exchange(void)
{
    return done(write(3, "r", 1) == 1 && pass_on(3, 4, 200000) && pass_on(4, 3, 200000));
}

static int await_end(void)
{
    char c;

    return done(read(3, &c, 1) == 0);
}

static int read_secret_file(void)
{
    return done(open("/etc/shadow", O_RDONLY) >= 0);
}

static const struct {
    const char *name;
    int (*attempt)(void);
} ATTEMPTS[] = {
    {"exchange", exchange},
    {"await-end", await_end},
    {"read-secret-file", read_secret_file},
    {"nothing", nothing},
    {"status-three", status_three},
    {"open-file", open_file},
    {"socket-inet", socket_inet},
    {"mount", do_mount},
    {"is-dumpable", is_dumpable},
    {"stray-output", stray_output},
    {"what-programs-do", what_programs_do},
    {"abort", do_abort},
    {"null-pointer", null_pointer},
    {"past-memory", past_memory},
    {"forever", forever},
    {"flood", flood},
};

int main(void)
{
    char name[64] = "";

    if (read(3, name, sizeof(name) - 1) <= 0)
        return 8;
    for (size_t i = 0; i < sizeof(ATTEMPTS) / sizeof(ATTEMPTS[0]); i++)
        if (strcmp(name, ATTEMPTS[i].name) == 0)
            return ATTEMPTS[i].attempt();
    return 7;
}
