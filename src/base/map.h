/* map.h: strings to pointers. Keys are not copied: they must outlive the map. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

typedef struct map {
	struct map_slot *slot;
	size_t size, used;
} map;

uint64_t hash_bytes(const void *data, size_t n); /* FNV-1a, 64 bits */
void *map_get(const map *m, const char *key);
/* Replaces what was there. 0, or -1 when out of memory. */
int map_put(map *m, const char *key, void *item);
void map_free(map *m);

#endif
