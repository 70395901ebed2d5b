/* What all calls over many files share: who does which file next, and what is known about it afterwards. */
#include "native.h"

#include <errno.h>
#include <string.h>

enum { MOST_AT_ONCE = 64 };

size_t batch_index(const struct batch *batch, size_t position)
{
    return batch->order != NULL ? batch->order[position] : position;
}

/* Neighbours stay together, for one directory should be written by one thread; small portions at the end keep
 * all threads busy. */
bool batch_claim(struct batch *batch, size_t *begin, size_t *end)
{
    const size_t count = batch->names.count;
    size_t next = atomic_load(&batch->next), size;
    do {
        if (next >= count || atomic_load(&batch->pool.cancelled))
            return false;
        size = (count - next) / (8 * (size_t)batch->threads);
        size = size < 1 ? 1 : size > MOST_AT_ONCE ? MOST_AT_ONCE : size;
    } while (!atomic_compare_exchange_weak(&batch->next, &next, next + size));
    *begin = next;
    *end = next + size;
    return true;
}

void batch_finished(struct batch *batch, size_t index, int error)
{
    if (error == FILE_CHANGED)
        batch->marks[index] = CHANGED;
    else
        batch->errnos[index] = error;
    if (error) {
        if (batch->stats != NULL)
            memset(&batch->stats[index], 0, sizeof *batch->stats);
        if (batch->digests != NULL)
            memset(batch->digests + 16 * index, 0, 16);
    }
    atomic_fetch_add(&batch->pool.done, 1);
}

/* Nothing can be done at all: the call fails as a whole. */
void batch_give_up(struct batch *batch, int error)
{
    atomic_store(&batch->fatal, error);
    atomic_store(&batch->pool.cancelled, true);
}

int batch_check_seen(const struct batch *batch, size_t index, int directory, const char *last)
{
    struct record seen, now;
    if (batch->seen == NULL)
        return 0;
    memcpy(&seen, batch->seen + index * sizeof seen, sizeof seen);
    const int error = record_at(directory, last, &now);
    if (error)
        return error == ENOENT ? 0 : error;
    /* Mode and change time say nothing of the content: linking and sealing change them. */
    const bool same = now.inode == seen.inode && now.size == seen.size && now.mtime_ns == seen.mtime_ns
        && now.flags == seen.flags;
    return same ? 0 : ECANCELED;
}

void batch_each(struct batch *batch, int (*one)(struct batch *, struct parent *, size_t index))
{
    struct parent parent;
    size_t begin, end;
    parent_start(&parent, batch->target);
    while (batch_claim(batch, &begin, &end))
        for (size_t i = begin; i < end && !atomic_load(&batch->pool.cancelled); i++) {
            const size_t index = batch_index(batch, i);
            batch_finished(batch, index, one(batch, &parent, index));
        }
    parent_end(&parent);
}
