/* What a hostile program may try inside a compartment. The test writes the name of an attempt into
 * the channel; exit status 0 says that the attempt (or what is allowed) went through, 9 that it was
 * refused by an error. Static, without libidevs. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
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

/* The one shape of open that is answered by an error, not by the end. */
static int open_as_libc_does(void)
{
    return done(open("/etc/localtime", O_RDONLY | O_CLOEXEC) >= 0);
}

static int create_file(void)
{
    return done(open("/x", O_RDWR | O_CREAT, 0600) >= 0);
}

static int read_proc(void)
{
    return done(fopen("/proc/self/maps", "r") != NULL);
}

static int socket_inet(void)
{
    return done(socket(AF_INET, SOCK_STREAM, 0) >= 0);
}

static int socket_unix(void)
{
    return done(socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
}

static int socket_netlink(void)
{
    return done(socket(AF_NETLINK, SOCK_RAW, 0) >= 0);
}

static int socket_pair(void)
{
    int fds[2];
    return done(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
}

static int do_fork(void)
{
    return done(fork() >= 0);
}

static void *thread(void *arg)
{
    return arg;
}

static int do_thread(void)
{
    pthread_t t;
    return done(pthread_create(&t, NULL, thread, NULL) == 0);
}

static int do_exec(void)
{
    char *argv[] = {(char[]){"x"}, NULL};
    return done(execve("/bin/sh", argv, environ) == 0);
}

static int do_execveat(void)
{
    char *argv[] = {(char[]){"x"}, NULL};
    return done(syscall(SYS_execveat, 3, "", argv, environ, AT_EMPTY_PATH) == 0);
}

/* Passes the filter; the descriptor is gone. */
static int exec_itself_again(void)
{
    char *argv[] = {(char[]){"x"}, NULL};
    return done(syscall(SYS_execveat, 5, "", argv, environ, AT_EMPTY_PATH) == 0);
}

static int do_ptrace(void)
{
    return done(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
}

static int do_mount(void)
{
    return done(mount("none", "/", "tmpfs", 0, NULL) == 0);
}

static int do_unshare(void)
{
    return done(syscall(SYS_unshare, 0x10000000) == 0);
}

static int kill_another(void)
{
    return done(kill(2, SIGKILL) == 0);
}

static int kill_everybody(void)
{
    return done(kill(-1, SIGKILL) == 0);
}

static int write_and_execute(void)
{
    return done(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
                     -1, 0) != MAP_FAILED);
}

static int make_executable(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return done(p != MAP_FAILED && mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0);
}

static int receive_descriptor(void)
{
    char c;
    struct iovec iov = {&c, 1};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    return done(recvmsg(3, &m, MSG_DONTWAIT) >= 0);
}

static int call_32_bit(void)
{
    long r;
    /* int 0x80 with the 32-bit number of getpid: another architecture's call */
    __asm__ volatile("int $0x80" : "=a"(r) : "a"(20) : "memory");
    return done(r > 0);
}

static int is_dumpable(void)
{
    return done(prctl(PR_GET_DUMPABLE) == 1);
}

static int become_dumpable(void)
{
    return done(prctl(PR_SET_DUMPABLE, 1) == 0);
}

static int all_descriptors(void)
{
    for (int fd = 0; fd < 4096; fd++)
        if (fd != 3 && fd != 4 && (fcntl(fd, F_GETFD) >= 0 || errno != EBADF))
            return 9;
    return done(fcntl(3, F_GETFD) >= 0 && fcntl(4, F_GETFD) >= 0);
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
    for (size_t i = 0; i < 1024; i++) {
        char *p = malloc(1 << 20);
        if (p)
            memset(p, 1, 1 << 20);
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
    {"open-as-libc-does", open_as_libc_does},
    {"create-file", create_file},
    {"read-proc", read_proc},
    {"socket-inet", socket_inet},
    {"socket-unix", socket_unix},
    {"socket-netlink", socket_netlink},
    {"socket-pair", socket_pair},
    {"fork", do_fork},
    {"thread", do_thread},
    {"exec", do_exec},
    {"execveat", do_execveat},
    {"exec-itself-again", exec_itself_again},
    {"ptrace", do_ptrace},
    {"mount", do_mount},
    {"unshare", do_unshare},
    {"kill-another", kill_another},
    {"kill-everybody", kill_everybody},
    {"write-and-execute", write_and_execute},
    {"make-executable", make_executable},
    {"receive-descriptor", receive_descriptor},
    {"call-32-bit", call_32_bit},
    {"is-dumpable", is_dumpable},
    {"become-dumpable", become_dumpable},
    {"all-descriptors", all_descriptors},
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
