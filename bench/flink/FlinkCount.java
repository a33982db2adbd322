/* FlinkCount.java - the word count on Flink's local mini cluster.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     java peers.FlinkCount TEXT DIR WARM-UP SECONDS GUARANTEE
 *
 * Each source task goes on to the end of the text once the window is over; then the job is
 * stopped with a savepoint that drains it, and each word's timer for the end of time gives
 * its count.
 */
package peers;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.LongAdder;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.connector.datagen.source.GeneratorFunction;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

public final class FlinkCount {
	private static final int PARALLELISM = Integer.getInteger("parallelism", 1);
	private static final long ROUNDS = 1_000_000_000L;	// for each source task: no end
	private static final LongAdder emitted = new LongAdder();
	private static final CountDownLatch sourcesLeft = new CountDownLatch(PARALLELISM);
	private static final Map<String, long[]> counts = new ConcurrentHashMap<>();

	private FlinkCount() {
	}

	public static void main(String[] args) throws Exception {
		String dir = args[1];
		int lines = Text.lines(args[0]).length;
		StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(
			PARALLELISM, configuration(dir, args[4]));
		env.fromSource(new DataGeneratorSource<>(new Lines(args[0]), lines * ROUNDS * PARALLELISM,
				Types.STRING), WatermarkStrategy.noWatermarks(), "lines")
			.<String>flatMap((line, out) -> Text.split(line, out::collect)).returns(Types.STRING)
			.keyBy(word -> word, Types.STRING)
			.process(new Count())
			.print();
		JobClient job = env.executeAsync("wordcount");
		Window.start(dir, Integer.parseInt(args[2]), Integer.parseInt(args[3]));
		sourcesLeft.await();
		job.stopWithSavepoint(true, "file://" + dir + "/savepoint", SavepointFormatType.NATIVE).get();
		Window.write(dir, "all", counts);
		Window.ended(emitted.sum(), 0);
		Thread.currentThread().join();
	}

	/** Objects are handed on and not copied; state is on the heap, checkpoints in DIR. */
	static Configuration configuration(String dir, String guarantee) {
		Configuration c = new Configuration();
		c.setString("rest.bind-address", "127.0.0.1");
		c.setString("pipeline.object-reuse", "true");
		c.setString("execution.buffer-timeout.interval", System.getProperty("timeout", "100 ms"));
		c.setString("execution.checkpointing.interval", "1 s");
		c.setString("execution.checkpointing.mode",
			guarantee.equals("exactly-once") ? "EXACTLY_ONCE" : "AT_LEAST_ONCE");
		c.setString("execution.checkpointing.dir", "file://" + dir + "/checkpoints");
		c.setString("state.backend.type", "hashmap");
		return c;
	}

	/** The lines of the text, over and over; when all is over, empty ones at leisure. */
	private static final class Lines implements GeneratorFunction<Long, String> {
		private static final long serialVersionUID = 1;
		private final String path;
		private transient String[] lines;
		private boolean ended;

		Lines(String path) {
			this.path = path;
		}

		@Override
		public String map(Long n) throws Exception {
			if (lines == null)
				lines = Text.lines(path);
			int at = (int) (n % lines.length);
			if (at == 0 && !ended) {
				ended = Window.over;
				if (ended)
					sourcesLeft.countDown();
				else
					emitted.add(lines.length);
			}
			if (!ended)
				return Mark.mark(lines[at], n);
			Thread.sleep(1);
			return "";
		}
	}

	private static final class Count extends KeyedProcessFunction<String, String, String> {
		private static final long serialVersionUID = 1;
		private static final int MANY = 256;
		private transient ValueState<Long> count;
		private int some;

		@Override
		public void open(OpenContext context) {
			count = getRuntimeContext().getState(new ValueStateDescriptor<>("count", Types.LONG));
		}

		@Override
		public void processElement(String word, Context context, Collector<String> out)
				throws Exception {
			if (Mark.taken(word))
				return;
			Long n = count.value();
			if (n == null) {
				context.timerService().registerEventTimeTimer(Long.MAX_VALUE);
				n = 0L;
			}
			count.update(n + 1);
			if (++some == MANY) {
				Window.done.add(MANY);
				some = 0;
			}
		}

		@Override
		public void onTimer(long time, OnTimerContext context, Collector<String> out)
				throws Exception {
			counts.put(context.getCurrentKey(), new long[] {count.value()});
		}
	}
}
