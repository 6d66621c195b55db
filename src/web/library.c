/* SPDX-License-Identifier: Apache-2.0 */
#include "library.h"

#include <dlfcn.h>
#include <string.h>

int
library_load(const char *file, const char *package, const char *const *names, size_t count, void *functions,
    struct err *err)
{
	void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return err_set(
		    err, ERR_FAILED, "this needs %s, in Debian's package %s: %s", file, package, dlerror());
	for (size_t i = 0; i < count; i++) {
		void *symbol = dlsym(library, names[i]);

		if (!symbol)
			return err_set(err, ERR_FAILED, "%s is too old: it has no %s", file, names[i]);
		memcpy((char *)functions + i * sizeof(symbol), &symbol, sizeof(symbol));
	}
	return 0;
}

int
library_mhd(struct mhd *out, struct err *err)
{
	static const char *const names[] = {MHD_FUNCTIONS(LIBRARY_NAME)};

	return library_load(
	    "libmicrohttpd.so.12", "libmicrohttpd12", names, sizeof(names) / sizeof(*names), out, err);
}

int
library_nettle(struct nettle *out, struct err *err)
{
	static const char *const names[] = {NETTLE_FUNCTIONS(LIBRARY_NAME)};

	return library_load("libnettle.so.8", "libnettle8", names, sizeof(names) / sizeof(*names), out, err);
}
