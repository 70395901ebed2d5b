/* A long file: one thread reads and hashes, another one writes. */
#include "native.h"

#include <errno.h>
#include <stdlib.h>

enum { RING = 4, PAGE = 4 * 1024 * 1024, PADDING = 128 };

struct pipe {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    uint8_t *pages;
    size_t sizes[RING];
    unsigned filled, written; /* pages so far */
    bool ended;
    int target, error;
};

static uint8_t *page(const struct pipe *pipe, unsigned number)
{
    return pipe->pages + (size_t)(number % RING) * (PAGE + PADDING);
}

static void *write_pages(void *argument)
{
    struct pipe *pipe = argument;
    pthread_mutex_lock(&pipe->mutex);
    for (;;) {
        while (pipe->written == pipe->filled && !pipe->ended)
            pthread_cond_wait(&pipe->changed, &pipe->mutex);
        if (pipe->written == pipe->filled || pipe->error)
            break;
        const unsigned number = pipe->written;
        pthread_mutex_unlock(&pipe->mutex);
        const int error = write_full(pipe->target, page(pipe, number), pipe->sizes[number % RING]);
        pthread_mutex_lock(&pipe->mutex);
        pipe->error = error;
        pipe->written++;
        pthread_cond_signal(&pipe->changed);
    }
    pthread_mutex_unlock(&pipe->mutex);
    return NULL;
}

/* Returns the writer's error; waits until a page is free. */
static int wait_for_page(struct pipe *pipe)
{
    pthread_mutex_lock(&pipe->mutex);
    while (pipe->filled - pipe->written == RING && !pipe->error)
        pthread_cond_wait(&pipe->changed, &pipe->mutex);
    const int error = pipe->error;
    pthread_mutex_unlock(&pipe->mutex);
    return error;
}

static void hand_over(struct pipe *pipe, size_t size)
{
    pthread_mutex_lock(&pipe->mutex);
    pipe->sizes[pipe->filled % RING] = size;
    pipe->filled++;
    pthread_cond_signal(&pipe->changed);
    pthread_mutex_unlock(&pipe->mutex);
}

static int read_pages(struct pipe *pipe, int source, struct md5 *md5, const atomic_bool *cancelled)
{
    size_t got;
    do {
        int error = atomic_load(cancelled) ? ECANCELED : wait_for_page(pipe);
        uint8_t *data = page(pipe, pipe->filled);
        if (!error)
            error = read_full(source, data, PAGE, &got);
        if (error)
            return error;
        hand_over(pipe, got);
        md5->length += got;
        const size_t padding = got < PAGE ? md5_pad(md5, data + got) : 0; /* behind what is being written */
        md5_blocks(md5, data, (got + padding) / 64);
    } while (got == PAGE);
    return 0;
}

int copy_hashing(int source, int target, struct md5 *md5, const atomic_bool *cancelled)
{
    pthread_t writer;
    struct pipe pipe = {.target = target, .pages = malloc((size_t)RING * (PAGE + PADDING))};
    if (pipe.pages == NULL)
        return ENOMEM;
    pthread_mutex_init(&pipe.mutex, NULL);
    pthread_cond_init(&pipe.changed, NULL);
    int error = pthread_create(&writer, NULL, write_pages, &pipe);
    if (!error) {
        error = read_pages(&pipe, source, md5, cancelled);
        pthread_mutex_lock(&pipe.mutex);
        pipe.ended = true;
        pthread_cond_signal(&pipe.changed);
        pthread_mutex_unlock(&pipe.mutex);
        pthread_join(writer, NULL);
        if (!error)
            error = pipe.error;
    }
    pthread_cond_destroy(&pipe.changed);
    pthread_mutex_destroy(&pipe.mutex);
    free(pipe.pages);
    return error;
}
