/*
 * transfer.h: files of one repository from the hub into the cache, several at a time in one thread.
 * Cut transfers go on where they stopped, also those of an earlier process; a file appears under
 * its name when its hash was found right.
 */
#ifndef HUB_TRANSFER_H
#define HUB_TRANSFER_H

#include "hub/cache.h"
#include "hub/curl.h"
#include "hub/digest.h"
#include "hub/hub.h"

typedef struct session {
	arena *arena;
	const curl_functions *curl;
	const hub_events *events;
	const cache *cache;
	const char *endpoint, *id;
	const char *revision; /* in the addresses: the commit, where it is known */
	const char *token;    /* or NULL */
	const char *agent;
	int attempts;    /* how often in a row a transfer may fail */
	int unreachable; /* what went wrong was the way to the hub, not its answer */
	error *e;
} session;

typedef enum transfer_state {
	TRANSFER_ASKING,  /* HEAD: what and where is the file? */
	TRANSFER_LOCKING, /* for the blob's lock, and its turn */
	TRANSFER_LOADING, /* GET */
	TRANSFER_DONE,    /* in the snapshot */
	TRANSFER_ABSENT,  /* the repository has no such file */
} transfer_state;

enum { MOST_HEADER_VALUE = 256 };

/* What the last response said. */
typedef struct answer {
	char etag[MOST_HEADER_VALUE], commit[MOST_HEADER_VALUE], code[MOST_HEADER_VALUE];
	char message[MOST_HEADER_VALUE];
	int64_t length, linked_size; /* of the body, and of the file elsewhere; -1: unknown */
	int64_t start;               /* of the range; -1: none */
	double retry_after;
	int is_linked; /* the entity tag is that of a large file elsewhere */
} answer;

typedef struct transfer {
	const char *name; /* of the file in the repository */
	transfer_state state;
	char commit[MOST_HEADER_VALUE], etag[MOST_HEADER_VALUE];
	int64_t size; /* -1: unknown */
	/* while it runs */
	session *session;
	CURL *easy;
	struct curl_slist *headers;
	int is_running; /* a request is on its way */
	const char *url;
	answer answer;
	char problem[CURL_ERROR_SIZE];
	int hops, failures, mismatches;
	double not_before;
	int lock, fd, is_checked, says_waiting;
	int64_t have; /* bytes in the unfinished file */
	digest digest;
} transfer;

/* Brings files into the cache; a transfer's name is set, all else zero. */
int transfer_all(session *s, transfer *t, int n) MUST_USE;

#endif
