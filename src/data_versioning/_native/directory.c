/* The entries of one directory, and of all below it. */
#include "directory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int grow(void *array, size_t *capacity, size_t wanted, size_t size)
{
    if (wanted <= *capacity)
        return 0;
    size_t larger = *capacity ? *capacity * 2 : 64;
    while (larger < wanted)
        larger *= 2;
    void *moved = realloc(*(void **)array, larger * size);
    if (moved == NULL)
        return ENOMEM;
    *(void **)array = moved;
    *capacity = larger;
    return 0;
}

struct directory *directory_new(const char *parent, const char *name)
{
    struct directory *directory = calloc(1, sizeof *directory);
    if (directory == NULL)
        return NULL;
    const size_t before = strlen(parent), own = strcspn(name, "/");
    directory->path = malloc(before + own + 2);
    if (directory->path == NULL) {
        free(directory);
        return NULL;
    }
    memcpy(directory->path, parent, before);
    if (before)
        directory->path[before] = '/';
    memcpy(directory->path + before + (before > 0), name, own);
    directory->path[before + (before > 0) + own] = '\0';
    return directory;
}

void directory_close(struct directory *directory)
{
    if (directory->stream != NULL)
        closedir(directory->stream);
    directory->stream = NULL;
}

void directory_empty(struct directory *directory)
{
    directory_close(directory);
    free(directory->names);
    free(directory->items);
    directory->names = NULL;
    directory->items = NULL;
    directory->count = directory->capacity = directory->names_size = directory->names_capacity = 0;
}

void directory_free(struct directory *directory)
{
    for (size_t i = 0; i < directory->count; i++)
        if (directory->items[i].kind == DIRECTORY_KIND && directory->items[i].is.below != NULL)
            directory_free(directory->items[i].is.below);
    directory_empty(directory);
    free(directory->path);
    free(directory);
}

/* As in whole paths: "a/" is compared, not "a". */
static uint64_t first_bytes(const char *name)
{
    uint64_t key = 0;
    for (int i = 0; i < 8; i++) {
        key = key << 8 | (uint8_t)*name;
        if (*name != '\0')
            name++;
    }
    return key;
}

int directory_add(struct directory *directory, const char *name, enum kind kind)
{
    const size_t length = strlen(name) + (kind == DIRECTORY_KIND);
    if (directory->names_size + length + 1 > UINT32_MAX)
        return EOVERFLOW;
    if (grow(&directory->names, &directory->names_capacity, directory->names_size + length + 1, 1)
        || grow(&directory->items, &directory->capacity, directory->count + 1, sizeof *directory->items))
        return ENOMEM;
    char *place = directory->names + directory->names_size;
    memcpy(place, name, strlen(name));
    if (kind == DIRECTORY_KIND)
        place[length - 1] = '/';
    place[length] = '\0';
    directory->items[directory->count++] = (struct item){
        .key = first_bytes(place), .name = (uint32_t)directory->names_size, .kind = kind};
    directory->names_size += length + 1;
    return 0;
}

const char *item_name(const struct directory *directory, const struct item *item)
{
    return directory->names + item->name;
}

static _Thread_local const char *compared_names;

static int compare(const void *left, const void *right)
{
    const struct item *a = left, *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return strcmp(compared_names + a->name, compared_names + b->name);
}

void directory_sizes(const struct directory *directory, size_t path, size_t *files, size_t *bytes)
{
    for (size_t i = 0; i < directory->count; i++) {
        const struct item *item = &directory->items[i];
        const size_t length = path + strlen(item_name(directory, item));
        if (item->kind == DIRECTORY_KIND)
            directory_sizes(item->is.below, length, files, bytes);
        if (item->kind == FILE_KIND) {
            *files += 1;
            *bytes += length + 1;
        }
    }
}

void directory_emit(const struct directory *directory, char **names, struct record **stats)
{
    const size_t path = strlen(directory->path);
    for (size_t i = 0; i < directory->count; i++) {
        const struct item *item = &directory->items[i];
        if (item->kind == DIRECTORY_KIND)
            directory_emit(item->is.below, names, stats);
        if (item->kind != FILE_KIND)
            continue;
        if (path) {
            memcpy(*names, directory->path, path);
            (*names)[path] = '/';
            *names += path + 1;
        }
        *names = stpcpy(*names, item_name(directory, item)) + 1;
        *(*stats)++ = item->is.record;
    }
}

void directory_sort(struct directory *directory)
{
    compared_names = directory->names;
    if (directory->count > 1)
        qsort(directory->items, directory->count, sizeof *directory->items, compare);
}
