/* How many threads, and how to run a loop with them: also in a forked child.

   After fork() a child has one thread, but GNU's OpenMP believes that the threads it
   had made for this one are still there, and waits for them for ever. It keeps them
   per thread: so in a child of fork() a parallel loop is run from a new thread, for
   which OpenMP makes threads anew. That holds whoever used OpenMP before the fork. */
#ifdef _OPENMP
#include <omp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#endif

#ifndef LASAGNE_SPARSE_THREADS
#define LASAGNE_SPARSE_THREADS

/* The number of the thread within a loop. */
static inline int lasagne_sparse_thread(void)
{
#ifdef _OPENMP
    return omp_get_thread_num();
#else
    return 0;
#endif
}

#ifdef _OPENMP
static const pid_t lasagne_sparse_loaded_in = getpid();

/* Was this process made by fork(), with no exec() since? A module knows of a fork
   after its loading, and Linux of any, by a flag of the process. */
static bool lasagne_sparse_is_forked(void)
{
    if (getpid() != lasagne_sparse_loaded_in) return true;
    const unsigned PF_FORKNOEXEC = 0x40;
    char line[1024];
    unsigned flags = 0;
    FILE *file = fopen("/proc/self/stat", "r");
    const bool read = file != NULL && fgets(line, sizeof(line), file) != NULL;
    if (file != NULL) fclose(file);
    /* the name of the program, in parentheses, may hold anything */
    const char *rest = read ? strrchr(line, ')') : NULL;
    if (rest != NULL) sscanf(rest, ") %*c %*d %*d %*d %*d %*d %u", &flags);
    return flags & PF_FORKNOEXEC;
}

/* The same, asked once per process. */
static bool lasagne_sparse_forked(void)
{
    static pid_t known_of = 0;
    static bool forked = false;
    if (known_of != getpid()) {
        forked = lasagne_sparse_is_forked();
        known_of = getpid();
    }
    return forked;
}
#endif

/* How many threads are worth waking for so many bytes to read or write? Waking one
   costs about 8 microseconds when threads sleep between loops (GOMP_SPINCOUNT=0), and
   making one for each loop, as in a forked child, some 50. */
static int lasagne_sparse_threads(size_t bytes, size_t bytes_per_thread)
{
#ifdef _OPENMP
    size_t useful = bytes / bytes_per_thread;
    const int most = omp_get_max_threads();
    if (useful < 2) return 1;
    if (lasagne_sparse_forked()) useful = useful / 8 + 1;
    return useful < (size_t)most ? (int)useful : most;
#else
    return 1;
#endif
}

#ifdef _OPENMP
template <typename Loop>
static void *lasagne_sparse_run(void *call)
{
    ((const Loop *)call)->run();
    return NULL;
}

template <typename Body>
struct lasagne_sparse_loop {
    const Body &body;
    const long long count;
    const int threads;
    void run() const
    {
        #pragma omp parallel for num_threads(threads) schedule(dynamic)
        for (long long i = 0; i < count; i++) body(i);
    }
};
#endif

/* Calls body(i) for 0 <= i < count, by several threads if more than one is given. A
   thread takes the next i when it is done with one. */
template <typename Body>
static void lasagne_sparse_for(int threads, long long count, const Body &body)
{
#ifdef _OPENMP
    if (threads > 1) {
        const lasagne_sparse_loop<Body> loop = {body, count, threads};
        if (!lasagne_sparse_forked()) {
            loop.run();
            return;
        }
        pthread_t thread;
        if (pthread_create(&thread, NULL, lasagne_sparse_run<lasagne_sparse_loop<Body> >,
                           (void *)&loop) == 0) {
            pthread_join(thread, NULL);
            return;
        }
        /* no thread to be had: the loop runs in this one */
    }
#endif
    for (long long i = 0; i < count; i++) body(i);
}
#endif
