/* Hash, store and copy: every thread has LANES files open and hashes a piece of all of them at once.
 *
 * A file that fits into its buffer is hashed first and written afterwards, in one go. A longer one is written to
 * its temporary file piece by piece; the longest by a thread of its own (pipe.c).
 */
#include "stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/fs.h>
#include <sys/ioctl.h>
#endif

enum { BUFFER = 64 * 1024, PADDING = 128, LONG = 64 * 1024 * 1024 };

static void release(struct worker *worker, struct slot *slot, int error)
{
    remove_temporary(slot);
    if (slot->source >= 0)
        close(slot->source);
    if (slot->own_directory >= 0)
        close(slot->own_directory);
    slot->busy = false;
    worker->busy--;
    batch_finished(worker->batch, slot->index, error);
}

static int check_unchanged(const struct slot *slot)
{
    struct stat after;
    if (fstat(slot->source, &after) != 0)
        return errno;
    return same_version(&slot->before, &after) ? 0 : FILE_CHANGED;
}

/* A source of copies is an object: others may freshen its times, or seal it, but never write to it. */
static int check_complete(const struct batch *batch, const struct slot *slot)
{
    if (slot->md5.length != (uint64_t)slot->before.st_size)
        return FILE_CHANGED;
    return batch->copying || slot->cloned ? 0 : check_unchanged(slot);
}

/* Make the temporary file a clone of the source, which is complete and will not change any more. Where that does
 * not work, nothing happened. */
static int clone_source(struct worker *worker, struct slot *slot)
{
#ifdef FICLONE
    const int error = open_early(worker, slot);
    if (error)
        return error;
    slot->cloned = ioctl(slot->target, FICLONE, slot->source) == 0;
    if (slot->cloned)
        return check_unchanged(slot);
    if (errno != ENOSPC && errno != EINTR && errno != EIO)
        atomic_store(&worker->batch->no_reflink, true);
    remove_temporary(slot);
#else
    (void)worker;
    (void)slot;
#endif
    return 0;
}

static bool writing(const struct batch *batch, const struct slot *slot)
{
    return (batch->storing || batch->copying) && !slot->linking && !slot->cloned;
}

static bool hashing(const struct batch *batch)
{
    return !batch->copying || batch->expected != NULL;
}

static void rewind_slot(struct slot *slot)
{
    slot->ended = false;
    slot->begin = slot->end = 0;
    md5_start(&slot->md5);
}

static int begin(struct worker *worker, struct slot *slot)
{
    struct batch *batch = worker->batch;
    slot->linking = slot->cloned = false;
    slot->source = slot->target = slot->own_directory = -1;
    slot->temporary[0] = '\0';
    rewind_slot(slot);
    const char *name = batch->copying ? batch->sources.each[slot->index] : batch->names.each[slot->index];
    int error = open_source(batch->root, name, &slot->source, &slot->before, &slot->flags);
    if (error)
        return error;
    slot->linking = batch->storing && batch->method == HARDLINK && slot->before.st_size > 0;
    if (batch->storing && batch->method == REFLINK && !atomic_load(&batch->no_reflink))
        error = clone_source(worker, slot);
    if (error || !writing(batch, slot) || !hashing(batch) || slot->before.st_size <= LONG)
        return error;
    error = open_early(worker, slot);
    if (!error)
        error = copy_hashing(slot->source, slot->target, &slot->md5, &batch->pool.cancelled);
    slot->ended = true;
    return error ? error : check_complete(batch, slot);
}

static int refill(struct worker *worker, struct slot *slot)
{
    struct batch *batch = worker->batch;
    const uint64_t known = (uint64_t)slot->before.st_size, length = slot->md5.length;
    /* Asking for no more than there should be saves the read that would find the end. */
    const size_t wanted = known > length && known - length < BUFFER ? (size_t)(known - length) : BUFFER;
    size_t got;
    int error = read_full(slot->cloned ? slot->target : slot->source, slot->buffer, wanted, &got);
    if (error)
        return error;
    slot->md5.length += got;
    slot->ended = got < wanted || slot->md5.length == known;
    if (writing(batch, slot) && !(slot->ended && length == 0)) {
        if (slot->target < 0)
            error = open_early(worker, slot);
        if (!error)
            error = write_full(slot->target, slot->buffer, got);
    }
    if (!error && slot->ended)
        error = check_complete(batch, slot);
    slot->begin = 0;
    slot->end = hashing(batch) ? got : 0;
    if (hashing(batch) && slot->ended)
        slot->end += md5_pad(&slot->md5, slot->buffer + got);
    return error;
}

/* The next piece of all files that are open, as long as the shortest of them. */
static void hash_pieces(struct worker *worker)
{
    struct slot *slots[LANES];
    struct md5 *md5s[LANES];
    const uint8_t *data[LANES];
    size_t count = 0, blocks = BUFFER / 64 + 2;
    for (size_t i = 0; i < worker->limit; i++) {
        struct slot *slot = &worker->slots[i];
        if (!slot->busy || slot->begin == slot->end)
            continue;
        slots[count] = slot;
        md5s[count] = &slot->md5;
        data[count++] = slot->buffer + slot->begin;
        if ((slot->end - slot->begin) / 64 < blocks)
            blocks = (slot->end - slot->begin) / 64;
    }
    md5_blocks_many(md5s, data, count, blocks);
    for (size_t i = 0; i < count; i++)
        slots[i]->begin += 64 * blocks;
}

/* All bytes are read and hashed. */
static void complete(struct worker *worker, struct slot *slot)
{
    struct batch *batch = worker->batch;
    uint8_t *digest = batch->digests + 16 * slot->index;
    int error = 0;
    if (hashing(batch))
        md5_digest(&slot->md5, digest);
    if (batch->copying)
        error = place_copy(worker, slot, digest);
    else if (batch->storing)
        error = place_object(batch, slot, digest);
    if (error == READ_AGAIN) {
        remove_temporary(slot);
        slot->linking = false;
        rewind_slot(slot);
        error = lseek(slot->source, 0, SEEK_SET) == 0 ? 0 : errno;
        if (!error)
            return;
    }
    if (!error && !batch->copying)
        record_fill(&batch->stats[slot->index], &slot->before, slot->flags);
    release(worker, slot, error);
}

static bool claim(struct worker *worker, size_t *index)
{
    struct batch *batch = worker->batch;
    worker->exhausted = atomic_load(&batch->pool.cancelled)
        || (worker->next == worker->claimed && !batch_claim(batch, &worker->next, &worker->claimed));
    if (!worker->exhausted)
        *index = batch_index(batch, worker->next++);
    return !worker->exhausted;
}

static void fill_slots(struct worker *worker)
{
    for (size_t i = 0; i < worker->limit; i++) {
        struct slot *slot = &worker->slots[i];
        while (!slot->busy && claim(worker, &slot->index)) {
            slot->busy = true;
            worker->busy++;
            const int error = begin(worker, slot);
            if (error)
                release(worker, slot, error);
        }
        if (!slot->busy || slot->ended || slot->begin < slot->end)
            continue;
        const int error = refill(worker, slot);
        if (error)
            release(worker, slot, error);
    }
}

void stream_work(struct pool *pool)
{
    struct worker worker = {.batch = (struct batch *)pool};
    const size_t threads = (size_t)worker.batch->threads, share = (worker.batch->names.count + threads - 1) / threads;
    worker.limit = share < LANES ? share : LANES;
    worker.memory = malloc(worker.limit * (BUFFER + PADDING));
    if (worker.memory == NULL) {
        batch_give_up(worker.batch, ENOMEM);
        return;
    }
    for (size_t i = 0; i < worker.limit; i++)
        worker.slots[i].buffer = worker.memory + i * (BUFFER + PADDING);
    parent_start(&worker.parent, worker.batch->target);
    do {
        fill_slots(&worker);
        hash_pieces(&worker);
        const bool cancelled = atomic_load(&pool->cancelled);
        for (size_t i = 0; i < worker.limit; i++) {
            struct slot *slot = &worker.slots[i];
            if (slot->busy && cancelled)
                release(&worker, slot, ECANCELED);
            else if (slot->busy && slot->ended && slot->begin == slot->end)
                complete(&worker, slot);
        }
    } while (worker.busy > 0 || !worker.exhausted);
    parent_end(&worker.parent);
    free(worker.memory);
}
