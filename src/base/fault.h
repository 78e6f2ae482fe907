/* Named places at which the crash tests end the process. In an ordinary build they are nothing at
 * all; with -Dfault_points=true the process that finds IDEVS_FAULT=NAME[:COUNT] in its environment
 * kills itself with SIGKILL at the COUNT-th passing (default the first). */
#ifndef IDEVS_BASE_FAULT_H
#define IDEVS_BASE_FAULT_H

#ifdef IDEVS_FAULT_POINTS
void fault_point(const char *name);
#else
static inline void fault_point(const char *name)
{
    (void)name;
}
#endif

#endif
