/* curl.h: libcurl, loaded when something has to be downloaded and not before: with what it loads
 * itself it would take longer than a small export. */
#ifndef HUB_CURL_H
#define HUB_CURL_H

#include <curl/curl.h>

#include "base/error.h"

#define CURL_FUNCTIONS(X)                                                                          \
	X(global_init)                                                                             \
	X(easy_init)                                                                               \
	X(easy_setopt)                                                                             \
	X(easy_getinfo)                                                                            \
	X(easy_strerror)                                                                           \
	X(easy_reset)                                                                              \
	X(easy_cleanup)                                                                            \
	X(slist_append)                                                                            \
	X(slist_free_all)                                                                          \
	X(multi_init)                                                                              \
	X(multi_add_handle)                                                                        \
	X(multi_remove_handle)                                                                     \
	X(multi_perform)                                                                           \
	X(multi_poll)                                                                              \
	X(multi_info_read)                                                                         \
	X(multi_cleanup)

/* curl->easy_init is curl_easy_init, and so on. */
typedef struct curl_functions {
#define X(name) __typeof__(curl_##name) *name;
	CURL_FUNCTIONS(X)
#undef X
} curl_functions;

/* NULL and an error where the library is not there. */
const curl_functions *curl_load(error *e);

#endif
