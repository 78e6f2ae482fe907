/* What a program finds when it is born, and its two streams. */
#include "attempt.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OURS "IDEVS_SECRET_MEMORY=" /* what the compartment tells it, and nothing else */

ATTEMPT(no_descriptor_is_inherited, NOTHING_THERE, NOTHING_THERE, "",
        "looks through its descriptors for one that was left open")
{
    for (int fd = 0; fd < 4096; fd++)
        if (fd != 3 && fd != 4 && fcntl(fd, F_GETFD) >= 0)
            return THROUGH;
    return NOTHING_THERE;
}

ATTEMPT(no_descriptor_past_its_own_is_inherited, NOTHING_THERE, NOTHING_THERE, "",
        "looks for one past those that it was given, as the compiler too")
{
    for (int fd = 5; fd < 4096; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            return THROUGH;
    return NOTHING_THERE;
}

ATTEMPT(no_environment_is_inherited, NOTHING_THERE, NOTHING_THERE, "",
        "reads the environment that it was started with")
{
    for (char **variable = environ; variable && *variable; variable++)
        if (strncmp(*variable, OURS, strlen(OURS)) != 0)
            return THROUGH;
    return NOTHING_THERE;
}

ATTEMPT(standard_output_leads_nowhere, EBADF, EBADF, "", "prints to standard output")
{
    return went(write(STDOUT_FILENO, "", 0));
}

ATTEMPT(standard_error_leads_nowhere, EBADF, EBADF, "", "prints to standard error")
{
    return went(write(STDERR_FILENO, "", 0));
}

ATTEMPT(standard_input_holds_nothing, EBADF, EBADF, "", "reads from standard input")
{
    return went(read(STDIN_FILENO, NULL, 0));
}

ATTEMPT(a_stream_is_not_doubled, FORBIDDEN, THROUGH, "", "gives its channel a second number")
{
    return went(dup(3));
}

ATTEMPT(the_streams_are_not_exchanged, FORBIDDEN, THROUGH, "",
        "puts its channel where its attester's stream is")
{
    return went(dup2(3, 4));
}

ATTEMPT(a_stream_is_not_doubled_by_fcntl, FORBIDDEN, EINVAL, "",
        "gives its channel a second number by fcntl(2)")
{
    return went(fcntl(3, F_DUPFD, 64));
}

ATTEMPT(a_stream_sends_no_signal, FORBIDDEN, ESRCH, "",
        "has the kernel signal a process of the host when its channel has news")
{
    return went(fcntl(3, F_SETOWN, order.victim));
}

ATTEMPT(a_stream_has_no_position, ESPIPE, ESPIPE, "no stream has one", "reads its channel again")
{
    return went(lseek(3, 0, SEEK_SET));
}

ATTEMPT(the_two_streams_are_two, NOTHING_THERE, NOTHING_THERE,
        "the driver makes them as the warden does",
        "writes to its channel and reads it from its attester's stream")
{
    char c;

    if (write(3, "c", 1) != 1)
        return errno;
    return recv(4, &c, 1, MSG_DONTWAIT) == 1 ? THROUGH : NOTHING_THERE;
}

ATTEMPT(a_flood_waits_for_its_reader, WAITS, WAITS, "it would wait too",
        "writes to its channel for ever, while nobody reads")
{
    static char page[65536];

    while (write(3, page, sizeof(page)) >= 0)
        ;
    return errno;
}

ATTEMPT(a_flood_to_the_attester_waits, WAITS, WAITS, "it would wait too",
        "writes to its attester for ever, while nobody reads")
{
    static char page[65536];

    while (write(4, page, sizeof(page)) >= 0)
        ;
    return errno;
}

ATTEMPT(a_loop_is_ended, WAITS, WAITS, "it would run for ever", "uses the processor for ever")
{
    volatile bool stop = false;

    while (!stop)
        ;
    return THROUGH;
}

static const struct attempt *const ATTEMPTS[] = {
    ROW(no_descriptor_is_inherited),
    ROW(no_descriptor_past_its_own_is_inherited),
    ROW(no_environment_is_inherited),
    ROW(standard_output_leads_nowhere),
    ROW(standard_error_leads_nowhere),
    ROW(standard_input_holds_nothing),
    ROW(a_stream_is_not_doubled),
    ROW(the_streams_are_not_exchanged),
    ROW(a_stream_is_not_doubled_by_fcntl),
    ROW(a_stream_sends_no_signal),
    ROW(a_stream_has_no_position),
    ROW(the_two_streams_are_two),
    ROW(a_flood_waits_for_its_reader),
    ROW(a_flood_to_the_attester_waits),
    ROW(a_loop_is_ended),
};

const struct attempt_group DESCRIPTORS = {ATTEMPTS, sizeof(ATTEMPTS) / sizeof(ATTEMPTS[0])};
