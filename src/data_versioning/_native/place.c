/* How bytes get their name: as an object of the cache, or as a copy in the workspace. */
#include "stream.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

int open_early(struct worker *worker, struct slot *slot)
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

void remove_temporary(struct slot *slot)
{
    close_target(slot);
    if (slot->temporary[0] != '\0')
        unlinkat(slot->directory, slot->temporary, 0);
    slot->temporary[0] = '\0';
}

static bool is_stored(const struct batch *batch, const struct slot *slot, const char *name)
{
    struct stat stat;
    return fstatat(batch->target, name, &stat, AT_SYMLINK_NOFOLLOW) == 0 && stat.st_mode == (S_IFREG | 0444)
        && (uint64_t)stat.st_size == slot->md5.length;
}

/* A link is complete from the beginning, so it gets its final name at once; only an object that is there, but not
 * trusted, is replaced by way of a temporary name. */
static int link_source(struct batch *batch, struct slot *slot, const char *name)
{
    const char *source = batch->names.each[slot->index];
    const char prefix[] = {name[0], name[1], '/', '\0'};
    if (linkat(batch->root, source, batch->target, name, AT_SYMLINK_FOLLOW) == 0)
        return 0;
    int error = errno;
    if (error == ENOENT && (error = make_object_directory(batch, name)) == 0)
        error = linkat(batch->root, source, batch->target, name, AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
    if (error != EEXIST)
        return error;
    token_name(&batch->token, prefix, slot->temporary);
    slot->directory = batch->target;
    if (linkat(batch->root, source, batch->target, slot->temporary, AT_SYMLINK_FOLLOW) != 0) {
        error = errno;
        slot->temporary[0] = '\0';
        return error;
    }
    /* Of two names of one file, rename keeps both: the temporary one is removed at the end in any case. */
    return renameat(batch->target, slot->temporary, batch->target, name) == 0 ? 0 : errno;
}

/* The object must be the file that was hashed, and still have its content; a link changes its change time. Where it is
 * another file, somebody stored the same content meanwhile, or the source got another file's name: a copy is right. */
static int check_linked(struct batch *batch, struct slot *slot, const char *name)
{
    struct stat stat;
    if (fstatat(batch->target, name, &stat, AT_SYMLINK_NOFOLLOW) != 0)
        return errno;
    if (stat.st_ino != slot->before.st_ino || stat.st_dev != slot->before.st_dev)
        return READ_AGAIN;
    if (!same_content(&slot->before, &stat)) {
        unlinkat(batch->target, name, 0);
        return FILE_CHANGED;
    }
    slot->before = stat;
    batch->marks[slot->index] = WRITTEN;
    return 0;
}

static int link_object(struct batch *batch, struct slot *slot, const char *name)
{
    /* Perhaps it is an object already, edited in place: its old name must not be sealed again. */
    if (slot->before.st_nlink > 1)
        return READ_AGAIN;
    return link_source(batch, slot, name) == 0 ? check_linked(batch, slot, name) : READ_AGAIN;
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
    slot->temporary[0] = '\0';
    batch->marks[slot->index] = WRITTEN;
    return 0;
}

int place_object(struct batch *batch, struct slot *slot, const uint8_t digest[16])
{
    char name[OBJECT_NAME_SIZE], prefix[4];
    object_name(digest, name);
    memcpy(prefix, name, 3);
    prefix[3] = '\0';
    if (is_stored(batch, slot, name)) {
        utimensat(batch->target, name, NULL, 0); /* somebody else's cache may refuse */
        return 0;
    }
    if (slot->linking)
        return link_object(batch, slot, name);
    int error = 0;
    if (slot->target < 0) {
        error = open_temporary(batch, slot, batch->target, prefix);
        if (!error)
            error = write_full(slot->target, slot->buffer, (size_t)slot->md5.length);
    }
    if (!error)
        error = close_target(slot);
    return error ? error : rename_object(batch, slot, name);
}

int place_copy(struct worker *worker, struct slot *slot, const uint8_t digest[16])
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
        error = batch_check_seen(batch, slot->index, directory, last);
    if (!error)
        error = rename_new(directory, slot->temporary, last, batch->replace);
    if (error)
        return error;
    slot->temporary[0] = '\0';
    batch->marks[slot->index] = WRITTEN;
    return record_at(directory, last, &batch->stats[slot->index]);
}
