/* Text.java - the text that all engines count the words of.
 * SPDX-License-Identifier: Apache-2.0
 */
package peers;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Lines and words. Bytes are read as ISO-8859-1: a byte is a character, whatever it means. */
public final class Text {
	private Text() {
	}

	/** lines gives those of a file, each ended by a newline, which is no part of it. */
	public static String[] lines(String path) {
		List<String> lines = new ArrayList<>();
		int start = 0;
		try {
			String all = Files.readString(Path.of(path), StandardCharsets.ISO_8859_1);
			for (int end; (end = all.indexOf('\n', start)) >= 0; start = end + 1)
				lines.add(all.substring(start, end));
		} catch (IOException e) {
			throw new UncheckedIOException(e);
		}
		return lines.toArray(new String[0]);
	}

	/** split gives the words of a line: what stands between ASCII white space. */
	public static void split(String line, Consumer<String> word) {
		int n = line.length();
		int start = 0;
		for (int i = 0; i <= n; i++)
			if (i == n || isBlank(line.charAt(i))) {
				if (i > start)
					word.accept(line.substring(start, i));
				start = i + 1;
			}
	}

	/** words counts them. */
	public static int words(String line) {
		int[] n = {0};
		split(line, word -> n[0]++);
		return n[0];
	}

	private static boolean isBlank(char c) {
		return c == ' ' || (c >= '\t' && c <= '\r');
	}
}
