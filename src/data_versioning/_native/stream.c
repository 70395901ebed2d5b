/* Hash, store and copy: every thread has LANES files open and hashes a piece of all of them at once.
 *
 * A file that fits into its buffer is hashed first and written afterwards, in one go. A longer one is written to
 * its temporary file piece by piece; the longest by a thread of its own (pipe.c).
 */
#include "native.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/fs.h>
#include <sys/ioctl.h>
#endif

enum { BUFFER = 64 * 1024, PADDING = 128, LONG = 64 * 1024 * 1024 };

struct slot {
    size_t index;
    bool busy, ended;
    bool linking, cloned; /* how a source becomes an object without being written */
    int source, target;   /* open files or -1; a clone is read from `target` */
    int directory;        /* of the temporary file; borrowed */
    int own_directory;    /* the same for a long copy, to be closed; or -1 */
    uint32_t flags;
    struct stat before;
    struct md5 md5;
    size_t begin, end; /* bytes of the buffer that are not hashed yet */
    uint8_t *buffer;
    char temporary[TOKEN_SIZE]; /* "" when there is none */
};

struct worker {
    struct batch *batch;
    struct parent parent;
    struct slot slots[LANES];
    size_t limit, busy;   /* slots */
    size_t next, claimed; /* positions in the batch that are ours */
    bool exhausted;       /* the batch has no more for us */
    uint8_t *memory;
};

static int make_object_directory(struct batch *batch, const char *name)
{
    const char directory[] = {name[0], name[1], '\0'};
    if (mkdirat(batch->target, directory, 0777) != 0)
        return errno == EEXIST ? 0 : errno;
    if (batch->directory_mode < 0)
        return 0;
    return fchmodat(batch->target, directory, (mode_t)batch->directory_mode, 0) == 0 ? 0 : errno;
}

/* `prefix` is "", or "ab/" among the objects, where the directory is made when it is missing. */
static int open_temporary(struct batch *batch, struct slot *slot, int directory, const char *prefix)
{
    const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    const mode_t mode = batch->mode < 0 ? 0666 : (mode_t)batch->mode;
    token_name(&batch->token, prefix, slot->temporary);
    slot->directory = directory;
    slot->target = openat(directory, slot->temporary, flags, mode);
    int error = slot->target < 0 ? errno : 0;
    if (error == ENOENT && prefix[0] != '\0' && (error = make_object_directory(batch, prefix)) == 0) {
        slot->target = openat(directory, slot->temporary, flags, mode);
        error = slot->target < 0 ? errno : 0;
    }
    if (error)
        slot->temporary[0] = '\0';
    else if (batch->explicit_mode && fchmod(slot->target, mode) != 0)
        error = errno;
    return error;
}

/* Where the bytes of a file go while its hash is not known yet. */
static int open_early(struct worker *worker, struct slot *slot)
{
    struct batch *batch = worker->batch;
    if (batch->storing)
        return open_temporary(batch, slot, batch->target, "00/");
    int directory;
    const char *last;
    const int error = parent_open(&worker->parent, batch->names.each[slot->index], true, &directory, &last);
    if (error)
        return error;
    /* The worker's parent moves on to other directories meanwhile. */
    slot->own_directory = fcntl(directory, F_DUPFD_CLOEXEC, 0);
    return slot->own_directory < 0 ? errno : open_temporary(batch, slot, slot->own_directory, "");
}

static int close_target(struct slot *slot)
{
    const int file = slot->target;
    slot->target = -1;
    return file >= 0 && close(file) != 0 && errno != EINTR ? errno : 0;
}

static void remove_temporary(struct slot *slot)
{
    close_target(slot);
    if (slot->temporary[0] != '\0')
        unlinkat(slot->directory, slot->temporary, 0);
    slot->temporary[0] = '\0';
}

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

/* Make the temporary file a clone of the source, which is complete and will not change any more. Where that does
 * not work, nothing happened. */
static int clone_source(struct worker *worker, struct slot *slot)
{
#ifdef FICLONE
    int error = open_early(worker, slot);
    if (error)
        return error;
    slot->cloned = ioctl(slot->target, FICLONE, slot->source) == 0;
    if (slot->cloned)
        return check_unchanged(slot);
    if (errno != ENOSPC && errno != EINTR && errno != EIO)
        atomic_store(&worker->batch->no_reflink, true);
    remove_temporary(slot);
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
    return error ? error : check_unchanged(slot);
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
    if (!error && slot->ended && !slot->cloned)
        error = check_unchanged(slot);
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

static bool is_stored(const struct batch *batch, const struct slot *slot, const char *name)
{
    struct stat stat;
    return fstatat(batch->target, name, &stat, AT_SYMLINK_NOFOLLOW) == 0 && stat.st_mode == (S_IFREG | 0444)
        && (uint64_t)stat.st_size == slot->md5.length;
}

static int link_source(struct batch *batch, struct slot *slot, const char *prefix)
{
    struct stat stat;
    const int error = make_object_directory(batch, prefix);
    if (error)
        return error;
    token_name(&batch->token, prefix, slot->temporary);
    slot->directory = batch->target;
    const char *source = batch->names.each[slot->index];
    if (linkat(batch->root, source, batch->target, slot->temporary, AT_SYMLINK_FOLLOW) != 0) {
        slot->temporary[0] = '\0';
        return errno;
    }
    if (fstatat(batch->target, slot->temporary, &stat, AT_SYMLINK_NOFOLLOW) != 0)
        return errno;
    return stat.st_ino == slot->before.st_ino && stat.st_dev == slot->before.st_dev ? 0 : FILE_CHANGED;
}

static int rename_object(struct batch *batch, struct slot *slot, const char *name)
{
    if (renameat(batch->target, slot->temporary, batch->target, name) != 0) {
        int error = errno;
        if (error == ENOENT && (error = make_object_directory(batch, name)) == 0)
            error = renameat(batch->target, slot->temporary, batch->target, name) == 0 ? 0 : errno;
        if (error)
            return error;
    }
    /* Of two names of one file, rename keeps both. */
    if (!slot->linking)
        slot->temporary[0] = '\0';
    batch->marks[slot->index] = WRITTEN;
    return 0;
}

/* A link changes the source's ctime; its content must still be the one that was hashed. */
static int check_linked(struct batch *batch, struct slot *slot, const char *name)
{
    struct stat after;
    if (fstat(slot->source, &after) != 0)
        return errno;
    if (!same_content(&slot->before, &after)) {
        unlinkat(batch->target, name, 0);
        return FILE_CHANGED;
    }
    slot->before = after;
    return 0;
}

static int place_object(struct batch *batch, struct slot *slot, const uint8_t digest[16])
{
    char name[OBJECT_NAME_SIZE], prefix[4];
    object_name(digest, name);
    memcpy(prefix, name, 3);
    prefix[3] = '\0';
    if (is_stored(batch, slot, name)) {
        utimensat(batch->target, name, NULL, 0); /* somebody else's cache may refuse */
        return 0;
    }
    int error = 0;
    if (slot->linking) {
        error = link_source(batch, slot, prefix);
        if (error && error != FILE_CHANGED)
            return READ_AGAIN;
    } else if (slot->target < 0) {
        error = open_temporary(batch, slot, batch->target, prefix);
        if (!error)
            error = write_full(slot->target, slot->buffer, (size_t)slot->md5.length);
    }
    if (!error)
        error = close_target(slot);
    if (!error)
        error = rename_object(batch, slot, name);
    return !error && slot->linking ? check_linked(batch, slot, name) : error;
}

static int place_copy(struct worker *worker, struct slot *slot, const uint8_t digest[16])
{
    struct batch *batch = worker->batch;
    int directory;
    const char *last;
    if (batch->expected != NULL && memcmp(digest, batch->expected + 16 * slot->index, 16) != 0)
        return EBADMSG;
    int error = 0;
    if (slot->own_directory >= 0) {
        directory = slot->own_directory;
        last = strrchr(batch->names.each[slot->index], '/');
        last = last != NULL ? last + 1 : batch->names.each[slot->index];
    } else {
        error = parent_open(&worker->parent, batch->names.each[slot->index], true, &directory, &last);
        if (!error)
            error = open_temporary(batch, slot, directory, "");
        if (!error)
            error = write_full(slot->target, slot->buffer, (size_t)slot->md5.length);
    }
    if (!error)
        error = close_target(slot);
    if (!error)
        error = rename_new(directory, slot->temporary, last, batch->replace);
    if (error)
        return error;
    slot->temporary[0] = '\0';
    batch->marks[slot->index] = WRITTEN;
    return record_at(directory, last, &batch->stats[slot->index]);
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
