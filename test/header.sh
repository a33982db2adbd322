#!/bin/sh
# header.sh - gale.h stands alone, as C11 and as C++17, without a warning; and plugins use
# no other door: they include no other header of ours, export one symbol, need none.
# SPDX-License-Identifier: Apache-2.0
set -eu
top=${TOP_SRCDIR:-.} build=${TOP_BUILDDIR:-.}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo '#include <gale/gale.h>' >"$work/h.c"
cp "$work/h.c" "$work/h.cc"
strict="-Wall -Wextra -pedantic -Werror -Wconversion -Wshadow -I$top/include -c -o /dev/null"
# shellcheck disable=SC2086
{
	${CC:-cc} -std=c11 $strict "$work/h.c"
	command -v c++ >/dev/null || { echo "SKIP: c++ is missing: apt-get install g++"; exit 77; }
	c++ -std=c++17 $strict "$work/h.cc"
}

# format.h, output.h and kept.h are shared by bolts, reader.h by spouts, lines.h and followed.h are
# parts of the spout lines; they are no door to the runtime.
if grep -n '^#include "' "$top"/spouts/*.c "$top"/bolts/*.c | grep -vE '"(format|output|kept|followed|reader).h"'; then
	echo "a plugin includes a header that is not public"
	exit 1
fi
if grep '#include "' "$top"/bolts/*.h "$top"/spouts/*.h |
    grep -vE '(output|kept).h:#include "format.h"|followed.h:#include "lines.h"|lines.h:#include "reader.h"'; then
	exit 1
fi

status=0
for so in "$build"/spouts/*.so "$build"/bolts/*.so; do
	exported=$(nm -D --defined-only "$so" | awk '{ print $3 }' | grep -v '^_' | grep -v '^$' || true)
	[ "$exported" = gale_plugin ] || { echo "$so exports: $exported"; status=1; }
	open=$(nm -D --undefined-only "$so" | awk '{ print $2 }' | grep '^gale_' || true)
	[ -z "$open" ] || { echo "$so needs: $open"; status=1; }
done
exit $status
