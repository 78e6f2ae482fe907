/* Preloaded: the process lives two hours later. */
#include <sys/time.h>
#include <time.h>

#define LATER (2 * 3600)

time_t time(time_t *ret)
{
    struct timeval now;

    gettimeofday(&now, NULL);
    if (ret)
        *ret = now.tv_sec + LATER;
    return now.tv_sec + LATER;
}
