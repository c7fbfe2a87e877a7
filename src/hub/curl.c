#include "hub/curl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

static curl_functions functions;
static const char *missing;

static void load(void)
{
	static const char *const names[] = { "libcurl.so.4", "libcurl-gnutls.so.4",
					     "libcurl.4.dylib" };
	static const struct {
		const char *name;
		size_t at;
	} table[] = {
#define X(name) { "curl_" #name, offsetof(curl_functions, name) },
		CURL_FUNCTIONS(X)
#undef X
	};
	void *library = NULL;

	for (size_t i = 0; i < sizeof names / sizeof names[0] && !library; i++)
		library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		missing = "libcurl cannot be loaded";
		return;
	}
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		void *f = dlsym(library, table[i].name);

		if (!f)
			missing = table[i].name;
		memcpy((char *)&functions + table[i].at, &f, sizeof f);
	}
	if (!missing && functions.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		missing = "libcurl cannot be started";
}

const curl_functions *curl_load(error *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load);
	if (!missing)
		return &functions;
	error_set(e, E_RUNTIME,
		  "downloading needs libcurl 7.66 or newer (the package libcurl4): %s; or name a "
		  "folder",
		  missing);
	return NULL;
}
