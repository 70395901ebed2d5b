/* Threads that do one piece of work together while the calling thread stays in touch with Python. */
#include "python.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

enum { POLL_NANOSECONDS = 50 * 1000 * 1000 };

static void *enter(void *argument)
{
    struct pool *pool = argument;
    pool->work(pool);
    pthread_mutex_lock(&pool->mutex);
    if (--pool->running == 0)
        pthread_cond_signal(&pool->ended);
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

/* Signals stay with the thread that called: the workers block all of them. */
static int start(struct pool *pool, int threads, pthread_t *started)
{
    sigset_t all, before;
    int count = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_mutex_lock(&pool->mutex);
    while (count < threads && pthread_create(&started[count], NULL, enter, pool) == 0)
        count++;
    pool->running = count;
    pthread_mutex_unlock(&pool->mutex);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return count;
}

/* Returns whether the work still goes on after a moment. */
static bool wait_a_moment(struct pool *pool)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += POLL_NANOSECONDS;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&pool->mutex);
    while (pool->running > 0 && pthread_cond_timedwait(&pool->ended, &pool->mutex, &until) != ETIMEDOUT)
        continue;
    const bool running = pool->running > 0;
    pthread_mutex_unlock(&pool->mutex);
    return running;
}

struct reported {
    size_t files;
    uint64_t bytes;
};

static int report(struct pool *pool, struct reported *reported, PyObject *advance)
{
    const struct reported now = {atomic_load(&pool->done), bytes_read()};
    if (advance == Py_None || (now.files == reported->files && now.bytes == reported->bytes))
        return 0;
    PyObject *result = PyObject_CallFunction(advance, "nK", (Py_ssize_t)(now.files - reported->files),
                                             (unsigned long long)(now.bytes - reported->bytes));
    *reported = now;
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

int pool_run(struct pool *pool, int threads, PyObject *advance)
{
    pthread_t started[MAX_THREADS];
    struct reported reported = {0, bytes_read()};
    int failed = 0;
    atomic_init(&pool->done, 0);
    atomic_init(&pool->cancelled, false);
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->ended, NULL);
    PyThreadState *state = PyEval_SaveThread();
    const int count = start(pool, threads < 1 ? 1 : threads > MAX_THREADS ? MAX_THREADS : threads, started);
    if (count == 0)
        pool->work(pool);
    while (wait_a_moment(pool)) {
        PyEval_RestoreThread(state);
        if (!failed && (PyErr_CheckSignals() != 0 || report(pool, &reported, advance) != 0)) {
            failed = -1;
            atomic_store(&pool->cancelled, true);
        }
        state = PyEval_SaveThread();
    }
    for (int i = 0; i < count; i++)
        pthread_join(started[i], NULL);
    PyEval_RestoreThread(state);
    pthread_cond_destroy(&pool->ended);
    pthread_mutex_destroy(&pool->mutex);
    return failed ? failed : report(pool, &reported, advance);
}
