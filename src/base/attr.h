/* Compiler attributes under the names that this code base uses. */
#ifndef IDEVS_BASE_ATTR_H
#define IDEVS_BASE_ATTR_H

/* Runs `function(&variable)` when the variable leaves its scope: who owns it is said where it is
 * born. */
#define _cleanup_(function) __attribute__((cleanup(function), unused))
/* The result says whether it worked; dropping it is a bug. */
#define _must_check_         __attribute__((warn_unused_result))
#define _printf_(fmt, first) __attribute__((format(printf, fmt, first)))
#define _noreturn_           __attribute__((noreturn))
#define _unused_             __attribute__((unused))

/* For types with a free function that takes the pointer: defines NAMEp for use with _cleanup_. */
#define DEFINE_CLEANUP(type, function)                                                             \
    static inline void function##p(type *p)                                                        \
    {                                                                                              \
        if (*p)                                                                                    \
            function(*p);                                                                          \
    }

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
