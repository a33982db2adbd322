/* cmd_doctor.c - gale doctor: is this machine fit for gale, and what helps.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "command.h"
#include "doctor.h"

static const char *const verdicts[] = { [DOCTOR_OK] = "ok", [DOCTOR_WARN] = "warn", [DOCTOR_FAIL] = "fail" };

static void put_json(struct buf *out, const struct doctor *d)
{
	buf_puts(out, "{\"checks\":[");
	for (size_t i = 0; i < d->n; i++) {
		const struct doctor_finding *f = &d->findings[i];

		buf_printf(out, "%s{\"verdict\":\"%s\",\"what\":", i > 0 ? "," : "", verdicts[f->verdict]);
		buf_json_string(out, f->what, strlen(f->what));
		buf_puts(out, ",\"fix\":");
		if (f->fix[0] != '\0')
			buf_json_string(out, f->fix, strlen(f->fix));
		else
			buf_puts(out, "null");
		buf_puts(out, "}");
	}
	buf_puts(out, "]}\n");
}

static void put_lines(struct buf *out, const struct doctor *d)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct doctor_finding *f = &d->findings[i];

		buf_printf(out, "%-4s  %s%s%s\n", verdicts[f->verdict], f->what, f->fix[0] != '\0' ? ": " : "", f->fix);
	}
}

int cmd_doctor(const struct command_line *line)
{
	struct doctor d = { 0 };
	struct buf out = { 0 };
	int code = EXIT_DONE;

	doctor_versions(&d);
	doctor_paths(&d);
	doctor_limits(&d);
	doctor_kernel(&d);
	doctor_topologies(&d);
	for (size_t i = 0; i < d.n; i++)
		if (d.findings[i].verdict == DOCTOR_FAIL)
			code = EXIT_FAILED;
	if (command_has(line, "json"))
		put_json(&out, &d);
	else
		put_lines(&out, &d);
	if (fwrite(out.data, 1, out.n, stdout) != out.n || fflush(stdout) != 0)
		code = EXIT_FAILED;
	buf_free(&out);
	doctor_free(&d);
	return code;
}
