/* All files below a directory: threads take directories, and parts of large ones, from one stack. */
#include "directory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SHARE = 1024 }; /* entries of one directory that one thread stats in one go */

struct task {
    struct directory *directory;
    size_t begin, end; /* items to stat; nothing: read the directory */
};

struct walk {
    struct pool pool; /* first: the workers get a pointer to it */
    int root;
    enum left_out left_out;
    struct directory *top;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct task *stack;
    size_t tasks, capacity, working;
    int error;
    char *error_path;
};

static void fail(struct walk *walk, int error, const char *path)
{
    pthread_mutex_lock(&walk->mutex);
    if (!walk->error) {
        walk->error = error;
        walk->error_path = strdup(path);
    }
    atomic_store(&walk->pool.cancelled, true);
    pthread_cond_broadcast(&walk->changed);
    pthread_mutex_unlock(&walk->mutex);
}

static int push(struct walk *walk, struct task task)
{
    pthread_mutex_lock(&walk->mutex);
    const int error = grow(&walk->stack, &walk->capacity, walk->tasks + 1, sizeof *walk->stack);
    if (!error) {
        walk->stack[walk->tasks++] = task;
        pthread_cond_signal(&walk->changed);
    }
    pthread_mutex_unlock(&walk->mutex);
    return error;
}

static bool take(struct walk *walk, struct task *task)
{
    pthread_mutex_lock(&walk->mutex);
    while (walk->tasks == 0 && walk->working > 0 && !atomic_load(&walk->pool.cancelled))
        pthread_cond_wait(&walk->changed, &walk->mutex);
    const bool some = walk->tasks > 0 && !atomic_load(&walk->pool.cancelled);
    if (some) {
        *task = walk->stack[--walk->tasks];
        walk->working++;
    }
    pthread_mutex_unlock(&walk->mutex);
    return some;
}

static void finish(struct walk *walk)
{
    pthread_mutex_lock(&walk->mutex);
    if (--walk->working == 0)
        pthread_cond_broadcast(&walk->changed);
    pthread_mutex_unlock(&walk->mutex);
}

static bool is_directory(int directory, const char *name, int flags)
{
    struct stat stat;
    return fstatat(directory, name, &stat, flags) == 0 && S_ISDIR(stat.st_mode);
}

/* Sets `nested` when this directory turns out to be the top of another repository. */
static int read_entries(struct walk *walk, struct directory *directory, bool *nested)
{
    const int file = dirfd(directory->stream);
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(directory->stream);
        if (entry == NULL)
            return errno;
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        const bool choosy = walk->left_out != NOTHING;
        if (choosy && strcmp(name, ".git") == 0)
            continue;
        const bool is_dvc = choosy && strcmp(name, ".dvc") == 0;
        if (is_dvc && walk->left_out == NESTED && directory != walk->top && is_directory(file, name, 0)) {
            *nested = true;
            return 0;
        }
        const bool enter = entry->d_type == DT_DIR
            || (entry->d_type == DT_UNKNOWN && is_directory(file, name, AT_SYMLINK_NOFOLLOW));
        if (enter && choosy && (is_dvc || strcmp(name, ".hg") == 0))
            continue;
        const int error = directory_add(directory, name, enter ? DIRECTORY_KIND : FILE_KIND);
        if (error)
            return error;
    }
}

static int push_below(struct walk *walk, struct directory *directory)
{
    for (size_t i = directory->count; i-- > 0;) {
        struct item *item = &directory->items[i];
        if (item->kind != DIRECTORY_KIND)
            continue;
        item->is.below = directory_new(directory->path, item_name(directory, item));
        if (item->is.below == NULL || push(walk, (struct task){.directory = item->is.below}))
            return ENOMEM;
    }
    return 0;
}

/* A directory that disappeared, or became something else, is empty; the root has to be there. */
static int read_directory(struct walk *walk, struct directory *directory)
{
    const bool top = directory == walk->top;
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (top ? 0 : O_NOFOLLOW);
    const int file = openat(walk->root, top ? "." : directory->path, flags);
    if (file < 0)
        return !top && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) ? 0 : errno;
    directory->stream = fdopendir(file);
    if (directory->stream == NULL) {
        const int error = errno;
        close(file);
        return error;
    }
    bool nested = false;
    const int error = read_entries(walk, directory, &nested);
    if (error || nested) {
        directory_empty(directory);
        return error;
    }
    directory_sort(directory);
    return push_below(walk, directory);
}

static void stat_items(struct directory *directory, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) {
        struct item *item = &directory->items[i];
        if (item->kind != FILE_KIND)
            continue;
        /* Neither a link to a directory, nor what disappeared or became a directory meanwhile. */
        if (record_at(dirfd(directory->stream), item_name(directory, item), &item->is.record) != 0
            || S_ISDIR(item->is.record.mode))
            item->kind = GONE;
    }
}

static int open_up(struct walk *walk, struct directory *directory)
{
    int error = read_directory(walk, directory);
    if (error || directory->count == 0) {
        directory_close(directory);
        return error;
    }
    const size_t parts = (directory->count + SHARE - 1) / SHARE;
    atomic_init(&directory->unfinished, parts);
    for (size_t part = parts; part-- > 1 && !error;) {
        const size_t end = (part + 1) * SHARE;
        error = push(walk, (struct task){directory, part * SHARE, end < directory->count ? end : directory->count});
    }
    return error;
}

static void walk_work(struct pool *pool)
{
    struct walk *walk = (struct walk *)pool;
    struct task task;
    while (take(walk, &task)) {
        struct directory *directory = task.directory;
        if (task.end == 0) {
            const int error = open_up(walk, directory);
            if (error)
                fail(walk, error, directory->path);
            task.end = directory->count < SHARE ? directory->count : SHARE;
        }
        if (directory->stream != NULL && !atomic_load(&pool->cancelled)) {
            stat_items(directory, task.begin, task.end);
            if (atomic_fetch_sub(&directory->unfinished, 1) == 1)
                directory_close(directory);
        }
        finish(walk);
    }
}

struct walk *walk_new(const char *root, enum left_out left_out, int *error)
{
    struct walk *walk = calloc(1, sizeof *walk);
    *error = ENOMEM;
    if (walk == NULL)
        return NULL;
    pthread_mutex_init(&walk->mutex, NULL);
    pthread_cond_init(&walk->changed, NULL);
    walk->pool.work = walk_work;
    walk->left_out = left_out;
    walk->root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (walk->root < 0)
        *error = errno;
    else if ((walk->top = directory_new("", "")) != NULL)
        *error = push(walk, (struct task){.directory = walk->top});
    if (*error) {
        walk_free(walk);
        return NULL;
    }
    return walk;
}

struct pool *walk_pool(struct walk *walk)
{
    return &walk->pool;
}

int walk_error(struct walk *walk, const char **path)
{
    *path = walk->error_path;
    return walk->error;
}

void walk_sizes(struct walk *walk, size_t *files, size_t *bytes)
{
    *files = *bytes = 0;
    directory_sizes(walk->top, 0, files, bytes);
}

void walk_emit(struct walk *walk, char *names, struct record *stats)
{
    directory_emit(walk->top, &names, &stats);
}

void walk_free(struct walk *walk)
{
    if (walk->top != NULL)
        directory_free(walk->top);
    if (walk->root >= 0)
        close(walk->root);
    pthread_cond_destroy(&walk->changed);
    pthread_mutex_destroy(&walk->mutex);
    free(walk->stack);
    free(walk->error_path);
    free(walk);
}
