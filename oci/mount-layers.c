/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layers in overlay's option lowerdir=: paths with colons between them, in
 * which a backslash takes the meaning from the character after it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oci/mount-internal.h"

size_t
mount_layer_len(const char *s)
{
	size_t n = 0;

	while (s[n] && s[n] != ':')
		n += s[n] == '\\' && s[n + 1] ? 2 : 1;
	return n;
}

const char *
mount_layer_next(const char *layer)
{
	layer += mount_layer_len(layer);
	return *layer ? layer + 1 : NULL;
}

size_t
mount_layers_common_dir_len(const char *layers)
{
	const char *first = layers + strspn(layers, ":");
	size_t len = strcspn(first, ":\\");

	for (const char *s = first; s; s = mount_layer_next(s)) {
		size_t same = 0;

		if (mount_layer_len(s) == 0)
			continue;
		while (same < len && s[same] == first[same])
			same++;
		len = same;
	}
	while (len > 0 && first[len - 1] != '/')
		len--;
	return len > 0 ? len - 1 : 0;
}

void
mount_layers_write_relative(FILE *out, const char *layers, size_t cut)
{
	for (const char *s = layers; s; s = mount_layer_next(s)) {
		size_t len = mount_layer_len(s);

		if (s != layers)
			(void)fputc(':', out);
		if (len == cut + 1)
			(void)fputc('.', out);
		else if (len > 0)
			(void)fwrite(s + cut + 1, 1, len - cut - 1, out);
	}
}

void
mount_layers_write_numbers(FILE *out, const char *layers)
{
	size_t number = 0;

	for (const char *s = layers; s; s = mount_layer_next(s)) {
		if (s != layers)
			(void)fputc(':', out);
		if (mount_layer_len(s) > 0)
			(void)fprintf(out, "%zu", number++);
	}
}

char *
mount_layer_path(const char *layer)
{
	size_t len = mount_layer_len(layer), n = 0;
	char *path = malloc(len + 1);

	if (!path)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		if (layer[i] == '\\' && i + 1 < len)
			i++;
		path[n++] = layer[i];
	}
	path[n] = '\0';
	return path;
}
