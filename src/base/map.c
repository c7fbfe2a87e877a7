#include "base/map.h"

#include <stdlib.h>
#include <string.h>

struct map_slot {
	const char *key;
	void *item;
};

uint64_t hash_bytes(const void *data, size_t n)
{
	const unsigned char *p = data;
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return h;
}

static struct map_slot *find(struct map_slot *slot, size_t size, const char *key)
{
	size_t i = (size_t)hash_bytes(key, strlen(key)) & (size - 1);

	while (slot[i].key && strcmp(slot[i].key, key) != 0)
		i = (i + 1) & (size - 1);
	return &slot[i];
}

void *map_get(const map *m, const char *key)
{
	return m->size ? find(m->slot, m->size, key)->item : NULL;
}

static int grow(map *m)
{
	size_t size = m->size ? m->size * 2 : 64;
	struct map_slot *slot = calloc(size, sizeof *slot);

	if (!slot)
		return -1;
	for (size_t i = 0; i < m->size; i++)
		if (m->slot[i].key)
			*find(slot, size, m->slot[i].key) = m->slot[i];
	free(m->slot);
	m->slot = slot;
	m->size = size;
	return 0;
}

int map_put(map *m, const char *key, void *item)
{
	struct map_slot *s;

	if (m->used * 2 >= m->size && grow(m))
		return -1;
	s = find(m->slot, m->size, key);
	if (!s->key)
		m->used++;
	s->key = key;
	s->item = item;
	return 0;
}

void map_free(map *m)
{
	free(m->slot);
	*m = (map){ 0 };
}
