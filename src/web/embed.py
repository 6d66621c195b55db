# SPDX-License-Identifier: Apache-2.0
"""Writes files as C: embed.py OUTPUT FILE..."""
import gzip
import os
import sys

TYPES = {
    ".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml", ".png": "image/png", ".ico": "image/x-icon", ".json": "application/json",
    ".txt": "text/plain; charset=utf-8", ".webmanifest": "application/manifest+json", ".woff2": "font/woff2",
}


def array(name, data):
    lines = [", ".join(str(byte) for byte in data[i:i + 24]) for i in range(0, len(data), 24)]
    return "static const uint8_t %s[] = {\n%s};\n" % (name, ",\n".join(lines) or "0")


def main(output, files):
    named = sorted((os.path.basename(path), path) for path in files)
    text, rows = ['/* SPDX-License-Identifier: Apache-2.0 */\n#include "assets.h"\n'], []
    for number, (name, path) in enumerate(named):
        with open(path, "rb") as f:
            data = f.read()
        # Without a time, so that the same files make the same program.
        packed = gzip.compress(data, 9, mtime=0)
        text.append(array("bytes_%d" % number, data))
        text.append(array("gzip_%d" % number, packed))
        rows.append('    {"%s", "%s", bytes_%d, gzip_%d, %d, %d},\n'
                    % (name, TYPES[os.path.splitext(name)[1]], number, number, len(data), len(packed)))
    text.append("const struct asset assets[] = {\n%s};\nconst size_t asset_count = %d;\n" % ("".join(rows), len(rows)))
    text.append("""
const struct asset *
asset_find(struct slice name)
{
	for (size_t i = 0; i < asset_count; i++)
		if (slice_eq(name, slice_str(assets[i].name)))
			return &assets[i];
	return NULL;
}
""")
    with open(output, "w", encoding="utf-8") as f:
        f.write("".join(text))


main(sys.argv[1], sys.argv[2:])
