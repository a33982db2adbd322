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

	/** The words of a line, one by one: what stands between ASCII white space. */
	public static final class Words {
		private final String line;
		private int at;

		public Words(String line) {
			this.line = line;
		}

		/** next gives null when there are no more. */
		public String next() {
			int n = line.length();
			while (at < n && isBlank(line.charAt(at)))
				at++;
			if (at == n)
				return null;
			int start = at;
			while (at < n && !isBlank(line.charAt(at)))
				at++;
			return line.substring(start, at);
		}
	}

	public static void split(String line, Consumer<String> consumer) {
		Words words = new Words(line);
		for (String word; (word = words.next()) != null; )
			consumer.accept(word);
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
